import { describe, expect, test } from "@jest/globals";
import { Learner } from "../../../../services/immune/auto-healer/learning/learner.ts";
import { seeded } from "../../../../services/immune/chaos-monkey/random.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { DISEASES, type Outcome, simulate, totalTime } from "../../../support/ladder-simulation.ts";

const FAILURES = 200;
const STATIC_LADDER = [
  ...Array(3).fill("restart-in-place"),
  ...Array(2).fill("graceful-restart"),
  ...Array(2).fill("dependency-restart"),
  "quarantine",
];

function run(seed: number, mode: "off" | "shadow" | "on"): { outcomes: Outcome[]; learner: Learner } {
  const clock = new FakeClock();
  const learner = new Learner(clock, seeded(seed + 1000));
  const outcomes = simulate({
    seed,
    failures: FAILURES,
    clock,
    ...(mode === "off" ? {} : { observe: (record) => learner.observe(record) }),
    ...(mode === "on" ? { begin: ({ signature }) => learner.advice()[signature] } : {}),
  });
  return { outcomes, learner };
}

describe("200 failures of three kinds with different best remedies", () => {
  test.each([1, 2, 3, 4, 5])(
    "cost at least 40 %% less time with learning than on the static ladder (seed %i)",
    (seed) => {
      const plain = totalTime(run(seed, "off").outcomes);
      const learned = totalTime(run(seed, "on").outcomes);
      expect(learned / plain).toBeLessThanOrEqual(0.6);
    },
  );

  test("are begun with the best remedy of each in the end, and the report says so", () => {
    const { outcomes, learner } = run(1, "on");
    const late = outcomes.slice(-60);
    const rightly = late.filter(({ disease, rungs }) => rungs[0] === disease.best);
    expect(rightly.length / late.length).toBeGreaterThan(0.9);
    for (const { signature, best } of DISEASES) {
      const lesson = learner.report().find((one) => one.signature === signature)!;
      expect(lesson.chosen).toBe(best);
      expect(lesson.recoveries.before + lesson.recoveries.after + lesson.quarantined).toBe(
        outcomes.filter(({ disease }) => disease.signature === signature).length,
      );
      if (best !== "restart-in-place") expect(lesson.medianAfter!).toBeLessThan(lesson.medianBefore! / 3);
    }
  });

  test("climb exactly the static ladder with learning off, and in its shadow", () => {
    const { outcomes } = run(1, "off");
    for (const { rungs } of outcomes) expect(rungs).toEqual(STATIC_LADDER.slice(0, rungs.length));
    const shadow = run(1, "shadow");
    expect(shadow.outcomes).toEqual(outcomes);
    expect(shadow.learner.advice()).toMatchObject({ [DISEASES[2]!.signature]: "dependency-restart" });
  });

  test("are never begun with quarantine, and never with a rung of which the milder one was not seen failing", () => {
    const failed = new Map<string, Set<string>>();
    for (const { disease, rungs } of run(2, "on").outcomes) {
      const seen = failed.get(disease.signature) ?? new Set();
      failed.set(disease.signature, seen);
      if (rungs[0] === "graceful-restart") expect(seen).toContain("restart-in-place");
      if (rungs[0] === "dependency-restart") expect(seen).toContain("graceful-restart");
      expect(rungs[0]).not.toBe("quarantine");
      for (const rung of rungs.slice(0, -1)) seen.add(rung);
      expect(rungs.length).toBeLessThanOrEqual(STATIC_LADDER.length);
    }
  });
});
