import { describe, expect, test } from "@jest/globals";
import { sampleNormal } from "../../../../services/immune/auto-healer/learning/samplers.ts";
import { analyzeService } from "../../../../services/muscles/performance-optimizer/analysis/analyze-service.ts";
import { seeded } from "../../../../services/muscles/performance-optimizer/analysis/seeded.ts";
import type {
  ActionFacts,
  ServiceFacts,
} from "../../../../services/muscles/performance-optimizer/analysis/service-facts.ts";

const AT = Date.parse("2026-11-20T12:00:00.000Z");

/** Two hours of a service whose calls take 10 ms, and what is different. */
function facts(
  change: Partial<ServiceFacts> = {},
  slower: { from: number; by: number } = { from: 120, by: 1 },
): ServiceFacts {
  const random = seeded(7);
  const logMean = Float64Array.from(
    { length: 120 },
    (_, i) => Math.log(10_000 * (i >= slower.from ? slower.by : 1)) + 0.05 * sampleNormal(random),
  );
  return {
    service: "shop",
    at: AT,
    organ: "heart",
    isSingleton: false,
    sums: { served: 600, servedSum: 600 * 10_000, queueSum: 0, querySum: 0, gcSum: 0, waits: [] },
    calls: 600,
    minutes: { calls: new Float64Array(120).fill(600), logMean, p95: logMean.map((log) => Math.exp(log) * 2) },
    actions: [],
    nodes: [{ node: "heart-1", cpu: 0.3, gcShare: 0, loopDelay: 1 }],
    pools: [],
    advice: [],
    cores: 4,
    ...change,
  };
}

const sums = (change: Partial<ServiceFacts["sums"]>): ServiceFacts["sums"] => ({ ...facts().sums, ...change });
const action = (change: Partial<ActionFacts>): ActionFacts => ({
  action: "shop.find",
  calls: 600,
  mean: 10,
  queue: 0,
  refused: 0,
  limit: null,
  running: 0,
  idempotent: false,
  cached: false,
  worker: false,
  ...change,
});

describe("the analysis of a service", () => {
  test("says where its time goes", () => {
    const { spends, parallel } = analyzeService(
      facts({
        sums: sums({
          queueSum: 600_000,
          querySum: 1_200_000,
          gcSum: 600_000,
          waits: [{ service: "stock", sum: 1_800_000 }],
        }),
      }),
    );
    expect(spends).toEqual({ own: 4, database: 2, queueing: 1, gc: 1, "waiting for stock": 3 });
    expect(parallel).toBe(1);
  });

  test("says nothing of what is as it was", () => {
    const { trend, regressions, nextStep } = analyzeService(facts());
    expect({ trend, regressions, nextStep }).toEqual({ trend: "steady", regressions: [], nextStep: null });
  });

  test("names the minute since which calls take longer, and how much", () => {
    const { regressions } = analyzeService(facts({}, { from: 90, by: 1.5 }));
    const latency = regressions.find(({ metric }) => metric === "latency")!;
    expect(Math.abs(Date.parse(latency.at) - (AT - 30 * 60_000))).toBeLessThanOrEqual(3 * 60_000);
    expect(Math.abs(latency.before - 10)).toBeLessThan(0.5);
    expect(Math.abs(latency.after - 15)).toBeLessThan(0.7);
    expect(latency.confidence).toBeGreaterThan(0.98);
  });

  test("takes no improvement for a regression", () => {
    expect(analyzeService(facts({}, { from: 60, by: 0.5 })).regressions).toEqual([]);
  });

  test("minutes without calls are not there", () => {
    const gaps = facts({}, { from: 90, by: 1.5 });
    for (let i = 0; i < 120; i += 3) {
      gaps.minutes.calls[i] = 0;
      gaps.minutes.logMean[i] = 0;
      gaps.minutes.p95[i] = 0;
    }
    expect(
      analyzeService(gaps)
        .regressions.map(({ metric }) => metric)
        .sort(),
    ).toEqual(["latency", "latency p95"]);
  });

  test("a service of which nothing is known yet has an analysis too", () => {
    const none = new Float64Array(0);
    const quiet = facts({
      calls: 0,
      sums: sums({ served: 0, servedSum: 0 }),
      minutes: { calls: none, logMean: none, p95: none },
    });
    expect(analyzeService(quiet)).toMatchObject({ calls: 0, trend: "steady", regressions: [], nextStep: null });
  });
});

describe("the one best next step", () => {
  const step = (change: Partial<ServiceFacts>) => analyzeService(facts(change)).nextStep;

  test("is the advice for its queries where its time goes to the database", () => {
    const advice = {
      kind: "missing-index",
      what: "Index orders (customer)",
      why: "9,000 documents looked at for 3",
      gain: 0.9,
      of: "database",
    } as const;
    const found = step({ sums: sums({ querySum: 4_800_000 }), advice: [advice] })!;
    expect(found).toMatchObject({ kind: "missing-index", what: "Index orders (customer)" });
    expect(found.expectedGain).toBeCloseTo(0.72, 5);
    expect(found.why).toContain("80 % of a call's time goes to the database (8 ms)");
  });

  test("is a thread for the action that holds a busy node's event loop", () => {
    const found = step({
      sums: sums({ servedSum: 600 * 80_000 }),
      actions: [action({ mean: 80 }), action({ action: "shop.get", mean: 0.1 })],
      nodes: [{ node: "heart-1", cpu: 0.95, gcShare: 0, loopDelay: 240 }],
    })!;
    expect(found).toMatchObject({ kind: "worker-thread", what: expect.stringContaining("shop.find") });
    expect(found.why).toContain("the event loop of heart-1 is 240 ms late");
  });

  test("is a cache for what is read often and may run twice", () => {
    const found = step({ actions: [action({ idempotent: true })] })!;
    expect(found).toMatchObject({ kind: "cache", expectedGain: 0.5 });
    expect(found.why).toContain("supposed that every other call asks for the same");
    expect(step({ actions: [action({ idempotent: true, cached: true })] })).toBeNull();
    expect(step({ actions: [action({ idempotent: true, action: "shop.pay" })] })).toBeNull();
  });

  test("is to let more calls run at once where they wait and the node has room, and more nodes where it has none", () => {
    const waiting = { sums: sums({ queueSum: 600 * 10_000 }), actions: [action({ queue: 10, limit: 4 })] };
    expect(step(waiting)).toMatchObject({ kind: "concurrency-limit", expectedGain: 0.5 });
    const busy = { ...waiting, nodes: [{ node: "heart-1", cpu: 0.98, gcShare: 0, loopDelay: 10 }] };
    expect(step(busy)).toMatchObject({ kind: "scale", what: expect.stringContaining("azora scale heart 2") });
    expect(step({ ...busy, isSingleton: true })).toBeNull();
  });

  test("is to look at the one that it waits for", () => {
    const found = step({ sums: sums({ waits: [{ service: "stock", sum: 4_800_000 }] }) })!;
    expect(found).toMatchObject({ kind: "dependency", what: expect.stringContaining("stock") });
    expect(found.expectedGain).toBeCloseTo(0.8 / 3, 5);
  });

  test("is a larger pool where its uses wait", () => {
    const pool = { name: "database", node: "heart-1", size: 2, max: 20, uses: 600, wait: 5 };
    expect(step({ pools: [pool] })).toMatchObject({ kind: "pool-size", expectedGain: 0.5 });
    expect(step({ pools: [{ ...pool, size: 20 }] })).toBeNull();
  });

  test("is none where calls are few, or nothing promises enough", () => {
    expect(step({ calls: 5, actions: [action({ idempotent: true })] })).toBeNull();
    expect(step({ pools: [{ name: "p", node: "n", size: 1, max: 2, uses: 600, wait: 0.2 }] })).toBeNull();
  });
});
