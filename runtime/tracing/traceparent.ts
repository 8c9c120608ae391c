import { createHash } from "node:crypto";

/*
 * W3C Trace Context: version-traceId-spanId-flags
 *
 *   00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
 *
 * Between nodes it travels as Moleculer's `parentID` of a context whose `tracing` is true. https://www.w3.org/TR/trace-context/
 */

export interface TraceParent {
  /** 32 hex digits. */
  traceId: string;
  /** 16 hex digits. */
  spanId: string;
  sampled: boolean;
}

const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const NO_TRACE = "0".repeat(32);
const NO_SPAN = "0".repeat(16);
const SAMPLED = 1;

/** Nothing for what is no valid `traceparent`; a later version is read as far as this one goes. */
export function parseTraceparent(text: unknown): TraceParent | undefined {
  if (typeof text !== "string") return undefined;
  const [, version, traceId, spanId, flags, more] = FORM.exec(text.trim()) ?? [];
  if (version === undefined || version === "ff" || (version === "00" && more !== undefined)) return undefined;
  if (traceId === NO_TRACE || spanId === NO_SPAN) return undefined;
  return { traceId: traceId!, spanId: spanId!, sampled: (Number.parseInt(flags!, 16) & SAMPLED) === SAMPLED };
}

/** Of a sampled span. */
export function formatTraceparent(traceId: string, spanId: string): string {
  return `00-${traceId}-${spanId}-01`;
}

const UUID = /^([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})$/i;

/** A request's trace is found by its id: a UUID without its dashes, of another id the first half of its SHA-256. */
export function traceIdOf(requestId: string): string {
  const uuid = UUID.exec(requestId);
  const traceId = uuid ? uuid.slice(1).join("").toLowerCase() : NO_TRACE;
  return traceId === NO_TRACE ? createHash("sha256").update(requestId).digest("hex").slice(0, 32) : traceId;
}
