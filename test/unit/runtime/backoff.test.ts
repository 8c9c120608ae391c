import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { RESTART_DELAYS, restartDelay } from "../../../runtime/backoff.ts";

test("the first attempt is made at once, later ones after 1, 5, 15, 30, 60, 60, 60 s", () => {
  const middle = [1, 2, 3, 4, 5, 6, 7, 8, 100].map((attempt) => restartDelay(attempt, 1, 0.5) / 1000);
  expect(middle).toEqual([0, 1, 5, 15, 30, 60, 60, 60, 60]);
});

test("each wait is within 25 % of its own, scaled", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0.01, max: 100, noNaN: true }),
      (attempt, random, scale) => {
        const middle = RESTART_DELAYS[Math.min(attempt, 7) - 1]! * scale;
        const wait = restartDelay(attempt, scale, random);
        expect(wait).toBeGreaterThanOrEqual(middle * 0.75 - 1e-6);
        expect(wait).toBeLessThanOrEqual(middle * 1.25 + 1e-6);
      },
    ),
  );
});

test("those that failed together do not all wait for the same time", () => {
  expect(new Set(Array.from({ length: 20 }, () => restartDelay(3))).size).toBeGreaterThan(10);
});

test("a policy of its own has its own waits and jitter", () => {
  const policy = { backoff: [10, 200], jitter: 0 };
  expect([1, 2, 3].map((attempt) => restartDelay(attempt, 1, 0.9, policy))).toEqual([10, 200, 200]);
});
