import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { seeded } from "../../../../services/immune/chaos-monkey/random.ts";
import { always } from "../../../../services/muscles/performance-optimizer/tuning/always-valid.ts";
import { Comparison, type Decision } from "../../../../services/muscles/performance-optimizer/tuning/comparison.ts";
import { LATENCIES, type Source, seconds } from "../latency-source.ts";

/** A minute before, then looked at every second for at most one more. */
function decide(source: Omit<Source, "random">, factor: number, seed: number): Decision {
  const second = seconds({ ...source, random: seeded(seed) });
  const comparison = new Comparison();
  for (let i = 0; i < 60; i++) comparison.before(second());
  for (let i = 0; i < 60; i++) {
    comparison.after(second(factor));
    const { decision } = comparison.verdict();
    if (decision !== "continue") return decision;
  }
  return "continue";
}

function shareOf(wanted: readonly Decision[], runs: number, source: Omit<Source, "random">, factor: number): number {
  let found = 0;
  for (let seed = 1; seed <= runs; seed++) if (wanted.includes(decide(source, factor, seed * 7919))) found++;
  return found / runs;
}

const kinds = Object.entries(LATENCIES);

describe("a comparison that is looked at every second", () => {
  test.each(kinds)("finds a difference where there is none in at most 5 % of cases: %s", (_, latency) => {
    expect(shareOf(["better", "worse"], 60, { latency, rate: 30 }, 1)).toBeLessThanOrEqual(0.05);
  });

  test.each(kinds)("seldom keeps what does not help though neighbouring seconds are alike: %s", (_, latency) => {
    expect(shareOf(["better"], 60, { latency, rate: 30, restless: 0.1 }, 1)).toBeLessThanOrEqual(0.1);
  });

  test.each(kinds)("sees that calls have become faster by a fifth: %s", (_, latency) => {
    expect(shareOf(["better"], 30, { latency, rate: 50 }, 0.8)).toBeGreaterThanOrEqual(0.95);
  });

  test.each(kinds)("sees that calls have become slower by a fourth: %s", (_, latency) => {
    expect(shareOf(["worse"], 30, { latency, rate: 50 }, 1.25)).toBeGreaterThanOrEqual(0.95);
  });

  test("sees that only the slow calls have become faster", () => {
    const random = seeded(5);
    const slow = seconds({ latency: () => (random() < 0.1 ? 50_000 : 1000) * (1 + random()), rate: 100, random });
    const faster = seconds({ latency: () => (random() < 0.1 ? 10_000 : 1000) * (1 + random()), rate: 100, random });
    // The typical call is held fixed: with a mean of log latency alone this would be a change of a few per cent.
    const comparison = new Comparison({ worthwhile: 0.8 });
    for (let i = 0; i < 60; i++) comparison.before(slow());
    for (let i = 0; i < 60; i++) comparison.after(faster());
    const { decision, effect } = comparison.verdict();
    expect(decision).toBe("better");
    expect(effect.metric).toBe("latency p95");
    expect(effect.confidence).toBeGreaterThan(0.99);
  });

  test("says soon that there is no difference where many calls show that none is worth its while", () => {
    const share = shareOf(["no difference"], 10, { latency: LATENCIES.lognormal, rate: 500 }, 1);
    expect(share).toBeGreaterThanOrEqual(0.9);
  });
});

describe("what is too little", () => {
  test("says nothing before there are enough calls on both sides", () => {
    const comparison = new Comparison({ minCalls: 50 });
    for (let i = 0; i < 49; i++) comparison.before([100, 1]);
    for (let i = 0; i < 100; i++) comparison.after([10, 1]);
    expect(comparison.verdict().decision).toBe("continue");
    comparison.before([100, 1]);
    expect(comparison.verdict().decision).toBe("better");
  });

  test("says nothing of a single moment, however many calls it had", () => {
    const comparison = new Comparison();
    comparison.before([100, 1_000_000]);
    comparison.after([50, 1_000_000]);
    expect(comparison.verdict().decision).toBe("continue");
  });

  test("says nothing of no calls", () => {
    const { decision, effect } = new Comparison().verdict();
    expect({ decision, ratio: effect.ratio, confidence: effect.confidence }).toEqual({
      decision: "continue",
      ratio: 1,
      confidence: 0,
    });
  });

  test("gives up after as many calls as it may take", () => {
    const comparison = new Comparison({ maxCalls: 3000 });
    const second = seconds({ latency: LATENCIES["every tenth slow"], rate: 100, restless: 0.3, random: seeded(3) });
    for (let i = 0; i < 60; i++) comparison.before(second());
    for (let i = 0; i < 40; i++) comparison.after(second());
    expect(["no difference", "better", "worse"]).toContain(comparison.verdict().decision);
  });
});

describe("whatever is fed to it", () => {
  const pairs = fc.array(fc.tuple(fc.integer({ min: 0, max: 447 }), fc.integer({ min: 1, max: 10_000 })), {
    maxLength: 8,
  });

  test("figures are finite, the confidence lies between 0 and 1, and calls are counted exactly", () => {
    fc.assert(
      fc.property(fc.array(pairs, { maxLength: 40 }), fc.array(pairs, { maxLength: 600 }), (before, after) => {
        const comparison = new Comparison();
        for (const one of before) comparison.before(one.flat());
        for (const one of after) comparison.after(one.flat());
        const { effect } = comparison.verdict();
        const all = [effect.ratio, effect.confidence, ...Object.values(effect.before), ...Object.values(effect.after)];
        expect(all.every(Number.isFinite)).toBe(true);
        expect(effect.confidence).toBeGreaterThanOrEqual(0);
        expect(effect.confidence).toBeLessThanOrEqual(1);
        const calls = (side: typeof before) => side.flat().reduce((sum, [, count]) => sum + count, 0);
        expect(comparison.calls).toEqual({ before: calls(before), after: calls(after) });
      }),
      { numRuns: 60 },
    );
  });

  test("better turns to worse where before and after change places", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e6 }), fc.double({ min: 0.3, max: 0.7, noNaN: true }), (seed, factor) => {
        const random = seeded(seed);
        const second = seconds({ latency: LATENCIES.lognormal, rate: 50, random });
        const slow = Array.from({ length: 20 }, () => second());
        const fast = Array.from({ length: 20 }, () => second(factor));
        const there = new Comparison();
        const back = new Comparison();
        for (const one of slow) {
          there.before(one);
          back.after(one);
        }
        for (const one of fast) {
          there.after(one);
          back.before(one);
        }
        expect([there.verdict().decision, back.verdict().decision]).toEqual(["better", "worse"]);
        expect(there.verdict().effect.ratio * back.verdict().effect.ratio).toBeCloseTo(1, 6);
      }),
      { numRuns: 20 },
    );
  });

  test.each([
    ["half a pair", [3]],
    ["a bucket that does not exist", [448, 1]],
    ["a negative bucket", [-1, 1]],
    ["a negative count", [3, -1]],
    ["part of a call", [3, 0.5]],
    ["not a number", [3, Number.NaN]],
    ["more calls than anyone makes", [3, 1e300]],
  ])("leaves out and counts %s", (_, buckets) => {
    const comparison = new Comparison();
    comparison.before(buckets);
    comparison.after(buckets);
    expect(comparison.refused).toBe(2);
    expect(comparison.calls).toEqual({ before: 0, after: 0 });
  });
});

describe("the always-valid interval", () => {
  test("is the set of differences that the test would not reject", () => {
    fc.assert(
      fc.property(
        fc.double({ min: -2, max: 2, noNaN: true }),
        fc.double({ min: 1e-6, max: 1, noNaN: true }),
        (by, variance) => {
          const { low, high } = always(by, variance, 0.2, 0.05);
          // Tested against its own bound, a difference is exactly as sure as was asked for.
          expect(always(by - low, variance, 0.2, 0.05).confidence).toBeCloseTo(0.95, 6);
          expect(always(by - high, variance, 0.2, 0.05).confidence).toBeCloseTo(0.95, 6);
        },
      ),
    );
  });

  test("the likelihood ratio is the mixture that it stands for, integrated step by step", () => {
    const [by, variance, spread] = [0.3, 0.01, 0.2];
    const normal = (x: number, mean: number, v: number) =>
      Math.exp(-((x - mean) ** 2) / (2 * v)) / Math.sqrt(2 * Math.PI * v);
    let mixture = 0;
    for (let effect = -2; effect <= 2; effect += 1e-4) {
      mixture += normal(by, effect, variance) * normal(effect, 0, spread ** 2) * 1e-4;
    }
    expect(1 - always(by, variance, spread, 0.05).confidence).toBeCloseTo(normal(by, 0, variance) / mixture, 8);
  });
});
