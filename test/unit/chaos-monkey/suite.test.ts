import { describe, expect, test } from "@jest/globals";
import { seeded } from "../../../services/immune/chaos-monkey/random.ts";
import type { ExperimentReport } from "../../../services/immune/chaos-monkey/report.ts";
import type { Suite } from "../../../services/immune/chaos-monkey/suite.ts";
import { SuiteRun } from "../../../services/immune/chaos-monkey/suite-run.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const AFTERMATH = 7000;

function outcome(experiment: string, more: Partial<ExperimentReport> = {}): ExperimentReport {
  return {
    experiment,
    status: "done",
    hypothesisHeld: true,
    target: "t",
    fault: { kind: "kill-node" },
    lost: 0,
    detections: [],
    quarantined: [],
    restartedBeyond: [],
    against: [],
    detectMs: 1,
    recoverMs: 2,
    id: experiment,
    ...more,
  } as never;
}

async function play(suite: Partial<Suite>, outcomes: Record<string, Partial<ExperimentReport>> = {}, seed = 1) {
  const clock = new FakeClock();
  const begun: { name: string; at: number; seed: number }[] = [];
  const world = {
    clock,
    random: seeded(seed),
    aftermath: AFTERMATH,
    unrest: undefined as string | undefined,
    untilCalm: async () => world.unrest,
    experiment: async (name: string, ofSeed: number) => {
      begun.push({ name, at: clock.now() - 1_000_000, seed: ofSeed });
      clock.advance(1000);
      if (name === "unrest") world.unrest = "bell is ill";
      return outcome(name, outcomes[name]);
    },
    stopExperiment: () => {},
    save: async () => {},
  };
  const whole: Suite = { name: "s", description: "d", experiments: ["a", "b", "c"], pause: 500, ...suite };
  const run = new SuiteRun(whole, world, { id: "s-1", seed });
  let over = false;
  const ended = run.run().finally(() => {
    over = true;
  });
  while (!over) {
    clock.advance(50);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { report: await ended, begun };
}

describe("a suite", () => {
  test("runs its experiments in their order, with a pause, and holds where each does", async () => {
    const { report, begun } = await play({});
    expect(begun.map(({ name }) => name)).toEqual(["a", "b", "c"]);
    expect(begun[1]!.at - begun[0]!.at).toBeGreaterThanOrEqual(1500);
    expect(report).toMatchObject({ status: "done", hypothesisHeld: true });
    expect(report.rows).toHaveLength(3);
  });

  test("rests after calls were lost, until the healer has forgotten them, but not after the last one", async () => {
    const { report, begun } = await play({}, { b: { lost: 3 }, c: { lost: 3 } });
    expect(begun[1]!.at - begun[0]!.at).toBeLessThan(2500);
    expect(begun[2]!.at - begun[1]!.at).toBeGreaterThanOrEqual(AFTERMATH + 1000);
    expect(Date.parse(report.endedAt!) - Date.parse(report.startedAt) - begun[2]!.at).toBeLessThan(2000);
  });

  test("does not hold where one does not, and an untested one changes nothing", async () => {
    expect((await play({}, { b: { hypothesisHeld: false } })).report.hypothesisHeld).toBe(false);
    expect((await play({}, { b: { hypothesisHeld: null, status: "refused" } })).report.hypothesisHeld).toBe(true);
    const none = { hypothesisHeld: null, status: "refused" as const };
    expect((await play({}, { a: none, b: none, c: none })).report.hypothesisHeld).toBe(false);
  });

  test("ends where the organism does not come to rest, and says why", async () => {
    const { report, begun } = await play({ experiments: ["a", "unrest", "c"] });
    expect(begun).toHaveLength(2);
    expect(report).toMatchObject({
      status: "stopped",
      stopped: "c could not begin: bell is ill",
      hypothesisHeld: false,
    });
  });

  test("drawn at random is the same for the same seed, and ends with its time", async () => {
    const storm = { order: "random" as const, duration: 30_000 };
    const one = await play(storm, {}, 5);
    expect((await play(storm, {}, 5)).begun).toEqual(one.begun);
    expect((await play(storm, {}, 6)).begun).not.toEqual(one.begun);
    expect(one.begun.length).toBeGreaterThan(10);
    expect(one.begun.at(-1)!.at).toBeLessThan(30_000);
    expect(new Set(one.begun.map(({ seed }) => seed)).size).toBe(one.begun.length);
  });
});
