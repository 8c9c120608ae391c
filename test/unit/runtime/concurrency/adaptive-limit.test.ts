import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { AdaptiveLimit } from "../../../../runtime/concurrency/adaptive-limit.ts";
import { percentile, SimulatedService, seeded } from "./simulated-service.ts";

type Distribution = "even" | "without memory" | "heavy tail";
/** Times of work with a mean of 1. */
const DISTRIBUTIONS: Record<Distribution, (random: () => number) => number> = {
  even: (random) => 0.5 + random(),
  "without memory": (random) => -Math.log(1 - random()),
  "heavy tail": (random) =>
    Math.exp(1.2 * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()) - 0.72),
};
const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;

function service(places: number, distribution: Distribution = "even", seed = 1): SimulatedService {
  const made = new SimulatedService({}, seed);
  made.places = places;
  made.work = () => 10 * DISTRIBUTIONS[distribution](made.random);
  return made;
}

describe("an adaptive limit", () => {
  test.each([
    [4, "even"],
    [16, "even"],
    [64, "even"],
    [2, "without memory"],
    [16, "without memory"],
    [64, "without memory"],
    [4, "heavy tail"],
    [64, "heavy tail"],
  ] as const)(
    "of a resource with %i places finds them under three times the load, with work that is %s",
    (places, distribution) => {
      for (const seed of places > 16 ? [1] : [1, 2]) {
        const it = service(places, distribution, seed);
        const capacity = places * 100;
        it.rate = capacity * 0.3;
        it.run(5000);
        it.rate = capacity * 3;
        it.run(5000);
        const seconds = places > 16 ? 15 : 60;
        const { limits, done, refused } = it.run(seconds * 1000);
        expect(mean(limits) / places).toBeGreaterThan(0.9);
        expect(mean(limits) / places).toBeLessThan(2);
        expect(Math.max(...limits) / places).toBeLessThan(8);
        expect(done / (capacity * seconds)).toBeGreaterThan(0.85);
        expect(refused).toBeGreaterThan(capacity * seconds);
      }
    },
  );

  test.each([4, 16, 64])("of a resource with %i places lets more in again when it has four times as many", (places) => {
    const it = service(places);
    it.rate = places * 30;
    it.run(5000);
    it.rate = places * 300;
    it.run(20_000);
    it.places *= 4;
    it.run(5000);
    const { refused, came } = it.run(5000);
    expect(refused / came).toBeLessThan(0.02);
  });

  test.each([4, 16])("that begins under load finds the %i places as well", (places) => {
    for (const seed of [1, 2]) {
      const it = service(places, "even", seed);
      it.rate = places * 300;
      it.run(90_000);
      const { limits, done } = it.run(10_000);
      expect(mean(limits) / places).toBeLessThan(2);
      expect(done / (places * 1000)).toBeGreaterThan(0.95);
    }
  });

  test.each([
    [1.8, "even"],
    [2.5, "even"],
    [10, "even"],
    [1.8, "without memory"],
    [2.5, "without memory"],
    [10, "without memory"],
    [2.5, "heavy tail"],
  ] as const)(
    "does not throttle for long what has become %d times slower for another reason, with work that is %s",
    (times, distribution) => {
      for (const seed of [1, 2]) {
        const it = service(Number.POSITIVE_INFINITY, distribution, seed);
        it.room = 100;
        it.rate = 5000;
        it.run(3000);
        const quick = it.work;
        it.work = () => quick() * times;
        const first = it.run(20_000);
        expect(first.refused / first.came).toBeLessThan(0.25);
        const then = it.run(10_000);
        expect(then.refused / then.came).toBeLessThan(0.02);
        it.work = quick;
        expect(it.run(5000).refused).toBe(0);
      }
    },
  );

  test("is not misled by work of two kinds, whose mean is that of neither", () => {
    const it = service(Number.POSITIVE_INFINITY);
    it.room = 1000;
    it.rate = 2000;
    it.work = () => (it.random() < 0.5 ? 0.2 : 200);
    const { refused, came } = it.run(20_000);
    expect(refused / came).toBeLessThan(0.02);
  });

  test("never limits a quiet service", () => {
    for (const distribution of Object.keys(DISTRIBUTIONS) as Distribution[]) {
      const it = service(Number.POSITIVE_INFINITY, distribution);
      it.room = 0;
      it.rate = 200;
      expect(it.run(60_000).refused).toBe(0);
    }
  });

  test("takes no notice of noise below a millisecond", () => {
    const it = service(Number.POSITIVE_INFINITY);
    it.room = 0;
    it.rate = 20_000;
    it.work = () => (it.random() < 0.1 ? 0.8 : 0.02);
    const { refused, limits } = it.run(10_000);
    it.work = () => 0.7;
    const slower = it.run(10_000);
    expect([refused, slower.refused, Math.min(...limits, ...slower.limits)]).toEqual([0, 0, 200]);
  });

  test("doubles for a burst as long as nothing is known of a bound", () => {
    const it = service(Number.POSITIVE_INFINITY);
    it.work = () => 100;
    it.room = 10_000;
    it.rate = 1;
    it.run(3000);
    it.burst(10_000);
    const { done, refused } = it.run(1000);
    expect([done >= 10_000, refused]).toEqual([true, 0]);
  });

  test("lets a service come back that did not answer for a while", () => {
    const limit = new AdaptiveLimit({ random: seeded(1) });
    let now = 1000;
    const call = (took: number, running: number, waiting: number) => {
      limit.began(running);
      limit.ended(took, running - 1, waiting, now);
    };
    for (let i = 0; i < 1000; i++, now += 5) call(10, 3, 0);
    // All that run are given up when their time is over, ten seconds each.
    for (let round = 0; round < 6; round++, now += 10_000) for (let i = 0; i < 200; i++) call(10_000, 200 - i, 500);
    for (let i = 0; i < 5000; i++, now += 5) call(10, Math.min(50, limit.limit), 20);
    expect(limit.limit).toBeGreaterThan(50);
    expect(limit.quietLatency).toBeLessThan(15);
  });

  test("stays between its floor and its ceiling, whatever it is told", () => {
    const bounds = fc
      .tuple(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 300 }))
      .map(([a, b]) => ({ floor: Math.min(a, b), ceiling: Math.max(a, b) }));
    const step = fc.record({
      wait: fc.nat(500),
      took: fc.oneof(fc.double({ min: 0, max: 5, noNaN: true }), fc.double({ min: 0, max: 60_000, noNaN: true })),
      running: fc.integer({ min: 1, max: 1000 }),
      waiting: fc.nat(1000),
      times: fc.integer({ min: 1, max: 30 }),
      bounds: fc.option(bounds, { freq: 20 }),
    });
    fc.assert(
      fc.property(bounds, fc.array(step, { maxLength: 150 }), fc.nat(), (first, steps, seed) => {
        const limit = new AdaptiveLimit({ ...first, random: seeded(seed), probeEvery: 1000 });
        let [now, { floor, ceiling }] = [0, first];
        for (const { wait, took, running, waiting, times, bounds: next } of steps) {
          now += wait;
          if (next) {
            limit.bound(next);
            ({ floor, ceiling } = next);
            expect(limit.bounds).toEqual(next);
          }
          for (let i = 0; i < times; i++) {
            limit.began(running);
            limit.ended(took, running - 1, waiting, now);
          }
          expect(limit.limit).toBeGreaterThanOrEqual(floor);
          expect(limit.limit).toBeLessThanOrEqual(ceiling);
          expect(Number.isInteger(limit.limit)).toBe(true);
          expect(limit.quietLatency).toBeGreaterThanOrEqual(0);
          expect(limit.rate).toBeGreaterThanOrEqual(0);
        }
      }),
      { numRuns: 300 },
    );
  });

  test("probes in a quarter of its places for a moment, and not at the time at which others do", () => {
    const begins = [1, 2, 3].map((seed) => {
      const it = service(16, "even", seed);
      it.rate = 16 * 30;
      it.run(5000);
      it.rate = 16 * 200;
      const from = it.now;
      const { limits } = it.run(150_000);
      const low = limits.map((limit) => limit < 10);
      const probes = low.flatMap((isLow, i) => (isLow && !low[i - 1] ? [i * 100 + from] : []));
      expect(probes.length).toBeGreaterThanOrEqual(1);
      expect(probes.length).toBeLessThanOrEqual(5);
      expect(low.filter(Boolean).length).toBeLessThanOrEqual(probes.length * 7);
      return probes[0]!;
    });
    expect(new Set(begins).size).toBe(begins.length);
    expect(Math.max(...begins) - Math.min(...begins)).toBeGreaterThan(1000);
  });

  test("knows how many can end in a time only while calls have to wait", () => {
    const it = service(16);
    it.rate = 5;
    it.run(60_000);
    expect(it.limit.rate).toBe(0);
    it.rate = 4800;
    it.room = 10_000;
    it.run(2000);
    expect(it.limit.rate * 1000).toBeGreaterThan(1200);
    expect(it.limit.rate * 1000).toBeLessThan(2000);
    it.rate = 100;
    it.waiting.length = 0;
    it.run(3000);
    expect(it.limit.rate).toBe(0);
  });

  test("keeps what is answered quick under overload", () => {
    const it = service(16);
    it.rate = 480;
    const quiet = percentile(it.run(5000).latency, 0.99);
    it.rate = 4800;
    it.run(3000);
    expect(percentile(it.run(20_000).latency, 0.99)).toBeLessThan(quiet * 2);
  });
});
