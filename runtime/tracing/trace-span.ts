import { randomFillSync } from "node:crypto";
import { formatTraceparent, type TraceParent } from "./traceparent.ts";

/** As in OTLP. */
export const SPAN_KIND = { internal: 1, server: 2, client: 3, producer: 4, consumer: 5 } as const;
export type SpanKind = (typeof SPAN_KIND)[keyof typeof SPAN_KIND];

export type AttributeValue = string | number | boolean;

export interface SpanOptions {
  name: string;
  kind: SpanKind;
  /** Full name of the Moleculer service whose work it is. */
  service: string;
  /** Of the whole trace. */
  traceId: string;
  /** Absent for a trace's first span. */
  parentSpanId?: string;
  requestId: string;
  attributes?: Record<string, AttributeValue>;
}

/** Where spans get their time from, and where they go when they have ended. */
export interface SpanSink {
  /** ms since the epoch, with fractions. */
  now(): number;
  ended(span: TraceSpan): void;
}

const MAX_ATTRIBUTES = 64;
const MAX_EVENTS = 16;
const LONGEST_VALUE = 1024;

/** One timed piece of a sampled request's work. It stands as `ctx.span`, so it has what Moleculer's own spans have. */
export class TraceSpan {
  /** A `traceparent`: Moleculer gives it to the calls and events of a context as their `parentID`. */
  readonly id: string;
  /** What Moleculer takes for a trace's id is the request's. */
  readonly traceID: string;
  readonly sampled = true;
  readonly context: TraceParent;
  readonly parentSpanId: string | undefined;
  readonly kind: SpanKind;
  readonly service: string;
  readonly attributes = new Map<string, AttributeValue>();
  readonly events: { name: string; at: number; attributes: Record<string, AttributeValue> }[] = [];
  /** ms since the epoch. */
  readonly startedAt: number;
  endedAt: number | undefined;
  name: string;
  /** Present where it failed. */
  error: { type: string; message: string } | undefined;
  /** Attributes and events that it had no room for. */
  left = 0;
  readonly #sink: SpanSink;

  constructor(sink: SpanSink, options: SpanOptions) {
    const { name, kind, service, traceId, parentSpanId, requestId, attributes } = options;
    this.#sink = sink;
    this.context = { traceId, spanId: newSpanId(), sampled: true };
    this.id = formatTraceparent(traceId, this.context.spanId);
    this.traceID = requestId;
    this.parentSpanId = parentSpanId;
    this.name = name;
    this.kind = kind;
    this.service = service;
    this.startedAt = sink.now();
    if (attributes) this.addTags(attributes);
  }

  /** Children made by hand, with `ctx.startSpan("name")`. */
  startSpan(name: string, options: { tags?: object; service?: unknown } = {}): TraceSpan {
    const { traceId, spanId } = this.context;
    const { service, traceID: requestId } = this;
    const span = new TraceSpan(this.#sink, {
      name,
      kind: SPAN_KIND.internal,
      service,
      traceId,
      parentSpanId: spanId,
      requestId,
    });
    return span.addTags(options.tags ?? {});
  }

  addTags(tags: object): this {
    for (const [key, value] of Object.entries(tags)) {
      if (value === undefined || value === null) continue;
      if (this.attributes.size < MAX_ATTRIBUTES || this.attributes.has(key)) this.attributes.set(key, plain(value));
      else this.left++;
    }
    return this;
  }

  log(name: string, fields: object = {}, at = this.#sink.now()): this {
    const known = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null);
    const attributes = Object.fromEntries(known.slice(0, MAX_ATTRIBUTES).map(([key, value]) => [key, plain(value)]));
    if (this.events.length < MAX_EVENTS) this.events.push({ name, at, attributes });
    else this.left++;
    return this;
  }

  setError(error: unknown): this {
    const { type, name, message } = (error ?? {}) as Record<string, unknown>;
    this.error = {
      type: typeof type === "string" && type !== "" ? type : String(name ?? "Error"),
      message: String(message ?? error).slice(0, LONGEST_VALUE),
    };
    return this;
  }

  isActive(): boolean {
    return this.endedAt === undefined;
  }

  /** @param at ms since the epoch */
  finish(at = this.#sink.now()): this {
    if (this.endedAt !== undefined) return this;
    this.endedAt = Math.max(at, this.startedAt);
    this.#sink.ended(this);
    return this;
  }

  /** Whoever prints a context prints this. */
  toJSON(): object {
    return { id: this.id, name: this.name, requestID: this.traceID };
  }
}

function plain(value: unknown): AttributeValue {
  if (typeof value === "number" || typeof value === "boolean") return value;
  if (typeof value === "string") return value.slice(0, LONGEST_VALUE);
  try {
    return (JSON.stringify(value) ?? String(value)).slice(0, LONGEST_VALUE);
  } catch {
    return String(value).slice(0, LONGEST_VALUE);
  }
}

const ID_BYTES = 8;
/** Random bytes are drawn for many ids at once. */
const pool = Buffer.alloc(512 * ID_BYTES);
let used = pool.length;

function newSpanId(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const id = pool.toString("hex", used, used + ID_BYTES);
  used += ID_BYTES;
  return /^0+$/.test(id) ? newSpanId() : id;
}
