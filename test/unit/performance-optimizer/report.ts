import type { PathReport, PerformanceReport, PoolReport, ServedReport } from "../../../models/performance.ts";
import { bucketOf } from "../../../runtime/vitals/histogram.ts";

/** A report as a node sends it once a second; quiet where nothing is said. */
export function report(change: Partial<PerformanceReport> = {}): PerformanceReport {
  return {
    node: "heart-1",
    instanceId: "life-1",
    at: 1_790_000_000_000,
    seq: 1,
    span: 1000,
    paths: [],
    served: [],
    caches: [],
    queries: [],
    pools: [],
    gc: { count: 0, sum: 0, longest: 0 },
    heapAfterGc: 0,
    cpu: { user: 0, system: 0 },
    uncounted: 0,
    ...change,
  };
}

/** Calls of `shop.find` by the gateway, each of so many µs. */
export function path(calls: number, took: number, change: Partial<PathReport> = {}): PathReport {
  return {
    caller: "gateway",
    service: "shop",
    action: "shop.find",
    node: "heart-1",
    calls,
    failures: 0,
    refusals: 0,
    sum: calls * took,
    buckets: calls === 0 ? [] : [bucketOf(took), calls],
    inFlight: 0,
    latency: took,
    weight: 1,
    ...change,
  };
}

export function served(calls: number, took: number, change: Partial<ServedReport> = {}): ServedReport {
  return {
    service: "shop",
    action: "shop.find",
    calls,
    failures: 0,
    sum: calls * took,
    buckets: calls === 0 ? [] : [bucketOf(took), calls],
    queued: 0,
    queueSum: 0,
    refused: { limit: 0, overload: 0, late: 0 },
    running: 0,
    waiting: 0,
    limit: null,
    ...change,
  };
}

/** A pool that nobody uses. */
export function pool(change: Partial<PoolReport> = {}): PoolReport {
  return {
    name: "database",
    kind: "database",
    min: 0,
    max: 10,
    size: 5,
    inUse: 0,
    waiting: 0,
    uses: 0,
    useSum: 0,
    waitSum: 0,
    refused: 0,
    ...change,
  };
}
