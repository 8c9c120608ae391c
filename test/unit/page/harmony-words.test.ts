import { describe, expect, test } from "@jest/globals";
import { HARMONY_BANDS, type HarmonyUpdate, LEAST_CONFIDENCE } from "../../../models/harmony-update.ts";
import { SYSTEMS } from "../../../models/metrics.ts";
import type { HarmonyCost } from "../../../models/organism-state.ts";
import type { ExecutionResult } from "../../../models/rule-results.ts";
// @ts-expect-error: the page's scripts are no part of the compilation
import * as words from "../../../public/harmony-words.js";

const cost = (points: number, system: HarmonyCost["system"] = "brain"): HarmonyCost => ({
  part: "health",
  system,
  metric: "load",
  value: 91,
  cost: points,
  why: "",
});
/** So many of the seven are there. */
const systems = (there: number): HarmonyUpdate["systems"] =>
  SYSTEMS.map((system, i) => ({ system, present: i < there, health: 100, confidence: i < there ? 1 : 0, load: null }));
const update = (changes: Partial<HarmonyUpdate>): HarmonyUpdate => ({
  at: "2026-11-20T15:00:00.000Z",
  score: 98,
  confidence: 1,
  health: 98,
  balance: 99,
  flow: 99,
  systems: systems(7),
  costs: [],
  firing: [],
  ...changes,
});

test("the page and the command line call a score by the same words", () => {
  expect(words.BANDS).toEqual(HARMONY_BANDS);
  expect(words.LEAST_CONFIDENCE).toBe(LEAST_CONFIDENCE);
});

describe("the line that is read aloud", () => {
  test.each<[Partial<HarmonyUpdate>, string, string]>([
    [{ costs: [cost(0.9)] }, "good", "the seven systems are well, and in balance"],
    [{ systems: systems(6) }, "good", "the six systems that are there are well, and in balance"],
    [{ systems: systems(1) }, "good", "the one system that is there is well, and in balance"],
    [{ score: 91, costs: [cost(6)] }, "good", "in harmony; brain costs most"],
    [{ score: 79.6, costs: [cost(6)] }, "good", "in harmony; brain costs most"],
    [{ score: 79.4, costs: [cost(12, "lungs")] }, "warn", "strained: lungs costs most"],
    [{ score: 20, costs: [cost(60)], firing: ["a"] }, "bad", "out of balance: brain costs most; rules are at work"],
    [{ confidence: 0 }, "off", "nothing is known yet"],
    [{ confidence: 0.49 }, "off", "too little is known: the score is a guess"],
  ])("of %j is %s: %s", (changes, tone, said) => {
    expect(words.lookOf(update(changes))).toMatchObject({ tone, words: said });
  });

  test("has no figures, as those change each second", () => {
    for (let score = 0; score <= 100; score += 0.5)
      expect(words.lookOf(update({ score, costs: [cost(100 - score)] })).words).not.toMatch(/\d/);
  });
});

test("the ring says in words what it shows", () => {
  expect(words.scoreWords(update({ score: 71.6, confidence: 0.996 }))).toBe(
    "Harmony 72 of 100, strained, confidence 99\u00a0%",
  );
  expect(words.scoreWords(update({ confidence: 0.2 }))).toContain("in harmony, a guess, confidence 20");
});

test("points carry their sign", () => {
  expect([7.24, -6.1, 0].map(words.pointsWords)).toEqual(["−7.2", "+6.1", "−0.0"]);
});

describe("what a rule did", () => {
  type Effect = NonNullable<ExecutionResult["actions"][number]["effect"]>;
  const effect: Effect = { metric: "brain.load", before: 97, after: 93.26, verdict: "better", rolledBack: false };
  const told = (changes: Partial<Effect>) => {
    const action = { type: "throttle", target: "brain", status: "done", what: "brain takes 20 calls a second" };
    return words.executionWords({ at: "", actions: [{ ...action, effect: { ...effect, ...changes } }] }).trim();
  };

  test.each<[Partial<Effect>, string]>([
    [{}, "brain.load 97 → 93.3, which is better"],
    [{ verdict: "watching", after: null }, "brain.load is being watched"],
    [{ verdict: "no change" }, "brain.load did not change"],
    [{ verdict: "worse", after: 120.4 }, "brain.load 97 → 120 became worse"],
    [{ verdict: "worse", rolledBack: true, after: 99 }, "brain.load 97 → 99 became worse, so it was taken back"],
  ])("is told with its effect %j", (changes, said) => {
    expect(told(changes)).toBe(`brain takes 20 calls a second; ${said}`);
  });

  test("is told without one where it is not known, or nothing was done", () => {
    expect(told({ verdict: "unknown" })).toBe("brain takes 20 calls a second");
    expect(words.executionWords({ at: "", actions: [] }).trim()).toBe("nothing was done");
    const failed = { type: "heal", target: "x", status: "failed", what: "x cannot be reached" };
    expect(words.executionWords({ at: "", actions: [failed] }).trim()).toBe("failed: x cannot be reached");
  });
});
