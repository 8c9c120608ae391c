import type {
  CacheReport,
  PathReport,
  PerformanceReport,
  PoolReport,
  QueryTimes,
  ServedReport,
} from "../../../../models/performance.ts";
import { POOL_KINDS } from "../../../../models/performance.ts";
import { areBuckets } from "./possible.ts";

/** A count or a sum above this is nobody's: 2^53 µs are 285 years. */
const MOST = Number.MAX_SAFE_INTEGER;
const LONGEST_NAME = 400;
/** Of each kind in one report. */
const MOST_PARTS = 5000;
const LONGEST_SPAN_MS = 10 * 60_000;

/** A report without its impossible parts, and how many those were; nothing where it is no report at all. */
export function checkReport(given: unknown): { report: PerformanceReport; refused: number } | undefined {
  if (!isObject(given)) return undefined;
  const { node, instanceId, at, seq, span, gc, cpu } = given;
  if (!isName(node) || !isName(instanceId) || !isCount(seq) || !isCount(at)) return undefined;
  if (!isCount(span) || span === 0 || span > LONGEST_SPAN_MS) return undefined;
  let refused = 0;
  const kept = <T>(value: unknown, fits: (part: Record<string, unknown>) => boolean): T[] => {
    if (!Array.isArray(value)) {
      if (value !== undefined) refused++;
      return [];
    }
    const parts = value.slice(0, MOST_PARTS).filter((part) => isObject(part) && fits(part));
    refused += value.length - parts.length;
    return parts as T[];
  };
  const report: PerformanceReport = {
    node,
    instanceId,
    at,
    seq,
    span,
    paths: kept<PathReport>(given["paths"], isPath),
    served: kept<ServedReport>(given["served"], isServed),
    caches: kept<CacheReport>(given["caches"], isCache),
    queries: kept<QueryTimes>(given["queries"], isQueries),
    pools: kept<PoolReport>(given["pools"], isPool),
    gc: isObject(gc) && counts(gc, "count", "sum", "longest") ? (gc as never) : { count: 0, sum: 0, longest: 0 },
    heapAfterGc: isCount(given["heapAfterGc"]) ? given["heapAfterGc"] : 0,
    cpu: isObject(cpu) && counts(cpu, "user", "system") ? (cpu as never) : { user: 0, system: 0 },
    uncounted: isCount(given["uncounted"]) ? given["uncounted"] : 0,
  };
  return { report, refused };
}

function isPath(part: Record<string, unknown>): boolean {
  return (
    names(part, "caller", "service", "action", "node") &&
    counts(part, "calls", "failures", "refusals", "sum", "inFlight", "latency") &&
    areBuckets(part["buckets"])
  );
}

function isServed(part: Record<string, unknown>): boolean {
  const { refused, limit } = part;
  return (
    names(part, "service", "action") &&
    counts(part, "calls", "failures", "sum", "queued", "queueSum", "running", "waiting") &&
    isObject(refused) &&
    counts(refused, "limit", "overload", "late") &&
    (limit === null || isCount(limit)) &&
    areBuckets(part["buckets"])
  );
}

function isCache(part: Record<string, unknown>): boolean {
  const { hits } = part;
  return (
    names(part, "action") &&
    isObject(hits) &&
    counts(hits, "near", "far") &&
    counts(part, "stale", "negative", "misses", "joined", "failures", "evicted", "fenced", "entries", "bytes") &&
    counts(part, "ageSum", "savedSum")
  );
}

function isQueries(part: Record<string, unknown>): boolean {
  return names(part, "service") && counts(part, "count", "sum");
}

function isPool(part: Record<string, unknown>): boolean {
  return (
    names(part, "name") &&
    POOL_KINDS.includes(part["kind"] as never) &&
    (part["service"] === undefined || isName(part["service"])) &&
    counts(part, "min", "max", "size", "inUse", "waiting", "uses", "useSum", "waitSum", "refused")
  );
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isName = (value: unknown): value is string =>
  typeof value === "string" && value.length > 0 && value.length <= LONGEST_NAME;
const isCount = (value: unknown): value is number => typeof value === "number" && value >= 0 && value <= MOST;
const names = (part: Record<string, unknown>, ...fields: string[]) => fields.every((field) => isName(part[field]));
const counts = (part: Record<string, unknown>, ...fields: string[]) => fields.every((field) => isCount(part[field]));
