import type { IncomingMessage, ServerResponse } from "node:http";
import type { Service, ServiceSettingSchema } from "moleculer";
import type { Clock } from "../../../runtime/clock.ts";
import type { Pool } from "../../../runtime/pools/pool.ts";
import type { AliasIndex } from "./alias-index.ts";
import type { EdgeLimits, EdgeServer } from "./edge-server.ts";
import type { HealthChecks, HealthReport } from "./health-checks.ts";
import type { RouteTable } from "./route-table.ts";
import type { WebAlias, WebRequest, WebRoute, WebService } from "./web.ts";

export interface GatewaySettings extends ServiceSettingSchema {
  /** Largest request body, bytes. @default 1 MB */
  maxBody: number;
  /** Overrides of DEFAULT_LIMITS. */
  limits: Partial<EdgeLimits>;
}

/** `this` in the gateway's handlers and methods. */
export interface Gateway extends Service<GatewaySettings>, WebService {
  clock: Clock;
  edge: EdgeServer;
  table: RouteTable;
  index?: AliasIndex<WebAlias>;
  checks: HealthChecks;
  /** Requests that are carried out at once. */
  requests: Pool;
  document?: { json: string; etag: string };
  routesBuilt: boolean;
  /** Whether the registry has this service, after it did once. */
  registered: boolean;
  watchRegistration(): void;
  ownHealth(): HealthReport;
  requestsHealth(): Record<string, unknown>;
  openApi(): { json: string; etag: string };
  regenerateAutoAliases(route: WebRoute): void;
  aliasIndex(): AliasIndex<WebAlias>;
  allowedMethods(path: string): string[];
  receive(request: IncomingMessage, response: ServerResponse): void;
  answerOptions(request: IncomingMessage, response: ServerResponse): void;
  sendReport(request: WebRequest, response: ServerResponse, report: HealthReport): void;
  errorHandler(request: WebRequest, response: ServerResponse, error: unknown): void;
}
