import { describe, expect, test } from "@jest/globals";
import type { CacheReport } from "../../../../models/performance.ts";
import { CacheBudgetKnob } from "../../../../services/muscles/performance-optimizer/knobs/cache-budget.ts";
import { ConcurrencyLimitKnob } from "../../../../services/muscles/performance-optimizer/knobs/concurrency-limit.ts";
import type { ActionFigures } from "../../../../services/muscles/performance-optimizer/measurements/action-table.ts";

const MB = 1024 * 1024;

/** A node that answers as it is told to, and what it was asked. */
function node(answers: Record<string, unknown>) {
  const asked: [string, string, unknown][] = [];
  const call = async (name: string, action: string, params: Record<string, unknown>) => {
    asked.push([name, action.replace("node-performance.", ""), params]);
    return answers[action.replace("node-performance.", "")];
  };
  return { asked, call };
}

describe("the budget of a cache", () => {
  const report = (change: Partial<CacheReport> = {}): CacheReport & { node: string } => ({
    node: "heart-1",
    action: "shop.get",
    hits: { near: 500, far: 0 },
    stale: 0,
    negative: 0,
    misses: 500,
    joined: 0,
    failures: 0,
    evicted: 400,
    fenced: 0,
    entries: 100,
    bytes: MB,
    ageSum: 0,
    savedSum: 0,
    ...change,
  });

  test("is doubled where answers are pushed out and missed, and set back", async () => {
    const { asked, call } = node({ cacheInfo: { maxBytes: 32 * MB } });
    const [proposal, ...others] = await new CacheBudgetKnob(() => [report()], call).propose("shop");
    expect(others).toEqual([]);
    expect(proposal).toMatchObject({
      node: "heart-1",
      actions: ["shop.get"],
      fleeting: true,
      change: "Give cached answers on heart-1 64 MB instead of 32 MB",
      undoing: { before: 32 * MB, after: 64 * MB },
    });
    await proposal!.apply();
    await proposal!.undo();
    const { undo } = new CacheBudgetKnob(() => [], call).revive("shop", "heart-1", proposal!.undoing);
    await undo();
    expect(asked.slice(1)).toEqual([64, 32, 32].map((mb) => ["heart-1", "setCacheBudget", { bytes: mb * MB }]));
  });

  test.each([
    ["nothing is pushed out", report({ evicted: 3 }), 32 * MB],
    ["nearly everything is found", report({ hits: { near: 99_000, far: 0 } }), 32 * MB],
    ["nobody asks", report({ hits: { near: 0, far: 0 }, misses: 0 }), 32 * MB],
    ["it is another service's", report({ action: "stock.get" }), 32 * MB],
    ["there is no room for more", report(), 400 * MB],
    ["the node has no cache of ours", report(), undefined],
  ])("stays where %s", async (_, cache, maxBytes) => {
    const { call } = node({ cacheInfo: { maxBytes } });
    expect(await new CacheBudgetKnob(() => [cache], call).propose("shop")).toEqual([]);
  });
});

describe("the bounds of a limit", () => {
  const figures = (change: Partial<ActionFigures> = {}): ActionFigures => ({
    node: "heart-1",
    service: "shop",
    action: "shop.get",
    calls: 600,
    failures: 0,
    sum: 0,
    served: 600,
    servedSum: 600 * 10_000,
    queueSum: 600 * 10_000,
    refused: 0,
    limit: 4,
    running: 4,
    ...change,
  });
  const nodes = (cpu: number) => () => [{ node: "heart-1", cpu, gcShare: 0, heapAfterGc: 0, lastAt: 0 }];
  const limits = [{ action: "shop.get", limit: 4, floor: 2, ceiling: 1000 }];

  test("are raised where calls wait though the node has room, and set back", async () => {
    const { asked, call } = node({ limits });
    const [proposal] = await new ConcurrencyLimitKnob(() => [figures()], nodes(0.2), call).propose("shop");
    expect(proposal).toMatchObject({
      actions: ["shop.get"],
      expectedGain: 0.5,
      undoing: { action: "shop.get", before: { floor: 2, ceiling: 1000 }, after: { floor: 8, ceiling: 1000 } },
    });
    await proposal!.apply();
    await proposal!.undo();
    expect(asked.slice(1)).toEqual([
      ["heart-1", "limitBounds", { action: "shop.get", floor: 8, ceiling: 1000 }],
      ["heart-1", "limitBounds", { action: "shop.get", floor: 2, ceiling: 1000 }],
    ]);
  });

  test.each([
    ["the node computes", figures(), 0.9],
    ["calls do not wait", figures({ queueSum: 1000 }), 0.2],
    ["there is no limit", figures({ limit: null }), 0.2],
    ["calls are few", figures({ served: 10 }), 0.2],
  ])("stay where %s", async (_, action, cpu) => {
    const { call } = node({ limits });
    expect(await new ConcurrencyLimitKnob(() => [action], nodes(cpu), call).propose("shop")).toEqual([]);
  });
});
