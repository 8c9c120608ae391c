import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Overload } from "../../../../runtime/concurrency/overload.ts";
import { PRIORITIES, type Priority } from "../../../../runtime/concurrency/priority.ts";

/** Shows a call to it as the front door does. @returns whether it would be refused */
function show(overload: Overload, delay: number, now: number, priority: Priority = "medium", work = 1): boolean {
  if (overload.isCalm(delay)) return false;
  overload.observe(delay, now);
  return overload.refuses(delay, work, priority, now);
}

describe("overload", () => {
  test("is no burst that is worked off within a second, however late its calls are", () => {
    const overload = new Overload();
    for (let now = 0; now < 60_000; now += 2) {
      // Each two seconds the loop is blocked for 900 ms, and then works off what came.
      const phase = now % 2000;
      const delay = phase < 900 ? 0 : phase < 1800 ? 1800 - phase : 0;
      if (phase >= 900) expect(show(overload, delay, now)).toBe(false);
    }
  });

  test("is told when for a second no call came through with little delay, and then what is late is refused", () => {
    const overload = new Overload();
    let first = -1;
    for (let now = 0; now < 5000 && first < 0; now += 10) if (show(overload, 50, now)) first = now;
    expect(first).toBeGreaterThanOrEqual(1000);
    expect(first).toBeLessThan(1100);
    expect(show(overload, 4, first + 1)).toBe(false);
  });

  test("is not told by calls between which there is a pause", () => {
    const overload = new Overload();
    for (let now = 0; now < 60_000; now += 400) expect(show(overload, 200, now)).toBe(false);
  });

  test("refuses by priority, and the critical ones never", () => {
    const overload = new Overload();
    for (let now = 0; now <= 1500; now += 10) show(overload, 30, now, "critical");
    const refused = (delay: number) => PRIORITIES.filter((priority) => overload.refuses(delay, 20, priority, 1600));
    expect([refused(8), refused(15), refused(30), refused(100), refused(60_000)]).toEqual([
      [],
      ["low"],
      ["medium", "low"],
      ["high", "medium", "low"],
      ["high", "medium", "low"],
    ]);
  });

  test("is forgotten ten seconds after the last refusal", () => {
    const overload = new Overload();
    for (let now = 0; now <= 1500; now += 10) show(overload, 50, now);
    expect(overload.refuses(50, 1, "medium", 11_000)).toBe(true);
    expect(overload.refuses(50, 1, "medium", 20_500)).toBe(true);
    expect(overload.refuses(50, 1, "medium", 31_000)).toBe(false);
  });

  test("never refuses a call that was not late, nor an important one before one that is less so", () => {
    const step = fc.record({ wait: fc.nat(200), delay: fc.nat(400), work: fc.nat(100) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const overload = new Overload();
        let now = 0;
        for (const { wait, delay, work } of steps) {
          now += wait;
          show(overload, delay, now, "critical");
          const refused = PRIORITIES.map((priority) => overload.refuses(delay, work, priority, now));
          if (delay < 2.5 || delay <= work / 2) expect(refused).not.toContain(true);
          expect(refused).toEqual([...refused].sort((a, b) => Number(a) - Number(b)));
          expect(refused[0]).toBe(false);
        }
      }),
    );
  });
});
