import { describe, expect, test } from "@jest/globals";
import {
  add,
  fade,
  meanBelief,
  noEvidence,
  sampleBelief,
} from "../../../../services/immune/auto-healer/learning/evidence.ts";
import { sampleBeta, sampleGamma, sampleNormal } from "../../../../services/immune/auto-healer/learning/samplers.ts";
import { seeded } from "../../../../services/immune/chaos-monkey/random.ts";

const DRAWS = 100_000;

function moments(draw: () => number): { mean: number; variance: number; min: number; max: number } {
  const values = Array.from({ length: DRAWS }, draw);
  const mean = values.reduce((sum, value) => sum + value, 0) / DRAWS;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / DRAWS;
  const min = values.reduce((a, b) => Math.min(a, b));
  return { mean, variance, min, max: values.reduce((a, b) => Math.max(a, b)) };
}

describe("the samplers have the moments of their distributions", () => {
  const random = seeded(7);

  test("normal: mean 0, variance 1", () => {
    const { mean, variance } = moments(() => sampleNormal(random));
    expect(Math.abs(mean)).toBeLessThan(0.02);
    expect(Math.abs(variance - 1)).toBeLessThan(0.03);
  });

  test.each([0.1, 0.5, 1, 1.5, 3, 20, 500])("gamma of shape %d: mean and variance are the shape", (shape) => {
    const { mean, variance, min } = moments(() => sampleGamma(shape, random));
    expect(mean / shape).toBeCloseTo(1, 1);
    expect(Math.abs(variance / shape - 1)).toBeLessThan(0.08);
    expect(min).toBeGreaterThanOrEqual(0);
  });

  test.each([
    [1, 1],
    [0.5, 0.5],
    [4, 1],
    [30, 70],
  ])("beta of %d and %d", (a, b) => {
    const { mean, variance, min, max } = moments(() => sampleBeta(a, b, random));
    expect(Math.abs(mean - a / (a + b))).toBeLessThan(0.01);
    expect(Math.abs(variance / ((a * b) / ((a + b) ** 2 * (a + b + 1))) - 1)).toBeLessThan(0.05);
    expect(min).toBeGreaterThanOrEqual(0);
    expect(max).toBeLessThanOrEqual(1);
  });

  test("and give the same numbers for the same seed", () => {
    const draws = (seed: number) => {
      const own = seeded(seed);
      return Array.from({ length: 20 }, () => sampleBeta(2, 3, own));
    };
    expect(draws(1)).toEqual(draws(1));
    expect(draws(1)).not.toEqual(draws(2));
  });
});

describe("what is believed of a rung", () => {
  const EXPECTED = 1000;
  const seen = (successes: number, failures: number, cost: number) => {
    const evidence = noEvidence();
    for (let i = 0; i < successes; i++) add(evidence, true, cost * (i % 2 === 0 ? 0.9 : 1.1));
    for (let i = 0; i < failures; i++) add(evidence, false, cost);
    return evidence;
  };

  test("is the prior before anything was seen, and then what was seen", () => {
    expect(meanBelief(noEvidence(), EXPECTED)).toEqual({ success: 0.5, cost: 1000 });
    const { success, cost } = meanBelief(seen(98, 0, 5000), EXPECTED);
    expect(success).toBeCloseTo(0.99, 2);
    expect(cost).toBeCloseTo(5000, -2);
  });

  test("is drawn around its mean, the more narrowly the more was seen", () => {
    const random = seeded(3);
    const spread = (evidence: ReturnType<typeof seen>) => {
      const draws = Array.from({ length: 5000 }, () => sampleBelief(evidence, EXPECTED, random));
      const { cost, success } = meanBelief(evidence, EXPECTED);
      const average = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
      expect(average(draws.map((draw) => draw.cost)) / cost).toBeCloseTo(1, 1);
      expect(average(draws.map((draw) => draw.success))).toBeCloseTo(success, 1);
      return average(draws.map((draw) => Math.abs(draw.cost - cost)));
    };
    const [few, many] = [spread(seen(3, 1, 2000)), spread(seen(60, 20, 2000))];
    expect(many).toBeLessThan(few / 2);
  });

  test("fades to the prior", () => {
    expect(meanBelief(fade(seen(50, 0, 9000), 1e-6), EXPECTED).success).toBeCloseTo(0.5, 3);
  });
});
