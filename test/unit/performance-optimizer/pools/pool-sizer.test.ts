import { beforeEach, describe, expect, test } from "@jest/globals";
import type { PerformanceReport, PoolReport } from "../../../../models/performance.ts";
import { GarbageKnob } from "../../../../services/muscles/performance-optimizer/pools/garbage-knob.ts";
import { PoolSizer, type PoolStep } from "../../../../services/muscles/performance-optimizer/pools/pool-sizer.ts";

const busy: PoolReport = {
  name: "database",
  kind: "database",
  min: 1,
  max: 20,
  size: 4,
  inUse: 4,
  waiting: 2,
  uses: 100,
  useSum: 5_000_000,
  waitSum: 2_000_000,
  refused: 0,
};

function report(fields: Partial<PerformanceReport> = {}): PerformanceReport {
  return {
    node: "heart-1",
    instanceId: "a",
    at: 0,
    seq: 0,
    span: 1000,
    paths: [],
    served: [],
    caches: [],
    queries: [],
    pools: [busy],
    gc: { count: 0, sum: 0, longest: 0 },
    heapAfterGc: 0,
    cpu: { user: 0, system: 0 },
    uncounted: 0,
    ...fields,
  };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

describe("the sizer of pools", () => {
  let story: string[];
  let answer: (step: PoolStep) => Promise<{ before: number; after: number }>;
  let sizer: PoolSizer;
  beforeEach(() => {
    story = [];
    answer = async ({ from, to }) => ({ before: from, after: to });
    sizer = new PoolSizer({
      record: (step) => void story.push(`record ${step.node} ${step.pool} ${step.from} to ${step.to}`),
      resize: (step) => {
        story.push(`resize ${step.node}`);
        return answer(step);
      },
      done: (step, outcome) =>
        void story.push(`done ${step.pool} ${"after" in outcome ? outcome.after : outcome.error.message}`),
    });
  });

  test("puts a step on record before it is taken, and says what was seen", async () => {
    sizer.observe(report(), 0);
    await settle();
    expect(story).toEqual(["record heart-1 database 4 to 8", "resize heart-1", "done database 8"]);
  });

  test("takes one step of a pool at a time", async () => {
    let end = () => {};
    answer = () =>
      new Promise((resolve) => {
        end = () => resolve({ before: 4, after: 8 });
      });
    sizer.observe(report(), 0);
    sizer.observe(report(), 1000);
    sizer.observe(report({ node: "heart-2" }), 1000);
    await settle();
    expect(story.filter((line) => line.startsWith("record"))).toEqual([
      "record heart-1 database 4 to 8",
      "record heart-2 database 4 to 8",
    ]);
    end();
    await settle();
  });

  test("goes on where a node does not answer", async () => {
    answer = () => Promise.reject(new Error("gone"));
    sizer.observe(report(), 0);
    await settle();
    sizer.observe(report(), 1000);
    await settle();
    expect(story.filter((line) => line === "done database gone")).toHaveLength(2);
  });

  test("takes nothing that cannot be put on record", async () => {
    sizer = new PoolSizer({
      record: () => Promise.reject(new Error("no room")),
      resize: async () => {
        story.push("resized");
        return { before: 1, after: 1 };
      },
      done: (_, outcome) => void story.push("error" in outcome ? outcome.error.message : "done"),
    });
    sizer.observe(report(), 0);
    await settle();
    expect(story).toEqual(["no room"]);
  });
});

describe("the knob of garbage collection", () => {
  let now: number;
  let calls: unknown[];
  let knob: GarbageKnob;
  beforeEach(() => {
    now = 0;
    calls = [];
    knob = new GarbageKnob(
      async (...call) => void calls.push(call),
      () => now,
    );
  });

  const served = [{ service: "shop", action: "shop.find", calls: 5 }] as PerformanceReport["served"];
  const collecting = { gc: { count: 3, sum: 40_000, longest: 35_000 }, cpu: { user: 300_000, system: 0 }, served };
  const watch = (fields: Partial<PerformanceReport>, seconds = 60) => {
    for (let i = 0; i < seconds; i++) {
      now += 1000;
      knob.observe(report(fields));
    }
  };

  test("proposes to collect while idle where pauses are long and there are idle moments", async () => {
    watch(collecting);
    const [proposal] = await knob.propose("shop");
    expect(proposal).toMatchObject({
      change: "collect garbage on heart-1 while it is idle",
      reason: "collections take 4 % of its time and up to 35 ms at once, and it is idle 70 % of the time",
      node: "heart-1",
      actions: ["shop.find"],
      fleeting: true,
    });
    await proposal!.apply();
    await proposal!.undo();
    expect(calls).toEqual([
      ["heart-1", "node-performance.collectWhenIdle", { on: true }],
      ["heart-1", "node-performance.collectWhenIdle", { on: false }],
    ]);
  });

  test.each([
    ["pauses are short", { ...collecting, gc: { count: 40, sum: 40_000, longest: 3000 } }],
    ["there is little to gain", { ...collecting, gc: { count: 1, sum: 5000, longest: 30_000 } }],
    ["the node is never idle", { ...collecting, cpu: { user: 900_000, system: 0 } }],
    ["the service is not there", { ...collecting, served: [] }],
  ])("proposes nothing where %s", async (_why, fields) => {
    watch(fields);
    expect(await knob.propose("shop")).toEqual([]);
  });

  test("does not try the same again for hours, unless the node is a new one", async () => {
    watch(collecting);
    await (await knob.propose("shop"))[0]!.apply();
    watch(collecting);
    expect(await knob.propose("shop")).toEqual([]);
    watch({ ...collecting, instanceId: "b" });
    expect(await knob.propose("shop")).toHaveLength(1);
  });

  test("undoes what a former process has begun", async () => {
    await knob.revive("shop", "heart-1", { on: false }).undo();
    expect(calls).toEqual([["heart-1", "node-performance.collectWhenIdle", { on: false }]]);
  });
});
