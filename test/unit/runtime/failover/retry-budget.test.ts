import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { RetryBudget } from "../../../../runtime/failover/retry-budget.ts";

describe("a budget of retries", () => {
  test("allows one retry for five calls, and ten in a second to those who make few", () => {
    let now = 0;
    const budget = new RetryBudget(() => now);
    const taken = () => {
      let count = 0;
      while (budget.take()) count++;
      return count;
    };
    expect(taken()).toBe(10);
    for (let i = 0; i < 500; i++) budget.called();
    expect(taken()).toBe(100);
    now += 1000;
    expect(taken()).toBe(10);
    now += 3_600_000;
    for (let i = 0; i < 100_000; i++) budget.called();
    expect(taken()).toBe(1000);
    expect(budget.refused).toBe(4);
  });

  test("is never overdrawn, and lets no storm of retries through while everything fails", () => {
    const step = fc.record({ wait: fc.nat(2000), calls: fc.nat(50), retries: fc.nat(50) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let now = 0;
        const budget = new RetryBudget(() => now);
        let [calls, taken, asked] = [0, 0, 0];
        for (const { wait, calls: more, retries } of steps) {
          now += wait;
          for (let i = 0; i < more; i++) budget.called();
          calls += more;
          for (let i = 0; i < retries; i++, asked++) if (budget.take()) taken++;
          expect(taken).toBeLessThanOrEqual(10 + (now / 1000) * 10 + calls * 0.2 + 1e-6);
        }
        expect(budget.refused).toBe(asked - taken);
      }),
    );
  });
});
