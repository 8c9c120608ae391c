import type { AttributeValue, TraceSpan } from "./trace-span.ts";

/** What all spans of a node have in common. */
export interface Resource {
  /** One name for everything that is sent. @default each span's own service */
  serviceName?: string;
  attributes: Record<string, AttributeValue>;
}

const SCOPE = { name: "azora" };
const STATUS_ERROR = 2;

/** The body of an export request in OTLP's JSON encoding: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding */
export function encodeSpans(spans: readonly TraceSpan[], { serviceName, attributes }: Resource): string {
  const byService = Map.groupBy(spans, ({ service }) => serviceName ?? service);
  return JSON.stringify({
    resourceSpans: [...byService].map(([service, own]) => ({
      resource: { attributes: encodeAttributes(Object.entries({ "service.name": service, ...attributes })) },
      scopeSpans: [{ scope: SCOPE, spans: own.map(encodeSpan) }],
    })),
  });
}

function encodeSpan(span: TraceSpan): object {
  const { context, parentSpanId, name, kind, startedAt, endedAt, attributes, events, error, left } = span;
  return {
    traceId: context.traceId,
    spanId: context.spanId,
    ...(parentSpanId === undefined ? {} : { parentSpanId }),
    flags: 1,
    name,
    kind,
    startTimeUnixNano: nanoseconds(startedAt),
    endTimeUnixNano: nanoseconds(endedAt!),
    attributes: encodeAttributes([...attributes, ...(error ? [["error.type", error.type] as const] : [])]),
    ...(left > 0 ? { droppedAttributesCount: left } : {}),
    ...(events.length > 0
      ? {
          events: events.map((event) => ({
            timeUnixNano: nanoseconds(event.at),
            name: event.name,
            attributes: encodeAttributes(Object.entries(event.attributes)),
          })),
        }
      : {}),
    ...(error ? { status: { code: STATUS_ERROR, message: error.message } } : {}),
  };
}

function encodeAttributes(attributes: readonly (readonly [string, AttributeValue])[]): object[] {
  return attributes.map(([key, value]) => ({ key, value: encodeValue(value) }));
}

/** 64-bit integers are decimal strings in JSON. */
function encodeValue(value: AttributeValue): object {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  return Number.isSafeInteger(value)
    ? { intValue: String(value) }
    : { doubleValue: Number.isFinite(value) ? value : 0 };
}

/** Of ms since the epoch; more than a microsecond is not in them. */
function nanoseconds(ms: number): string {
  return `${Math.round(ms * 1000)}000`;
}
