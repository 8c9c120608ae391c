import { hostname } from "node:os";
import type { Middleware, ServiceBroker } from "moleculer";
import { type Clock, systemClock } from "../clock.ts";
import { type ExportStats, OtlpExporter } from "./otlp-exporter.ts";
import type { TracingConfig } from "./tracing-config.ts";
import { tracingMiddleware } from "./tracing-middleware.ts";

export interface TracingIdentity {
  nodeId: string;
  namespace: string;
  organ?: string;
}

export interface Tracing {
  /** To be added outside of Moleculer's own middlewares; its stop sends what is left. */
  calls: Middleware;
  /** To be given to the broker's constructor: what is sent out without a context. */
  sending: Middleware;
  stats(): ExportStats;
  stop(): Promise<void>;
}

export interface TracingOptions extends TracingIdentity {
  config: TracingConfig;
  /** @default the system's */
  clock?: Clock;
  onTrouble?(what: string): void;
}

/** Traces of one node, from its calls to the collector. */
export function createTracing({
  config,
  nodeId,
  namespace,
  organ,
  clock = systemClock,
  onTrouble,
}: TracingOptions): Tracing {
  const { url, headers, rate, serviceName, attributes } = config;
  const exporter = new OtlpExporter({
    url,
    headers,
    clock,
    resource: {
      ...(serviceName ? { serviceName } : {}),
      attributes: {
        "service.namespace": namespace,
        "service.instance.id": nodeId,
        "host.name": hostname(),
        "process.pid": process.pid,
        ...(organ ? { "azora.organ": organ } : {}),
        "telemetry.sdk.name": "azora",
        "telemetry.sdk.language": "nodejs",
        ...attributes,
      },
    },
    ...(onTrouble ? { onTrouble } : {}),
  });
  const now = wallClock();
  const { emit, broadcast, ...calls } = tracingMiddleware({
    rate,
    sink: { now, ended: (span) => exporter.add(span) },
  }) as Record<string, unknown>;
  const stop = () => exporter.stop();
  return {
    // Both write the same fields of a context: a project that traces by Moleculer's own means goes on doing so.
    calls: ((broker: ServiceBroker) =>
      broker.isTracingEnabled() ? null : { ...calls, stopped: stop }) as unknown as Middleware,
    sending: { name: "TracingSends", emit, broadcast } as unknown as Middleware,
    stats: () => exporter.stats(),
    stop,
  };
}

/** What the two clocks may differ by before they are set anew, ms. */
const DRIFT_MS = 20;

/** Time since the epoch that a span can be measured by: of whole milliseconds a short call would take none. */
function wallClock(): () => number {
  let offset = Date.now() - performance.now();
  return () => {
    const now = offset + performance.now();
    const wall = Date.now();
    if (Math.abs(wall - now) < DRIFT_MS) return now;
    offset += wall - now;
    return wall;
  };
}
