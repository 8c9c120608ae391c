/** A straight line through points, as robust as a median. */
export interface Slope {
  /** Of the value, for one step. */
  perStep: number;
  /** That it rises or falls at all, 0 to 1. */
  confidence: number;
}

/**
 * Slope by Theil (1950) and Sen, "Estimates of the regression coefficient based on Kendall's tau" (1968): the median of
 * the slopes of all pairs. Confidence by the Mann-Kendall test, with its variance corrected for points that follow their
 * predecessors (Hamed and Rao, "A modified Mann-Kendall trend test for autocorrelated data", 1998).
 * @param values one for each step; steps without a value are NaN
 */
export function robustSlope(values: ArrayLike<number>): Slope {
  const at: number[] = [];
  for (let i = 0; i < values.length; i++) if (Number.isFinite(values[i])) at.push(i);
  const n = at.length;
  if (n < LEAST) return { perStep: 0, confidence: 0 };
  const slopes = new Float64Array((n * (n - 1)) / 2);
  let filled = 0;
  let rising = 0;
  for (let i = 1; i < n; i++) {
    for (let j = 0; j < i; j++) {
      const difference = values[at[i]!]! - values[at[j]!]!;
      slopes[filled++] = difference / (at[i]! - at[j]!);
      rising += Math.sign(difference);
    }
  }
  slopes.sort();
  const perStep = middle(slopes);
  const independent = (n * (n - 1) * (2 * n + 5)) / 18;
  const variance = independent * correction(at.map((i) => values[i]! - perStep * i));
  const z = (Math.abs(rising) - 1) / Math.sqrt(variance);
  return { perStep, confidence: z <= 0 ? 0 : 1 - 2 * (1 - standardNormal(z)) };
}

/** Fewer points have no trend. */
const LEAST = 8;

function middle(sorted: Float64Array): number {
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** Hamed and Rao: from the autocorrelations of the ranks of what is left when the trend is taken off. */
function correction(residuals: readonly number[]): number {
  const n = residuals.length;
  const ranks = ranksOf(residuals);
  const mean = (n + 1) / 2;
  let whole = 0;
  for (const rank of ranks) whole += (rank - mean) ** 2;
  if (whole === 0) return 1;
  let sum = 0;
  let first = 0;
  for (let lag = 1; lag <= n - 3; lag++) {
    let shared = 0;
    for (let i = lag; i < n; i++) shared += (ranks[i]! - mean) * (ranks[i - lag]! - mean);
    const correlation = shared / whole;
    if (lag === 1) first = Math.min(0.95, correlation + (1 + 4 * correlation) / n);
    // Those that may be chance are left out.
    if (Math.abs(correlation) < 1.96 / Math.sqrt(n)) continue;
    sum += (n - lag) * (n - lag - 1) * (n - lag - 2) * correlation;
  }
  // In short series the correlation comes out too small; then that of a first-order autoregression counts.
  return Math.max(1, 1 + (2 * sum) / (n * (n - 1) * (n - 2)), (1 + first) / (1 - first));
}

function ranksOf(values: readonly number[]): number[] {
  const order = values.map((value, i) => ({ value, i })).sort((a, b) => a.value - b.value);
  const ranks = new Array<number>(values.length);
  for (let from = 0; from < order.length; ) {
    let to = from;
    while (to + 1 < order.length && order[to + 1]!.value === order[from]!.value) to++;
    for (let k = from; k <= to; k++) ranks[order[k]!.i] = (from + to) / 2 + 1;
    from = to + 1;
  }
  return ranks;
}

/** Below z, by Abramowitz and Stegun 7.1.26; right to 1e-7. */
export function standardNormal(z: number): number {
  const t = 1 / (1 + 0.3275911 * (Math.abs(z) / Math.SQRT2));
  const series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const upper = (series * Math.exp((-z * z) / 2)) / 2;
  return z >= 0 ? 1 - upper : upper;
}
