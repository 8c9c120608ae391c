import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Stretch } from "../../../../../models/organism-state.ts";
import { replay } from "../../../../../runtime/rules/replay/replay.ts";
import { MOST_TOLD, replayed } from "../../../../../runtime/rules/replay/replayed.ts";
import { cpu, ruleOf, when } from "../conflicts/rule-of.ts";

const START = 1_760_000_000_000;
const rule = ruleOf({
  id: "overload",
  for: 2000,
  cooldown: 5000,
  conditions: [when("brain.load", "greaterThan", 85)],
  actions: [cpu(20)],
});

function stretch(values: (number | null)[], step = 1000): Stretch {
  return { step, columns: ["brain.load"], rows: values.map((value, i) => ({ at: START + i * step, values: [value] })) };
}

const seconds = (list: readonly { at: number }[]) => list.map(({ at }) => (at - START) / 1000);

describe("a replay", () => {
  test("says when rules would have fired and ended, and why", () => {
    const { firings, ended, unknownShare, rows, from, to } = replay(stretch([50, ...Array(9).fill(90), 50, 50]), [
      rule,
    ]);
    expect(seconds(firings)).toEqual([3, 8]);
    expect(firings[0]!.why.why).toContain("brain.load is 90 %");
    expect(firings[0]!.why.at).toBe(new Date(START + 3000).toISOString());
    expect(seconds(ended)).toEqual([10]);
    expect({ unknownShare, rows, from, to }).toEqual({ unknownShare: 0, rows: 12, from: START, to: START + 11_000 });
  });

  test("takes disabled rules and those in shadow mode for ones that act: it is asked before they do", () => {
    const all = stretch(Array(5).fill(90));
    expect(replay(all, [{ ...rule, enabled: false, mode: "shadow" }]).firings).toHaveLength(1);
  });

  test("starts and ends nothing by what is not known, and says how much that was", () => {
    const { firings, ended, unknownShare } = replay(stretch([90, null, 90, 90, null, null, null, null]), [rule]);
    // Held at 0 and from 2 on: what is unknown is not counted as time that it held.
    expect(firings).toHaveLength(1);
    expect(ended).toEqual([]);
    expect(unknownShare).toBe(5 / 8);
  });

  test("takes a metric that was not recorded for unknown", () => {
    const other = ruleOf({ id: "x", conditions: [when("heart.load", "greaterThan", 1)], actions: [cpu(1)] });
    expect(replay(stretch([90, 90]), [rule, other]).unknownShare).toBe(0.5);
  });

  test("knows nothing where rows are missing", () => {
    const all = stretch([90, 90, 50]);
    all.rows[2]!.at = START + 60_000;
    all.rows.push({ at: START + 61_000, values: [90] });
    expect(replay(all, [rule]).firings).toEqual([]);
  });

  test("leaves out rows that go back in time", () => {
    const all = stretch([90, 90, 90, 90]);
    all.rows[2]!.at = START - 1;
    expect(replay(all, [rule]).rows).toBe(3);
  });

  test("says with which values on the record rules would have fought", () => {
    const other = { ...rule, id: "thrift", conditions: [when("brain.load", "lessThan", 30)], actions: [cpu(-20)] };
    const swinging = Array.from({ length: 200 }, (_, i) => (i % 20 < 10 ? 90 : 20));
    const { conflicts } = replay(stretch(swinging), [rule, other]);
    expect(conflicts).toMatchObject([{ kind: "opposed", found: "recorded", rules: ["overload", "thrift"] }]);
  });

  test("is empty for a record that is", () => {
    const { conflicts, ...rest } = replay({ step: 1000, columns: [], rows: [] }, [rule]);
    expect(conflicts).toEqual([]);
    expect(rest).toEqual({ firings: [], ended: [], unknownShare: 0, rows: 0, from: null, to: null, dropped: 0 });
  });

  test("is bounded, and counts what it leaves out", () => {
    const quick = { ...rule, for: 0, cooldown: 1000 };
    const { firings, dropped } = replayed(stretch(Array(MOST_TOLD + 50).fill(90)), [quick]);
    expect([firings.length, dropped]).toEqual([MOST_TOLD, 50]);
  });

  test("fires at least a cooldown apart and ends only what fired or was active, on any record", () => {
    const value = fc.option(fc.integer({ min: 0, max: 100 }));
    fc.assert(
      fc.property(fc.array(value, { maxLength: 80 }), (values) => {
        const { firings, ended } = replay(stretch(values), [rule]);
        for (const [i, { at }] of firings.entries()) {
          expect(values[(at - START) / 1000]).toBeGreaterThan(85);
          if (i > 0) expect(at - firings[i - 1]!.at).toBeGreaterThanOrEqual(rule.cooldown);
        }
        for (const { at } of ended) expect(values[(at - START) / 1000]).toBeLessThanOrEqual(85);
      }),
    );
  });
});
