/** What the performance optimizer answers, over the bus and under /api/performance. Shapes only. Times in ms unless they say otherwise. */
import type { PoolReport } from "./performance.ts";

export type Trend = "rising" | "steady" | "falling";

export interface ServicePerformance {
  service: string;
  nodes: string[];
  /** In the window. */
  calls: number;
  /** 0 to 1; refusals are counted apart. */
  errorRate: number;
  /** Calls a second. */
  throughput: number;
  /** From the caller's call to its answer. */
  latency: { p50: number; p95: number; p99: number; mean: number };
  /** Where the mean call spends its time, ms a call. */
  time: {
    own: number;
    waiting: { service: string; time: number }[];
    queueing: number;
    database: number;
    gc: number;
    /** As in ServiceAnalysis. */
    parallel: number;
  };
  /** Calls that were not carried out, in the window. */
  refused: number;
  /** 0 to 1; null where nothing is cached. */
  cacheHitRatio: number | null;
  /** Of the latency. */
  trend: Trend;
}

export interface PerformanceMetrics {
  /** ISO 8601 */
  at: string;
  /** Time that it covers, s. */
  window: number;
  services: ServicePerformance[];
  organism: {
    nodes: number;
    calls: number;
    throughput: number;
    errorRate: number;
    refused: number;
    latency: { p50: number; p95: number; p99: number; mean: number };
    cacheHitRatio: number | null;
  };
}

export interface PerformanceStep {
  kind: string;
  what: string;
  why: string;
  /** Share of the time of a call that it may save, 0 to 1. */
  expectedGain: number;
}

export interface ServiceAnalysis {
  service: string;
  /** ISO 8601 */
  at: string;
  /** In the last minute. */
  calls: number;
  /** ms a call: `own`, `database`, `queueing`, `gc`, and `waiting for <service>` for each one that it calls. */
  spends: Record<string, number>;
  /**
   * How many times longer it waited for others than it ran, where it calls several at once: then what it waited is cut
   * down to its time, in proportion. 1 where it fits.
   */
  parallel: number;
  trend: Trend;
  /** Change of the latency in an hour, 0.1 for a tenth slower, and how sure it is that it changes at all. */
  slope: { perHour: number; confidence: number };
  /** Since when calls take longer than before, ms; seen at `confidence`, 0 to 1. */
  regressions: { at: string; metric: string; before: number; after: number; confidence: number }[];
  nextStep: PerformanceStep | null;
}

export interface PoolStatus extends PoolReport {
  node: string;
  /** Mean wait for a place. */
  wait: number;
  /** 0 to 1 */
  utilisation: number;
  advice?: string;
}

export interface QueryAdvice {
  id: string;
  service: string;
  kind: string;
  what: string;
  evidence: string | string[] | Record<string, unknown>;
  /** Share of the queries' time that it may save, 0 to 1. */
  expectedGain: number;
  /** Whether `applyAdvice` can carry it out by itself. */
  applicable: boolean;
}

export interface CacheStatus {
  service: string;
  action: string;
  /** 0 to 1 */
  hitRatio: number;
  /** Mean age of what was served. */
  age: number;
  /** Time of loads that were spared, s. */
  saved: number;
  entries: number;
  bytes: number;
}

export interface MemoryStatus {
  node: string;
  /** Bytes an hour, and how sure that is, 0 to 1. */
  growth: number;
  confidence: number;
  heapAfterGc: number;
  heapLimit: number;
  /** h until the limit is reached; null where it does not grow. */
  forecast: number | null;
}
