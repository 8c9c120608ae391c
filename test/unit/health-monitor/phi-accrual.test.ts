import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { PHI_THRESHOLD, PhiAccrual, phiOf } from "../../../services/nervous/health-monitor/phi-accrual.ts";

/** Simpson's rule over the normal density from z to 14 standard deviations, beyond which nothing is left that counts. */
function phiByIntegration(z: number): number {
  const steps = 200_000;
  const width = (14 - z) / steps;
  const density = (x: number) => Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);
  let sum = density(z) + density(14);
  for (let i = 1; i < steps; i++) sum += density(z + i * width) * (i % 2 === 1 ? 4 : 2);
  return -Math.log10((sum * width) / 3);
}

describe("phi", () => {
  test("is 0.301 at exactly the mean", () => {
    expect(phiOf(0)).toBeCloseTo(Math.log10(2), 14);
    const sender = new PhiAccrual(0);
    for (let at = 1000; at <= 300_000; at += 1000) sender.beat(at);
    expect(sender.phi(301_000)).toBeCloseTo(0.301, 3);
  });

  test("is what integrating the normal density gives", () => {
    for (const z of [-3, -1, -0.1, 0, 0.5, 1, 2, 2.49, 2.51, 3, 4, 5, 6, 7, 8]) {
      const reference = phiByIntegration(z);
      expect(Math.abs(phiOf(z) - reference)).toBeLessThan(1e-9 * Math.max(1, reference));
    }
  });

  test("has the tabulated values far in the tail", () => {
    // Upper tail of the standard normal distribution: Q(10) = 7.61985e-24, Q(20) = 2.75362e-89.
    expect(phiOf(10)).toBeCloseTo(-Math.log10(7.619853024160527e-24), 10);
    expect(phiOf(20)).toBeCloseTo(-Math.log10(2.7536241186062337e-89), 10);
  });

  test("stays finite and increases, however long the silence", () => {
    const z = fc.double({ min: -30, max: 1e9, noNaN: true });
    fc.assert(
      fc.property(z, z, (a, b) => {
        const [low, high] = a < b ? [phiOf(a), phiOf(b)] : [phiOf(b), phiOf(a)];
        expect(Number.isFinite(low) && Number.isFinite(high)).toBe(true);
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeGreaterThanOrEqual(low);
      }),
      { numRuns: 2000 },
    );
    for (let z = 2.4; z < 2.6; z += 1e-5) expect(phiOf(z + 1e-5)).toBeGreaterThan(phiOf(z));
    expect(phiOf(40)).toBeGreaterThan(phiOf(38));
  });
});

describe("the accrual detector", () => {
  /** Beats with these intervals; returns the highest phi just before a beat and the time of the last. */
  function heard(sender: PhiAccrual, intervals: readonly number[], start = 0): { worst: number; at: number } {
    let at = start;
    let worst = 0;
    for (const interval of intervals) {
      at += interval;
      worst = Math.max(worst, sender.phi(at));
      sender.beat(at);
    }
    return { worst, at };
  }

  test("suspects nobody whose heartbeats are up to 0.6 s early or late", () => {
    const jittered = fc.array(fc.integer({ min: 400, max: 1600 }), { minLength: 1, maxLength: 400 });
    fc.assert(
      fc.property(jittered, (intervals) => {
        expect(heard(new PhiAccrual(0), intervals).worst).toBeLessThan(PHI_THRESHOLD);
      }),
    );
  });

  test("always suspects one that has fallen silent, soon after regular heartbeats, later after irregular ones", () => {
    const spread = fc.integer({ min: 0, max: 600 });
    fc.assert(
      fc.property(spread, fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 20 }), (range, units) => {
        const sender = new PhiAccrual(0);
        const { at } = heard(
          sender,
          units.map((unit) => 1000 + unit * range),
        );
        const { mean, deviation } = sender.expected;
        expect(sender.suspects(at + mean)).toBe(false);
        expect(sender.suspects(at + mean + 5.6 * deviation)).toBe(false);
        expect(sender.suspects(at + mean + 5.7 * deviation)).toBe(true);
        expect(sender.suspects(at + 60_000)).toBe(true);
      }),
    );
    const regular = new PhiAccrual(0);
    const { at } = heard(regular, Array(50).fill(1000));
    let silence = 0;
    while (!regular.suspects(at + silence)) silence += 10;
    expect(silence).toBeGreaterThan(2000);
    expect(silence).toBeLessThan(2500);
  });

  test("believes a sender that has become slow, after a few heartbeats", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2000, max: 10_000 }), (slow) => {
        const sender = new PhiAccrual(0);
        const { at } = heard(sender, Array(50).fill(1000));
        const { at: later } = heard(sender, Array(100).fill(slow), at);
        expect(sender.phi(later + slow)).toBeLessThan(PHI_THRESHOLD);
      }),
    );
  });

  test("is as sharp after an outage as before it", () => {
    const sender = new PhiAccrual(0);
    const { at } = heard(sender, [...Array(199).fill(1000), 3_600_000]);
    expect(sender.suspects(at + 2500)).toBe(true);
    expect(sender.expected.mean).toBeLessThan(1010);
  });

  test("knows an interval before it has seen one", () => {
    const sender = new PhiAccrual(0, { firstEstimate: 1000 });
    expect(sender.suspects(1500)).toBe(false);
    expect(sender.suspects(3000)).toBe(true);
  });

  test("holds nothing against anybody for the time in which the receiver was away", () => {
    const sender = new PhiAccrual(0);
    const { at } = heard(sender, Array(50).fill(1000));
    sender.excuse(at + 20_000);
    expect(sender.silentFor(at + 21_000)).toBe(1000);
    expect(sender.suspects(at + 21_000)).toBe(false);
    sender.beat(at + 21_000);
    expect(sender.expected.mean).toBeCloseTo(1000, 0);
  });

  test("forgets what is older than its window", () => {
    const sender = new PhiAccrual(0, { window: 10 });
    const { at } = heard(sender, Array(20).fill(3000));
    heard(sender, Array(10).fill(1000), at);
    expect(sender.expected).toEqual({ mean: 1000, deviation: 200 });
  });
});
