import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { sampleNormal } from "../../../../services/immune/auto-healer/learning/samplers.ts";
import {
  changePoints,
  distancesOf,
  strongest,
} from "../../../../services/muscles/performance-optimizer/analysis/change-points.ts";
import { seeded } from "../../../../services/muscles/performance-optimizer/analysis/seeded.ts";
import { robustSlope, standardNormal } from "../../../../services/muscles/performance-optimizer/analysis/trend.ts";

interface Series {
  n: number;
  /** How much a minute is like the one before, 0 to 1. */
  memory: number;
  /** Added from `from` on, and in each step. */
  shift?: number;
  from?: number;
  rise?: number;
  seed: number;
}

/** Logarithms of latencies, as minutes have them. */
function series({ n, memory, shift = 0, from = Math.round(n * 0.6), rise = 0, seed }: Series): Float64Array {
  const random = seeded(seed);
  let level = 0;
  return Float64Array.from({ length: n }, (_, i) => {
    level = memory * level + 0.08 * sampleNormal(random);
    return 8 + level + (i >= from ? shift : 0) + rise * i;
  });
}

function share(runs: number, seen: (seed: number) => boolean): number {
  let found = 0;
  for (let seed = 1; seed <= runs; seed++) if (seen(seed * 977)) found++;
  return found / runs;
}

describe("change points", () => {
  test.each([
    [0, 0.02],
    [0.5, 0.1],
    [0.8, 0.12],
  ])("where minutes are alike by %d, a quiet series has one in at most %d of cases", (memory, most) => {
    expect(share(100, (seed) => changePoints(series({ n: 120, memory, seed })).length > 0)).toBeLessThanOrEqual(most);
  });

  test("a step of a fifth is found, and where it was", () => {
    const near = share(40, (seed) => {
      const found = changePoints(series({ n: 120, memory: 0, shift: 0.2, seed }));
      return found.some(({ at }) => Math.abs(at - 72) <= 3);
    });
    expect(near).toBeGreaterThanOrEqual(0.95);
  });

  test("three levels have two changes", () => {
    const values = series({ n: 120, memory: 0, seed: 5 }).map(
      (value, i) => value + (i >= 40 ? 0.4 : 0) - (i >= 80 ? 0.7 : 0),
    );
    const found = changePoints(values);
    expect(found).toHaveLength(2);
    expect(Math.abs(found[0]!.at - 40)).toBeLessThanOrEqual(2);
    expect(Math.abs(found[1]!.at - 80)).toBeLessThanOrEqual(2);
  });

  test("one outlier is no change, and neither is a constant series", () => {
    const values = series({ n: 60, memory: 0, seed: 3 });
    values[30] = 15;
    expect(changePoints(values)).toEqual([]);
    expect(changePoints(new Float64Array(60).fill(8))).toEqual([]);
    expect(changePoints([])).toEqual([]);
    expect(changePoints([1, 2, 3])).toEqual([]);
  });

  test("the same series gives the same answer", () => {
    const values = series({ n: 100, memory: 0.3, shift: 0.1, seed: 11 });
    expect(changePoints(values)).toEqual(changePoints(values));
  });

  test("the split that is found step by step is the one that the definition gives", () => {
    const values = fc.array(fc.double({ min: -10, max: 10, noNaN: true }), { minLength: 8, maxLength: 24 });
    fc.assert(
      fc.property(values, (given) => {
        const n = given.length;
        const order = Uint16Array.from({ length: n }, (_, i) => i);
        const found = strongest(distancesOf(given, 0, n), n, 3, order);
        const all = Array.from({ length: n - 5 }, (_, i) => energy(given.slice(0, i + 3), given.slice(i + 3)));
        const wanted = Math.max(...all);
        expect(found.strength).toBeCloseTo(wanted, 6);
        expect(all[found.at - 3]).toBeCloseTo(wanted, 6);
      }),
    );
  });
});

/** Matteson and James (2014), equation 5, as it stands there. */
function energy(left: number[], right: number[]): number {
  const [n, m] = [left.length, right.length];
  let between = 0;
  for (const x of left) for (const y of right) between += Math.abs(x - y);
  const within = (side: number[]) => {
    let sum = 0;
    for (let i = 0; i < side.length; i++)
      for (let k = i + 1; k < side.length; k++) sum += Math.abs(side[i]! - side[k]!);
    return sum / ((side.length * (side.length - 1)) / 2);
  };
  return ((n * m) / (n + m)) * ((2 / (n * m)) * between - within(left) - within(right));
}

describe("the robust slope", () => {
  test.each([
    [0, 0.08],
    [0.5, 0.12],
  ])("where minutes are alike by %d, a level series rises or falls in at most %d of cases", (memory, most) => {
    expect(share(200, (seed) => robustSlope(series({ n: 60, memory, seed })).confidence > 0.95)).toBeLessThanOrEqual(
      most,
    );
  });

  test("a rise is found, with its steepness, also with outliers and gaps", () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const values = series({ n: 120, memory: 0, rise: 0.01, seed });
      for (const i of [5, 40, 77]) values[i] = 20;
      for (const i of [6, 41, 78]) values[i] = Number.NaN;
      const { perStep, confidence } = robustSlope(values);
      expect(Math.abs(perStep - 0.01)).toBeLessThan(0.001);
      expect(confidence).toBeGreaterThan(0.99);
    }
  });

  test("it is the median of the slopes of all pairs", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 8, maxLength: 20 }),
        (values) => {
          const slopes = values
            .flatMap((y, i) => values.slice(0, i).map((x, j) => (y - x) / (i - j)))
            .sort((a, b) => a - b);
          const half = slopes.length / 2;
          const wanted = slopes.length % 2 === 1 ? slopes[Math.floor(half)]! : (slopes[half - 1]! + slopes[half]!) / 2;
          const { perStep, confidence } = robustSlope(values);
          expect(perStep).toBeCloseTo(wanted, 6);
          expect(confidence).toBeGreaterThanOrEqual(0);
          expect(confidence).toBeLessThanOrEqual(1);
        },
      ),
    );
  });

  test("few points have no trend", () => {
    expect(robustSlope([1, 2, 3, 4, 5, 6, 7])).toEqual({ perStep: 0, confidence: 0 });
  });

  test("the normal distribution is that of the tables", () => {
    expect(standardNormal(0)).toBeCloseTo(0.5, 6);
    expect(standardNormal(1.959964)).toBeCloseTo(0.975, 6);
    expect(standardNormal(-2.575829)).toBeCloseTo(0.005, 6);
  });
});
