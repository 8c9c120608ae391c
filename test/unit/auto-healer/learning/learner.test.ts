import { beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { HealingRecord, Rung } from "../../../../models/healing.ts";
import { noEvidence } from "../../../../services/immune/auto-healer/learning/evidence.ts";
import { Learner, type LearnerOptions } from "../../../../services/immune/auto-healer/learning/learner.ts";
import {
  allowedEntries,
  CLIMBED,
  choose,
  costsFrom,
  type Knowledge,
  type Ladder,
} from "../../../../services/immune/auto-healer/learning/thompson.ts";
import { seeded } from "../../../../services/immune/chaos-monkey/random.ts";
import { FakeClock } from "../../../support/fake-clock.ts";

const LADDER: Ladder = {
  attempts: 7,
  waits: [0, 1000, 5000, 15_000, 30_000, 60_000, 60_000],
  entries: { "restart-in-place": 1, "graceful-restart": 4, "dependency-restart": 6 },
  quarantine: 300_000,
  expected: { "restart-in-place": 100, "graceful-restart": 3000, "dependency-restart": 10_000 },
};

describe("the cost of the ladder from each rung on", () => {
  test("is one attempt's where it always helps, and all attempts, waits and giving up where nothing does", () => {
    const costs = (success: number) => costsFrom(LADDER, () => ({ success, cost: 100 }));
    expect(costs(1)).toEqual({ "restart-in-place": 100, "graceful-restart": 100, "dependency-restart": 100 });
    expect(costs(0)).toEqual({
      "restart-in-place": 700 + 171_000 + 300_000,
      "graceful-restart": 400 + 150_000 - 0 + 300_000,
      "dependency-restart": 200 + 60_000 + 300_000,
    });
  });

  test("counts what may fail by its probability", () => {
    const costs = costsFrom({ ...LADDER, attempts: 1 }, () => ({ success: 0.75, cost: 100 }));
    expect(costs["restart-in-place"]).toBe(100 + 0.25 * 300_000);
  });
});

describe("the entry", () => {
  const evidence = fc.record({ successes: fc.nat(20), failures: fc.nat(20) }).map((counts) => {
    return { ...noEvidence(), ...counts, sum: 100, squares: 10_000 };
  });
  const knowledge = fc.tuple(evidence, evidence, evidence).map(([a, b, c]) => {
    return { "restart-in-place": a, "graceful-restart": b, "dependency-restart": c } as Knowledge;
  });

  test("is only ever one of which every milder one was seen failing", () => {
    fc.assert(
      fc.property(knowledge, fc.integer(), fc.boolean(), (known, seed, explore) => {
        const { rung } = choose(known, LADDER, seeded(seed), explore);
        expect(CLIMBED).toContain(rung);
        for (const milder of CLIMBED.slice(0, CLIMBED.indexOf(rung))) expect(known[milder].failures).toBeGreaterThan(0);
      }),
    );
    const none = {
      "restart-in-place": noEvidence(),
      "graceful-restart": noEvidence(),
      "dependency-restart": noEvidence(),
    };
    expect(allowedEntries(none)).toEqual(["restart-in-place"]);
  });

  test("without exploring is the cheapest by the mean", () => {
    fc.assert(
      fc.property(knowledge, (known) => {
        const { rung, exploring, costs } = choose(known, LADDER, () => 0.5, false);
        expect(exploring).toBe(false);
        expect(costs[rung]).toBe(Math.min(...allowedEntries(known).map((one) => costs[one])));
      }),
    );
  });
});

describe("the learner", () => {
  let clock: FakeClock;
  let learner: Learner;
  let cases = 0;
  const fresh = (options: LearnerOptions = {}) => new Learner(clock, seeded(5), options);
  beforeEach(() => {
    clock = new FakeClock();
    learner = fresh();
  });

  const ENTRY: Record<string, number> = { "restart-in-place": 1, "graceful-restart": 4, "dependency-restart": 6 };

  interface Act {
    signature: string;
    rung: Rung;
    success: boolean;
    attempt: number;
    duration: number;
    id: string;
  }
  function record({ signature, rung, success, attempt, duration, id }: Act): HealingRecord {
    const [failure, service] = signature.split("|") as [string, string];
    return {
      id: `${id}-${attempt}`,
      at: new Date(clock.now()).toISOString(),
      target: { service },
      failure,
      action: rung,
      attempt,
      success,
      observed: { before: "", after: "" },
      duration,
      reason: "",
      detection: 0,
      case: id,
      signature,
      rung,
    };
  }
  /** A failure that the given rungs did not help, and the last did. */
  function heal(signature: string, rungs: Rung[], by = learner): void {
    const id = `case-${cases++}`;
    let duration = 0;
    const begin = ENTRY[rungs[0]!] ?? 1;
    for (const [i, rung] of rungs.entries()) {
      const attempt = begin + i;
      duration += 100 + (i === 0 ? 0 : LADDER.waits[attempt - 1]!);
      by.observe(record({ signature, rung, success: i === rungs.length - 1, attempt, duration, id }));
    }
    clock.advance(duration + 600_000);
  }
  const toGraceful: Rung[] = [...Array(3).fill("restart-in-place"), "graceful-restart"];
  const SICK = "unhealthy|shop|stale";

  test("leaves the static ladder alone until it has three outcomes", () => {
    heal(SICK, ["restart-in-place"]);
    heal(SICK, ["restart-in-place"]);
    expect(learner.advice()).toEqual({});
    heal(SICK, ["restart-in-place"]);
    expect(learner.advice()).toEqual({ [SICK]: "restart-in-place" });
  });

  test("learns that a rung does not help, and says from when on recovery was faster", () => {
    for (let i = 0; i < 3; i++) heal(SICK, toGraceful);
    expect(learner.advice()[SICK]).toBe("graceful-restart");
    for (let i = 0; i < 5; i++) heal(SICK, ["graceful-restart"]);
    const [lesson] = learner.report();
    expect(lesson).toMatchObject({
      signature: SICK,
      outcomes: 17,
      chosen: "graceful-restart",
      medianBefore: 21_400,
      medianAfter: 100,
      // From the second failure on it was begun as advised, at first with what had failed but thrice.
      recoveries: { before: 1, after: 7 },
    });
    const [inPlace, graceful] = lesson!.rungs;
    expect(inPlace!.success).toBeLessThan(0.15);
    expect(graceful!.success).toBeGreaterThan(0.85);
    // The waits of the ladder are no cost of the attempts.
    expect(inPlace!.cost).toBeLessThan(500);
  });

  test("counts no recovery as one after learning where its advice is not followed", () => {
    learner = fresh({ applied: false });
    for (let i = 0; i < 5; i++) heal(SICK, toGraceful);
    expect(learner.report()[0]).toMatchObject({ recoveries: { before: 5, after: 0 }, chosen: "graceful-restart" });
  });

  test("takes a restart after which the target failed again at once for one that did not help", () => {
    const relapse = (attempt: number, id: string) => {
      learner.observe(record({ signature: SICK, rung: "restart-in-place", success: true, attempt, duration: 50, id }));
      clock.advance(5000);
    };
    for (const attempt of [1, 2, 3]) relapse(attempt, `relapse-${attempt}`);
    const [lesson] = learner.report();
    expect(lesson!.rungs[0]!.success).toBeCloseTo(2 / 5, 2);
    expect(lesson!.medianBefore).toBe(150);
    expect(lesson!.rungs[1]!.allowed).toBe(true);
  });

  test("does not count it as an attempt's cost that a dependency was waited for before", () => {
    heal(SICK, ["restart-in-place"]);
    const waited = record({
      signature: SICK,
      rung: "quarantine",
      success: false,
      attempt: 0,
      duration: 90_000,
      id: "w",
    });
    const { rung: _rung, ...wait } = waited;
    learner.observe(wait as HealingRecord);
    const act = { signature: SICK, rung: "restart-in-place", success: true, attempt: 1, duration: 90_100 } as const;
    learner.observe(record({ ...act, id: "w" }));
    expect(learner.report()[0]!.rungs[0]!.cost).toBe(100);
    expect(learner.report()[0]!).toMatchObject({ outcomes: 2, medianBefore: 45_100 });
  });

  test("learns nothing from operators, nor from acts without signature or rung", () => {
    const act = record({ signature: SICK, rung: "restart-in-place", success: true, attempt: 1, duration: 1, id: "x" });
    learner.observe({ ...act, by: "operator" });
    const { signature: _signature, ...unsigned } = act;
    const { rung: _rung, ...bare } = act;
    for (const one of [unsigned, bare]) learner.observe(one as HealingRecord);
    expect(learner.report()).toEqual([]);
  });

  test("never advises quarantine, even where nothing else was ever seen", () => {
    for (let i = 0; i < 10; i++) {
      const id = `lost-${i}`;
      for (let attempt = 1; attempt <= 7; attempt++) {
        const rung = CLIMBED.findLast((one) => attempt >= ENTRY[one]!)!;
        learner.observe(record({ signature: SICK, rung, success: false, attempt, duration: attempt * 1000, id }));
      }
      learner.observe(record({ signature: SICK, rung: "quarantine", success: false, attempt: 7, duration: 8000, id }));
      clock.advance(600_000);
    }
    expect(CLIMBED).toContain(learner.advice()[SICK]);
    expect(learner.report()[0]).toMatchObject({ quarantined: 10, medianBefore: null, medianAfter: null });
  });

  test("is taught by others with the same failure and error, with less weight, and by nobody else", () => {
    for (let i = 0; i < 8; i++) heal("unhealthy|other|stale", toGraceful);
    for (let i = 0; i < 8; i++) heal("unhealthy|third|another error", toGraceful);
    heal(SICK, toGraceful);
    const own = fresh();
    heal(SICK, toGraceful, own);
    const success = (of: Learner) => of.report().find(({ signature }) => signature === SICK)!.rungs[0]!.success;
    // Three failures of its own and a quarter of the other's 24; the prior is one of each.
    expect(success(own)).toBeCloseTo(1 / 5, 2);
    expect(success(learner)).toBeCloseTo(1 / (5 + 24 / 4), 2);
  });

  test("experiments with a signature only so often an hour", () => {
    const every = (limit: number) => {
      let experiments = 0;
      const own = new Learner(clock, seeded(11), { experimentsPerHour: limit });
      for (let i = 0; i < 3; i++) heal(SICK, toGraceful, own);
      for (let i = 0; i < 60; i++) {
        const rung = own.advice()[SICK]!;
        if (rung !== "graceful-restart") experiments++;
        const id = `case-${cases++}`;
        // Both help half of the time: the learner stays in doubt.
        const attempt = ENTRY[rung]!;
        own.observe(record({ signature: SICK, rung, success: false, attempt, duration: 100, id }));
        own.observe(record({ signature: SICK, rung, success: true, attempt: attempt + 1, duration: 5000, id }));
        clock.advance(10_000);
      }
      return experiments;
    };
    expect(every(0)).toBeLessThan(every(1000));
  });

  test("forgets the signatures that were seen least recently", () => {
    learner = fresh({ limit: 3 });
    for (const service of ["a", "b", "c", "a", "d"]) heal(`hung|${service}|`, ["restart-in-place"]);
    expect(learner.report().map(({ signature }) => signature)).toEqual(["hung|d|", "hung|a|", "hung|c|"]);
    expect(learner.forgotten).toBe(1);
  });

  test("believes old outcomes less", () => {
    for (let i = 0; i < 5; i++) heal(SICK, toGraceful);
    const before = learner.report()[0]!.rungs[0]!.success;
    clock.advance(10 * 7 * 24 * 3_600_000);
    const after = learner.report()[0]!.rungs[0]!.success;
    expect(before).toBeLessThan(0.1);
    expect(after).toBeGreaterThan(0.45);
    expect(learner.advice()[SICK]).toBe("restart-in-place");
  });

  test("knows after a restart what it knew, and leaves out what is not of the right shape", () => {
    for (let i = 0; i < 4; i++) heal(SICK, toGraceful);
    for (let i = 0; i < 4; i++) heal("hung|a|", ["restart-in-place"]);
    const saved = JSON.parse(JSON.stringify(learner.save()));
    const next = fresh();
    expect(next.restore(saved)).toBe(0);
    const rungs = (of: Learner) =>
      of.report().map(({ signature, outcomes, rungs }) => ({ signature, outcomes, rungs }));
    expect(rungs(next).map(({ signature }) => signature)).toEqual(rungs(learner).map(({ signature }) => signature));
    expect(next.save()).toEqual(saved);
    expect(Object.keys(next.advice())).toEqual([SICK, "hung|a|"]);
    for (const bad of [{}, { version: 2, illnesses: [] }, { version: 1, illnesses: "all" }])
      expect(fresh().restore(bad)).toBe(1);
    saved.illnesses[0].knowledge["restart-in-place"].failures = "many";
    saved.illnesses.push(null, 3, { signature: "x" });
    const partly = fresh();
    expect(partly.restore(saved)).toBe(4);
    expect(partly.report()).toHaveLength(1);
  });
});
