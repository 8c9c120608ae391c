import type { Comparison } from "../../models/rules.ts";

/**
 * Every comparison is one test: the value lies inside `[low, high]`, or (where negated) it does not. `x > 85` is
 * `[the number after 85, Infinity]`, which holds for the same numbers. So the evaluator's loop needs no operator at all.
 */
export interface Interval {
  low: number;
  high: number;
  negated: boolean;
}

/** What `value` is compared with: a number for most, the distance 0 where the value is another metric. */
export function intervalOf({ operator, value }: Pick<Comparison, "operator" | "value">): Interval {
  const [first, second] = Array.isArray(value) ? value : [typeof value === "number" ? value : 0, 0];
  const inside = (low: number, high: number) => ({ low, high, negated: false });
  switch (operator) {
    case "greaterThan":
    case "increasingFasterThan":
      return inside(after(first), Number.POSITIVE_INFINITY);
    case "greaterOrEqual":
      return inside(first, Number.POSITIVE_INFINITY);
    case "lessThan":
      return inside(Number.NEGATIVE_INFINITY, before(first));
    case "decreasingFasterThan":
      return inside(Number.NEGATIVE_INFINITY, before(-first));
    case "lessOrEqual":
      return inside(Number.NEGATIVE_INFINITY, first);
    case "equals":
      return inside(first, first);
    case "notEquals":
      return { ...inside(first, first), negated: true };
    case "between":
      return inside(first, second);
    case "outside":
      return { ...inside(first, second), negated: true };
  }
}

/**
 * Where the interval begins or ends in only one place, the first number of the part above it: below it and above it the
 * comparison is one thing each. undefined where there are two such places.
 */
export function thresholdOf({ low, high }: Interval): number | undefined {
  if (high === Number.POSITIVE_INFINITY) return low;
  return low === Number.NEGATIVE_INFINITY ? after(high) : undefined;
}

/** Where it goes on holding once it holds: that of the clear value, else the same. */
export function clearIntervalOf({ operator, value, clearValue }: Comparison): Interval {
  return intervalOf({ operator, value: clearValue ?? value });
}

const bits = new BigInt64Array(1);
const number = new Float64Array(bits.buffer);

/** The next double above; of doubles of one sign, the order is that of their bits. */
export function after(x: number): number {
  if (x === 0) return Number.MIN_VALUE;
  number[0] = x;
  bits[0]! += x > 0 ? 1n : -1n;
  return number[0]!;
}

/** The next double below. */
export function before(x: number): number {
  return -after(-x);
}
