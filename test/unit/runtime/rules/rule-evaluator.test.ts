import { beforeEach, describe, expect, test } from "@jest/globals";
import type { RuleSystem } from "../../../../models/metrics.ts";
import type { CompleteRule } from "../../../../models/rules.ts";
import { checkRules } from "../../../../runtime/rules/check-rules.ts";
import { Columns } from "../../../../runtime/rules/columns.ts";
import { RuleEvaluator } from "../../../../runtime/rules/rule-evaluator.ts";

const overload = { system: "brain", metric: "load", operator: "greaterThan", value: 85 };
const alert = [{ type: "alert", target: "organism" }];

function rules(...list: object[]): CompleteRule[] {
  const { rules, faults } = checkRules(
    list.map((one, i) => ({ id: `rule-${i}`, conditions: [overload], actions: alert, ...one })),
  );
  expect(faults).toEqual([]);
  return rules;
}

describe("a rule evaluator", () => {
  let columns: Columns;
  let evaluator: RuleEvaluator;
  let now: number;
  let wall: number;
  beforeEach(() => {
    columns = new Columns();
    now = 0;
    wall = Date.parse("2027-01-01T00:00:00Z");
    evaluator = new RuleEvaluator({ columns, wall: () => wall + now });
  });
  const measure = (key: string, value: number) => {
    const [system, ...metric] = key.split(".");
    columns.set(columns.column(system as RuleSystem, metric.join("."))!, value, now);
  };
  /** Moves on by this many seconds, measures the load of the brain, and ticks. */
  const tick = (load: number, seconds = 1) => {
    now += seconds * 1000;
    measure("brain.load", load);
    const { fired, ended, shadow } = evaluator.tick(now);
    return { fired: fired.map(({ rule }) => rule.id), ended, shadow: shadow.map(({ rule }) => rule.id) };
  };
  const why = (id = "rule-0") => evaluator.why(id, now).why;
  const nothing = { fired: [], ended: [], shadow: [] };
  const fires = { ...nothing, fired: ["rule-0"] };
  const ends = { ...nothing, ended: ["rule-0"] };

  describe("fires", () => {
    test("once the conditions have held for as long as the rule says, and not before", () => {
      evaluator.load(rules({ for: 3000 }), now);
      expect([90, 90, 90].map((load) => tick(load))).toEqual([nothing, nothing, nothing]);
      expect(why()).toBe(
        "Its conditions have held for 2 s, and must hold for 3 s: brain.load is 90 %, greater than 85 %.",
      );
      expect(tick(95)).toEqual(fires);
      expect(why()).toBe("brain.load is 95 %, greater than 85 %, for 3 s.");
    });

    test("again after each cooldown while they hold, and not in between", () => {
      evaluator.load(rules({ cooldown: 3000 }), now);
      expect([90, 90, 90, 90, 90, 90, 90].map((load) => tick(load).fired.length)).toEqual([1, 0, 0, 1, 0, 0, 1]);
      tick(90);
      expect(why()).toBe("It fired 1 s ago, and its cooldown lasts 2 s more: brain.load is 90 %, greater than 85 %.");
      expect(evaluator.why("rule-0", now)).toMatchObject({
        result: "did not fire",
        activeSince: "2027-01-01T00:00:01.000Z",
        cooldownLeft: 2000,
        heldFor: 7000,
      });
    });

    test("not in its cooldown, even where it has ended and holds again", () => {
      evaluator.load(rules({ cooldown: 5000 }), now);
      expect(tick(90)).toEqual(fires);
      expect(tick(50)).toEqual(ends);
      expect(why()).toBe("brain.load is 50 %, not greater than 85 %; its cooldown lasts 4 s more.");
      expect(tick(90)).toEqual(nothing);
      expect(evaluator.active()).toEqual(["rule-0"]);
      expect(tick(90, 3)).toEqual(fires);
    });

    test("by priority, and in shadow mode only says so", () => {
      evaluator.load(rules({}, { priority: "critical" }, { mode: "shadow" }), now);
      expect(tick(90)).toEqual({ fired: ["rule-1", "rule-0"], ended: [], shadow: ["rule-2"] });
      expect(evaluator.why("rule-2", now).result).toBe("would fire");
      expect(why("rule-2")).toMatch(/; in shadow mode it only says so\.$/);
    });

    test("with what it read, how old that was, and which conditions held", () => {
      evaluator.load(
        rules({ conditions: [overload, { not: { system: "heart", metric: "load", operator: "lessThan", value: 9 } }] }),
        now,
      );
      measure("heart.load", 12);
      now = 2000;
      measure("brain.load", 90);
      const [{ why }] = evaluator.tick(now).fired as [ReturnType<RuleEvaluator["tick"]>["fired"][0]];
      expect(why).toEqual({
        rule: "rule-0",
        at: "2027-01-01T00:00:02.000Z",
        result: "fired",
        activeSince: "2027-01-01T00:00:02.000Z",
        why: "brain.load is 90 %, greater than 85 % and heart.load is 12 %, not less than 9 %.",
        conditions: [
          {
            path: "conditions[0]",
            text: "brain.load is greater than 85 %",
            truth: "true",
            read: [{ system: "brain", metric: "load", value: 90, age: 0 }],
          },
          { path: "conditions[1]", text: "not", truth: "true", read: [] },
          {
            path: "conditions[1].not",
            text: "heart.load is less than 9 %",
            truth: "false",
            read: [{ system: "heart", metric: "load", value: 12, age: 2000 }],
          },
        ],
        cooldownLeft: 60_000,
        heldFor: 0,
      });
    });

    test("at most 1,000 times at once: the others with the next tick, before any other", () => {
      const many = Array.from({ length: 1500 }, (_, i) => ({
        id: `r${i}`,
        priority: i === 1499 ? 0 : 500,
        cooldown: 1000,
      }));
      evaluator.load(rules(...many), now);
      expect(tick(90).fired).toHaveLength(1000);
      const second = tick(90).fired;
      expect(second).toHaveLength(1000);
      expect(second).toContain("r1499");
      expect(evaluator.stats().postponed).toBe(1000);
    });

    test("or fewer at once, where whoever carries them out cannot do so many", () => {
      const few = new RuleEvaluator({ columns, wall: () => 0, mostFirings: 2 });
      few.load(rules({ id: "a", priority: 1 }, { id: "b", priority: 3 }, { id: "c", priority: 2 }), now);
      measure("brain.load", 90);
      expect(few.tick(now).fired.map(({ rule }) => rule.id)).toEqual(["b", "c"]);
      expect(few.tick(now).fired.map(({ rule }) => rule.id)).toEqual(["a"]);
    });
  });

  describe("what is unknown", () => {
    test("neither begins nor ends anything", () => {
      evaluator.load(rules({ cooldown: 1000 }), now);
      expect(tick(Number.NaN)).toEqual(nothing);
      expect(why()).toBe("brain.load is unknown (never measured), and what is unknown does not make it fire.");
      expect(tick(90)).toEqual(fires);
      expect(tick(Number.NaN, 12)).toEqual(nothing);
      expect(evaluator.active()).toEqual(["rule-0"]);
      expect(why()).toBe(
        "It fired 12 s ago and stays active, but does not fire again while brain.load is unknown (last measured 12 s ago).",
      );
      expect(tick(50)).toEqual(ends);
    });

    test("does not count as held, and does not break what was held before", () => {
      evaluator.load(rules({ for: 3000 }), now);
      expect([90, 90, Number.NaN, Number.NaN, 90].map((load) => tick(load))).toEqual(Array(5).fill(nothing));
      expect(tick(90)).toEqual(fires);
    });

    test("is decided by what is known: one false part of all, one true part of any", () => {
      const other = { system: "heart", metric: "load", operator: "greaterThan", value: 50 };
      evaluator.load(rules({ conditions: [overload, other] }, { conditions: [{ any: [other, overload] }] }), now);
      expect(tick(90).fired).toEqual(["rule-1"]);
      expect(why()).toBe("heart.load is unknown (never measured), and what is unknown does not make it fire.");
      tick(50);
      expect(why()).toBe("brain.load is 50 %, not greater than 85 %.");
    });
  });

  describe("an active rule", () => {
    test("stays so up to its clear value", () => {
      evaluator.load(rules({ conditions: [{ ...overload, clearValue: 70 }] }), now);
      expect(tick(80)).toEqual(nothing);
      expect(tick(90)).toEqual(fires);
      expect(tick(75)).toEqual(nothing);
      expect(why()).toMatch(/brain\.load is 75 % and was greater than 85 %; it has yet to pass 70 %\.$/);
      expect(tick(70)).toEqual(ends);
      expect(tick(75)).toEqual(nothing);
      expect(evaluator.active()).toEqual([]);
    });

    test("stays so for keepFor after its conditions have ceased, unless they hold again", () => {
      evaluator.load(rules({ keepFor: 2000 }), now);
      expect([90, 50].map((load) => tick(load))).toEqual([fires, nothing]);
      expect(why()).toBe(
        "It fired 1 s ago and ends in 2 s, since brain.load is 50 %, not greater than 85 %; until then its keepFor keeps it active.",
      );
      expect([50, 90, 50, 50].map((load) => tick(load))).toEqual(Array(4).fill(nothing));
      expect(tick(50)).toEqual(ends);
    });

    test("stays so for minActive", () => {
      evaluator.load(rules({ minActive: 3000 }), now);
      expect([90, 50].map((load) => tick(load))).toEqual([fires, nothing]);
      expect(why()).toMatch(/ends in 2 s, since .*; until then its minActive keeps it active\.$/);
      expect([50, 50].map((load) => tick(load))).toEqual([nothing, ends]);
    });

    test("ends when it expires, is disabled, removed, or asks something else", () => {
      const list = rules({ expires: "2027-01-01T00:00:05Z" }, {}, {}, {}, {});
      evaluator.load(list, now);
      expect(tick(90).fired).toHaveLength(5);
      const [expiring, disabled, changed, , kept] = list as [
        CompleteRule,
        CompleteRule,
        CompleteRule,
        unknown,
        CompleteRule,
      ];
      const other = rules({ conditions: [{ ...overload, value: 50 }] })[0]!;
      evaluator.load(
        [expiring, { ...disabled, enabled: false }, { ...other, id: changed.id }, { ...kept, name: "new" }],
        now,
      );
      const { fired, ended } = tick(90);
      expect([fired, ended.sort()]).toEqual([["rule-2"], ["rule-1", "rule-2", "rule-3"]]);
      expect(tick(90, 4).ended).toEqual(["rule-0"]);
      expect(why()).toBe("It expired at 2027-01-01T00:00:05Z.");
      expect(why("rule-1")).toBe("It is disabled; otherwise: brain.load is 90 %, greater than 85 %.");
      wall -= 3_600_000;
      expect(tick(90).fired).toEqual([]);
      expect(evaluator.active()).toContain("rule-0");
    });
  });

  test("tells of a rate what it was, and over which time", () => {
    const rising = { system: "brain", metric: "load", operator: "increasingFasterThan", value: 2, over: 4000 };
    evaluator.load(rules({ conditions: [rising] }), now);
    expect(tick(10)).toEqual(nothing);
    expect(why()).toBe(
      "how fast brain.load changes over 4 s is not known yet, and what is unknown does not make it fire.",
    );
    expect(tick(11)).toEqual(nothing);
    expect(tick(16)).toEqual(fires);
    expect(why()).toBe("brain.load rises by 3 % a second over 4 s, faster than 2 % a second.");
    expect([16, 16, 16, 16].map((load) => tick(load).ended.length)).toEqual([1, 0, 0, 0]);
    expect(why()).toMatch(/^brain\.load does not change over 4 s, not rising faster than 2 % a second; its cooldown/);
  });

  test("compares with another metric", () => {
    const uneven = {
      system: "brain",
      metric: "load",
      operator: "greaterThan",
      value: { system: "heart", metric: "load", times: 2 },
    };
    evaluator.load(rules({ conditions: [uneven] }), now);
    measure("heart.load", 30);
    expect(tick(60)).toEqual(nothing);
    expect(why()).toBe("brain.load is 60 %, not greater than 2 times heart.load (30 %).");
    measure("heart.load", 29);
    expect(tick(60)).toEqual(fires);
  });

  test("looks only at rules whose conditions turned or whose time has come", () => {
    const metrics = ["cpu", "load"];
    evaluator.load(
      rules(
        ...Array.from({ length: 200 }, (_, i) => ({
          conditions: [{ ...overload, metric: metrics[i % 2], value: i / 2 }],
        })),
      ),
      now,
    );
    measure("brain.cpu", 50);
    tick(0);
    tick(0);
    expect(evaluator.stats().lookedAt).toBe(0);
    tick(10);
    expect(evaluator.stats().lookedAt).toBe(10);
  });

  test("takes a clock that goes back for one that stands still", () => {
    evaluator.load(rules({ for: 2000 }), now);
    tick(90);
    now -= 10_000_000;
    expect(tick(90)).toEqual(nothing);
    now += 10_000_000;
    expect(tick(90)).toEqual(fires);
    expect(evaluator.tick(Number.NaN).fired).toEqual([]);
  });

  test("says of a faulty rule what is wrong with it, and of an unknown one which was meant", () => {
    const { faults } = checkRules([{ id: "broken", conditions: [{ ...overload, metric: "laod" }], actions: alert }]);
    evaluator.load(rules({}), now, faults);
    expect(why("broken")).toMatch(
      /^It is not evaluated because it is faulty: conditions\[0\]\.metric is "laod".*load\?\.$/,
    );
    expect(() => why("rule-O")).toThrow(/No rule has the id rule-O; did you mean rule-0\?/);
  });

  test("reads a rule once without its state, whether it is enabled or not", () => {
    const [rule] = rules({ enabled: false, for: 60_000 }) as [CompleteRule];
    tick(90);
    expect(evaluator.evaluate(rule, now)).toMatchObject({ holds: "true", result: "would fire" });
    tick(80);
    expect(evaluator.evaluate(rule, now)).toMatchObject({
      holds: "false",
      result: "did not fire",
      why: "brain.load is 80 %, not greater than 85 %.",
    });
  });

  describe("after a restart", () => {
    const restarted = () => {
      const next = new RuleEvaluator({ columns: new Columns(), wall: () => wall });
      return { next, at: 7 };
    };

    test("does not fire again what is in its cooldown, but after it", () => {
      const list = rules({ cooldown: 10_000 });
      evaluator.load(list, now);
      tick(90);
      const kept = JSON.parse(JSON.stringify(evaluator.snapshot(now)));
      wall += now + 4000; // as long as nothing ran
      for (const before of [true, false]) {
        const { next, at } = restarted();
        if (before) next.restore(kept, at);
        next.load(list, at);
        if (!before) next.restore(kept, at);
        expect(next.active()).toEqual(["rule-0"]);
        expect(next.why("rule-0", at).cooldownLeft).toBe(6000);
        expect(next.tick(at).fired).toEqual([]);
      }
    });

    test("remembers what it was given until there are rules: an engine may die again before it judges", () => {
      const list = rules({ cooldown: 10_000 });
      evaluator.load(list, now);
      tick(90);
      const first = restarted();
      first.next.restore(evaluator.snapshot(now), first.at);
      first.next.tick(first.at);
      const second = restarted();
      second.next.restore(JSON.parse(JSON.stringify(first.next.snapshot(first.at))), second.at);
      second.next.load(list, second.at);
      expect(second.next.active()).toEqual(["rule-0"]);
      // Of a rule that is not there any more nothing is remembered once the rules are.
      first.next.load(rules({ id: "another" }), first.at);
      expect(first.next.snapshot(first.at)).toEqual({});
    });

    test("leaves out what it cannot read, what has changed, and moments that lie ahead", () => {
      evaluator.load(rules({}), now);
      tick(90);
      const kept = evaluator.snapshot(now);
      for (const nonsense of [null, 7, "x", [], { "rule-0": 4 }, { "rule-0": { work: "x", lastFired: "y" } }]) {
        const { next, at } = restarted();
        next.load(rules({}), at);
        next.restore(nonsense, at);
        expect(next.active()).toEqual([]);
      }
      const { next, at } = restarted();
      next.restore(kept, at);
      next.load(rules({ conditions: [{ ...overload, value: 10 }] }), at);
      expect(next.active()).toEqual([]);
      wall -= 3_600_000; // the machine's clock was set back
      const early = restarted();
      early.next.load(rules({}), at);
      early.next.restore(kept, at);
      expect(early.next.why("rule-0", at).cooldownLeft).toBe(60_000);
    });
  });
});
