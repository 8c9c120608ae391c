import { beforeEach, describe, expect, test } from "@jest/globals";
import type { CompleteRule } from "../../../../models/rules.ts";
import { ConflictWatch } from "../../../../services/brain/symbiotic-rules-engine/conflicts/conflict-watch.ts";
import { type Trial, tried } from "../../../../services/brain/symbiotic-rules-engine/trials/tried.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { cpu, ruleOf, when } from "../../runtime/rules/conflicts/rule-of.ts";

const grow = ruleOf({ id: "grow", conditions: [when("brain.load", "greaterThan", 85)], actions: [cpu(20)] });
const shrink = ruleOf({ id: "shrink", conditions: [when("brain.load", "greaterThan", 90)], actions: [cpu(-20)] });
const calm = ruleOf({ id: "calm", conditions: [when("heart.load", "greaterThan", 90)], actions: [cpu(20, "heart")] });

let clock: FakeClock;
let own: CompleteRule[];
let builtIn: CompleteRule[];
let runs: Trial[];
let told: string[];
let failing: Error | undefined;
let watch: ConflictWatch;
beforeEach(() => {
  clock = new FakeClock();
  own = [];
  builtIn = [];
  runs = [];
  told = [];
  failing = undefined;
  watch = new ConflictWatch({
    clock,
    rules: () => ({ rules: own, others: [...own, ...builtIn] }),
    run: async (trial) => {
      runs.push(trial);
      if (failing) throw failing;
      return tried(trial);
    },
    tell: (line) => void told.push(line),
  });
});

/** These are loaded now. */
async function load(...rules: CompleteRule[]): Promise<void> {
  own = rules;
  watch.loaded();
  await clock.advance(2000);
}

describe("rules that are loaded", () => {
  test("and fight are found, and told of once, for as long as they fight", async () => {
    expect(watch.known).toEqual({ conflicts: [], complete: false });
    await load(grow, shrink);
    expect(watch.known).toMatchObject({ conflicts: [{ kind: "opposed", rules: ["grow", "shrink"] }], complete: true });
    expect(told).toEqual([expect.stringMatching(/^rules that fight, grow, shrink: at brain\.load 95, /)]);
    await load(grow, shrink, calm);
    expect(told).toHaveLength(1);
    await load(grow, calm);
    expect(watch.known).toEqual({ conflicts: [], complete: true });
    await load(grow, shrink);
    expect(told).toHaveLength(2);
  });

  test("are looked at beside those that are built in", async () => {
    builtIn = [shrink];
    await load(grow);
    expect(watch.known.conflicts).toHaveLength(1);
  });

  test("are looked at once, when several are loaded one after the other", async () => {
    own = [grow];
    watch.loaded();
    await clock.advance(1500);
    await load(grow, calm);
    expect(runs).toHaveLength(1);
  });

  test("are not looked at again where they are the same, nor at all where there are built-in ones alone", async () => {
    builtIn = [grow, shrink];
    await load();
    expect(runs).toHaveLength(0);
    expect(watch.known).toEqual({ conflicts: [], complete: true });
    await load(calm);
    await load(calm);
    expect(runs).toHaveLength(1);
  });

  test("are looked at again the next time, where it failed", async () => {
    failing = new Error("others are being tried");
    await load(grow, shrink);
    expect(told).toEqual(["which rules fight was not found out: others are being tried"]);
    failing = undefined;
    await load(grow, shrink);
    expect(watch.known.conflicts).toHaveLength(1);
  });

  test("are not looked at any more when the engine has stopped", async () => {
    own = [grow, shrink];
    watch.loaded();
    watch.stop();
    await clock.advance(5000);
    expect(runs).toHaveLength(0);
  });
});
