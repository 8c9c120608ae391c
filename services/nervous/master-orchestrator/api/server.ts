import { randomUUID } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { extname, join, normalize } from "node:path";
import type { ServiceBroker } from "moleculer";
import { AzoraError, ERROR_CODES, toProblem } from "../../../../runtime/errors.ts";
import { parseJsonObject, readText } from "../../../../runtime/json-body.ts";
import { PACKAGE_ROOT } from "../../../../runtime/node-executable.ts";
import { equal } from "../../../../runtime/operator-token.ts";
import { portHolder } from "../../../../runtime/port-holder.ts";
import { carriesToken, foreignPage, TOKEN_COOKIE } from "./operator-token.ts";
import { PlainAnswer, type Route, StatusAnswer } from "./routes.ts";

export interface ApiOptions {
  port: number;
  auth: "writes" | "all";
  token: string;
  routes: Route[];
  logger: ServiceBroker["logger"];
}

const MAX_BODY_BYTES = 64 * 1024;
const PUBLIC_FOLDER = join(PACKAGE_ROOT, "public");
const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};
const PAGE_HEADERS = {
  "content-security-policy":
    "default-src 'self'; connect-src 'self' ws:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
};

/** The orchestrator's API and page, on loopback. */
export function createApiServer(options: ApiOptions): Server {
  const server = createServer((request, response) => {
    void serve(request, response, options);
  });
  server.requestTimeout = 30_000;
  server.headersTimeout = 10_000;
  return server;
}

/** Resolves when it listens; a taken port is told as such. */
export function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const taken = error.code === "EADDRINUSE";
      reject(
        taken
          ? new Error(
              `port ${port} is taken by ${portHolder(port) ?? "another program"}; set AZORA_ORCHESTRATOR_PORT to another one`,
            )
          : error,
      );
    });
    server.listen(port, "127.0.0.1", resolve);
  });
}

async function serve(request: IncomingMessage, response: ServerResponse, options: ApiOptions): Promise<void> {
  const requestId = randomUUID();
  response.setHeader("x-request-id", requestId);
  try {
    const url = addressOf(request);
    const foreign = foreignPage(request, options.port);
    if (foreign) throw new AzoraError("FOREIGN_ORIGIN", foreign);
    if (servePage(request, response, url, options)) return;
    const { route, params } = match(options.routes, request.method ?? "GET", url.pathname, response);
    const needsToken = route.control || (options.auth === "all" && !["/live", "/ready"].includes(route.path));
    const isOperator = carriesToken(request, options.token);
    if (needsToken && !isOperator) {
      response.setHeader("www-authenticate", "Bearer");
      throw new AzoraError("UNAUTHORIZED", "Give the token of data/operator.token as: Authorization: Bearer <token>");
    }
    const body = request.method === "POST" ? await readBody(request, route.longestBody) : {};
    const answer = await route.handle({ params, query: url.searchParams, body, isOperator });
    if (answer instanceof PlainAnswer) send(response, 200, answer.type, answer.content, answer.cache);
    else if (answer instanceof StatusAnswer)
      send(response, answer.status, "application/json", JSON.stringify(answer.body));
    else send(response, 200, "application/json", JSON.stringify(answer));
  } catch (error) {
    const problem = toProblem(error, requestId);
    if (problem.code === "INTERNAL_ERROR")
      options.logger.error(`${request.method} ${request.url} failed`, error, { requestId });
    if (!response.headersSent) send(response, problem.status, "application/problem+json", JSON.stringify(problem));
    else response.destroy();
  }
}

/** `//host/path` is a path here, and not another host's address. */
function addressOf({ url = "/" }: IncomingMessage): URL {
  try {
    return new URL(url.startsWith("/") ? `http://127.0.0.1${url}` : url);
  } catch {
    throw new AzoraError("BAD_REQUEST", `${url} is no address`);
  }
}

function send(
  response: ServerResponse,
  status: number,
  type: string,
  content: string | Uint8Array,
  cache = "no-store",
): void {
  response.writeHead(status, {
    "content-type": type,
    "content-length": Buffer.byteLength(content),
    "cache-control": cache,
    "x-content-type-options": "nosniff",
  });
  response.end(content);
}

function match(
  routes: Route[],
  method: string,
  path: string,
  response: ServerResponse,
): { route: Route; params: Record<string, string> } {
  const fitting = routes.flatMap((route) => {
    const params = matchPath(route.path, path);
    return params ? [{ route, params }] : [];
  });
  const wanted = method === "HEAD" ? "GET" : method;
  const found = fitting.find(({ route }) => route.method === wanted);
  if (found) return found;
  if (fitting.length === 0) throw new AzoraError("NOT_FOUND", `There is no route ${path}`);
  const allowed = fitting.map(({ route }) => route.method).join(", ");
  response.setHeader("allow", allowed);
  throw new AzoraError("METHOD_NOT_ALLOWED", `${path} knows ${allowed}, not ${method}`);
}

function matchPath(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split("/");
  const whole = path.split("/");
  const hasRest = wanted.at(-1)!.startsWith("*") && whole.length >= wanted.length;
  const given = hasRest ? [...whole.slice(0, wanted.length - 1), whole.slice(wanted.length - 1).join("/")] : whole;
  if (wanted.length !== given.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    if (/^[:*]/.test(part) && given[index] !== "") {
      try {
        params[part.slice(1)] = decodeURIComponent(given[index]!);
      } catch {
        return undefined;
      }
    } else if (part !== given[index]) return undefined;
  }
  return params;
}

async function readBody(request: IncomingMessage, longest = MAX_BODY_BYTES): Promise<Record<string, unknown>> {
  const text = await readText(request, longest);
  return text === "" ? {} : parseJsonObject(text);
}

/** The page. `/?token=…` turns the token into a cookie, so that it stands in no address any longer. */
function servePage(request: IncomingMessage, response: ServerResponse, url: URL, { token, auth }: ApiOptions): boolean {
  if (request.method !== "GET" && request.method !== "HEAD") return false;
  const given = url.searchParams.get("token");
  if (url.pathname === "/" && given !== null) {
    const cookie = `${TOKEN_COOKIE}=${token}; Path=/; HttpOnly; SameSite=Strict`;
    response.writeHead(303, {
      location: "/",
      "cache-control": "no-store",
      ...(equal(given, token) ? { "set-cookie": cookie } : {}),
    });
    response.end();
    return true;
  }
  const name = url.pathname === "/" ? "index.html" : normalize(url.pathname).slice(1);
  const type = TYPES[extname(name)];
  const path = join(PUBLIC_FOLDER, name);
  if (!type || !path.startsWith(PUBLIC_FOLDER) || !existsSync(path)) return false;
  if (auth === "all" && !carriesToken(request, token))
    throw new AzoraError("UNAUTHORIZED", ERROR_CODES.UNAUTHORIZED.title);
  response.writeHead(200, { "content-type": type, "cache-control": "no-cache", ...PAGE_HEADERS });
  response.end(readFileSync(path));
  return true;
}
