import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { checkRules } from "../../../../runtime/rules/check-rules.ts";
import { rules as randomRules } from "../../../support/random-rules.ts";

const KNOWN = { own: ["heart.user-management.signups"], targets: ["azora-auth", "user-management"] };
const comparison = { system: "brain", metric: "load", operator: "greaterThan", value: 85 };
const rule = {
  id: "custom-brain-protection",
  conditions: [comparison],
  actions: [
    {
      type: "adjustResourceAllocation",
      target: "brain-service",
      parameters: { increaseCpu: 20, increaseMemory: 15 },
    },
  ],
};
const faultsOf = (changes: object, known = KNOWN) => checkRules({ ...rule, ...changes }, known).faults;
const detail = (changes: object) => faultsOf(changes).map(({ detail }) => detail);
const withComparison = (changes: object) => detail({ conditions: [{ ...comparison, ...changes }] });
const withAction = (action: object) => detail({ actions: [action] });

describe("a rule that is right", () => {
  test("is given its defaults", () => {
    expect(checkRules(rule, KNOWN)).toEqual({
      faults: [],
      warnings: [],
      rules: [
        {
          ...rule,
          name: "custom-brain-protection",
          priority: 500,
          cooldown: 60_000,
          enabled: true,
          for: 0,
          keepFor: 0,
          minActive: 0,
          mode: "on",
          expires: null,
        },
      ],
    });
  });

  test("comes alone, in a list, or in {rules}", () => {
    for (const input of [rule, [rule], { rules: [rule] }]) expect(checkRules(input, KNOWN).rules).toHaveLength(1);
  });

  test("stays the same when it is checked again", () => {
    fc.assert(
      fc.property(randomRules, (input) => {
        const once = checkRules(input);
        expect(once.faults).toEqual([]);
        expect(checkRules(JSON.parse(JSON.stringify(once.rules)))).toEqual(once);
      }),
    );
  });

  test("may say its priority in a word", () => {
    expect(checkRules({ ...rule, priority: "high" }, KNOWN).rules[0]!.priority).toBe(700);
  });

  test("may ask for an own metric that no service has published yet", () => {
    expect(withComparison({ system: "heart", metric: "azora-auth.logins", value: 3 })).toEqual([]);
  });

  test("may act on a node, which comes and goes, and on any name while services are not known", () => {
    const heal = { type: "heal", target: "brain-2@other" };
    expect(withAction(heal)).toEqual([]);
    const unknown = { own: [], targets: [] };
    expect(faultsOf({ actions: [{ type: "heal", target: "who-knows" }] }, unknown)).toEqual([]);
  });
});

describe("an own metric that nobody publishes", () => {
  const published = ["heart.till.sales", "heart.till.refunds", "lungs.post.letters"];
  const warningsOf = (system: string, metric: string, own: readonly string[] = published) =>
    checkRules({ ...rule, conditions: [{ ...comparison, system, metric }] }, { own, targets: [] });

  test.each([
    ["heart", "tilll.sales", "heart.till.sales"],
    ["heart", "till.sale", "heart.till.sales"],
    ["heart", "Till.Sales", "heart.till.sales"],
    ["brain", "till.sales", "heart.till.sales"],
    ["lungs", "till.refnds", "heart.till.refunds"],
  ])("is a warning and no fault where one with a near name is published: %s.%s", (system, metric, meant) => {
    const { rules, faults, warnings } = warningsOf(system, metric);
    expect(rules).toHaveLength(1);
    expect(faults).toEqual([]);
    expect(warnings).toEqual([
      {
        rule: rule.id,
        path: "conditions[0].metric",
        detail: `conditions[0].metric is "${metric}", which nobody in ${system} publishes; did you mean ${meant}?`,
      },
    ]);
  });

  test.each([
    ["heart", "till.sales"],
    ["heart", "till.visitors"],
    ["heart", "post.letters2024"],
    ["heart", "bank.sales"],
  ])("is left alone where it is published, or nothing is near: %s.%s", (system, metric) => {
    expect(warningsOf(system, metric).warnings).toEqual([]);
    expect(warningsOf(system, metric, []).warnings).toEqual([]);
  });

  test("is told of also where it is watched, and beside faults", () => {
    const actions = [{ type: "clearCache", target: "brain", parameters: { watch: "heart.till.sals", tga: "x" } }];
    const { faults, warnings } = checkRules({ ...rule, actions }, { own: published, targets: [] });
    expect(faults).toHaveLength(1);
    expect(warnings.map(({ path }) => path)).toEqual(["actions[0].parameters.watch"]);
  });

  test("is looked up for twenty names of one list at most, since each is compared with all that are published", () => {
    const misspelt = Array.from({ length: 50 }, (_, i) => ({
      ...comparison,
      system: "heart",
      metric: `tilll.sales${i % 25}`,
    }));
    const own = Array.from({ length: 25 }, (_, i) => `heart.till.sales${i}`);
    const { warnings } = checkRules({ ...rule, conditions: misspelt }, { own, targets: [] });
    expect(new Set(warnings.map(({ detail }) => detail.replace(/.* is/, ""))).size).toBe(20);
    expect(warnings).toHaveLength(40);
  });
});

describe("a rule with faults", () => {
  test("is told all of them at once, each with field, value and what is allowed", () => {
    const { rules, faults } = checkRules({ ...rule, id: "a b", cooldown: 5, mode: "dry", conditions: [] }, KNOWN);
    expect(rules).toEqual([]);
    expect(faults).toEqual([
      {
        rule: "a b",
        path: "id",
        detail:
          'id is "a b", but must be an id that begins with a letter or a digit, and has letters, digits, - _ and ., of 1 to 64 characters',
      },
      {
        rule: "a b",
        path: "conditions",
        detail: "conditions is a list of 0, but must be a list of 1 to 100 conditions",
      },
      { rule: "a b", path: "cooldown", detail: "cooldown is 5, but must be a number from 1000 to 604800000 ms" },
      { rule: "a b", path: "mode", detail: 'mode is "dry", but must be one of on, shadow' },
    ]);
  });

  test("does not stop the good ones beside it", () => {
    const { rules, faults } = checkRules([{ id: "bad" }, rule, 7, null], KNOWN);
    expect(rules.map(({ id }) => id)).toEqual(["custom-brain-protection"]);
    expect(new Set(faults.map(({ rule }) => rule))).toEqual(new Set(["bad", "rule 3", "rule 4"]));
  });

  test("is refused where another one has its id", () => {
    const { rules, faults } = checkRules([rule, { ...rule, priority: 1 }], KNOWN);
    expect(rules.map(({ priority }) => priority)).toEqual([500]);
    expect(faults[0]!.detail).toMatch(/which another rule before it has/);
  });

  test.each([
    ["system", { system: "brian" }, /conditions\[0\]\.system is "brian".*did you mean brain\?/],
    ["metric", { metric: "laod" }, /conditions\[0\]\.metric is "laod".*did you mean load\?/],
    ["operator", { operator: "greatrThan" }, /operator is "greatrThan".*did you mean greaterThan\?/],
    ["field", { clearvalue: 70 }, /clearvalue is not known here; .*did you mean clearValue\?/],
    ["metric that every object has", { metric: "constructor" }, /metric is "constructor"/],
    ["own metric without its service", { metric: "signups" }, /or an own one as <service>\.<name>/],
  ])("names the nearest %s", (_, changes, told) => {
    expect(withComparison(changes)[0]).toMatch(told);
  });

  test.each([
    ["a text as value", { value: "85" }, /value is "85", but must be a number from 0 to 100 %/],
    ["NaN", { value: Number.NaN }, /value is NaN/],
    ["a bound that can never be passed", { value: 850 }, /value is 850, but must be a number from 0 to 100 %/],
    ["one number for a range", { operator: "between", value: 5 }, /must be \[low, high\] for between/],
    ["a range turned round", { operator: "outside", value: [9, 3] }, /with low not above high/],
    [
      "another metric that is misspelt",
      { value: { system: "heart", metric: "laod" } },
      /value\.metric.*did you mean load/,
    ],
    ["a clear value on the wrong side", { clearValue: 90 }, /clearValue is 90, but must be at most the value 85/],
    ["a clear value of a range", { operator: "between", value: [1, 2], clearValue: 1 }, /does not go with between/],
    ["a stretch without a rate", { over: 1000 }, /goes only with increasingFasterThan/],
    ["a rate over no time", { operator: "increasingFasterThan", value: 1, over: 1 }, /over is 1, but must be/],
  ])("is told of %s", (_, changes, told) => {
    expect(withComparison(changes)[0]).toMatch(told);
  });

  test.each([
    ["action", { type: "heel", target: "brain" }, /type is "heel".*did you mean heal\?/],
    ["target", { type: "heal", target: "azora-auht" }, /target is "azora-auht".*did you mean azora-auth\?/],
    [
      "kind of target",
      { type: "scaleSystem", target: "azora-auth" },
      /a system for this action, and this is a service/,
    ],
    [
      "parameter",
      { type: "throttle", target: "brain", parameters: { rat: 5 } },
      /rat is not known.*did you mean rate\?/,
    ],
    ["missing parameter", { type: "setFlag", target: "brain", parameters: { flag: "calm" } }, /value is missing/],
    [
      "healing action",
      { type: "heal", target: "azora-auth", parameters: { action: "restrat" } },
      /did you mean restart\?/,
    ],
    [
      "watched metric",
      { type: "clearCache", target: "brain", parameters: { watch: "brain.laod" } },
      /did you mean load\?/,
    ],
    ["size of a step", { type: "scaleSystem", target: "brain", parameters: { by: 99 } }, /a whole number from -8 to 8/],
    ["empty act", { type: "adjustResourceAllocation", target: "brain" }, /told increaseCpu or increaseMemory/],
    [
      "two ways to say it",
      { type: "scaleSystem", target: "brain", parameters: { by: 1, to: 2 } },
      /only one of by and to/,
    ],
    [
      "share of calls that are not measured",
      { type: "throttle", target: "azora-auth", parameters: { percent: 50 } },
      /parameters\.percent goes only with a system, and azora-auth is a service/,
    ],
    [
      "share of the calls of a node",
      { type: "throttle", target: "brain-1", parameters: { percent: 50 } },
      /parameters\.percent goes only with a system, and brain-1 is a node/,
    ],
    [
      "failover of a node",
      { type: "heal", target: "brain-1", parameters: { action: "failover" } },
      /target is "brain-1", but must be a service for failover, and this is a node/,
    ],
    [
      "limit of calls of a node",
      { type: "heal", target: "brain-1", parameters: { action: "resource-adjust", parameters: { concurrency: 5 } } },
      /parameters\.parameters\.concurrency goes only with a service, and brain-1 is a node/,
    ],
    [
      "healing that is told nothing",
      { type: "heal", target: "azora-auth", parameters: { action: "resource-adjust" } },
      /told concurrency or memoryLimitMB or niceness/,
    ],
    [
      "healing action's parameter",
      { type: "heal", target: "azora-auth", parameters: { action: "reconnect", parameters: { what: ["databse"] } } },
      /parameters\.parameters\.what\[0\] is "databse".*did you mean database\?/,
    ],
    [
      "size of a healing action",
      { type: "heal", target: "azora-auth", parameters: { action: "scale-up", parameters: { by: 9, frce: true } } },
      /frce is not known here.*did you mean force\?\n.*by is 9, but must be a whole number from 1 to 8/,
    ],
    [
      "number that no message can carry",
      { type: "setFlag", target: "brain", parameters: { flag: "x", value: 1e300 } },
      /value is 1e\+300, but must be .*a number between -2\^63 and 2\^63/,
    ],
    [
      "number inside of what a plug-in is told",
      { type: "heal", target: "azora-auth", parameters: { action: "sweep", parameters: { deep: [1e300] } } },
      /with numbers between -2\^63 and 2\^63/,
    ],
  ])("is told of its %s", (_, action, told) => {
    expect(withAction(action).join("\n")).toMatch(told);
  });

  test.each([
    { type: "throttle", target: "brain-service", parameters: { percent: 50 } },
    { type: "heal", target: "azora-auth", parameters: { action: "failover" } },
    { type: "heal", target: "azora-auth", parameters: { action: "sweep", parameters: { deep: [1, "x"] } } },
    {
      type: "heal",
      target: "azora-auth",
      parameters: { action: "resource-adjust", parameters: { concurrency: null, force: true } },
    },
    { type: "heal", target: "brain-1", parameters: { action: "reconnect", parameters: { what: ["bus", "cache"] } } },
  ])("is not told of what can be done: %j", (action) => {
    expect(withAction(action)).toEqual([]);
  });

  test("is told of a share of calls where a service is named as a system is, since the act takes it for the service", () => {
    const throttle = { type: "throttle", target: "brain", parameters: { percent: 50 } };
    const known = { own: [], targets: ["brain"] };
    expect(faultsOf({ actions: [throttle] }, known)[0]?.detail).toMatch(/brain is a service/);
  });
});

describe("rules without bounds", () => {
  const nested = (depth: number): object => (depth === 0 ? comparison : { not: nested(depth - 1) });

  test("are nested 8 deep at most, however deep they come", () => {
    expect(detail({ conditions: [nested(7)] })).toEqual([]);
    expect(detail({ conditions: [nested(8)] })).toEqual([expect.stringMatching(/nested deeper than 8 levels/)]);
    let endless: object = comparison;
    for (let i = 0; i < 100_000; i++) endless = { all: [endless] };
    expect(detail({ conditions: [endless] })).toHaveLength(1);
  });

  test("have 100 comparisons at most, in all their groups together", () => {
    const many = (count: number) => ({ any: Array.from({ length: count }, () => comparison) });
    expect(detail({ conditions: [many(60), many(40)] })).toEqual([]);
    expect(detail({ conditions: [many(60), many(41)] })).toEqual([expect.stringMatching(/at most 100/)]);
  });

  test("are 10,000 at most, and their faults 1,000", () => {
    const { rules, faults } = checkRules(Array.from({ length: 10_001 }, (_, i) => ({ ...rule, id: `r${i}` })));
    expect(rules).toHaveLength(10_000);
    expect(faults).toEqual([
      { rule: "rules", path: "rules", detail: "there are 10001 rules, but at most 10000 may be" },
    ]);
    const bad = checkRules(Array.from({ length: 10_000 }, () => 1)).faults;
    expect(bad).toHaveLength(1001);
    expect(bad.at(-1)!.detail).toBe("there are 9000 more faults");
  });

  test("have 100,000 comparisons at most in all", () => {
    const conditions = Array.from({ length: 100 }, () => comparison);
    const { rules, faults } = checkRules(
      Array.from({ length: 1002 }, (_, i) => ({ ...rule, id: `r${i}`, conditions })),
    );
    expect(rules).toHaveLength(1000);
    expect(faults.map(({ rule, path }) => `${rule} ${path}`)).toEqual(["r1000 conditions", "r1001 conditions"]);
  });

  test("are never a reason to throw", () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true, maxDepth: 4 }), (input) => {
        expect(checkRules(input).faults.length + checkRules([input]).faults.length).toBeGreaterThanOrEqual(0);
      }),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.keys(rule), "mode", "expires", "priority"),
        fc.anything(),
        (field, value) => {
          expect(checkRules({ ...rule, [field]: value }).rules.length).toBeLessThanOrEqual(1);
        },
      ),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(comparison), "over", "all", "not"), fc.anything(), (field, value) => {
        expect(withComparison({ [field]: value }).length).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 500 },
    );
  });
});
