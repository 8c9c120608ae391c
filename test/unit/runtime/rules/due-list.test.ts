import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { DueList } from "../../../../runtime/rules/due-list.ts";

describe("a list of what is due", () => {
  test("gives each thing at its earliest time, as a list that is searched each time does", () => {
    const step = fc.oneof(
      fc.record({ thing: fc.nat(7), due: fc.integer({ min: 0, max: 50 }) }),
      fc.record({ now: fc.integer({ min: 0, max: 50 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const list = new DueList(8);
        const naive = new Map<number, number>();
        for (const step of steps) {
          if ("thing" in step) {
            list.atLatest(step.thing, step.due);
            naive.set(step.thing, Math.min(step.due, naive.get(step.thing) ?? step.due));
            continue;
          }
          const taken: number[] = [];
          for (let thing = list.take(step.now); thing >= 0; thing = list.take(step.now)) taken.push(naive.get(thing)!);
          const due = [...naive].filter(([, at]) => at <= step.now);
          expect(taken).toEqual(due.map(([, at]) => at).sort((a, b) => a - b));
          for (const [thing] of due) naive.delete(thing);
        }
        expect(list.count).toBe(naive.size);
      }),
    );
  });

  test("does not take what is never due", () => {
    const list = new DueList(1);
    list.atLatest(0, Number.POSITIVE_INFINITY);
    expect(list.count).toBe(0);
  });
});
