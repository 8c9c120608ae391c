import type { Context, Middleware } from "moleculer";
import { beginHttp, endHttp, exchangeOf, type HttpExchange } from "./http-span.ts";
import { sampler } from "./sampling.ts";
import { currentSpan, withSpan } from "./span-scope.ts";
import { type AttributeValue, SPAN_KIND, type SpanKind, type SpanSink, TraceSpan } from "./trace-span.ts";
import { parseTraceparent, traceIdOf } from "./traceparent.ts";

export interface TracingOptions {
  /** Share of requests that are traced, 0 to 1; those whose caller has decided are as he says. */
  rate: number;
  sink: SpanSink;
}

/** Asked all the time by the organism itself: they would be most of all traces. */
const UNTRACED = /^(\$|node-host$|node-accounting$|node-performance$|node-faults$)/;

type Handler = (ctx: Context) => Promise<unknown>;
type Sender = (name: string, payload?: unknown, options?: SendOptions) => unknown;
interface ActionDefinition {
  name: string;
  rawName?: string;
  service: { fullName: string };
}
interface EventDefinition {
  name: string;
  service: { fullName: string };
}
interface SendOptions {
  parentCtx?: unknown;
  parentSpan?: unknown;
}

/** What is the same for all calls of an action or event. */
interface Described {
  name: string;
  service: string;
  attributes: Record<string, AttributeValue>;
}

/**
 * Makes spans of the calls and events of sampled requests. Whether a request is sampled is decided once, by its id, and
 * goes with it in Moleculer's own fields: `tracing` says whether, `parentID` is a `traceparent`. To lie around Moleculer's
 * own middlewares, so that a span covers what a call waits for.
 */
export function tracingMiddleware({ rate, sink }: TracingOptions): Middleware {
  const isSampled = sampler(rate);

  /** For a context about which nobody has decided yet. */
  function decide(ctx: Context): boolean {
    const around = currentSpan();
    if (around) ctx.parentID = around.id;
    ctx.tracing = around !== undefined || isSampled(ctx.requestID ?? ctx.id);
    return ctx.tracing;
  }

  function begin(ctx: Context, kind: SpanKind, { name, service, attributes }: Described): TraceSpan {
    const parent = parseTraceparent(ctx.parentID);
    const requestId = ctx.requestID ?? ctx.id;
    const span = new TraceSpan(sink, {
      name,
      kind,
      service,
      requestId,
      traceId: parent?.traceId ?? traceIdOf(requestId),
      ...(parent ? { parentSpanId: parent.spanId } : {}),
      attributes,
    });
    return span.addTags({ "azora.request_id": requestId, "azora.caller": ctx.caller });
  }

  /** Moleculer's own spans of the context become its children. */
  function carry(ctx: Context, span: TraceSpan): void {
    Object.assign(ctx, { span, _spanStack: [span] });
  }

  function traced(next: Handler, ctx: Context, span: TraceSpan, ended: (error?: unknown) => void): Promise<unknown> {
    let result: Promise<unknown>;
    try {
      result = withSpan(span, next, ctx);
    } catch (error) {
      ended(error);
      return Promise.reject(error);
    }
    result.then(() => ended(), ended);
    return result;
  }

  function local(next: Handler, ctx: Context, described: Described, exchange?: HttpExchange): Promise<unknown> {
    const isRemote = ctx.nodeID !== null && ctx.nodeID !== ctx.broker.nodeID;
    const span = begin(ctx, isRemote || exchange ? SPAN_KIND.server : SPAN_KIND.internal, described);
    span.addTags({ "azora.node": ctx.broker.nodeID });
    if (exchange) beginHttp(span, exchange);
    carry(ctx, span);
    return traced(next, ctx, span, (error) => {
      if (exchange) return endHttp(span, exchange, error);
      if (ctx.cachedResult) span.addTags({ "azora.cached": true });
      if (error !== undefined) span.setError(error);
      span.finish();
    });
  }

  return {
    name: "Tracing",

    localAction(this: unknown, next: Handler, action: ActionDefinition): Handler {
      if (isUntraced(action)) return next;
      const described = describeAction(action);
      if (action.rawName === "rest") return gatewayAction(next, described);
      return (ctx) => {
        if (ctx.tracing === false) return next(ctx);
        return ctx.tracing || decide(ctx) ? local(next, ctx, described) : next(ctx);
      };
    },

    remoteAction(this: unknown, next: Handler, action: ActionDefinition): Handler {
      if (isUntraced(action)) return next;
      const described = describeAction(action);
      return (ctx) => {
        if (ctx.tracing === false || !(ctx.tracing || decide(ctx))) return next(ctx);
        const { parentID } = ctx;
        const span = begin(ctx, SPAN_KIND.client, { ...described, service: ctx.caller ?? ctx.broker.nodeID });
        span.addTags({ "azora.node": ctx.broker.nodeID, "azora.callee_node": ctx.nodeID });
        ctx.parentID = span.id;
        return traced(next, ctx, span, (error) => {
          // Whoever repeats the call begins again from its caller.
          ctx.parentID = parentID;
          if (error !== undefined) span.setError(error);
          span.finish();
        });
      };
    },

    localEvent(this: unknown, next: Handler, event: EventDefinition): Handler {
      const service = event.service.fullName;
      if (UNTRACED.test(service)) return next;
      return (ctx) => {
        if (!ctx.tracing) return next(ctx);
        const name = (ctx as unknown as { eventName?: string }).eventName ?? event.name;
        const span = begin(ctx, SPAN_KIND.consumer, { name: `process ${name}`, service, attributes: ofEvent(name) });
        span.addTags({ "azora.node": ctx.broker.nodeID });
        carry(ctx, span);
        return traced(next, ctx, span, (error) => {
          if (error !== undefined) span.setError(error);
          span.finish();
        });
      };
    },

    // What a handler sends by the broker instead of by its context belongs to its trace too.
    emit: sending,
    broadcast: sending,
  } as unknown as Middleware;

  /** The gateway's own action: a request's trace may have begun outside of the organism. */
  function gatewayAction(next: Handler, described: Described): Handler {
    return (ctx) => {
      const exchange = exchangeOf(ctx.params);
      if (ctx.tracing === null || ctx.tracing === undefined) {
        const header = exchange?.req.headers["traceparent"];
        const parent = parseTraceparent(header);
        if (parent) {
          ctx.parentID = String(header).trim();
          ctx.tracing = parent.sampled;
        } else decide(ctx);
      }
      return ctx.tracing ? local(next, ctx, described, exchange) : next(ctx);
    };
  }
}

function sending(next: Sender): Sender {
  return (name, payload, options) => {
    const span = options?.parentCtx || options?.parentSpan ? undefined : currentSpan();
    return next(name, payload, span ? { ...options, parentSpan: span } : options);
  };
}

function isUntraced({ rawName, service }: ActionDefinition): boolean {
  return rawName === "health" || UNTRACED.test(service.fullName);
}

/** By OpenTelemetry's semantic conventions for RPC: https://opentelemetry.io/docs/specs/semconv/rpc/rpc-spans/ */
function describeAction({ name, service: { fullName: service } }: ActionDefinition): Described {
  const method = name.startsWith(`${service}.`) ? name.slice(service.length + 1) : name;
  const attributes = { "rpc.system": "moleculer", "rpc.service": service, "rpc.method": method };
  return { name, service, attributes };
}

/** https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/ */
function ofEvent(name: string): Record<string, AttributeValue> {
  return {
    "messaging.system": "moleculer",
    "messaging.destination.name": name,
    "messaging.operation.name": "process",
    "messaging.operation.type": "process",
  };
}
