import type { Truth } from "../../models/rule-results.ts";

/** Ordered as numbers, so that `all` is the least of its parts and `any` the greatest. */
export const FALSE = 0;
export const UNKNOWN = 1;
export const TRUE = 2;

/** By its number. */
export const TRUTHS = ["false", "unknown", "true"] as const satisfies readonly Truth[];

/**
 * What a part weighs in a group that wants all of them true: nothing where it is, 1 where that is not known, and more than
 * all unknown ones together where it is false. So the sum of a group tells its truth, and a part that turns changes the sum
 * by the difference.
 */
export const WEIGHT_TRUE = 0;
export const WEIGHT_UNKNOWN = 1;
export const WEIGHT_FALSE = 1 << 16;

/** Truth of a group by the sum of its parts' weights; without a branch, since it would be guessed wrong half of the time. */
export function truthOfSum(sum: number): number {
  return ((sum - WEIGHT_FALSE) >>> 31) + ((sum - 1) >>> 31);
}

/** What this truth, or (`turned`) its opposite, weighs in the group around. */
export function weightOf(truth: number, turned: boolean): number {
  if (truth === UNKNOWN) return WEIGHT_UNKNOWN;
  return (truth === TRUE) === turned ? WEIGHT_FALSE : WEIGHT_TRUE;
}
