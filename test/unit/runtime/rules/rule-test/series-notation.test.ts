import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { MOST_VALUES, parseSeries } from "../../../../../runtime/rules/rule-test/series-notation.ts";
import { parseTime, timeNotation } from "../../../../../runtime/rules/rule-test/time-notation.ts";

describe("the compact notation of a series", () => {
  test.each([
    ["5", [5]],
    ["5x3", [5, 5, 5, 5]],
    ["10+5x3", [10, 15, 20, 25]],
    ["10-5x3", [10, 5, 0, -5]],
    ["_", [null]],
    ["_x3 1", [null, null, null, 1]],
    ["1 2\n 3x0", [1, 2, 3]],
    ["-2+1x2", [-2, -1, 0]],
    [".5e1 -1.5", [5, -1.5]],
    ["0+0.1x3", [0, 0.1, 0.2, 0.3]],
    ["", []],
  ])("%p is what promtool makes of it", (text, values) => {
    expect(parseSeries(text)).toEqual(values);
  });

  test.each(["five", "5x", "5+x3", "x3", "5x-1", "_x", "5x1.5", "--5", "stale"])(
    "%p is refused with what is allowed",
    (text) => {
      expect(() => parseSeries(`1 ${text} 2`)).toThrow(`"${text}" is no value; allowed are 5, 5x3, 10+5x3`);
    },
  );

  test("is bounded, before anything is built", () => {
    expect(parseSeries(`1x${MOST_VALUES - 1}`)).toHaveLength(MOST_VALUES);
    expect(() => parseSeries("1x999999999999")).toThrow(`longer than ${MOST_VALUES} values`);
    expect(() => parseSeries("1e999")).toThrow("too large");
  });

  test("gives back any values that were written one by one", () => {
    const values = fc.array(fc.option(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 })));
    fc.assert(
      fc.property(values, (all) => {
        const text = all.map((value) => (value === null ? "_" : String(value))).join(" ");
        const read = parseSeries(text);
        expect(read).toHaveLength(all.length);
        for (const [i, value] of all.entries()) {
          if (value === null) expect(read[i]).toBeNull();
          else expect(read[i]).toBeCloseTo(value, 5);
        }
      }),
    );
  });
});

describe("the notation of a time", () => {
  test.each([
    ["90s", 90_000],
    ["1m30s", 90_000],
    ["250ms", 250],
    ["1h", 3_600_000],
    ["1.5s", 1500],
    [4000, 4000],
    ["1d", 86_400_000],
  ])("%p is %p ms", (text, ms) => {
    expect(parseTime(text)).toBe(ms);
  });

  test.each(["", "90", "s", "-1s", -1, Number.NaN, null, "1 s", "1s!", {}])("%p is none", (text) => {
    expect(parseTime(text)).toBeUndefined();
  });

  test("is read as it was written", () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 1e8 }), (ms) => expect(parseTime(timeNotation(ms))).toBe(ms)));
  });
});
