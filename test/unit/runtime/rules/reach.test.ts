import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Comparison, CompleteRule, Condition } from "../../../../models/rules.ts";
import { checkRules } from "../../../../runtime/rules/check-rules.ts";
import { meetingPoint } from "../../../../runtime/rules/conflicts/meeting-point.ts";
import { canBe, contradiction, placedComparisons } from "../../../../runtime/rules/reach.ts";
import { naiveFirings } from "../../../support/naive-rules.ts";
import { anyRules, rows } from "../../../support/random-rules.ts";
import { condition, grid, isTrue } from "./conflicts/random-conditions.ts";
import { when } from "./conflicts/rule-of.ts";

const actions = [{ type: "alert", target: "organism" }];
const faultsOf = (...conditions: unknown[]) =>
  checkRules({ id: "a", conditions, actions }).faults.map(({ path, detail }) => ({ path, detail }));
const load = (operator: Comparison["operator"], value: Comparison["value"], more = {}) =>
  when("brain.load", operator, value, more);
const own = (operator: Comparison["operator"], value: Comparison["value"]) => when("heart.till.sales", operator, value);

describe("a comparison that nothing can make hold", () => {
  test.each([
    [load("greaterThan", 100), "brain.load is greater than 100 %: it lies from 0 to 100 %"],
    [load("lessThan", 0), "brain.load is less than 0 %: it lies from 0 to 100 %"],
    [load("outside", [0, 100]), "brain.load is outside of 0 and 100 %: it lies from 0 to 100 %"],
    [when("organism.confidence", "greaterThan", 1), "organism.confidence is greater than 1: it lies from 0 to 1"],
    [
      load("increasingFasterThan", 4),
      "brain.load is rising faster than 4 % a second over 1 min: it changes by at most 3.333 % a second over 1 min",
    ],
    // It begins to hold above 100, whatever it then holds up to.
    [load("greaterThan", 100, { clearValue: 50 }), "brain.load is greater than 100 %: it lies from 0 to 100 %"],
  ])("is a fault of its own, with what the metric can be: %j", (comparison, told) => {
    const [fault, ...others] = faultsOf(comparison);
    expect(others).toEqual([]);
    expect(fault!.path).toBe("conditions[0].value");
    expect(fault!.detail).toContain(`it never comes about that ${told}`);
  });

  test("is told wherever it stands, beside other faults", () => {
    const { faults } = checkRules({
      id: "a",
      conditions: [{ any: [load("greaterThan", 50), load("lessThan", 0)] }],
      actions: [{ type: "heel", target: "brain" }],
    });
    expect(faults.map(({ path }) => path)).toEqual(["conditions[0].any[1].value", "actions[0].type"]);
  });

  test("is under a not what can never be otherwise", () => {
    expect(faultsOf({ not: load("greaterOrEqual", 0) })).toEqual([
      {
        path: "conditions[0].not.value",
        detail:
          "conditions[0].not.value is 0, but it is always so that brain.load is at least 0 %: it lies from 0 to 100 %",
      },
    ]);
    // True as soon as the load is known.
    expect(faultsOf({ not: load("greaterThan", 100) })).toEqual([]);
    expect(faultsOf(load("greaterOrEqual", 0))).toEqual([]);
  });

  test.each([
    [load("greaterOrEqual", 100)],
    [load("greaterThan", 99.999)],
    [load("notEquals", 0)],
    [own("greaterThan", 1e12)],
    [own("lessThan", -1e12)],
    [when("heart.till.sales", "increasingFasterThan", 1e12)],
    [load("increasingFasterThan", 3.3)],
    [load("increasingFasterThan", 0, { clearValue: 0 })],
    [load("greaterThan", { system: "brain", metric: "load", times: 2 })],
  ])("is not one that is only unlikely: %j", (comparison) => {
    expect(faultsOf(comparison)).toEqual([]);
  });
});

describe("comparisons that rule each other out", () => {
  test("are named, and no others", () => {
    const queue = when("brain.queueDepth", "greaterThan", 3);
    expect(faultsOf(queue, load("lessThan", 50), { any: [queue, queue] }, load("greaterThan", 60))).toEqual([
      {
        path: "conditions",
        detail:
          "conditions can never hold all: conditions[1] (brain.load is less than 50 %) and conditions[3] (brain.load is greater than 60 %) rule each other out",
      },
    ]);
  });

  test("are found inside of groups and under not", () => {
    const conditions = [
      { any: [load("lessThan", 20), load("between", [30, 40])] },
      { not: { any: [load("lessThan", 25), load("lessOrEqual", 40)] } },
    ];
    const [fault] = faultsOf(...conditions);
    expect(fault?.detail).toMatch(
      /conditions\[0\]\.any\[0\].*conditions\[0\]\.any\[1\].*not\.any\[1\] \(not: brain\.load/,
    );
  });

  test("are not those that meet in a single number, or in none that anybody would name", () => {
    expect(faultsOf(load("greaterOrEqual", 50), load("lessOrEqual", 50))).toEqual([]);
    expect(faultsOf(load("greaterThan", 50), load("lessThan", 50.000000001))).toEqual([]);
    expect(faultsOf(own("greaterThan", 1_700_000_000), own("lessThan", 1_700_000_001))).toEqual([]);
    expect(faultsOf(load("greaterThan", 50), load("lessOrEqual", 50))).toHaveLength(1);
  });

  test("are not those of which one goes on holding up to its clear value", () => {
    expect(faultsOf(load("greaterThan", 85, { clearValue: 70 }), load("lessThan", 75))).toEqual([]);
    expect(faultsOf(load("greaterThan", 85, { clearValue: 80 }), load("lessThan", 75))).toHaveLength(1);
  });

  test("are not a value and a rate, nor rates over different times", () => {
    expect(faultsOf(load("lessThan", 5), load("increasingFasterThan", 1))).toEqual([]);
    expect(faultsOf(load("decreasingFasterThan", 0), load("increasingFasterThan", 0, { over: 5000 }))).toEqual([]);
    expect(faultsOf(load("decreasingFasterThan", 0), load("increasingFasterThan", 0))).toHaveLength(1);
  });

  test("are nothing that is said where there are too many ways to try", () => {
    const ways = (i: number) => ({ any: [when(`heart.a.b${i}`, "equals", 1), when(`heart.a.b${i}`, "equals", 2)] });
    const late = {
      any: [
        { all: [load("lessThan", 5), load("greaterThan", 6)] },
        { all: [load("lessThan", 7), load("greaterThan", 8)] },
      ],
    };
    const many = Array.from({ length: 40 }, (_, i) => ways(i));
    expect(faultsOf(...many, late)).toEqual([]);
    expect(faultsOf(...many.slice(0, 3), late)).toHaveLength(1);
  });
});

const isFaulty = (conditions: readonly Condition[]) =>
  !placedComparisons(conditions).every(canBe) || contradiction(conditions).length > 0;
const conditions = fc.array(condition, { minLength: 1, maxLength: 4 });
/** What `grid` and `isTrue` can weigh completely: they have no memory, and points between the bounds of single metrics only. */
const isPlain = (list: readonly Condition[]) =>
  placedComparisons(list).every(
    ({ comparison: { value, clearValue } }) =>
      clearValue === undefined && (typeof value !== "object" || Array.isArray(value)),
  );
const GRID = [...grid(10)];
const isEverTrue = (list: readonly Condition[]) =>
  GRID.some((point) => list.every((one) => isTrue(one, point) === true));

describe("beside brute force", () => {
  test("what is said never to hold does not hold at any point of a grid", () => {
    let found = 0;
    fc.assert(
      fc.property(conditions, (list) => {
        if (contradiction(list).length === 0) return;
        found += 1;
        expect(isEverTrue(list)).toBe(false);
      }),
      { numRuns: 300 },
    );
    expect(found).toBeGreaterThan(20);
  });

  test("what rules that fight are tried with is never said not to come about", () => {
    fc.assert(
      fc.property(conditions, (list) => {
        if (meetingPoint([{ conditions: list, reach: "holds" }])) expect(contradiction(list)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test("what holds at no point of a grid is found, where it is asked of single metrics", () => {
    fc.assert(
      fc.property(conditions, (list) => {
        if (isPlain(list) && !isEverTrue(list)) expect(isFaulty(list)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  test("those that are named rule each other out by themselves, and none is too many", () => {
    fc.assert(
      fc.property(
        fc.array(
          condition.filter((one) => "operator" in one),
          { minLength: 2, maxLength: 6 },
        ),
        (list) => {
          const named = contradiction(list).map(({ comparison }) => comparison);
          if (named.length === 0) return;
          expect(isEverTrue(named)).toBe(false);
          for (const one of named) expect(contradiction(named.filter((other) => other !== one))).toEqual([]);
        },
      ),
      { numRuns: 500 },
    );
  });

  test("a rule that is said never to hold does not fire, whatever was before: clear values, rates and times too", () => {
    let found = 0;
    fc.assert(
      fc.property(anyRules, rows, (list, series) => {
        const faulty = list.filter(({ conditions: all }) => contradiction(all as Condition[]).length > 0);
        if (faulty.length === 0) return;
        found += 1;
        const complete = faulty.map((rule) => ({ ...rule, name: rule.id, enabled: true, mode: "on", expires: null }));
        const moments = naiveFirings(complete as unknown as CompleteRule[], series);
        expect(moments.flatMap(({ fired }) => fired)).toEqual([]);
      }),
      { numRuns: 1000 },
    );
    expect(found).toBeGreaterThan(50);
  });
});
