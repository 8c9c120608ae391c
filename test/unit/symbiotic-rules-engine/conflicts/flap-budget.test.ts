import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { FlapBudget } from "../../../../services/brain/symbiotic-rules-engine/conflicts/flap-budget.ts";

const MINUTE = 60_000;

describe("the flap budget", () => {
  test("lets rules push one way as often as they like", () => {
    const budget = new FlapBudget();
    for (let i = 0; i < 100; i++) expect(budget.allow("heart", "cpu-share", 1, "grow", i * 1000)).toEqual({ ok: true });
  });

  test("stops a pair at the fourth reversal within ten minutes, and says who and for how long", () => {
    const budget = new FlapBudget();
    const answers = [0, 1, 2, 3, 4].map((i) =>
      budget.allow("heart", "cpu-share", i % 2 ? -1 : 1, i % 2 ? "shrink" : "grow", i * MINUTE),
    );
    expect(answers.slice(0, 4)).toEqual(Array(4).fill({ ok: true }));
    expect(answers[4]).toEqual({
      ok: false,
      why: "grow and shrink push cpu-share of heart to and fro, and may try again in 300 s",
    });
    expect(budget.allow("heart", "cpu-share", -1, "shrink", 5 * MINUTE)).toMatchObject({ ok: false });
    expect(budget.stopped(5 * MINUTE)).toEqual([
      { target: "heart", lever: "cpu-share", rules: ["grow", "shrink"], until: 9 * MINUTE },
    ]);
    expect(budget.refused).toBe(2);
  });

  test("leaves other levers, other targets and other rules alone meanwhile", () => {
    const budget = new FlapBudget({ reversals: 0 });
    budget.allow("heart", "cpu-share", 1, "grow", 0);
    expect(budget.allow("heart", "cpu-share", -1, "shrink", 1)).toMatchObject({ ok: false });
    expect(budget.allow("heart", "memory", -1, "shrink", 2)).toEqual({ ok: true });
    expect(budget.allow("brain", "cpu-share", -1, "shrink", 2)).toEqual({ ok: true });
    expect(budget.allow("heart", "cpu-share", 1, "another", 2)).toEqual({ ok: true });
  });

  test("lets the pair try again, stops it twice as long when it goes on, and forgets that after a quiet window", () => {
    const budget = new FlapBudget({ reversals: 1, window: 10 * MINUTE, stop: MINUTE, longestStop: 3 * MINUTE });
    let [now, direction] = [0, 1 as 1 | -1];
    const fight = () => {
      while (true) {
        direction = direction === 1 ? -1 : 1;
        now += 1000;
        if (!budget.allow("heart", "memory", direction, direction === 1 ? "grow" : "shrink", now).ok) break;
      }
      const stop = budget.stopped(now)[0]!.until - now;
      now += stop;
      return stop;
    };
    expect([fight(), fight(), fight(), fight()]).toEqual([MINUTE, 2 * MINUTE, 3 * MINUTE, 3 * MINUTE]);
    now += 11 * MINUTE;
    expect(fight()).toBe(MINUTE);
  });

  test("lets rules that join a fight while it is stopped turn the lever once among them all, not once each", () => {
    const budget = new FlapBudget({ reversals: 1 });
    const push = (direction: 1 | -1, rule: string) => budget.allow("heart", "memory", direction, rule, 0).ok;
    expect([push(1, "a"), push(-1, "a"), push(1, "a")]).toEqual([true, true, false]);
    expect([push(1, "c"), push(-1, "c"), push(-1, "b"), push(-1, "d")]).toEqual([true, false, false, false]);
    expect(budget.stopped(0)).toMatchObject([{ rules: ["a", "c", "b", "d"] }]);
  });

  test("keeps those stopped that were, when others are stopped besides", () => {
    const budget = new FlapBudget({ reversals: 1, stop: MINUTE });
    const push = (direction: 1 | -1, rule: string, now = 0) => budget.allow("heart", "memory", direction, rule, now).ok;
    expect([push(1, "a"), push(-1, "b"), push(1, "a")]).toEqual([true, true, false]);
    expect([push(1, "c"), push(-1, "d")]).toEqual([true, false]);
    expect(push(1, "a", MINUTE / 2)).toBe(false);
  });

  test("takes setting something for no reversal", () => {
    const budget = new FlapBudget({ reversals: 0 });
    budget.allow("heart", "instances", 1, "grow", 0);
    expect(budget.allow("heart", "instances", 0, "set", 1)).toEqual({ ok: true });
  });

  test("forgets the lever that was pushed longest ago when there are too many", () => {
    const budget = new FlapBudget({ reversals: 0, most: 2 });
    for (const target of ["a", "b", "c"]) budget.allow(target, "memory", 1, "grow", 0);
    expect(budget.allow("a", "memory", -1, "shrink", 1)).toEqual({ ok: true });
    expect(budget.allow("c", "memory", -1, "shrink", 1)).toMatchObject({ ok: false });
  });

  test("allows, in the time that a stop takes, at most one reversal more than it says, whoever pushes when", () => {
    const pushes = fc.array(
      fc.record({ after: fc.integer({ min: 0, max: 200 }), up: fc.boolean(), rule: fc.constantFrom("a", "b", "c") }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(pushes, fc.integer({ min: 0, max: 4 }), (all, reversals) => {
        const budget = new FlapBudget({ reversals, window: 1000, stop: 300 });
        let now = 0;
        const done: { at: number; direction: number; rules: string }[] = [];
        for (const { after, up, rule } of all) {
          now += after;
          const direction = up ? 1 : -1;
          if (budget.allow("t", "memory", direction, rule, now).ok) done.push({ at: now, direction, rules: rule });
        }
        const reversed = done.filter(({ direction }, i) => i > 0 && done[i - 1]!.direction !== direction);
        // The one more is another rule's, which is not stopped.
        for (const { at } of reversed)
          expect(reversed.filter((other) => other.at > at - 300 && other.at <= at).length).toBeLessThanOrEqual(
            reversals + 1,
          );
      }),
    );
  });
});
