import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Admission } from "../../../../runtime/concurrency/admission.ts";

describe("Admission", () => {
  test("asks nobody while nothing is refused", () => {
    const admission = new Admission(() => 0);
    expect(admission.isBounded).toBe(false);
    admission.set([{ priority: "low", share: 100 }], []);
    expect(admission.isBounded).toBe(true);
    admission.set([], []);
    expect(admission.isBounded).toBe(false);
  });

  test("sheds a priority and all below it, and never what is critical", () => {
    const admission = new Admission(() => 0);
    admission.set([{ priority: "medium", share: 100 }], []);
    expect((["critical", "high", "medium", "low"] as const).map((one) => admission.refuses("shop", one))).toEqual([
      false,
      false,
      true,
      true,
    ]);
    admission.set([{ priority: "high", share: 100 }], [{ rate: 1 }]);
    for (let i = 0; i < 100; i++) expect(admission.refuses("shop", "critical")).toBe(false);
  });

  test("sheds a share of a priority evenly, and all of lower ones", () => {
    const admission = new Admission(() => 0);
    admission.set([{ service: "shop", priority: "medium", share: 25 }], []);
    const refused = Array.from({ length: 8 }, () => admission.refuses("shop", "medium"));
    expect(refused).toEqual([false, false, false, true, false, false, false, true]);
    expect(admission.refuses("shop", "low")).toBe(true);
    expect(admission.refuses("ledger", "low")).toBe(false);
    expect(admission.refused).toBe(3);
  });

  test("of several that shed the one that sheds most counts", () => {
    const admission = new Admission(() => 0);
    admission.set(
      [
        { priority: "low", share: 50 },
        { priority: "medium", share: 100 },
        { priority: "low", share: 100 },
      ],
      [],
    );
    expect(admission.refuses("shop", "medium")).toBe(true);
  });

  test("lets in what a bucket of one burst that is filled at the rate lets in: no more, and no less", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2000 }),
        fc.array(fc.double({ min: 0, max: 0.05, noNaN: true }), { minLength: 200, maxLength: 400 }),
        (rate, pauses) => {
          let now = 0;
          const admission = new Admission(() => now);
          admission.set([], [{ rate }]);
          const burst = Math.max(1, rate / 10);
          let [let_, bucket] = [0, burst];
          for (const pause of pauses) {
            now += pause * 1000;
            bucket = Math.min(burst, bucket + rate * pause);
            const isIn = !admission.refuses("shop", "medium");
            // What differs is rounding, of a bucket that has just one call in it.
            if (isIn !== bucket >= 1) expect(bucket).toBeCloseTo(1, 6);
            if (isIn) {
              bucket--;
              let_++;
            }
            // The same word again changes nothing.
            admission.set([], [{ rate }]);
          }
          expect(let_).toBeLessThanOrEqual(burst + (rate * now) / 1000 + 1e-6);
        },
      ),
    );
  });
});
