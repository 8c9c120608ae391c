import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { DecayingHistogram } from "../../../../runtime/load/decaying-histogram.ts";
import { bucketOf, bucketValue } from "../../../../runtime/vitals/histogram.ts";

/** All values with their weights, as the histogram is meant to know them. */
class Naive {
  values: { bucket: number; weight: number }[] = [];
  open: number[] = [];

  close(kept: number): void {
    for (const value of this.values) value.weight *= kept;
    for (const microseconds of this.open) this.values.push({ bucket: bucketOf(microseconds), weight: 1 });
    this.open = [];
  }

  get weight(): number {
    return this.values.reduce((sum, { weight }) => sum + weight, 0);
  }

  /** The least bucket up to which the share of the weight lies. */
  quantile(q: number): number {
    const sorted = this.values.toSorted((a, b) => a.bucket - b.bucket);
    let rest = q * this.weight;
    for (const { bucket, weight } of sorted) {
      rest -= weight;
      if (rest <= 1e-4 * this.weight) return bucketValue(bucket);
    }
    return bucketValue(sorted.at(-1)?.bucket ?? 0);
  }
}

const windows = fc.array(
  fc.record({
    kept: fc.double({ min: 0.01, max: 1, noNaN: true }),
    values: fc.array(fc.integer({ min: 0, max: 10_000_000 }), { maxLength: 40 }),
  }),
  { maxLength: 12 },
);

describe("a histogram that decays", () => {
  test("weighs and ranks as a list of all values with their weights does", () => {
    fc.assert(
      fc.property(windows, fc.double({ min: 0.05, max: 0.999, noNaN: true }), (all, q) => {
        const [histogram, naive] = [new DecayingHistogram(), new Naive()];
        for (const { kept, values } of all) {
          for (const value of values) {
            histogram.record(value);
            naive.open.push(value);
          }
          histogram.close(kept);
          naive.close(kept);
        }
        expect(histogram.weight).toBeCloseTo(naive.weight, 2);
        if (naive.weight < 0.01) return;
        // A rank may fall to either side of a sum of small numbers, and between two ranks there may be several values.
        expect(histogram.quantile(q)).toBeGreaterThanOrEqual(naive.quantile(q - 0.002));
        expect(histogram.quantile(q)).toBeLessThanOrEqual(naive.quantile(q + 0.002));
      }),
      {
        numRuns: 300,
        examples: [
          [
            [
              { kept: 0.01, values: [14, 14] },
              { kept: 0.03646562434732915, values: [] },
              { kept: 0.1243421920982704, values: [15] },
              { kept: 0.03504774160683156, values: [0, 0, 0, 0, 0, 0, 0, 11, 13, 13] },
              { kept: 0.15791421517748033, values: [13, 11, 1, 13] },
            ],
            0.9989999999990021,
          ],
        ],
      },
    );
  });

  test("tells each value in exactly one window, whatever it forgets", () => {
    fc.assert(
      fc.property(windows, (all) => {
        const histogram = new DecayingHistogram();
        const told = new Map<number, number>();
        const expected = new Map<number, number>();
        let [sum, count] = [0, 0];
        for (const { kept, values } of all) {
          for (const value of values) {
            histogram.record(value);
            expected.set(bucketOf(value), (expected.get(bucketOf(value)) ?? 0) + 1);
          }
          sum += histogram.sum;
          count += histogram.count;
          const buckets = histogram.close(kept);
          expect([histogram.sum, histogram.count]).toEqual([0, 0]);
          for (let i = 0; i < buckets.length; i += 2)
            told.set(buckets[i]!, (told.get(buckets[i]!) ?? 0) + buckets[i + 1]!);
        }
        const values = all.flatMap((window) => window.values);
        expect([sum, count]).toEqual([values.reduce((a, b) => a + b, 0), values.length]);
        expect([...told].toSorted(([a], [b]) => a - b)).toEqual([...expected].toSorted(([a], [b]) => a - b));
      }),
    );
  });

  test("says 0 of nothing, and forgets all but nothing to the end", () => {
    const histogram = new DecayingHistogram();
    expect([histogram.quantile(0.5), histogram.close(1), histogram.weight]).toEqual([0, [], 0]);
    histogram.record(1000);
    for (let i = 0; i < 50; i++) histogram.close(0.5);
    expect([histogram.weight, histogram.quantile(0.99)]).toEqual([0, 0]);
  });
});
