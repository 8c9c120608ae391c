import { METRICS, ORGANISM_METRICS } from "../../../../models/metrics.ts";

export type Verdict = "better" | "no change" | "worse" | "unknown";

export interface Judgement {
  verdict: Verdict;
  /** Means of the known values; null where there were none. */
  before: number | null;
  after: number | null;
  why: string;
}

/** Values of which a mean is believed. */
export const LEAST_VALUES = 3;
/** Change that is none, as a share of the value before. */
const LEAST_SHARE = 0.05;
/** Change that is none in any case, by the unit of the metric. */
const LEAST_CHANGE: Record<string, number> = { "%": 2, ms: 2, calls: 1, "calls/s": 1, points: 1, "": 0.02 };
/** Rise of what comes in, above which a metric that became worse says nothing about the action. */
const MORE_TO_DO = 0.2;

/**
 * What became of a metric: better or worse only where the means differ by more than their own scatter (two standard errors
 * of the difference), and by more than anybody would notice.
 * @param way 1 where more is better, -1 where less is
 * @param demand calls a second before and after, where they are known
 */
export function judge(
  metric: string,
  before: readonly number[],
  after: readonly number[],
  way: 1 | -1,
  demand?: { before: readonly number[]; after: readonly number[] },
): Judgement {
  const [b, a] = [mean(before), mean(after)];
  const means = { before: rounded(b), after: rounded(a) };
  if (before.length < LEAST_VALUES || after.length < LEAST_VALUES)
    return {
      verdict: "unknown",
      ...means,
      why: `${before.length < LEAST_VALUES ? "before" : "after"} it too little was known of ${metric}`,
    };
  const unit = unitOf(metric);
  const noise = 2 * Math.sqrt(variance(before, b) / before.length + variance(after, a) / after.length);
  const least = Math.max(noise, Math.abs(b) * LEAST_SHARE, LEAST_CHANGE[unit] ?? 0);
  const gain = (a - b) * way;
  const moved = `${metric} went from ${rounded(b)} to ${rounded(a)}${unit && ` ${unit}`}`;
  if (Math.abs(gain) <= least)
    return { verdict: "no change", ...means, why: `${moved}, which is within ${rounded(least)}` };
  if (gain > 0) return { verdict: "better", ...means, why: moved };
  const came = demand && mean(demand.after) / mean(demand.before) - 1;
  if (came !== undefined && came > MORE_TO_DO)
    return { verdict: "unknown", ...means, why: `${moved}, but ${Math.round(came * 100)} % more calls came meanwhile` };
  return { verdict: "worse", ...means, why: moved };
}

/** Which way is better: by what the table says, else less. */
export function wayOf(metric: string): 1 | -1 {
  return tableOf(metric)?.bad === "low" ? 1 : -1;
}

const tableOf = (metric: string) =>
  ({ ...METRICS, ...ORGANISM_METRICS })[metric.slice(metric.indexOf(".") + 1) as keyof typeof METRICS] as
    | { unit: string; bad: string }
    | undefined;
const unitOf = (metric: string) => tableOf(metric)?.unit ?? "";
const mean = (values: readonly number[]) => values.reduce((sum, one) => sum + one, 0) / values.length;
const variance = (values: readonly number[], m: number) =>
  values.length < 2 ? 0 : values.reduce((sum, one) => sum + (one - m) ** 2, 0) / (values.length - 1);
const rounded = (value: number) => (Number.isFinite(value) ? Math.round(value * 100) / 100 : null);
