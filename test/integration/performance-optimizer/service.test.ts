import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { cacheEntryModel } from "../../../models/cache-entry.model.ts";
import type { OptimizationRecord } from "../../../models/performance.ts";
import { performanceMetricsModel } from "../../../models/performance-metrics.model.ts";
import type { PerformanceMetrics, PoolStatus } from "../../../models/performance-views.ts";
import { resourcePoolModel } from "../../../models/resource-pool.model.ts";
import { Book, type Entry } from "../../../services/muscles/performance-optimizer/records/book.ts";
import { Minutes } from "../../../services/muscles/performance-optimizer/records/minutes.ts";
import { path, report, served } from "../../unit/performance-optimizer/report.ts";
import { ServedOptimizer } from "./served-optimizer.ts";

let optimizer: ServedOptimizer;
beforeEach(async () => {
  optimizer = await ServedOptimizer.start();
});
afterEach(() => optimizer.stop());

const bearer = () => ({ authorization: `Bearer ${optimizer.token}`, "content-type": "application/json" });

async function told(change: Parameters<typeof report>[0]): Promise<void> {
  await optimizer.broker.emit("node.performance", report({ node: "muscles-1", ...change }));
}

describe("over HTTP", () => {
  test("both servers answer alike", async () => {
    await told({ paths: [path(10, 2000, { node: "muscles-1" })], served: [served(10, 1800)] });
    for (const name of ["metrics", "pools", "cache", "memory", "history", "queries"]) {
      const [there, here] = await Promise.all(
        [optimizer.gateway, optimizer.orchestrator].map(async (server) => {
          const response = await fetch(`${server}/api/performance/${name}`, { headers: bearer() });
          return { status: response.status, body: (await response.json()) as { at?: string; services?: unknown } };
        }),
      );
      expect(here!.status).toBe(200);
      expect(name === "metrics" ? Object.keys(here!.body) : here!.body).toEqual(
        name === "metrics" ? Object.keys(there!.body) : there!.body,
      );
    }
  });

  test("the gateway reads to whoever has the token; changes want it on both", async () => {
    const status = async (server: string, url: string, init?: RequestInit) => (await fetch(server + url, init)).status;
    expect(await status(optimizer.gateway, "/api/performance/metrics")).toBe(401);
    expect(await status(optimizer.orchestrator, "/api/performance/metrics")).toBe(200);
    for (const server of [optimizer.gateway, optimizer.orchestrator]) {
      for (const url of [
        "optimize/shop",
        "advice/x/apply",
        "history/x/take-back",
        "profile/muscles-1",
        "heap/muscles-1",
      ]) {
        expect(await status(server, `/api/performance/${url}`, { method: "POST" })).toBe(401);
      }
    }
  });

  test("a node is profiled, and one that does not exist is named", async () => {
    const post = async (url: string, body: object) => {
      const init = { method: "POST", headers: bearer(), body: JSON.stringify(body) };
      return (await (await fetch(`${optimizer.orchestrator}/api/performance/${url}`, init)).json()) as object;
    };
    expect(await post("profile/muscles-1", { seconds: 2 })).toEqual({ file: "cpu of 2 s" });
    expect(await post("heap/muscles-1", {})).toEqual({ file: "heap" });
    expect(await post("profile/muscles-1", { seconds: 3, kind: "allocations" })).toEqual({
      file: "allocations of 3 s",
    });
    expect(await post("profile/muscels-1", { seconds: 2 })).toMatchObject({
      code: "NOT_FOUND",
      detail: "No node is named muscels-1; did you mean muscles-1?",
    });
    expect(await post("profile/muscles-1", { seconds: 61 })).toMatchObject({ code: "VALIDATION_ERROR" });
  });

  test.each([
    ["a limit of none", "GET", "history?limit=0"],
    ["a service without a name", "GET", "metrics?service="],
    ["a field that nobody knows", "GET", "pools?colour=red"],
    ["an id that is none", "POST", "history/%20/take-back"],
  ])("%s is refused", async (_, method, url) => {
    const response = await fetch(`${optimizer.orchestrator}/api/performance/${url}`, { method, headers: bearer() });
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({ code: "VALIDATION_ERROR" });
  });
});

describe("what nodes tell", () => {
  test("is shown, and what is impossible is counted", async () => {
    await told({ seq: 1, paths: [path(10, 2000, { node: "muscles-1" })], served: [served(10, 1800)] });
    await told({ seq: 1, paths: [path(10, 2000)] });
    await told({ seq: 2, paths: [path(Number.NaN, 2000)] });
    await optimizer.broker.emit("node.performance", { what: "is this" });
    const { services } = await optimizer.call<PerformanceMetrics>("metrics", { service: "shop" });
    expect(services).toMatchObject([{ service: "shop", calls: 10 }]);
    expect(await optimizer.call("health")).toMatchObject({
      status: "healthy",
      checks: { reports: "ok", refused: "3 impossible or late, 0 for want of room" },
    });
  });

  test("becomes an analysis, made in a thread", async () => {
    await told({ paths: [path(10, 2000, { node: "muscles-1" })], served: [served(10, 1800)] });
    expect(await optimizer.call("analyze", { service: "shop" })).toMatchObject([
      { service: "shop", calls: 10, spends: { own: 1.8 }, trend: "steady", regressions: [], nextStep: null },
    ]);
    await expect(optimizer.call("analyze", { service: "shpo" })).rejects.toMatchObject({ type: "SERVICE_UNKNOWN" });
  });

  test("a full pool is told as one", async () => {
    const pool = { kind: "database", min: 1, max: 2, size: 2, inUse: 2, waiting: 4 } as const;
    const used = { uses: 100, useSum: 500_000, waitSum: 900_000, refused: 3 };
    await told({ pools: [{ name: "database", ...pool, ...used }] });
    expect(await optimizer.call<PoolStatus[]>("pools")).toMatchObject([
      { name: "database", wait: 9, utilisation: 1, advice: expect.stringContaining("AZORA_DB_MAX_CONNECTIONS") },
    ]);
  });
});

describe("in the store", () => {
  test("minutes are kept for a day, and caches and pools as they stand", async () => {
    await told({
      paths: [path(10, 2000, { node: "muscles-1" })],
      served: [served(10, 1800)],
      pools: [
        {
          name: "bus",
          kind: "bus",
          min: 1,
          max: 1,
          size: 1,
          inUse: 1,
          waiting: 0,
          uses: 0,
          useSum: 0,
          waitSum: 0,
          refused: 0,
        },
      ],
    });
    const { services } = await optimizer.call<PerformanceMetrics>("metrics");
    const pools = await optimizer.call<PoolStatus[]>("pools");
    const cache = {
      action: "shop.find",
      node: "muscles-1",
      hits: { near: 3, far: 0 },
      stale: 0,
      negative: 0,
      misses: 1,
      joined: 0,
      failures: 0,
      evicted: 0,
      fenced: 0,
      entries: 2,
      bytes: 300,
      ageSum: 3000,
      savedSum: 9000,
    };
    const minutes = new Minutes(optimizer.service);
    const day = 24 * 3_600_000;
    for (const at of [0, 1000, day - 1000, day + 500]) {
      await minutes.put({ at: new Date(1_790_000_000_000 + at), services, caches: [cache], pools });
    }
    const stored = await optimizer.service
      .collection(performanceMetricsModel)
      .find({ service: "shop" }, { sort: "at" });
    expect(stored.map(({ at }) => Date.parse(at) - 1_790_000_000_000)).toEqual([1000, day - 1000, day + 500]);
    expect(stored[0]).toMatchObject({ calls: 10, mean: 2, nodes: 1 });
    const caches = await optimizer.service.collection(cacheEntryModel).find({});
    expect(caches).toMatchObject([{ _id: "shop.find@muscles-1", hitRatio: 0.75, age: 1, saved: 9, entries: 2 }]);
    expect(await optimizer.service.collection(resourcePoolModel).find({})).toMatchObject([
      { _id: "bus@muscles-1", size: 1 },
    ]);
  });

  test("of changes the oldest go, those in force last", async () => {
    const book = new Book(optimizer.service);
    for (let i = 0; i < 10; i++)
      await book.put(entry({ id: `c${i}`, at: time(i), status: i < 5 ? "kept" : "taken-back" }));
    expect(await book.prune(6)).toBe(4);
    expect((await book.newest(100)).map(({ id }) => id)).toEqual(["c9", "c4", "c3", "c2", "c1", "c0"]);
    expect(await book.prune(2)).toBe(4);
    expect((await book.newest(100)).map(({ id }) => id)).toEqual(["c4", "c3"]);
  });

  test("what was being measured when the process ended is undone by the next one", async () => {
    const change = {
      kind: "cache-budget",
      node: "muscles-1",
      fleeting: true,
      undoing: { before: 1_000_000, after: 2_000_000 },
      status: "measuring",
    } as const;
    await new Book(optimizer.service).put(entry({ id: "left", ...change }));
    await optimizer.stop(true);
    optimizer = await ServedOptimizer.start(optimizer.folder);
    optimizer.node.budget = 2_000_000;
    let left: OptimizationRecord | undefined;
    for (const end = Date.now() + 15_000; left?.status !== "taken-back" && Date.now() < end; ) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      [left] = await optimizer.call<OptimizationRecord[]>("history");
    }
    expect(left).toMatchObject({
      id: "left",
      status: "taken-back",
      outcome: "the optimizer ended while it was being measured",
    });
    expect(optimizer.node.asked).toEqual(["setCacheBudget 1000000"]);
    expect(left).not.toHaveProperty("undoing");
  });

  test("nobody can write there from outside", async () => {
    for (const action of ["create", "insert", "update", "remove"]) {
      await expect(optimizer.call(action, { id: "x" })).rejects.toMatchObject({ type: "SERVICE_NOT_FOUND" });
    }
  });
});

const time = (i: number) => new Date(1_790_000_000_000 + i * 1000).toISOString();

function entry(change: Partial<Entry>): Entry {
  return {
    id: "c",
    at: time(0),
    service: "shop",
    kind: "cache-budget",
    change: "Give it more",
    reason: "it may help",
    status: "kept",
    by: "operator",
    actions: ["shop.find"],
    undoing: {},
    fleeting: false,
    ...change,
  };
}
