import type { TimeSums } from "../measurements/time-spent.ts";

/** What is known of one action of a service in the last minute, all nodes together. Times in ms. */
export interface ActionFacts {
  action: string;
  calls: number;
  /** Of the work, for one call, and of the wait for a turn. */
  mean: number;
  queue: number;
  refused: number;
  limit: number | null;
  running: number;
  /** Declared: may safely run twice; its answers are cached; it runs in a thread. */
  idempotent: boolean;
  cached: boolean;
  worker: boolean;
}

export interface NodeFacts {
  node: string;
  /** Share of one core. */
  cpu: number;
  gcShare: number;
  /** Delay of the event loop, ms; null where it is not known. */
  loopDelay: number | null;
}

/** A change that somebody else advises. */
export interface AdviceFacts {
  kind: string;
  what: string;
  why: string;
  /** Share of the service's database time, or of its time as a whole. */
  gain: number;
  of: "database" | "whole";
}

export interface PoolFacts {
  name: string;
  node: string;
  size: number;
  max: number;
  uses: number;
  /** Mean wait, ms. */
  wait: number;
}

/** All that the analysis of a service looks at. Goes to the thread as it is. */
export interface ServiceFacts {
  service: string;
  /** ms since the epoch, of the end of the last minute of `minutes`. */
  at: number;
  organ: string | null;
  isSingleton: boolean;
  sums: TimeSums;
  /** In the last minute. */
  calls: number;
  /** Minutes, oldest first; µs. A minute without calls has 0 of them. */
  minutes: { calls: Float64Array; logMean: Float64Array; p95: Float64Array };
  actions: ActionFacts[];
  nodes: NodeFacts[];
  pools: PoolFacts[];
  advice: AdviceFacts[];
  cores: number;
}
