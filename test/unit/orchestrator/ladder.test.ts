import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { RUNGS } from "../../../models/healing.ts";
import { Advice } from "../../../services/nervous/master-orchestrator/healing/advice.ts";
import {
  decideQuarantine,
  decideRung,
  entryOf,
  rungOf,
} from "../../../services/nervous/master-orchestrator/healing/ladder.ts";
import { servicePolicy } from "../../../services/nervous/master-orchestrator/healing/policy.ts";

const DEFAULTS = { defaultMaxRestartAttempts: 7, circuitBreakerResetTimeout: 60_000 };

describe("the ladder", () => {
  test("has three restarts in place, two graceful ones and two with the dependencies", () => {
    expect([1, 2, 3, 4, 5, 6, 7].map(rungOf)).toEqual([
      "restart-in-place",
      "restart-in-place",
      "restart-in-place",
      "graceful-restart",
      "graceful-restart",
      "dependency-restart",
      "dependency-restart",
    ]);
  });

  test("never goes down again, and is entered where a rung begins", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), (attempt) => {
        expect(RUNGS.indexOf(rungOf(attempt + 1))).toBeGreaterThanOrEqual(RUNGS.indexOf(rungOf(attempt)));
        expect(entryOf(rungOf(attempt), 7)).toBeLessThanOrEqual(attempt);
        expect(rungOf(entryOf(rungOf(attempt), 7))).toBe(rungOf(attempt));
      }),
    );
  });

  test("that is short is entered at its last attempt, and without advice at the first", () => {
    expect([entryOf("dependency-restart", 2), entryOf(undefined, 7), entryOf("quarantine", 7)]).toEqual([2, 1, 1]);
  });

  test("says why this rung, and why none of the others", () => {
    const decision = decideRung(4, 7);
    expect(decision).toMatchObject({ chosen: "graceful-restart", why: expect.stringContaining("attempt 4 of 7") });
    expect(decision.alternatives).toEqual([
      { action: "restart-in-place", why: "it was tried, and did not last" },
      { action: "dependency-restart", why: "it would stay away until its failed dependencies are stable" },
      { action: "quarantine", why: "there are steps left" },
    ]);
    expect(decideRung(4, 7, "graceful-restart").alternatives[0]!.why).toContain(
      "did not help with failures of this kind",
    );
    expect(decideQuarantine(5, undefined)).toEqual({
      chosen: "quarantine",
      why: "5 attempts did not help",
      alternatives: [
        { action: "restart-in-place", why: "it was tried, and did not last" },
        { action: "graceful-restart", why: "it was tried, and did not last" },
        { action: "dependency-restart", why: "its policy allows no more attempts" },
      ],
    });
  });
});

describe("advice of the healer", () => {
  test("is followed when it is on, told when it is shadowed, and nothing when it is off", () => {
    const advice = new Advice();
    const rungs = { s: "graceful-restart", q: "quarantine" } as const;
    const seen = (["off", "shadow", "on"] as const).map((mode) => {
      advice.take(rungs, mode);
      return [advice.for("s"), advice.shadow("s"), advice.for("q")];
    });
    expect(seen).toEqual([
      [undefined, undefined, undefined],
      [undefined, "graceful-restart", undefined],
      ["graceful-restart", undefined, undefined],
    ]);
  });
});

describe("the policy of a service", () => {
  test("is the organism's, but for what its metadata says", () => {
    expect(servicePolicy(undefined, DEFAULTS)).toEqual({
      attempts: 7,
      backoff: [0, 1000, 5000, 15_000, 30_000, 60_000, 60_000],
      jitter: 0.25,
      stableAfter: 60_000,
      intensity: { restarts: 10, period: 600_000 },
      trialEvery: 180_000,
    });
    expect(servicePolicy({ attempts: 2, backoff: [5], trialEvery: 9000 }, DEFAULTS)).toMatchObject({
      attempts: 2,
      backoff: [5],
      trialEvery: 9000,
      stableAfter: 60_000,
    });
  });
});
