import type { HealingRecord } from "../../../../models/healing.ts";

export interface HealingStats {
  /** Successful restarts so far. */
  restarts: number;
  /** From the last sign of life to the failure being seen, ms: an upper bound. */
  detectMs: { p50: number; p99: number };
  /** From the failure being seen to the wanted state being seen, ms. */
  recoverMs: { p50: number; p99: number };
  byFailure: Record<string, { healed: number; failed: number }>;
}

export function healingStats(records: readonly HealingRecord[], restarts: number): HealingStats {
  const healed = records.filter(({ success }) => success);
  const byFailure: HealingStats["byFailure"] = {};
  for (const { failure, success } of records) {
    byFailure[failure] ??= { healed: 0, failed: 0 };
    byFailure[failure][success ? "healed" : "failed"]++;
  }
  return {
    restarts,
    detectMs: percentiles(healed.map(({ detection }) => detection)),
    recoverMs: percentiles(healed.map(({ duration }) => duration)),
    byFailure,
  };
}

function percentiles(values: number[]): { p50: number; p99: number } {
  const sorted = values.sort((a, b) => a - b);
  const at = (q: number) => sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? 0;
  return { p50: at(0.5), p99: at(0.99) };
}
