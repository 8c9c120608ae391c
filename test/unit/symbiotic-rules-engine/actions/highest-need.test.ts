import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { HighestNeed } from "../../../../services/brain/symbiotic-rules-engine/actions/highest-need.ts";

const WINDOW = 1000;

describe("The highest need of a window", () => {
  test("is the same as of a list that is looked through each time", () => {
    const step = fc.record({
      pause: fc.integer({ min: 0, max: 700 }),
      value: fc.option(fc.integer({ min: 0, max: 100 })),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const need = new HighestNeed(WINDOW);
        const list: { at: number; value: number }[] = [];
        let now = 0;
        for (const { pause, value } of steps) {
          now += pause;
          need.add(now, value);
          list.push({ at: now, value: value ?? Number.POSITIVE_INFINITY });
          const seen = list.filter(({ at }) => now - at <= WINDOW).map((one) => one.value);
          const whole = now - list[0]!.at >= WINDOW;
          expect(need.highest(now)).toBe(whole ? Math.max(...seen) : Number.POSITIVE_INFINITY);
        }
      }),
    );
  });

  test("is not known until a whole window was seen, nor right after a change", () => {
    const need = new HighestNeed(WINDOW);
    for (let at = 0; at <= 1000; at += 100) need.add(at, 10);
    expect(need.highest(1000)).toBe(10);
    need.reset();
    need.add(1100, 10);
    expect(need.highest(1100)).toBe(Number.POSITIVE_INFINITY);
  });
});
