import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { judge, wayOf } from "../../../../services/brain/symbiotic-rules-engine/actions/verdict.ts";

describe("The verdict on an effect", () => {
  test.each([
    ["brain.load", [90, 91, 92], [60, 61, 60], "better"],
    ["brain.load", [90, 91, 92], [90, 92, 91], "no change"],
    ["brain.load", [60, 61, 60], [90, 91, 92], "worse"],
    ["brain.healthyRatio", [60, 61, 60], [90, 91, 92], "better"],
    ["organism.harmony", [60, 61, 60], [50, 51, 52], "worse"],
    ["brain.load", [90, 91], [60, 61, 60], "unknown"],
    ["brain.load", [90, 91, 92], [], "unknown"],
    // Scatter is no change.
    ["brain.latencyP95", [10, 200, 30, 150], [100, 210, 20, 190], "no change"],
    // Nobody would notice.
    ["brain.latencyP95", [1, 1, 1], [2, 2, 2], "no change"],
  ])("%s from %j to %j is %s", (metric, before, after, verdict) => {
    expect(judge(metric, before, after, wayOf(metric)).verdict).toBe(verdict);
  });

  test("is turned round with the time, and never says anything of a series about itself", () => {
    const series = fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { minLength: 3, maxLength: 10 });
    const turned = { better: "worse", worse: "better", "no change": "no change", unknown: "unknown" } as const;
    fc.assert(
      fc.property(series, (one) => {
        expect(judge("brain.load", one, one, -1).verdict).toBe("no change");
      }),
    );
    fc.assert(
      fc.property(series, series, (one, other) => {
        const there = judge("brain.load", one, other, -1).verdict;
        const back = judge("brain.load", other, one, -1).verdict;
        // What is too little to notice depends on where it begins.
        if (there !== "no change" && back !== "no change") expect(back).toBe(turned[there]);
      }),
    );
  });
});
