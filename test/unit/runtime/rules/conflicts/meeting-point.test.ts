import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Comparison } from "../../../../../models/rules.ts";
import { meetingPoint } from "../../../../../runtime/rules/conflicts/meeting-point.ts";
import { condition, grid, isTrue } from "./random-conditions.ts";

const load = (operator: Comparison["operator"], value: Comparison["value"], more = {}): Comparison => ({
  system: "brain",
  metric: "load",
  operator,
  value,
  ...more,
});

describe("the values at which rules hold at once", () => {
  test("are found in the overlap of two bounds, as round numbers", () => {
    const found = meetingPoint([{ conditions: [load("greaterThan", 60)] }, { conditions: [load("lessThan", 85)] }]);
    expect(found).toEqual(new Map([["brain.load", 70]]));
  });

  test("are not there where bounds only touch", () => {
    const goals = (one: Comparison, other: Comparison) => [{ conditions: [one] }, { conditions: [other] }];
    expect(meetingPoint(goals(load("greaterThan", 60), load("lessOrEqual", 60)))).toBeUndefined();
    expect(meetingPoint(goals(load("greaterOrEqual", 60), load("lessOrEqual", 60)))).toEqual(
      new Map([["brain.load", 60]]),
    );
    expect(meetingPoint(goals(load("greaterOrEqual", 60), load("between", [10, 59.9])))).toBeUndefined();
  });

  test("lie where the metric can lie", () => {
    expect(meetingPoint([{ conditions: [load("greaterThan", 100)] }])).toBeUndefined();
    const own: Comparison = { system: "heart", metric: "shop.orders", operator: "greaterThan", value: 1e9 };
    expect(meetingPoint([{ conditions: [own] }])?.get("heart.shop.orders")).toBeGreaterThan(1e9);
    // There are 100 points in all, and a rate is known after 30 of the 60 s: 3.3 a second.
    expect(meetingPoint([{ conditions: [load("increasingFasterThan", 3.3)] }])).toBeDefined();
    expect(meetingPoint([{ conditions: [load("increasingFasterThan", 3.4)] }])).toBeUndefined();
  });

  test("are not there for a rise and a fall of one metric over one stretch", () => {
    const rising = { conditions: [load("increasingFasterThan", 0)] };
    expect(meetingPoint([rising, { conditions: [load("decreasingFasterThan", 0)] }])).toBeUndefined();
    expect(meetingPoint([rising, { conditions: [load("decreasingFasterThan", 0, { over: 5000 })] }])).toBeDefined();
  });

  test("are not there where one metric would be above another that it is part of", () => {
    const of = (metric: string, operator: Comparison["operator"], value: number) => ({
      conditions: [{ system: "brain", metric, operator, value } as const],
    });
    expect(meetingPoint([of("cpu", "greaterThan", 80), of("load", "lessThan", 30)])).toBeUndefined();
    expect(meetingPoint([of("cpu", "lessThan", 30), of("load", "greaterThan", 80)])).toBeDefined();
    expect(meetingPoint([of("latencyP50", "greaterThan", 80), of("latencyP95", "lessOrEqual", 80)])).toBeUndefined();
    expect(meetingPoint([of("latencyP50", "greaterOrEqual", 80), of("latencyP95", "lessOrEqual", 80)])).toBeDefined();
  });

  test("follow chains of comparisons between metrics", () => {
    const twice = (metric: string, other: string): Comparison => ({
      system: "heart",
      metric,
      operator: "greaterThan",
      value: { system: "heart", metric: other, times: 2 },
    });
    const chain = [twice("queueDepth", "concurrency"), twice("concurrency", "requestRate")];
    const least = { system: "heart", metric: "requestRate", operator: "greaterThan", value: 10 } as const;
    const most = (value: number) => ({ system: "heart", metric: "queueDepth", operator: "lessThan", value }) as const;
    expect(meetingPoint([{ conditions: [...chain, least, most(40)] }])).toBeUndefined();
    const found = meetingPoint([{ conditions: [...chain, least, most(60)] }])!;
    for (const one of [...chain, least, most(60)]) expect(isTrue(one, found)).toBe(true);
  });

  test("reach to the clear value of a rule that held before, and beyond it for one that is to end", () => {
    const conditions = [load("greaterThan", 85, { clearValue: 70 })];
    const low = { conditions: [load("lessThan", 75)] };
    expect(meetingPoint([{ conditions }, low])).toBeUndefined();
    expect(meetingPoint([{ conditions, reach: "holds" }, low])?.get("brain.load")).toBeGreaterThan(70);
    const end = meetingPoint([{ conditions, wanted: false }]);
    expect(end?.get("brain.load")).toBeLessThanOrEqual(70);
  });

  test("are those that brute force over a grid finds, for any conditions", () => {
    let found = 0;
    fc.assert(
      fc.property(fc.array(condition, { minLength: 1, maxLength: 4 }), (conditions) => {
        const point = meetingPoint(conditions.map((one) => ({ conditions: [one] })));
        if (point) {
          found += 1;
          for (const one of conditions)
            expect({ one, point, truth: isTrue(one, point) }).toMatchObject({ truth: true });
        } else for (const one of grid(10)) expect(conditions.every((each) => isTrue(each, one) === true)).toBe(false);
      }),
      { numRuns: 200 },
    );
    expect(found).toBeGreaterThan(30);
  });

  test("of what is to end are those at which brute force finds it false", () => {
    fc.assert(
      fc.property(condition, condition, (one, other) => {
        const goals = [{ conditions: [one, other], wanted: false }];
        const plain = JSON.stringify([one, other]).includes("clearValue");
        const point = plain ? undefined : meetingPoint(goals);
        if (plain) return;
        if (point) expect(isTrue({ all: [one, other] }, point)).toBe(false);
        else for (const at of grid(10)) expect(isTrue({ all: [one, other] }, at)).not.toBe(false);
      }),
      { numRuns: 500 },
    );
  });
});
