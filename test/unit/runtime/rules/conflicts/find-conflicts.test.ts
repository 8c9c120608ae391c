import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Stretch } from "../../../../../models/organism-state.ts";
import type { CompleteRule, RuleAction } from "../../../../../models/rules.ts";
import { findConflicts, MOST_FOUND } from "../../../../../runtime/rules/conflicts/find-conflicts.ts";
import { condition, grid, isTrue } from "./random-conditions.ts";
import { cpu, ruleOf, when } from "./rule-of.ts";

const overload = ruleOf({ id: "overload", conditions: [when("brain.load", "greaterThan", 85)], actions: [cpu(20)] });
const idle = (value: number, more: Partial<CompleteRule> = {}) =>
  ruleOf({ id: "idle", conditions: [when("brain.load", "lessThan", value)], actions: [cpu(-20)], ...(more as object) });
const acting = (actions: RuleAction[], id = "other", load = 90) =>
  ruleOf({ id, conditions: [when("brain.load", "greaterThan", load)], actions });

describe("rules that push one target opposite ways", () => {
  test("are found where they hold at once, with values at which they do", () => {
    const [conflict, ...others] = findConflicts([overload, acting([cpu(-10, "brain-service")])]);
    expect(others).toEqual([]);
    expect(conflict).toEqual({
      kind: "opposed",
      rules: ["overload", "other"],
      target: "brain",
      lever: "cpu-share",
      example: { "brain.load": 95 },
      found: "calculated",
      why: "at brain.load 95, overload and other are active and push cpu-share of brain opposite ways",
    });
  });

  test("are no conflict where they never hold at once, and are too far from each other to set each other off", () => {
    expect(findConflicts([overload, idle(30)])).toEqual([]);
  });

  test("are no conflict on different targets or levers, or one way", () => {
    expect(findConflicts([overload, acting([cpu(-10, "heart")])])).toEqual([]);
    expect(findConflicts([overload, acting([cpu(10)])])).toEqual([]);
    const memory = { type: "adjustResourceAllocation", target: "brain", parameters: { increaseMemory: -10 } } as const;
    expect(findConflicts([overload, acting([memory])])).toEqual([]);
  });

  test("are found where one goes on by its clear value while the other begins", () => {
    const lasting = ruleOf({
      id: "lasting",
      for: 10_000,
      conditions: [when("brain.load", "greaterThan", 85, { clearValue: 20 })],
      actions: [cpu(20)],
    });
    const [conflict] = findConflicts([idle(30, { for: 30_000 }), lasting]);
    expect(conflict).toMatchObject({ kind: "opposed", rules: ["idle", "lasting"], example: { "brain.load": 25 } });
    expect(conflict!.why).toContain("once lasting has become active at brain.load 9");
    expect(findConflicts([idle(20), lasting])).toEqual([]);
  });

  test("are, with clear values, exactly those whose stretches of holding overlap", () => {
    const value = fc.integer({ min: 0, max: 10 }).map((n) => n * 10);
    fc.assert(
      fc.property(value, value, value, value, (high, down, low, up) => {
        const [highClear, lowClear] = [Math.min(high, down), Math.max(low, up)];
        const rules = [
          ruleOf({
            id: "a",
            conditions: [when("brain.load", "greaterThan", high, { clearValue: highClear })],
            actions: [cpu(1)],
          }),
          ruleOf({
            id: "b",
            conditions: [when("brain.load", "lessThan", low, { clearValue: lowClear })],
            actions: [cpu(-1)],
          }),
        ];
        // Each has to be able to begin at all; then one holds still where the other begins.
        const overlap = high < 100 && low > 0 && (highClear < low || high < lowClear);
        expect(findConflicts(rules).some(({ kind }) => kind === "opposed")).toBe(overlap);
      }),
      { numRuns: 200 },
    );
  });

  test("are found where both set it, to something else", () => {
    const flag = (value: unknown, id: string) =>
      acting([{ type: "setFlag", target: "brain", parameters: { flag: "economy", value } }], id);
    expect(findConflicts([flag(true, "a"), flag(false, "b")])).toMatchObject([{ lever: "flag:economy" }]);
    expect(findConflicts([flag("low", "a"), flag("high", "b")])).toMatchObject([{ kind: "opposed" }]);
    expect(findConflicts([flag("low", "a"), flag("low", "b")])).toEqual([]);
    const scale = (to: number, id: string) =>
      acting([{ type: "scaleSystem", target: "brain", parameters: { to } }], id);
    expect(findConflicts([scale(2, "a"), scale(3, "b")])).toMatchObject([{ lever: "instances" }]);
    expect(findConflicts([scale(2, "a"), scale(2, "b")])).toEqual([]);
  });

  test("are found within one rule", () => {
    expect(findConflicts([acting([cpu(20), cpu(-5)])])).toMatchObject([{ kind: "opposed", rules: ["other"] }]);
  });

  test("are found where one asks for a rise, and are none where one rises and the other falls", () => {
    const trend = (operator: "increasingFasterThan" | "decreasingFasterThan", by: number) =>
      ruleOf({ id: operator, for: 5000, conditions: [when("brain.load", operator, 0.5)], actions: [cpu(by)] });
    const rising = trend("increasingFasterThan", 20);
    expect(findConflicts([rising, acting([cpu(-10)])])).toMatchObject([{ kind: "opposed" }]);
    expect(findConflicts([rising, trend("decreasingFasterThan", -20)])).toEqual([]);
  });

  test("leave out disabled rules, but not those in shadow mode", () => {
    const other = acting([cpu(-10)]);
    expect(findConflicts([overload, { ...other, enabled: false }])).toEqual([]);
    expect(findConflicts([overload, { ...other, mode: "shadow" }])).toHaveLength(1);
  });

  test("are exactly those that brute force over a grid of values finds, for any conditions", () => {
    const plain = condition.filter((one) => !JSON.stringify(one).includes("clearValue"));
    let found = 0;
    fc.assert(
      fc.property(plain, plain, (one, other) => {
        const rules = [
          ruleOf({ id: "a", conditions: [one], actions: [cpu(20, "lungs")] }),
          ruleOf({ id: "b", conditions: [other], actions: [cpu(-20, "lungs")] }),
        ];
        const [conflict] = findConflicts(rules);
        const both = (point: ReadonlyMap<string, number>) =>
          isTrue(one, point) === true && isTrue(other, point) === true;
        if (conflict) {
          found += 1;
          expect(both(new Map(Object.entries(conflict.example)))).toBe(true);
        } else for (const point of grid(10)) expect(both(point)).toBe(false);
      }),
      { numRuns: 150 },
    );
    expect(found).toBeGreaterThan(40);
  });
});

describe("a rule that ends itself", () => {
  const shedding = (more: object = {}, condition: object = {}) =>
    ruleOf({
      id: "shedding",
      conditions: [when("heart.load", "greaterThan", 85, condition)],
      actions: [{ type: "shed", target: "heart", parameters: { share: 20 } }],
      ...more,
    });

  test("is found where what it holds back comes back as soon as it helps", () => {
    const [conflict] = findConflicts([shedding()]);
    expect(conflict).toMatchObject({
      kind: "undoes-itself",
      rules: ["shedding"],
      target: "heart",
      lever: "admission",
    });
    const load = conflict!.example["heart.load"]!;
    expect(load).toBeGreaterThan(85);
    expect(load * 0.99).toBeLessThanOrEqual(85);
    expect(conflict!.why).toContain("a clearValue, or a keepFor or minActive of half a minute or more, prevents that");
  });

  test("is none with a clear value, or one that stays active for a while", () => {
    expect(findConflicts([shedding({}, { clearValue: 70 })])).toEqual([]);
    expect(findConflicts([shedding({ keepFor: 60_000 })])).toEqual([]);
    expect(findConflicts([shedding({ minActive: 60_000 })])).toEqual([]);
  });

  test("is none where something else is read than what is moved, or where it is not held back", () => {
    const other = { type: "shed", target: "lungs", parameters: { share: 20 } } as const;
    expect(findConflicts([shedding({ actions: [other] })])).toEqual([]);
    expect(findConflicts([shedding({ actions: [cpu(20, "heart")] })])).toEqual([]);
    expect(findConflicts([shedding({ conditions: [when("heart.errorRate", "greaterThan", 5)] })])).toEqual([]);
  });
});

describe("rules on recorded vitals", () => {
  const stretch = (values: number[]): Stretch => ({
    step: 1000,
    columns: ["brain.load"],
    rows: values.map((value, i) => ({ at: 1_760_000_000_000 + i * 1000, values: [value] })),
  });
  const quick = { ...overload, cooldown: 1000 };
  const slow = { ...idle(30), cooldown: 1000 };

  test("are a conflict where they turned a lever round more often than is allowed at run time", () => {
    const swinging = Array.from({ length: 300 }, (_, i) => (i % 60 < 30 ? 90 : 20));
    const [conflict] = findConflicts([quick, slow], { stretch: stretch(swinging) });
    expect(conflict).toMatchObject({ kind: "opposed", rules: ["overload", "idle"], found: "recorded" });
    expect(conflict!.why).toContain("turn cpu-share of brain round 4 times within ten minutes, first at 2025-10-09T");
    expect(conflict!.example).toEqual({ "brain.load": 20 });
  });

  test("are none where each had its time", () => {
    const once = Array.from({ length: 300 }, (_, i) => (i < 150 ? 90 : 20));
    expect(findConflicts([quick, slow], { stretch: stretch(once) })).toEqual([]);
  });
});

describe("a search among many rules", () => {
  test("has no false alarm on sets as people write them", () => {
    const systems = ["brain", "heart", "lungs", "stomach", "muscles", "immune", "nervous"];
    const rules = systems.flatMap((system) => [
      ruleOf({
        id: `${system}-grow`,
        for: 10_000,
        conditions: [when(`${system}.load`, "greaterThan", 85, { clearValue: 70 })],
        actions: [cpu(20, system)],
      }),
      ruleOf({
        id: `${system}-shrink`,
        for: 300_000,
        conditions: [when(`${system}.load`, "lessThan", 20), when(`${system}.queueDepth`, "lessOrEqual", 0)],
        actions: [cpu(-10, system)],
      }),
      ruleOf({
        id: `${system}-shed`,
        conditions: [
          when(`${system}.queueDepth`, "greaterThan", 100, { clearValue: 20 }),
          when(`${system}.saturation`, "greaterThan", 95, { clearValue: 80 }),
        ],
        actions: [{ type: "shed", target: system, parameters: { share: 20 } }],
      }),
      ruleOf({
        id: `${system}-scale`,
        for: 60_000,
        conditions: [when(`${system}.load`, "greaterThan", 90), when(`${system}.latencyP95`, "greaterThan", 500)],
        actions: [{ type: "scaleSystem", target: system, parameters: { by: 1 } }],
      }),
      ruleOf({
        id: `${system}-heal`,
        conditions: [when(`${system}.errorRate`, "greaterThan", 20)],
        actions: [{ type: "alert", target: system, parameters: { severity: "critical" } }],
      }),
    ]);
    expect(findConflicts(rules)).toEqual([]);
  });

  test("stays short for thousands of them, whether they fight or not", () => {
    const many = (low: number) =>
      Array.from({ length: 2000 }, (_, i) => {
        const isUp = i % 2 === 0;
        const conditions = [when("brain.load", isUp ? "greaterThan" : "lessThan", isUp ? 85 + (i % 10) : low)];
        return ruleOf({ id: `rule-${i}`, conditions, actions: [cpu(isUp ? 20 : -20)] });
      });
    // Its own work: what else the machine has to do is not counted.
    const begin = process.cpuUsage();
    let told = 0;
    const incomplete = () => {
      told += 1;
    };
    expect(findConflicts(many(20), { incomplete })).toEqual([]);
    expect(told).toBe(1);
    expect(findConflicts(many(20).slice(0, 50), { incomplete })).toEqual([]);
    expect(told).toBe(1);
    expect(findConflicts(many(75)).length).toBeLessThanOrEqual(MOST_FOUND);
    expect(findConflicts(many(99))).toHaveLength(MOST_FOUND);
    const { user, system } = process.cpuUsage(begin);
    expect((user + system) / 1000).toBeLessThan(20_000);
  });
});
