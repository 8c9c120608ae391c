import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { PoolReport } from "../../../../models/performance.ts";
import {
  adviceOn,
  PoolSizing,
  type SizingOptions,
} from "../../../../services/muscles/performance-optimizer/pools/sizing.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;

function pool(fields: Partial<PoolReport> = {}): PoolReport {
  return {
    name: "worker",
    kind: "worker",
    min: 1,
    max: 50,
    size: 10,
    inUse: 0,
    waiting: 0,
    uses: 0,
    useSum: 0,
    waitSum: 0,
    refused: 0,
    ...fields,
  };
}

/** A second of so many uses of so many ms each, with so many ms waited for each. */
const second = (uses: number, use: number, wait = 0): Partial<PoolReport> => ({
  uses,
  useSum: uses * use * 1000,
  waitSum: uses * wait * 1000,
});

/** A pool that takes the steps that it is told, once a second. */
class Driven {
  now = 5_000_000;
  size: number;
  readonly #sizing: PoolSizing;
  readonly #base: Partial<PoolReport>;

  constructor(base: Partial<PoolReport> = {}, options: Partial<SizingOptions> = {}) {
    this.#base = base;
    this.size = base.size ?? 10;
    this.#sizing = new PoolSizing(options);
  }

  for(ms: number, fields: Partial<PoolReport>) {
    const steps = [];
    for (const end = this.now + ms; this.now < end; ) {
      this.now += SECOND;
      const step = this.#sizing.observe(pool({ ...this.#base, ...fields, size: this.size }), SECOND, this.now);
      if (!step) continue;
      expect(step.from).toBe(this.size);
      this.size = step.to;
      steps.push({ at: this.now, ...step });
    }
    return steps;
  }
}

describe("the size of a pool", () => {
  test("grows at once when uses are waited for, to what Little's law and the square-root rule want", () => {
    const driven = new Driven();
    // 200 a second of 60 ms each: 12 in use on average, 12 + 2·√12 wanted.
    const [step, ...more] = driven.for(SECOND, second(200, 60, 20));
    expect(step).toMatchObject({
      from: 10,
      to: 19,
      evidence: { arrivals: 200, use: 60, wait: 20, load: 12, need: 19 },
    });
    expect(step!.reason).toBe("worker was waited for 20 ms at uses of 60 ms; 12 in use on average want 19 places");
    expect(more).toEqual([]);
  });

  test("at most doubles in one step, and keeps within the configured bound", () => {
    const driven = new Driven({ size: 4, max: 12 });
    const steps = driven.for(5 * SECOND, second(1000, 100, 50));
    expect(steps.map(({ to }) => to)).toEqual([8, 12]);
  });

  test("grows when some were refused, though nobody who got in had waited", () => {
    expect(new Driven().for(SECOND, { ...second(10, 10), refused: 3 })).toMatchObject([{ to: 11 }]);
  });

  test("does not grow for waits that are short beside the uses", () => {
    expect(new Driven().for(10 * MINUTE, second(80, 100, 5))).toEqual([]);
  });

  test("shrinks by steps to the highest need of the window, and not before there is one", () => {
    const driven = new Driven({ size: 40 });
    expect(driven.for(4 * MINUTE, second(40, 100))).toEqual([]);
    const steps = driven.for(20 * MINUTE, second(40, 100));
    // 4 in use on average want 8.
    expect(steps.map(({ to }) => to)).toEqual([30, 22, 16, 12, 9]);
    const times = steps.map(({ at }) => at);
    for (let i = 1; i < times.length; i++) expect(times[i]! - times[i - 1]!).toBeGreaterThanOrEqual(MINUTE);
  });

  test("remembers a burst for as long as the window", () => {
    const driven = new Driven({ size: 40 });
    driven.for(10 * MINUTE, second(200, 100));
    const size = driven.size;
    expect(driven.for(4 * MINUTE + 50 * SECOND, second(1, 1))).toEqual([]);
    expect(driven.size).toBe(size);
    expect(driven.for(MINUTE, second(1, 1)).length).toBeGreaterThan(0);
  });

  test("stays as it is while the need goes up and down a little", () => {
    const driven = new Driven({ size: 16 });
    for (let i = 0; i < 20; i++) {
      expect(driven.for(30 * SECOND, second(70, 100))).toEqual([]);
      expect(driven.for(30 * SECOND, second(90, 100))).toEqual([]);
    }
  });

  test("sees uses that are longer than a report", () => {
    const driven = new Driven({ size: 10 });
    const steps = driven.for(20 * MINUTE, { inUse: 8 });
    expect(steps).toEqual([]);
  });

  test("has a floor for pools whose places cost nothing: a burst wants them at once", () => {
    const driven = new Driven({ name: "api", kind: "api", size: 100, max: 100 });
    driven.for(60 * MINUTE, second(1, 1));
    expect(driven.size).toBeGreaterThanOrEqual(50);
    expect(driven.size).toBeLessThan(60);
  });

  test.each([
    ["the bus", { kind: "bus" as const }],
    ["memory", { kind: "memory" as const }],
    ["concurrency, which has its own law", { kind: "concurrency" as const }],
    ["a pool with no choice", { max: 1 }],
  ])("is left alone for %s", (_what, fields) => {
    expect(new Driven({ ...fields, size: 1 }).for(10 * MINUTE, { ...second(900, 500, 100), refused: 3 })).toEqual([]);
  });

  test("always keeps within its bounds and steps, whatever is reported", () => {
    const anything = fc.record({
      uses: fc.nat(10_000),
      useSum: fc.nat(1e10),
      waitSum: fc.nat(1e10),
      refused: fc.nat(100),
      inUse: fc.nat(60),
      waiting: fc.nat(1000),
    });
    const run = fc.array(fc.tuple(anything, fc.integer({ min: 1, max: 600 })), { maxLength: 30 });
    fc.assert(
      fc.property(run, fc.integer({ min: 1, max: 50 }), (reports, size) => {
        const sizing = new PoolSizing();
        let now = 0;
        let current = size;
        for (const [fields, seconds] of reports) {
          now += seconds * SECOND;
          const step = sizing.observe(pool({ ...fields, size: current }), seconds * SECOND, now);
          if (!step) continue;
          expect(step.to).toBeGreaterThanOrEqual(1);
          expect(step.to).toBeLessThanOrEqual(50);
          expect(step.to).toBeLessThanOrEqual(Math.max(step.from * 2, step.from + 1));
          expect(step.to).toBeGreaterThanOrEqual(Math.floor(step.from * 0.75));
          expect(step.to).not.toBe(step.from);
          current = step.to;
        }
      }),
    );
  });

  test("settles where few wait, in a queue of random arrivals", () => {
    const driven = simulate({ rate: 300, use: 50, seconds: 1500, size: 50, max: 50 });
    // Erlang's formula C: with 15 in use on average, 23 places let fewer than 3 % wait. Peaks and hysteresis leave some more.
    expect(driven.size).toBeGreaterThanOrEqual(20);
    expect(driven.size).toBeLessThanOrEqual(40);
    expect(driven.waited).toBeLessThan(0.03);
    expect(driven.lastSteps).toBeLessThanOrEqual(2);
  });
});

describe("advice on a pool", () => {
  test("is given where the bound is too small, since only a person changes that", () => {
    const full = pool({ name: "database", kind: "database", size: 20, max: 20, ...second(100, 10, 5) });
    expect(adviceOn(full)).toBe(
      "database has all of its 20 places, and each waits 5 ms on average: raise AZORA_DB_MAX_CONNECTIONS, or look for what locks the files",
    );
    expect(adviceOn({ ...full, waitSum: 0 })).toBeUndefined();
    expect(adviceOn({ ...full, size: 10 })).toBeUndefined();
    expect(adviceOn(pool({ kind: "memory", size: 50, refused: 3 }))).toBeUndefined();
  });
});

/** M/M/c, second by second, with the sizes that are wanted. */
function simulate({
  rate,
  use,
  seconds,
  size,
  max,
}: {
  rate: number;
  use: number;
  seconds: number;
  size: number;
  max: number;
}) {
  let state = 42;
  const random = () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return (state + 1) / (2 ** 31 + 1);
  };
  const sizing = new PoolSizing();
  let current = size;
  let arrival = 0;
  let waitedLate = 0;
  let servedLate = 0;
  let lastSteps = 0;
  const running: number[] = [];
  const queue: number[] = [];
  let totals = { uses: 0, useSum: 0, waitSum: 0 };
  const begin = (at: number, since: number) => {
    const took = -Math.log(random()) * use;
    running.push(at + took);
    totals.useSum += took * 1000;
    totals.waitSum += (at - since) * 1000;
    totals.uses++;
    if (at > (seconds - 300) * SECOND) {
      servedLate++;
      if (at > since) waitedLate++;
    }
  };
  for (let s = 1; s <= seconds; s++) {
    for (const end = s * SECOND; ; ) {
      const next = Math.min(arrival, ...running);
      if (next >= end) break;
      if (next === arrival) {
        queue.push(arrival);
        arrival += (-Math.log(random()) / rate) * SECOND;
      } else running.splice(running.indexOf(next), 1);
      while (running.length < current && queue.length > 0) begin(next, queue.shift()!);
    }
    const report = pool({ ...totals, size: current, max, inUse: running.length, waiting: queue.length });
    totals = { uses: 0, useSum: 0, waitSum: 0 };
    const step = sizing.observe(report, SECOND, s * SECOND);
    if (step) current = step.to;
    if (step && s > seconds - 600) lastSteps++;
  }
  return { size: current, waited: waitedLate / servedLate, lastSteps };
}
