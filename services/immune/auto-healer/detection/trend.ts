export interface Point {
  /** ms */
  at: number;
  value: number;
}

/** Where a robust line runs through the points: `slope` per ms, `value` at the last point. */
export interface Trend {
  slope: number;
  value: number;
  /** Share of the steps from point to point that go up. */
  rising: number;
}

const MOST_POINTS = 60;

/**
 * Theil-Sen estimator (Theil 1950, Sen 1968): the median of the slopes of all pairs. Up to 29 % of the points may be
 * anything without moving it far.
 */
export function trendOf(points: readonly Point[]): Trend | undefined {
  if (points.length < 3) return undefined;
  const few = thinned(points);
  const slopes: number[] = [];
  for (let i = 0; i < few.length; i++) {
    for (let j = i + 1; j < few.length; j++) {
      if (few[j]!.at > few[i]!.at) slopes.push((few[j]!.value - few[i]!.value) / (few[j]!.at - few[i]!.at));
    }
  }
  if (slopes.length === 0) return undefined;
  const slope = median(slopes);
  const last = few.at(-1)!.at;
  const steps = few.slice(1).filter((point, i) => point.value > few[i]!.value).length;
  return {
    slope,
    value: median(few.map(({ at, value }) => value + slope * (last - at))),
    rising: steps / (few.length - 1),
  };
}

/** Pairs grow with the square, so long series are thinned out evenly, the last point kept. */
function thinned(points: readonly Point[]): readonly Point[] {
  if (points.length <= MOST_POINTS) return points;
  const stride = Math.ceil(points.length / MOST_POINTS);
  return points.filter((_, i) => (points.length - 1 - i) % stride === 0);
}

export function median(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN;
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
