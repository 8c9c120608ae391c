import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { FailureRate } from "../../../../runtime/load/failure-rate.ts";

describe("a rate of failures", () => {
  test("is the share of failed calls, each weighed by its age", () => {
    const step = fc.record({ wait: fc.nat(5000), failed: fc.constantFrom(0, 0.5, 1) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), fc.nat(20_000), (steps, later) => {
        const rate = new FailureRate();
        const calls: { at: number; failed: number }[] = [];
        let now = 0;
        for (const { wait, failed } of steps) {
          now += wait;
          rate.record(failed, now);
          calls.push({ at: now, failed });
        }
        now += later;
        const weight = ({ at }: { at: number }) => Math.exp((at - now) / 10_000);
        const all = calls.reduce((sum, call) => sum + weight(call), 0);
        const bad = calls.reduce((sum, call) => sum + weight(call) * call.failed, 0);
        expect(rate.calls(now)).toBeCloseTo(all, 6);
        // Two calls without fault are taken for granted.
        expect(rate.rate(now)).toBeCloseTo(bad / (all + 2), 6);
      }),
    );
  });

  test("is not all of it after one failure alone", () => {
    const rate = new FailureRate();
    expect(rate.rate(0)).toBe(0);
    rate.record(1, 0);
    expect(rate.rate(0)).toBeCloseTo(1 / 3);
    for (let i = 0; i < 1000; i++) rate.record(1, 0.5);
    expect(rate.rate(1)).toBeGreaterThan(0.99);
  });

  test("falls to nothing where no calls come, so that who failed is tried again", () => {
    const rate = new FailureRate();
    for (let i = 0; i < 100; i++) rate.record(1, 0);
    expect(rate.rate(120_000)).toBeLessThan(0.001);
  });
});
