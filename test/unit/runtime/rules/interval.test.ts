import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type Interval, intervalOf, thresholdOf } from "../../../../runtime/rules/interval.ts";

/** As bounds of rules are: finite. */
const number = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e300, max: 1e300 });
/** Numbers that are equal, next to each other, or far apart. */
const pair = fc.oneof(
  fc.tuple(number, number),
  number.map((x): [number, number] => [x, x]),
  number.map((x): [number, number] => [x, x * (1 + Number.EPSILON)]),
  fc.constantFrom<[number, number]>([0, -0], [0, Number.MIN_VALUE], [-Number.MIN_VALUE, 0]),
);
const holds = ({ low, high, negated }: Interval, x: number) => (x >= low && x <= high) !== negated;

describe("an operator as an interval", () => {
  test.each([
    ["greaterThan", (x: number, y: number) => x > y],
    ["greaterOrEqual", (x: number, y: number) => x >= y],
    ["lessThan", (x: number, y: number) => x < y],
    ["lessOrEqual", (x: number, y: number) => x <= y],
    ["equals", (x: number, y: number) => x === y],
    ["notEquals", (x: number, y: number) => x !== y],
    ["increasingFasterThan", (x: number, y: number) => x > y],
    ["decreasingFasterThan", (x: number, y: number) => -x > y],
  ] as const)("%s holds for the same numbers, to the last bit", (operator, compare) => {
    fc.assert(
      fc.property(pair, ([x, y]) => {
        expect(holds(intervalOf({ operator, value: y }), x)).toBe(compare(x, y));
        expect(holds(intervalOf({ operator, value: y }), -x)).toBe(compare(-x, y));
      }),
      { numRuns: 300 },
    );
  });

  test("has one threshold where it has one end, and is one thing on each side of it", () => {
    for (const operator of ["greaterThan", "greaterOrEqual", "lessThan", "lessOrEqual"] as const) {
      fc.assert(
        fc.property(pair, ([x, y]) => {
          const interval = intervalOf({ operator, value: y });
          expect(holds(interval, x)).toBe(x >= thresholdOf(interval)! === operator.startsWith("greater"));
        }),
      );
    }
    expect(thresholdOf(intervalOf({ operator: "between", value: [1, 2] }))).toBeUndefined();
  });
});
