import type { Model } from "./model.ts";

/** What one service did in one minute. Times in ms. */
export interface MinuteMetrics {
  at: string;
  service: string;
  nodes: number;
  calls: number;
  errorRate: number;
  refused: number;
  p50: number;
  p95: number;
  p99: number;
  mean: number;
  /** A call: own work, waiting for others, waiting for its turn, database, garbage collection. */
  own: number;
  waiting: number;
  queueing: number;
  database: number;
  gc: number;
  cacheHitRatio?: number;
}

const amount = { type: "number", min: 0 } as const;

/** Kept for a day; minutes without calls are left out. */
export const performanceMetricsModel: Model<MinuteMetrics> = {
  name: "performance_metrics",
  fields: {
    at: { type: "string", pattern: "^\\d{4}-\\d{2}-\\d{2}T[\\d:.]+Z$" },
    service: { type: "string", min: 1, max: 400 },
    nodes: amount,
    calls: amount,
    errorRate: amount,
    refused: amount,
    p50: amount,
    p95: amount,
    p99: amount,
    mean: amount,
    own: amount,
    waiting: amount,
    queueing: amount,
    database: amount,
    gc: amount,
    cacheHitRatio: { type: "number", min: 0, max: 1, optional: true },
  },
  indexes: [{ fields: ["at"] }, { fields: ["service", "at"] }],
};
