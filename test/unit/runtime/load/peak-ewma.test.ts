import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { PeakEwma } from "../../../../runtime/load/peak-ewma.ts";

describe("a moving average that is sensitive to peaks", () => {
  test("believes a rise at once and a fall slowly", () => {
    const ewma = new PeakEwma();
    ewma.record(1000, 0);
    ewma.record(50_000, 1);
    expect(ewma.value).toBe(50_000);
    ewma.record(1000, 2);
    expect(ewma.value).toBeGreaterThan(49_900);
    for (let now = 3; now < 5002; now++) ewma.record(1000, now);
    expect(ewma.value).toBeCloseTo(1000 + 49_000 / Math.E, -3);
  });

  test("falls while nothing comes, and goes on from what is recorded next", () => {
    const ewma = new PeakEwma();
    ewma.record(10_000, 0);
    expect(ewma.at(5000)).toBeCloseTo(10_000 / Math.E);
    ewma.record(100, 60_000);
    expect(ewma.at(60_000)).toBeLessThan(101);
  });

  test("gives what comes often no more weight than what comes rarely", () => {
    const [often, rarely] = [new PeakEwma(), new PeakEwma()];
    for (const ewma of [often, rarely]) ewma.record(9000, 0);
    for (let now = 1; now <= 3000; now++) often.record(1000, now);
    for (let now = 100; now <= 3000; now += 100) rarely.record(1000, now);
    expect(Math.abs(often.value - rarely.value)).toBeLessThan(10);
  });

  test("stays between the least and the most that it was told", () => {
    const step = fc.record({ wait: fc.nat(4000), value: fc.integer({ min: 1, max: 1e7 }) });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1 }), (steps) => {
        const ewma = new PeakEwma();
        let now = 0;
        for (const { wait, value } of steps) {
          now += wait;
          ewma.record(value, now);
          expect(ewma.value).toBeGreaterThanOrEqual(value);
          expect(ewma.at(now + 10)).toBeLessThanOrEqual(ewma.value);
        }
        const values = steps.map(({ value }) => value);
        expect(ewma.value).toBeLessThanOrEqual(Math.max(...values));
        expect(ewma.value).toBeGreaterThanOrEqual(Math.min(...values));
      }),
    );
  });
});
