import { Worker } from "node:worker_threads";
import { afterEach, describe, expect, test } from "@jest/globals";
import type { CompleteRule } from "../../../models/rules.ts";
import type { Topology } from "../../../models/topology.ts";
import { systemClock } from "../../../runtime/clock.ts";
import { checkRules } from "../../../runtime/rules/check-rules.ts";
import { residencesOf } from "../../../services/brain/symbiotic-rules-engine/trials/residences.ts";
import { Trials } from "../../../services/brain/symbiotic-rules-engine/trials/trials.ts";
import type { Trial } from "../../../services/brain/symbiotic-rules-engine/trials/tried.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const rule = (id: string, by: number): CompleteRule =>
  checkRules({
    id,
    conditions: [{ system: "heart", metric: "load", operator: "greaterThan", value: 80 }],
    actions: [{ type: "scaleSystem", target: "heart", parameters: { by } }],
    cooldown: 1000,
  }).rules[0]!;
const trial: Trial = {
  rules: [rule("more", 1)],
  others: [rule("fewer", -1), rule("more", 2)],
  stretch: {
    step: 1000,
    columns: ["heart.load"],
    rows: Array.from({ length: 20 }, (_, second) => ({ at: second * 1000, values: [second < 10 ? 50 : 90] })),
  },
  replay: true,
};
const thread = (code: string) => () => new Worker(code, { eval: true });

describe("trials of rules", () => {
  let trials: Trials;
  afterEach(() => trials.stop());

  test("say what rules would have done, and whom they would have fought, of those that are there", async () => {
    trials = new Trials({ clock: systemClock });
    const { replayed, conflicts, complete } = await trials.run(trial);
    expect(complete).toBe(true);
    expect(replayed!.firings[0]).toMatchObject({ at: 10_000, rule: "more" });
    expect(conflicts).toEqual([expect.objectContaining({ kind: "opposed", target: "heart" })]);
    expect([...conflicts[0]!.rules].sort()).toEqual(["fewer", "more"]);
  });

  test("know of services where they are at home", async () => {
    const service = (name: string, more: object = {}) => ({
      name,
      aliases: [],
      kind: "service",
      organ: "heart",
      singleton: false,
      instances: [{ node: "heart-1" }],
      ...more,
    });
    const node = (id: string, status = "up") => ({ id, organ: id.split("-")[0]!, status });
    const residences = residencesOf({
      services: [
        service("pump", { aliases: ["azora-pump"] }),
        service("valve", { instances: [{ node: "heart-1" }, { node: "heart-2" }], singleton: true }),
        service("shop", { organ: "till" }),
      ],
      nodes: [node("heart-1"), node("heart-2"), node("heart-3", "stopped"), node("brain-1")],
    } as unknown as Topology);
    const pump = { organ: "heart", isScalable: true, isOnAllNodes: false };
    expect(Object.fromEntries(residences)).toEqual({
      pump,
      "azora-pump": pump,
      valve: { organ: "heart", isScalable: false, isOnAllNodes: true },
    });
    trials = new Trials({ clock: systemClock });
    const scales: CompleteRule = { ...rule("more", 1), actions: [{ type: "scaleService", target: "pump" }] };
    const { stretch: _stretch, ...plain } = trial;
    expect((await trials.run({ ...plain, rules: [scales] })).conflicts).toEqual([]);
    const { conflicts } = await trials.run({ ...plain, rules: [scales], residences });
    expect(conflicts).toMatchObject([{ kind: "opposed", target: "heart" }]);
  });

  test("come one after the other, and too many at once are refused", async () => {
    trials = new Trials({ clock: systemClock, start: thread("require('worker_threads').parentPort.postMessage({})") });
    const all = Array.from({ length: 8 }, () => trials.run(trial));
    await expect(trials.run(trial)).rejects.toMatchObject({ type: "RATE_LIMITED" });
    await Promise.all(all);
    await trials.run(trial);
  });

  test("that never end are ended, and the next one has a thread of its own", async () => {
    const clock = new FakeClock();
    let started = 0;
    const start = () => {
      started++;
      return new Worker("setInterval(() => {}, 1000)", { eval: true });
    };
    trials = new Trials({ clock, patience: 5000, start });
    const endless = trials.run(trial);
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(5000);
    await expect(endless).rejects.toThrow("it took more than 5 s; try fewer rules, or a shorter stretch");
    const next = trials.run(trial);
    await new Promise((resolve) => setImmediate(resolve));
    expect(started).toBe(2);
    clock.advance(5000);
    await expect(next).rejects.toThrow("it took more than");
  });

  test("that nobody waits for any more are not begun", async () => {
    const clock = new FakeClock();
    let started = 0;
    const start = () => {
      started++;
      return new Worker("setInterval(() => {}, 1000)", { eval: true });
    };
    trials = new Trials({ clock, patience: 50_000, start });
    const endless = trials.run(trial);
    const late = trials.run(trial, 10_000);
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(10_000);
    await expect(late).rejects.toThrow("others are being tried, and it took more than 10 s");
    clock.advance(40_000);
    await expect(endless).rejects.toThrow("it took more than 50 s");
    await trials.stop();
    expect(started).toBe(1);
  });

  test("that fail say why", async () => {
    trials = new Trials({ clock: systemClock, start: thread("throw new Error('no memory')") });
    await expect(trials.run(trial)).rejects.toMatchObject({
      type: "SERVICE_UNAVAILABLE",
      message: "rules could not be tried: no memory",
    });
  });
});
