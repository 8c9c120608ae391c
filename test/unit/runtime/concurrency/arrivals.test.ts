import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Arrivals } from "../../../../runtime/concurrency/arrivals.ts";

/** Two machines, whose clocks began at different times and do not run at the same speed. */
class Way {
  /** True time, ms. */
  time = 0;
  readonly #receiver: { from: number; speed: number };
  readonly #sender: { from: number; speed: number };
  readonly arrivals: Arrivals;
  readonly #stamps: Arrivals;

  constructor(receiver: number, sender: number, drift = 0) {
    this.#receiver = { from: receiver, speed: 1 };
    this.#sender = { from: sender, speed: 1 + drift };
    this.arrivals = new Arrivals(() => this.#receiver.from + this.time * this.#receiver.speed);
    this.#stamps = new Arrivals(() => this.#sender.from + this.time * this.#sender.speed);
  }

  /** A call whose way takes so long, and that waits so long after it. @returns what it is said to have waited */
  call(way: number, waits: number): number {
    const stamp = this.#stamps.stamp();
    this.time += way + waits;
    return this.arrivals.waited("other", stamp);
  }

  /** The sender's machine sleeps, or is started anew, while time goes on. */
  shiftSender(ms: number): void {
    this.#sender.from += ms;
  }
}

const WRAP = 2 ** 32 / 10;

describe("the delay of calls from another node", () => {
  const clocks = fc.oneof(
    fc.double({ min: 0, max: WRAP * 3, noNaN: true }),
    // Where the stamps, or their difference, wrap around.
    fc
      .constantFrom(0, WRAP / 2, WRAP, WRAP * 1.5)
      .chain((near) => fc.double({ min: -200, max: 200, noNaN: true }).map((off) => Math.max(0, near + off))),
  );
  const calls = fc.array(
    fc.record({
      pause: fc.oneof(fc.nat(20), fc.nat(20_000)),
      way: fc.double({ min: 0.1, max: 3, noNaN: true }),
      waits: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 4000, noNaN: true })),
    }),
    { maxLength: 80 },
  );

  test("is never negative, and never longer than it was but for what the clocks drift apart", () => {
    fc.assert(
      fc.property(
        clocks,
        clocks,
        fc.double({ min: -1e-4, max: 1e-4, noNaN: true }),
        calls,
        (receiver, sender, drift, all) => {
          const way = new Way(receiver, sender, drift);
          let last = 0;
          for (const { pause, way: takes, waits } of all) {
            way.time += pause;
            const said = way.call(takes, waits);
            // A tenth of a millisecond for each rounding; the clocks drift by as much in a second at most.
            const drifted = Math.abs(drift) * (way.time - last) + Math.abs(drift) * way.time;
            expect(said).toBeGreaterThanOrEqual(0);
            expect(said).toBeLessThanOrEqual(takes + waits + drifted + 0.3);
            last = way.time;
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  test("is seen where some calls come through without it", () => {
    const way = new Way(5_000_000, 77, 0);
    for (let i = 0; i < 100; i++) way.call(0.5, 0);
    for (const waits of [10, 250, 4000]) expect(way.call(0.5, waits)).toBeCloseTo(waits, 0);
  });

  test("is seen over the wrap-around of the stamps, of either clock", () => {
    for (const [receiver, sender] of [
      [WRAP - 1000, 5000],
      [5000, WRAP - 1000],
      [WRAP / 2 + 3, 0],
      [0, WRAP / 2 + 3],
    ] as const) {
      const way = new Way(receiver, sender);
      for (let i = 0; i < 100; i++) {
        way.time += 30;
        expect(way.call(0.5, 0)).toBeLessThan(1);
        expect(way.call(0.5, 40)).toBeCloseTo(40, 0);
      }
    }
  });

  test("does not grow by clocks that run at different speeds", () => {
    const way = new Way(0, 0, -1e-4);
    for (let i = 0; i < 3600; i++) {
      way.time += 1000;
      expect(way.call(0.5, 0)).toBeLessThan(1.5);
    }
  });

  test("is forgotten with a sender that is gone, whose next life has another clock", () => {
    const way = new Way(9_000_000, 9_000_000);
    way.call(0.5, 0);
    way.shiftSender(-9_000_000);
    expect(way.call(0.5, 0)).toBeGreaterThan(1_000_000);
    way.arrivals.forget("other");
    expect([way.call(0.5, 0), way.call(0.5, 30)]).toEqual([0, expect.closeTo(30, 0)]);
  });

  test("is found again when the sender's machine has slept and the receiver has had nothing to do", () => {
    const way = new Way(1000, 1000);
    for (let i = 0; i < 10; i++) way.call(0.5, 0);
    way.shiftSender(-600_000);
    way.time += 600_000;
    expect(way.call(0.5, 0)).toBeGreaterThan(500_000);
    way.call(0.5, 0);
    way.arrivals.rebase();
    expect([way.call(0.5, 0) < 1, way.call(0.5, 50)]).toEqual([true, expect.closeTo(50, 0)]);
    // The receiver's machine: the sender's clock seems to have leapt forward.
    way.shiftSender(600_000);
    expect([way.call(0.5, 0), way.call(0.5, 50)]).toEqual([0, expect.closeTo(50, 0)]);
  });

  test("takes no rebase for a reason where nothing has come since the last look", () => {
    const way = new Way(0, 0);
    way.call(0.5, 0);
    way.time += 6000;
    way.call(0.5, 0);
    way.arrivals.rebase();
    expect(way.call(0.5, 20)).toBeCloseTo(20, 0);
  });
});
