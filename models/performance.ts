/** What nodes measure of calls, caches, queries and pools, and what the optimizer makes of it. Shapes only. */

/** Values in a histogram's buckets as `[bucket, count, bucket, count, …]`; see runtime/vitals/histogram.ts. */
export type Buckets = number[];

/** Calls that a node has made: of one caller, to one action on one node. Counts and sums are increments. */
export interface PathReport {
  /** Full name of the calling service; the node's id for calls that no service makes. */
  caller: string;
  service: string;
  action: string;
  /** Where it was called. */
  node: string;
  calls: number;
  /** The callee broke or did not answer; its refusals are counted apart. */
  failures: number;
  refusals: number;
  /** From the call to its answer, µs. */
  sum: number;
  buckets: Buckets;
  inFlight: number;
  /** Peak-sensitive moving average that the balancer goes by, µs. */
  latency: number;
  /** 0 to 1: how much of its share of calls a new or ejected instance gets. */
  weight: number;
}

/** Calls that a node has carried out, of one action. Counts and sums are increments. */
export interface ServedReport {
  service: string;
  action: string;
  calls: number;
  failures: number;
  /** From the beginning of the work to its end, without waiting for its turn, µs. */
  sum: number;
  buckets: Buckets;
  /** Of which waited for their turn, and how long in all, µs. */
  queued: number;
  queueSum: number;
  refused: {
    /** Too many were running and waiting. */
    limit: number;
    /** The node's event loop was behind. */
    overload: number;
    /** Their caller had given up before they began. */
    late: number;
    /** Rules shed or throttled them; absent where they did not. */
    shed?: number;
  };
  running: number;
  waiting: number;
  /** How many may run at once now; null where there is no limit. */
  limit: number | null;
}

/** Cached answers of one action on one node. Counts are increments; entries and bytes are the state now. */
export interface CacheReport {
  action: string;
  /** In the process, and in Redis. */
  hits: { near: number; far: number };
  /** Of the hits: answered with a value that was past its time, while a new one was loaded. */
  stale: number;
  /** Of the hits: an answer that said "there is none". */
  negative: number;
  misses: number;
  /** Callers that waited for another one's load. */
  joined: number;
  failures: number;
  evicted: number;
  /** Loads whose value was not kept, because something newer was known. */
  fenced: number;
  entries: number;
  bytes: number;
  /** Age of what was served, and time of the loads that were spared, µs. */
  ageSum: number;
  savedSum: number;
}

/** Store queries of one service on one node. Counts and sums are increments. */
export interface QueryTimes {
  service: string;
  count: number;
  /** µs */
  sum: number;
}

export const POOL_KINDS = ["bus", "database", "redis", "api", "worker", "concurrency", "memory"] as const;
export type PoolKind = (typeof POOL_KINDS)[number];

/** Something of which a node has only so much. Counts and sums are increments; the rest is the state now. */
export interface PoolReport {
  /** Unique on the node, as `database` or `concurrency:ledger`. */
  name: string;
  kind: PoolKind;
  /** Whose it is; the whole node's where it is left out. */
  service?: string;
  /** Configured bounds, and the size now. For memory: bytes. */
  min: number;
  max: number;
  size: number;
  inUse: number;
  waiting: number;
  /** Taken and given back since the last report; how long they were in use and were waited for, µs. */
  uses: number;
  useSum: number;
  waitSum: number;
  refused: number;
}

/** Sent by each node once a second as the event `node.performance`. */
export interface PerformanceReport {
  node: string;
  instanceId: string;
  /** ms since the epoch. */
  at: number;
  /** Increases by one with each report of one life of the node. */
  seq: number;
  /** Time that the report covers, ms. */
  span: number;
  paths: PathReport[];
  served: ServedReport[];
  caches: CacheReport[];
  queries: QueryTimes[];
  pools: PoolReport[];
  /** Garbage collection: runs and time, µs. */
  gc: { count: number; sum: number; longest: number };
  /** Of a V8 heap after the last collection, bytes. */
  heapAfterGc: number;
  cpu: { user: number; system: number };
  /** Calls that could not be counted by name, since there were too many names. */
  uncounted: number;
}

/** How surely a change helped, seen on live traffic. */
export interface BeforeAfter {
  metric: string;
  unit: string;
  before: { count: number; mean: number; p50: number; p95: number };
  after: { count: number; mean: number; p50: number; p95: number };
  /** After divided by before; below 1 is faster. */
  ratio: number;
  /** That the difference is real: 0 to 1. */
  confidence: number;
}

/** One thing that was changed to make a service faster, and what it was worth. */
export interface OptimizationRecord {
  id: string;
  /** ISO 8601 */
  at: string;
  service: string;
  node?: string;
  /** As `index`, `rewrite`, `cache-budget`, `pool-size`, `concurrency-limit`, `garbage-collection`. */
  kind: string;
  /** What was done, in one sentence. */
  change: string;
  /** Why it was tried. */
  reason: string;
  status: "measuring" | "kept" | "taken-back" | "failed" | "inconclusive";
  /** Who wanted it: `operator` or `optimizer`. */
  by: string;
  effect?: BeforeAfter;
  /** What it costs elsewhere, such as slower writes. */
  cost?: BeforeAfter;
  /** ms until the verdict. */
  duration?: number;
  outcome?: string;
}
