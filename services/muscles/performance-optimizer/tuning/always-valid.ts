/** What is known of a difference. `low` to `high` holds it at every look, all together, with the certainty asked for. */
export interface Difference {
  by: number;
  low: number;
  high: number;
  /** That it is not nothing, 0 to 1. */
  confidence: number;
}

/**
 * A difference that may be looked at as often as one likes, and stopped at when it pleases: mixture sequential
 * probability ratio test with a normal mixture (Robbins, "Statistical methods related to the law of the iterated
 * logarithm", 1970; Johari, Pekelis and Walsh, "Always valid inference", 2015). Differences of two means have independent
 * increments in information time (Scharfstein, Tsiatis and Robins, 1997), so that one side may have ended long ago.
 *
 * @param variance of the difference
 * @param spread how large differences may be expected to be (standard deviation); one of this size is seen soonest
 * @param alpha how often something is found where nothing is
 */
export function always(by: number, variance: number, spread: number, alpha: number): Difference {
  const expected = spread ** 2;
  const both = variance + expected;
  const logRatio = (expected * by ** 2) / (2 * variance * both) + Math.log(variance / both) / 2;
  const half = Math.sqrt(((variance * both) / expected) * (2 * Math.log(1 / alpha) + Math.log(both / variance)));
  return { by, low: by - half, high: by + half, confidence: 1 - Math.min(1, Math.exp(-logRatio)) };
}
