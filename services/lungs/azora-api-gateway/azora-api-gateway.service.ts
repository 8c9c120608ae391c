import type { IncomingMessage, ServerResponse } from "node:http";
import type { ServiceSchema } from "moleculer";
import { systemClock } from "../../../runtime/clock.ts";
import { AzoraError, toProblem } from "../../../runtime/errors.ts";
import { bearerOf, equal, knownToken } from "../../../runtime/operator-token.ts";
import { nodePool } from "../../../runtime/pools/node-pools.ts";
import { readSettings } from "../../../runtime/settings.ts";
import { onAnswered, pathOf } from "./access-log.ts";
import { AliasIndex } from "./alias-index.ts";
import { DEFAULT_LIMITS, EdgeServer } from "./edge-server.ts";
import type { Gateway, GatewaySettings } from "./gateway.ts";
import { HealthChecks, type HealthReport } from "./health-checks.ts";
import { holdStop } from "./hold-stop.ts";
import { readJsonBody } from "./json-body.ts";
import { type OpenApiDocument, openApiOf } from "./openapi.ts";
import { OWN_ROUTES } from "./own-routes.ts";
import { sendProblem } from "./problem-response.ts";
import { requestIdOf } from "./request-id.ts";
import { RouteTable } from "./route-table.ts";
import type { RegisteredService } from "./routes.ts";
import { type WebAlias, type WebRequest, type WebRoute, web } from "./web.ts";

const MOUNT = "/api";

type Next = (error?: unknown) => void;

const schema: ServiceSchema<GatewaySettings, Record<string, unknown>, Record<string, unknown>, Gateway> = {
  name: "azora-api-gateway",
  metadata: {
    launchPhase: 4,
    priority: "critical",
    capabilities: ["http", "openapi"],
    description: "The HTTP edge: routes from the services' own declarations, problem documents, OpenAPI 3.1.",
    softDependencies: [],
  },
  mixins: [web],
  settings: {
    maxBody: 1024 * 1024,
    limits: {},
    server: false,
    debounceTime: 10,
    logRequest: null,
    logRequestParams: null,
    logResponse: null,
    logRouteRegistration: "debug",
    routes: [
      { path: "/", aliases: OWN_ROUTES, mappingPolicy: "restrict", bodyParsers: false },
      { path: MOUNT, autoAliases: true, mappingPolicy: "restrict", bodyParsers: false, use: [parseBody] },
    ],
  } as GatewaySettings,
  actions: {
    listAliases: false,
    addRoute: false,
    removeRoute: false,
    health: {
      description: "Whether this gateway process takes requests.",
      params: { $$strict: true },
      idempotent: true,
      handler(this: Gateway) {
        return this.ownHealth();
      },
    },
  } as ServiceSchema<GatewaySettings, object, object, Gateway>["actions"],
  methods: {
    ownHealth(this: Gateway): HealthReport {
      const bus = this.broker.transit == null || this.broker.transit.connected;
      const ready = this.broker.started && this.routesBuilt && this.edge.listening && !this.edge.stopping && bus;
      const { connections, inFlight, dropped, stopping } = this.edge;
      const refused = this.table.problems.slice(0, 10).map(({ action, why }) => ({ action, why }));
      return {
        status: ready ? (refused.length > 0 ? "degraded" : "healthy") : "unhealthy",
        checks: {
          listening: { status: this.edge.listening && !stopping ? "healthy" : "unhealthy", stopping },
          bus: { status: bus ? "healthy" : "unhealthy" },
          routes: { status: refused.length > 0 ? "degraded" : "healthy", count: this.table.routes.length, refused },
          connections: { status: "healthy", open: connections, inFlight, dropped },
          requests: this.requestsHealth(),
        },
      };
    },

    /** Waiting is load, not illness; what is refused shows as a rising count. */
    requestsHealth(this: Gateway) {
      const { size, inUse, waiting, refused } = this.requests.state();
      return { status: "healthy" as const, most: size, inUse, waiting, refused };
    },

    /** Taken out of the registry, the service is about to stop: whoever drains it waits for its requests to end. */
    watchRegistration(this: Gateway) {
      const registered = this.broker.registry.services.has(this.fullName, this.broker.nodeID);
      if (this.registered && !registered) void this.edge.close();
      this.registered = registered;
    },

    openApi(this: Gateway) {
      if (!this.document) {
        const document: OpenApiDocument = openApiOf(this.table.routes, this.table.services, MOUNT);
        this.document = { json: JSON.stringify(document), etag: `"${document.info.version}"` };
      }
      return this.document;
    },

    /** Replaces moleculer-web's: one bad declaration must not end the process, nor a service that is down its routes. */
    regenerateAutoAliases(this: Gateway, route: WebRoute) {
      this.table ??= new RouteTable();
      const services = this.broker.registry.getServiceList({ withActions: true, grouping: true });
      if (!this.table.update(services as RegisteredService[]) && this.routesBuilt) return;
      const aliases = this.aliases.filter((alias) => alias.route !== route);
      for (const { method, path, action, operator } of this.table.routes) {
        try {
          const alias = { method, path: path.slice(1), definition: action, operator };
          aliases.push(this.createAlias(route, alias, action.name));
        } catch (error) {
          this.table.problems.push({ action: action.name, rest: action.rest, why: (error as Error).message });
        }
      }
      for (const problem of this.table.problems) this.logger.warn("A rest declaration cannot be served", problem);
      this.aliases = aliases;
      this.index = undefined;
      this.document = undefined;
      this.routesBuilt = true;
    },

    aliasIndex(this: Gateway) {
      this.index ??= new AliasIndex(this.aliases);
      return this.index;
    },

    resolveAlias(this: Gateway, url: string, method: string) {
      const index = this.aliasIndex();
      return index.find(url, method) ?? (method === "HEAD" && index.find(url, "GET")) ?? false;
    },

    allowedMethods(this: Gateway, path: string) {
      const trimmed = path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
      const methods = this.aliasIndex()
        .all(trimmed)
        .map(({ method }) => method);
      if (methods.length === 0) return [];
      const all = methods.flatMap((method) => (method === "*" ? ["GET", "POST", "PUT", "PATCH", "DELETE"] : [method]));
      return [...new Set([...all, ...(all.includes("GET") ? ["HEAD"] : []), "OPTIONS"])].sort();
    },

    receive(this: Gateway, request: IncomingMessage, response: ServerResponse) {
      const requestId = requestIdOf(request.headers["x-request-id"]);
      request.headers["x-request-id"] = requestId;
      delete request.headers["x-correlation-id"]; // moleculer-web would prefer it, unchecked
      response.setHeader("X-Request-Id", requestId);
      response.setHeader("X-Content-Type-Options", "nosniff");
      response.setHeader("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
      response.setHeader("Cache-Control", "no-store");
      onAnswered(request, response, requestId, (entry) => {
        const level = entry.path === "/live" || entry.path === "/ready" ? "debug" : "info";
        this.logger[level]("request", entry);
      });
      if (request.method !== "OPTIONS") {
        this.httpHandler(request, response).catch((error) => this.errorHandler(request as WebRequest, response, error));
        return;
      }
      try {
        this.answerOptions(request, response);
      } catch (error) {
        this.errorHandler(request as WebRequest, response, error);
      }
    },

    /** moleculer-web would carry out the call that a CORS preflight only asks about. */
    answerOptions(this: Gateway, request: IncomingMessage, response: ServerResponse) {
      const path = pathOf(request);
      const methods = this.allowedMethods(path);
      if (methods.length === 0) throw new AzoraError("NOT_FOUND", `No route ${path}`);
      response.writeHead(204, { Allow: methods.join(", ") });
      response.end();
    },

    routeHandler(this: Gateway, ctx: unknown, route: unknown, request: WebRequest, response: unknown, found: unknown) {
      // Without an alias there is nothing to read a body for.
      return found ? web.methods.routeHandler!.call(this, ctx, route, request, response, found) : null;
    },

    /** Calls by name, not by endpoint: held calls and retries on another node need the choice to be open. */
    async aliasHandler(this: Gateway, request: WebRequest, response: ServerResponse, alias: WebAlias) {
      if (alias.handler) {
        await alias.handler.call(this, request, response);
        return true;
      }
      if (alias.operator) mustBeOperator(request, response);
      const ctx = request.$ctx;
      // Taken only now: a slow upload and the gateway's own answers, such as its health, hold none.
      const place = this.requests.enter() ?? (await this.requests.wait());
      let result: unknown;
      try {
        // Its client may have gone while it waited.
        if (response.destroyed) return true;
        result = await ctx.call<unknown, Record<string, unknown>>(alias.action!, request.$params);
      } finally {
        place.release();
      }
      if (response.destroyed) return true;
      if (result == null && ctx.meta["$statusCode"] === undefined) response.statusCode = 204;
      this.sendResponse(request, response, result, alias.definition);
      return true;
    },

    sendReport(this: Gateway, request: WebRequest, response: ServerResponse, report: HealthReport) {
      response.statusCode = report.status === "unhealthy" ? 503 : 200;
      this.sendResponse(request, response, report);
    },

    send404(this: Gateway, request: WebRequest, response: ServerResponse) {
      const path = pathOf(request);
      const methods = this.allowedMethods(request.parsedUrl ?? path);
      if (methods.length === 0) {
        this.errorHandler(request, response, new AzoraError("NOT_FOUND", `No route ${request.method} ${path}`));
        return;
      }
      response.setHeader("Allow", methods.join(", "));
      const detail = `${path} takes ${methods.join(", ")}, not ${request.method}`;
      this.errorHandler(request, response, new AzoraError("METHOD_NOT_ALLOWED", detail));
    },

    errorHandler(this: Gateway, request: WebRequest, response: ServerResponse, error: unknown) {
      const requestId = String(request.headers["x-request-id"]);
      const problem = toProblem(error, requestId);
      if (problem.code === "INTERNAL_ERROR") this.logger.error("A request failed", { requestId, error });
      sendProblem(request, response, problem, error);
    },
  },
  created(this: Gateway) {
    this.clock = systemClock;
    this.requests = nodePool(this.broker, "api");
    this.routesBuilt = false;
    this.registered = false;
    this.table ??= new RouteTable();
    this.edge = new EdgeServer(
      (request, response) => this.receive(request, response),
      { ...DEFAULT_LIMITS, ...this.settings.limits },
      this.clock,
    );
    this.checks = new HealthChecks(
      {
        exists: (action) => this.broker.registry.actions.isAvailable(action),
        call: (action) => this.broker.call(action, {}, { timeout: 2_000 }),
      },
      this.clock,
    );
  },
  async started(this: Gateway) {
    const { AZORA_PORT, AZORA_HOST } = readSettings();
    for (const route of this.routes) if (route.opts.autoAliases) this.regenerateAutoAliases(route);
    await this.edge.listen(AZORA_PORT, AZORA_HOST);
    this.broker.localBus.on("$services.changed", this.watchRegistration);
    this.logger.info(`Listening on port ${AZORA_PORT}`, { routes: this.table.routes.length });
  },
  async stopped(this: Gateway) {
    this.broker.localBus.off("$services.changed", this.watchRegistration);
    await this.edge.close();
    const drained = this.edge.drain().then((cutOff) => {
      if (cutOff > 0) this.logger.warn("Requests were cut off at the end of the stop's time", { cutOff });
    });
    // Restarted in place, the next incarnation listens at once, and this one finishes what it has begun.
    if (this.broker.stopping) await drained;
    else holdStop(this.broker, drained);
  },
};

export default schema;

/** By the header alone: a cookie would be sent by other pages of this machine too. */
function mustBeOperator(request: WebRequest, response: ServerResponse): void {
  const token = knownToken(readSettings().AZORA_DATA_DIR);
  const given = bearerOf(request);
  if (token !== undefined && given !== undefined && equal(given, token)) return;
  response.setHeader("WWW-Authenticate", "Bearer");
  throw new AzoraError("UNAUTHORIZED", "Give the token of data/operator.token as: Authorization: Bearer <token>");
}

function parseBody(this: Gateway, request: WebRequest, _response: ServerResponse, next: Next): void {
  if (!["POST", "PUT", "PATCH"].includes(request.method ?? "")) {
    next();
    return;
  }
  readJsonBody(request, this.settings.maxBody).then((body) => {
    request.body = body;
    next();
  }, next);
}
