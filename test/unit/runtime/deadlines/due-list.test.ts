import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type Due, DueList } from "../../../../runtime/deadlines/due-list.ts";
import { FakeClock } from "../../../support/fake-clock.ts";

/** A list on a clock that is turned by hand, and what has expired on it. */
function listOn(clock = new FakeClock(5000.25)) {
  const timers = { count: 0, open: 0 };
  const list = new DueList({
    now: () => clock.now(),
    after(ms, run) {
      timers.count++;
      timers.open++;
      let isOpen = true;
      const close = () => {
        if (isOpen) timers.open--;
        isOpen = false;
      };
      const cancel = clock.after(ms, () => {
        close();
        run();
      });
      return () => {
        close();
        cancel();
      };
    },
  });
  const expired: { id: number; at: number; now: number }[] = [];
  const add = (id: number, timeout: number, more: () => void = () => {}): Due => {
    const at = clock.now() + timeout;
    const due: Due = {
      at,
      isOver: false,
      isSettled: false,
      expire() {
        expired.push({ id, at, now: clock.now() });
        more();
      },
    };
    list.add(due, clock.now());
    return due;
  };
  return { clock, list, expired, add, timers };
}

describe("a list of what is due", () => {
  test("ends each thing that is not over, at its time or up to 10 ms later, and only once", () => {
    const { clock, expired, add } = listOn();
    for (const [id, timeout] of [1, 9, 49, 50, 51, 300, 10_000].entries()) add(id, timeout);
    clock.advance(20_000);
    expect(expired.map(({ id }) => id).sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    for (const { at, now } of expired) {
      expect(now).toBeGreaterThanOrEqual(at);
      expect(now - at).toBeLessThanOrEqual(10);
    }
  });

  test("behaves as a timer for each would, up to 10 ms", () => {
    const step = fc.record({
      wait: fc.integer({ min: 0, max: 120 }),
      timeout: fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 3000 })),
      /** When it is over by itself, if it is. */
      over: fc.option(fc.integer({ min: 0, max: 3000 })),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), fc.double({ min: 0, max: 1, noNaN: true }), (steps, fraction) => {
        const { clock, list, expired, add } = listOn(new FakeClock(1000 + fraction));
        const lives: { at: number; end: number }[] = [];
        for (const [id, { wait, timeout, over }] of steps.entries()) {
          clock.advance(wait);
          const due = add(id, timeout);
          lives.push({ at: due.at, end: over === null ? Number.POSITIVE_INFINITY : clock.now() + over });
          if (over !== null)
            clock.after(over, () => {
              if (!due.isOver) list.done(due);
            });
        }
        clock.advance(10_000);
        const of = new Map(expired.map((one) => [one.id, one]));
        expect(of.size).toBe(expired.length);
        for (const [id, { at, end }] of lives.entries()) {
          const one = of.get(id);
          if (end < at) expect(one).toBeUndefined();
          else if (end > at + 10) expect(one).toBeDefined();
          if (one) {
            expect(one.now).toBeGreaterThanOrEqual(at);
            expect(one.now).toBeLessThanOrEqual(at + 10);
          }
        }
        expect(list.size).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  test("keeps about as many as are under way, however long their time is", () => {
    const { clock, list, add } = listOn();
    const alive: Due[] = [];
    let most = 0;
    for (let i = 0; i < 200_000; i++) {
      alive.push(add(i, i % 3 === 0 ? 3_600_000 : i % 3 === 1 ? Number.POSITIVE_INFINITY : 1e12));
      if (alive.length > 200) list.done(alive.shift()!);
      if (i % 2 === 0) clock.advance(1);
      most = Math.max(most, list.size);
    }
    // 200 that live, as many that are over, and what came since the last look.
    expect(most).toBeLessThan(2000);
  });

  test("drops what is over from a loop in which no timer runs", () => {
    const { list, add } = listOn();
    let most = 0;
    for (let i = 0; i < 100_000; i++) {
      list.done(add(i, 1000));
      most = Math.max(most, list.size);
    }
    expect(most).toBeLessThanOrEqual(4096);
  });

  test("looks again for a thing whose time lies beyond what a timer can count, without spinning", () => {
    const { clock, add, timers, expired } = listOn();
    add(1, 30 * 86_400_000);
    clock.advance(86_400_000);
    expect([expired.length, timers.count < 40]).toEqual([0, true]);
    clock.advance(30 * 86_400_000);
    expect(expired).toHaveLength(1);
  });

  test("has one timer at a time, and few of them, whatever comes in between", () => {
    const { clock, add, timers } = listOn();
    for (let i = 0; i < 1000; i++) {
      add(i, i % 7 === 0 ? 1000 - i : 30_000);
      expect(timers.open).toBeLessThanOrEqual(1);
      clock.advance(1);
    }
    expect(timers.count).toBeLessThan((2 * 1000) / 10);
  });

  test("sleeps where nothing is under way", () => {
    const { clock, list, add, timers } = listOn();
    list.done(add(1, 30_000));
    clock.advance(60_000);
    expect(timers.count).toBe(1);
  });

  test("takes what is added while something expires", () => {
    const { clock, expired, add, list } = listOn();
    add(1, 60, () => add(2, 10, () => add(3, 500)));
    clock.advance(5000);
    expect([expired.map(({ id }) => id), list.size]).toEqual([[1, 2, 3], 0]);
  });
});
