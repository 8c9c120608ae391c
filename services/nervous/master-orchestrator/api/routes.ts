import { ORGANISM_MOUNT, ORGANISM_ROUTES } from "../../../../models/organism-routes.ts";
import { PERFORMANCE_MOUNT, PERFORMANCE_ROUTES } from "../../../../models/performance-routes.ts";
import { AzoraError } from "../../../../runtime/errors.ts";
import { LEVELS, type Level } from "../../../../runtime/logger.ts";
import { nearest } from "../../../../runtime/nearest.ts";
import type { Conductor } from "../conductor.ts";
import { healingStats } from "../healing/stats.ts";
import type { Operator } from "../operator.ts";
import type { ServiceState } from "../organism-state.ts";
import { dependencyView, healthView, serviceViews, statusView } from "../views.ts";
import { chainRoutes } from "./chain-routes.ts";
import { healingRoutes } from "./healing-routes.ts";
import { type LogQuery, readLogs } from "./log-reader.ts";
import { passedRoutes } from "./passed-routes.ts";

export interface ApiRequest {
  params: Record<string, string>;
  query: URLSearchParams;
  body: Record<string, unknown>;
  /** Whether it carries the operator's token. */
  isOperator: boolean;
}

export interface Route {
  method: "GET" | "POST";
  /** Path with `:name` for a part that varies, and at its end `*name` for all that is left. */
  path: string;
  /** Always needs the operator's token; other reads need it only where the settings say so. */
  control?: boolean;
  /** Of a body, bytes. @default 65536 */
  longestBody?: number;
  handle(request: ApiRequest): unknown;
}

/** An answer that is no JSON. */
export class PlainAnswer {
  readonly type: string;
  readonly content: string | Uint8Array;
  /** The header Cache-Control. */
  readonly cache: string | undefined;

  constructor(type: string, content: string | Uint8Array, cache?: string) {
    this.type = type;
    this.content = content;
    this.cache = cache;
  }
}

/** An answer with a status of its own. */
export class StatusAnswer {
  readonly status: number;
  readonly body: unknown;

  constructor(status: number, body: unknown) {
    this.status = status;
    this.body = body;
  }
}

/** Which service answers `/health/<system>`. */
const SYSTEMS: Record<string, string> = {
  "auto-healer": "auto-healer",
  symbiotic: "symbiotic-rules-engine",
  blockchain: "blockchain-logger",
  performance: "performance-optimizer",
  orchestrator: "master-orchestrator",
};
const MAX_HISTORY = 1000;

export function apiRoutes(conductor: Conductor, operator: Operator): Route[] {
  const { broker, state, journal } = conductor;

  const call = async <T>(action: string, params: Record<string, unknown>, otherwise: T): Promise<T> => {
    try {
      return (await broker.call(action, params, { timeout: 2000 })) as T;
    } catch {
      return otherwise;
    }
  };
  const find = (name: string): ServiceState => {
    const service = state.find(name);
    if (service) return service;
    const meant = nearest(name, state.services.keys());
    throw new AzoraError("SERVICE_UNKNOWN", `No service is named ${name}${meant ? `; did you mean ${meant}?` : ""}`, {
      name,
      nearest: meant,
    });
  };
  const wholeHealth = () => {
    const { status, why } = statusView(conductor);
    return new StatusAnswer(status === "critical" ? 503 : 200, {
      status: status === "critical" ? "unhealthy" : status,
      checks: { organism: why },
    });
  };

  return [
    { method: "GET", path: "/orchestrator/status", handle: () => statusView(conductor) },
    {
      method: "GET",
      path: "/orchestrator/services",
      handle: () => serviceViews(conductor, [...state.services.values()]),
    },
    {
      method: "GET",
      path: "/orchestrator/services/:name",
      async handle({ params }) {
        const service = find(params["name"]!);
        const [[record], healthHistory] = await Promise.all([
          serviceViews(conductor, [service]),
          call<unknown[]>("health-monitor.history", { name: service.planned.name }, []),
        ]);
        return { ...record, healthHistory, why: state.why(service) };
      },
    },
    {
      method: "GET",
      path: "/orchestrator/health-status",
      handle: async () => healthView(conductor, await call<string | null>("health-monitor.lastCheck", {}, null)),
    },
    { method: "GET", path: "/orchestrator/dependencies", handle: () => dependencyView(state.plan) },
    {
      method: "GET",
      path: "/orchestrator/healing-history",
      handle({ query }) {
        const limit = wholeNumber("limit", query.get("limit") ?? "100", 1, MAX_HISTORY);
        return journal.state.healing.slice(-limit).reverse();
      },
    },
    {
      method: "GET",
      path: "/orchestrator/stats",
      handle: () => healingStats(journal.state.healing, journal.state.restarts),
    },
    {
      method: "GET",
      path: "/orchestrator/logs",
      handle: ({ query }) => readLogs(conductor.organism.logDir, logQuery(query)),
    },
    {
      method: "POST",
      path: "/orchestrator/restart/:service",
      control: true,
      handle: ({ params }) => operator.restart(params["service"]!),
    },
    {
      method: "POST",
      path: "/orchestrator/reload/:service",
      control: true,
      handle: ({ params }) => operator.restart(params["service"]!),
    },
    {
      method: "POST",
      path: "/orchestrator/start/:service",
      control: true,
      handle: ({ params }) => operator.start(params["service"]!),
    },
    {
      method: "POST",
      path: "/orchestrator/stop/:service",
      control: true,
      handle: ({ params }) => operator.stop(params["service"]!),
    },
    {
      method: "POST",
      path: "/orchestrator/release/:service",
      control: true,
      handle: ({ params }) => operator.release(params["service"]!),
    },
    {
      method: "POST",
      path: "/orchestrator/scale/:organ",
      control: true,
      handle: ({ params, body }) => operator.scale(params["organ"]!, body["replicas"] as number),
    },
    ...healingRoutes(broker),
    ...chainRoutes(broker),
    ...passedRoutes(broker, {
      service: "performance-optimizer",
      mount: PERFORMANCE_MOUNT,
      routes: PERFORMANCE_ROUTES,
    }),
    ...passedRoutes(broker, {
      service: "symbiotic-rules-engine",
      mount: ORGANISM_MOUNT,
      routes: ORGANISM_ROUTES,
    }),
    { method: "GET", path: "/health", handle: wholeHealth },
    { method: "GET", path: "/live", handle: () => ({ status: "healthy" }) },
    {
      method: "GET",
      path: "/ready",
      handle: () =>
        new StatusAnswer(conductor.launch.done ? 200 : 503, {
          status: conductor.launch.done ? "healthy" : "unhealthy",
          checks: { launch: conductor.launch },
        }),
    },
    {
      method: "GET",
      path: "/health/:system",
      async handle({ params }) {
        const service = SYSTEMS[params["system"]!];
        if (!service || !state.services.has(service)) {
          const there = Object.keys(SYSTEMS).filter((system) => state.services.has(SYSTEMS[system]!));
          throw new AzoraError("NOT_FOUND", `There is no system ${params["system"]}; there are ${there.join(", ")}`);
        }
        const unreachable = { status: "unhealthy", checks: { health: state.why(find(service)) } };
        const answer = await call(`${service}.health`, {}, unreachable);
        return new StatusAnswer(answer.status === "unhealthy" ? 503 : 200, answer);
      },
    },
    {
      method: "GET",
      path: "/metrics",
      handle: async () =>
        new PlainAnswer(
          "text/plain; version=0.0.4; charset=utf-8",
          (await broker.call("monitoring-service.prometheus")) as string,
        ),
    },
  ];
}

function logQuery(query: URLSearchParams): LogQuery {
  const level = query.get("level") || undefined;
  if (level && !LEVELS.includes(level as Level)) {
    const problem = { field: "level", value: level, allowed: `one of ${LEVELS.join(", ")}` };
    throw new AzoraError("VALIDATION_ERROR", `level is "${level}", but must be ${problem.allowed}`, {
      errors: [problem],
    });
  }
  return {
    ...(query.get("name") ? { name: query.get("name")! } : {}),
    ...(query.get("requestId") ? { requestId: query.get("requestId")! } : {}),
    ...(level ? { level } : {}),
    lines: wholeNumber("lines", query.get("lines") ?? "200", 1, 5000),
  };
}

function wholeNumber(field: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  const problem = { field, value: text, allowed: `a whole number from ${min} to ${max}` };
  throw new AzoraError("VALIDATION_ERROR", `${field} is "${text}", but must be ${problem.allowed}`, {
    errors: [problem],
  });
}
