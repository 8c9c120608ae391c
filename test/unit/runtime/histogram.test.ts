import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { BUCKETS, bucketOf, bucketValue, Histogram } from "../../../runtime/vitals/histogram.ts";

const LARGEST = 2 ** 31 - 1;
/** Durations of all magnitudes, µs. */
const duration = fc
  .tuple(fc.integer({ min: 0, max: 30 }), fc.double({ min: 0, max: 1, noNaN: true }))
  .map(([power, rest]) => Math.min(LARGEST, 2 ** power * (1 + rest) - 1));

describe("a histogram of durations", () => {
  test("tells each quantile within 3.2 % and 1 µs of the sorted values", () => {
    fc.assert(
      fc.property(
        fc.array(duration, { minLength: 1, maxLength: 200 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (values, q) => {
          const histogram = new Histogram();
          for (const value of values) histogram.record(value);
          const exact = values.sort((a, b) => a - b)[Math.max(1, Math.ceil(q * values.length)) - 1]!;
          expect(Math.abs(histogram.quantile(q) - exact)).toBeLessThanOrEqual(exact * 0.032 + 1);
        },
      ),
    );
  });

  test("puts a longer duration never into a lower bucket", () => {
    fc.assert(
      fc.property(duration, duration, (a, b) => {
        expect(bucketOf(Math.min(a, b))).toBeLessThanOrEqual(bucketOf(Math.max(a, b)));
      }),
    );
  });

  test("names a value inside of each bucket, and each bucket follows the one before", () => {
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      expect(bucketOf(bucketValue(bucket))).toBe(bucket);
      if (bucket > 0) expect(bucketValue(bucket)).toBeGreaterThan(bucketValue(bucket - 1));
    }
  });

  test.each([2 ** 31, 2 ** 32, 1e12, Number.POSITIVE_INFINITY])(
    "counts %d µs, longer than it can tell, as the longest",
    (value) => {
      expect(bucketOf(value)).toBe(BUCKETS - 1);
    },
  );

  test.each([-1, -0.5, Number.NaN])("counts %d µs as none", (value) => {
    expect(bucketOf(value)).toBe(0);
  });

  test("adds what another one has recorded since", () => {
    fc.assert(
      fc.property(fc.array(fc.array(duration, { maxLength: 30 }), { maxLength: 6 }), (batches) => {
        const [source, copy] = [new Histogram(), new Histogram()];
        const earlier = source.counts.slice();
        for (const batch of batches) {
          for (const value of batch) source.record(value);
          copy.add(source.deltaSince(earlier), 0);
        }
        expect(copy.counts).toEqual(source.counts);
        expect(copy.count).toBe(source.count);
        expect(source.deltaSince(earlier)).toEqual([]);
      }),
    );
  });

  test("goes on counting beyond 2^32 values in one bucket", () => {
    const histogram = new Histogram();
    histogram.add([7, 2 ** 32 - 1], 0);
    const earlier = histogram.counts.slice();
    histogram.record(7);
    histogram.record(7);
    expect(histogram.deltaSince(earlier)).toEqual([7, 2]);
    expect(histogram.counts.reduce((a, b) => a + b, 0)).toBe(histogram.count);
  });

  test("without values tells 0", () => {
    expect([new Histogram().quantile(0.5), new Histogram().mean()]).toEqual([0, 0]);
  });
});
