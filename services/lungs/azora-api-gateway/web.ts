import type { IncomingMessage, ServerResponse } from "node:http";
import type { Context, ServiceSchema } from "moleculer";
import ApiGateway from "moleculer-web";
import type { IndexedAlias } from "./alias-index.ts";
import type { RegisteredAction } from "./routes.ts";

/** The edge to moleculer-web: what the gateway uses of it, typed. Its own types leave most of this out. */

export interface WebRequest extends IncomingMessage {
  $ctx: Context<unknown, Record<string, unknown>>;
  $route?: WebRoute;
  $params: Record<string, unknown>;
  parsedUrl?: string;
  body?: unknown;
}

export interface WebRoute {
  path: string;
  opts: { autoAliases?: boolean };
}

/** An alias of ours carries the action it was made from, or answers by itself. */
export interface WebAlias extends IndexedAlias {
  method: string;
  action: string | null;
  route: WebRoute;
  handler: ((request: WebRequest, response: ServerResponse) => unknown) | null;
  definition?: RegisteredAction;
  /** Needs the operator's token. */
  operator?: boolean;
  _generated?: boolean;
}

/** State and methods that moleculer-web puts on the service. */
export interface WebService {
  routes: WebRoute[];
  aliases: WebAlias[];
  httpHandler(request: IncomingMessage, response: ServerResponse): Promise<void>;
  sendResponse(request: WebRequest, response: ServerResponse, body: unknown, action?: RegisteredAction): void;
  createAlias(route: WebRoute, path: object, action: string): WebAlias;
}

export const web = ApiGateway as unknown as ServiceSchema & {
  methods: Record<string, (...args: unknown[]) => unknown>;
};
