import { beforeEach, describe, expect, test } from "@jest/globals";
import { LoopWatch } from "../../../runtime/loop-watch.ts";

describe("whoever watches others", () => {
  let watch: LoopWatch;
  let now: number;
  beforeEach(() => {
    watch = new LoopWatch(500, 2000, 100);
    now = Date.now() + 1000;
    watch.tick(now - 100);
    // The time before the first tick is no lateness of the test's.
    watch.lateness = undefined;
    now += 2000;
    watch.tick(now - 100);
    now += 2100;
    for (let at = now - 2100; at <= now; at += 100) watch.tick(at);
    watch.lateness = undefined;
  });

  test("is not late while his own ticks come in time", () => {
    watch.tick(now + 100);
    watch.tick(now + 599);
    expect([watch.isLate(now + 600), watch.lateness]).toEqual([false, undefined]);
  });

  test("is late after a tick that came half a second late, and stays so for 2 s", () => {
    watch.tick(now + 700);
    expect(watch.lateness).toEqual({ at: now + 700, by: 600 });
    for (let at = now + 800; at < now + 2700; at += 100) {
      watch.tick(at);
      expect(watch.isLate(at)).toBe(true);
    }
    watch.tick(now + 2700);
    expect(watch.isLate(now + 2700)).toBe(false);
  });

  test("is late already while the tick is still missing", () => {
    expect(watch.isLate(now + 600)).toBe(false);
    expect(watch.isLate(now + 601)).toBe(true);
  });
});
