import { METRICS, type Metric, type System } from "../../../../models/metrics.ts";
import type { Flow } from "../../../../models/organism-state.ts";

/** What is known of one metric of one system. */
export interface Measured {
  /** Newest known value; NaN where there never was one. */
  value: number;
  /** Share of the nodes that tell it now, 0 to 1. At 0 it is unknown, and `value` is the last that was known. */
  known: number;
  /** How much of a value that is unknown by now still counts, 0 to 1. @default 1 */
  keep?: number;
  /** It is told by some of the nodes only, and was worse while all told it: then this is what it was. */
  isOld?: boolean;
}

/** Calls between two systems; what is unknown by now counts as it was, as far as that is kept, as above. */
export type FlowInput = Flow & { keep?: number };

export type LatencyMetric = "latencyP50" | "latencyP95";

/** A system as harmony sees it. A metric that is left out does not apply: there is nothing to measure. */
export interface SystemInput {
  system: System;
  metrics: Partial<Record<Metric, Measured>>;
  /** Latencies that are usual for this system, ms. */
  usual?: Partial<Record<LatencyMetric, number>>;
}

/** How a metric becomes strain, 0 (well) to 1 (as bad as it counts). Bounds are in the unit of the metric. */
type Shape =
  /** 0 up to `from`, 1 from `to` on, straight between them; `from` is above `to` where low is bad. */
  | { kind: "ramp"; from: number; to: number }
  /** The same, with less weight where there are few calls: at one call a second half of it. */
  | { kind: "share of calls"; from: number; to: number }
  /** By how many times it is above the usual, on a scale of powers; below `least` nothing is. */
  | { kind: "times usual"; from: number; to: number; least: number }
  /** By the time in which the queue would be worked off: 0.5 at `half` s. `idle` calls/s are taken to be done anyway. */
  | { kind: "time to drain"; half: number; idle: number };

export interface MetricCost {
  /** What it costs at full strain, as a power of e: 0.1 takes 9.5 % of the score, 0.7 half of it. */
  weight: number;
  shape: Shape;
}

/** How much of a system's trouble is the organism's. */
export const SYSTEM_WEIGHTS: Readonly<Record<System, number>> = {
  heart: 1,
  nervous: 1,
  lungs: 1,
  immune: 0.9,
  brain: 0.9,
  stomach: 0.7,
  muscles: 0.7,
};

/** `requestRate` and `concurrency` are neither good nor bad. */
export const METRIC_COSTS: Readonly<Partial<Record<Metric, MetricCost>>> = {
  healthyRatio: { weight: 1.5, shape: { kind: "ramp", from: 100, to: 0 } },
  errorRate: { weight: 0.8, shape: { kind: "share of calls", from: 0.5, to: 25 } },
  refusalRate: { weight: 0.6, shape: { kind: "ramp", from: 1, to: 50 } },
  restarts: { weight: 0.4, shape: { kind: "ramp", from: 1, to: 10 } },
  load: { weight: 0.25, shape: { kind: "ramp", from: 75, to: 100 } },
  eventLoopDelay: { weight: 0.25, shape: { kind: "ramp", from: 100, to: 1000 } },
  memoryUsage: { weight: 0.25, shape: { kind: "ramp", from: 75, to: 100 } },
  saturation: { weight: 0.15, shape: { kind: "ramp", from: 80, to: 100 } },
  queueDepth: { weight: 0.2, shape: { kind: "time to drain", half: 0.5, idle: 20 } },
  latencyP95: { weight: 0.15, shape: { kind: "times usual", from: 2, to: 10, least: 50 } },
  latencyP50: { weight: 0.1, shape: { kind: "times usual", from: 2, to: 10, least: 50 } },
  cpu: { weight: 0.05, shape: { kind: "ramp", from: 80, to: 100 } },
};
export const COSTLY = Object.keys(METRIC_COSTS) as Metric[];

/** 0 at `from`, 1 at `to`, and no further. */
export function ramp(value: number, from: number, to: number): number {
  return Math.min(1, Math.max(0, (value - from) / (to - from)));
}

/** How much calls count that come at this rate: two calls say less than two hundred. */
export function significance(rate: number): number {
  return rate > 0 ? (rate === Number.POSITIVE_INFINITY ? 1 : rate / (rate + 1)) : 0;
}

/** 0 to 1; 0 where nothing was ever known. What is unknown now counts as it was, as far as that is kept. */
export function strainOf(input: SystemInput, metric: Metric): number {
  const cost = METRIC_COSTS[metric];
  const measured = input.metrics[metric];
  if (!cost || !measured || !Number.isFinite(measured.value)) return 0;
  const value = Math.min(METRICS[metric].max, Math.max(METRICS[metric].min, measured.value));
  const { shape } = cost;
  if (shape.kind === "ramp") return ramp(value, shape.from, shape.to) * kept(measured);
  const rate = input.metrics.requestRate;
  if (!rate || !Number.isFinite(rate.value)) return 0;
  const keep = Math.min(kept(measured), kept(rate));
  const calls = Math.max(0, rate.value);
  if (shape.kind === "share of calls") return ramp(value, shape.from, shape.to) * significance(calls) * keep;
  if (shape.kind === "time to drain") {
    const time = value / (calls + shape.idle);
    return (time / (time + shape.half)) * keep;
  }
  const usual = input.usual?.[metric as LatencyMetric];
  if (usual === undefined || !(usual >= 0)) return 0;
  const times = value / Math.max(usual, shape.least);
  return times <= shape.from
    ? 0
    : ramp(Math.log(times), Math.log(shape.from), Math.log(shape.to)) * significance(calls) * keep;
}

/** The value of a metric at which it costs nothing any more. */
export function goodValue(input: SystemInput, metric: Metric): number {
  const { shape } = METRIC_COSTS[metric]!;
  if (shape.kind === "time to drain") return 0;
  if (shape.kind === "times usual")
    return shape.from * Math.max(input.usual?.[metric as LatencyMetric] ?? 0, shape.least);
  return shape.from;
}

export function kept({ known, keep = 1 }: Measured): number {
  return known > 0 ? 1 : Math.min(1, Math.max(0, keep));
}
