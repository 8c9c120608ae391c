import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { bucketOf, evaluate, type Flag } from "../../../services/heart/azora-core/rollout.ts";

const flag = (change: Partial<Flag> = {}): Flag => ({
  name: "new-page",
  enabled: true,
  percentage: 50,
  allow: [],
  deny: [],
  ...change,
});
const percentage = fc.integer({ min: 0, max: 10_000 }).map((hundredths) => hundredths / 100);

describe("roll-out", () => {
  test("raising the percentage never takes the flag from a subject", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), percentage, percentage, (name, subject, a, b) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        const before = evaluate(flag({ name, percentage: low }), subject).enabled;
        return !before || evaluate(flag({ name, percentage: high }), subject).enabled;
      }),
    );
  });

  test("the answer is the same every time", () => {
    expect([bucketOf("new-page", "user-1"), bucketOf("new-page", "user-2")]).toEqual(FROZEN);
  });

  test("0 % is nobody and 100 % is everybody", () => {
    fc.assert(
      fc.property(fc.string(), (subject) => {
        expect(evaluate(flag({ percentage: 0 }), subject).enabled).toBe(false);
        expect(evaluate(flag({ percentage: 100 }), subject).enabled).toBe(true);
      }),
    );
  });

  test("subjects spread evenly: chi-squared over 100 bins of 20,000 subjects", () => {
    const bins = new Array<number>(100).fill(0);
    for (let n = 0; n < 20_000; n++) bins[Math.floor(bucketOf("even", `user-${n}`) / 100)]!++;
    const chi = bins.reduce((sum, count) => sum + (count - 200) ** 2 / 200, 0);
    expect(chi).toBeLessThan(160); // 99 degrees of freedom: above 160 once in 10,000 honest hashes
  });

  test("flags are independent of each other", () => {
    let both = 0;
    for (let n = 0; n < 10_000; n++) {
      const subject = `user-${n}`;
      if (bucketOf("one", subject) < 5000 && bucketOf("two", subject) < 5000) both++;
    }
    expect(Math.abs(both - 2500)).toBeLessThan(200);
  });
});

/** Computed once; a change of the hash would hand every roll-out to other subjects. */
const FROZEN = [3802, 9242];

describe("reasons", () => {
  test.each([
    ["unknown flag", undefined, "u", false],
    ["switched off", flag({ enabled: false, allow: ["u"] }), "u", false],
    ["on the deny list", flag({ allow: ["u"], deny: ["u"], percentage: 100 }), "u", false],
    ["on the allow list", flag({ allow: ["u"], percentage: 0 }), "u", true],
    ["on for everybody", flag({ percentage: 100 }), undefined, true],
    ["no subject to roll out to", flag(), undefined, false],
    ["outside the roll-out", flag({ percentage: 0 }), "u", false],
    ["within the roll-out", flag({ percentage: 99.99 }), "u", true],
  ])("%s", (reason, given, subject, enabled) => {
    expect(evaluate(given as Flag | undefined, subject)).toEqual({ enabled, reason });
  });
});
