import { randomUUID } from "node:crypto";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import type { ServiceBroker } from "moleculer";
import type { OptimizationRecord } from "../../models/performance.ts";
import type { PerformanceMetrics, ServiceAnalysis } from "../../models/performance-views.ts";
import { TestOrganism } from "../support/organism.ts";
import { writeFiles } from "../support/write-files.ts";

jest.setTimeout(150_000);

const ROOT = resolve(import.meta.dirname, "../..");
const ORDERS = 6000;
const CUSTOMERS = 1500;

/** Finds the orders of a customer, without an index for that. */
const SHOP = `
import { store } from "${ROOT}/mixins/store/store.ts";
const model = {
  name: "orders",
  fields: { customer: { type: "string", max: 80 }, note: { type: "string", max: 400 } },
};
export default {
  name: "shop",
  mixins: [store(model, { maxLimit: 10000 })],
  actions: {
    ofCustomer: {
      params: { customer: "string" },
      handler(ctx) {
        return this.collection(model).find({ customer: ctx.params.customer }, { limit: 50 });
      },
    },
  },
};
`;

describe("the performance optimizer, in a living organism", () => {
  let organism: TestOrganism;
  let caller: ServiceBroker;
  let isOver = false;
  let calls: Promise<void>;

  beforeAll(async () => {
    organism = await TestOrganism.create({ AZORA_EVENT_BUS_URL: "mesh" });
    const services = join(organism.folder, "services");
    writeFiles(organism.folder, { "services/heart/shop.service.mjs": SHOP });
    await organism.up(services);
    await organism.untilHealthy();
    caller = await organism.join();
    for (let from = 0; from < ORDERS; from += 1000) {
      const entities = Array.from({ length: 1000 }, (_, i) => ({
        customer: `customer-${(from + i) % CUSTOMERS}`,
        note: randomUUID().repeat(8),
      }));
      await caller.call("shop.insert", { entities });
    }
    calls = traffic();
  });
  afterAll(async () => {
    isOver = true;
    await calls;
    await organism.down();
  });

  /** About forty calls a second, until the end. */
  async function traffic(): Promise<void> {
    for (let i = 0; !isOver; i++) {
      await caller.call("shop.ofCustomer", { customer: `customer-${i % CUSTOMERS}` }).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  it("says where the time of a service goes, and what to do first", async () => {
    await new Promise((resolve) => setTimeout(resolve, 18_000));
    const { services } = await organism.get<PerformanceMetrics>("/api/performance/metrics?service=shop");
    const [shop] = services;
    expect(shop).toMatchObject({ service: "shop", nodes: ["heart-1"], errorRate: 0 });
    expect(shop!.calls).toBeGreaterThan(200);
    expect(shop!.time.database).toBeGreaterThan(shop!.time.own);
    await organism.get("/api/performance/advice?service=shop");
    const [{ nextStep }] = (await organism.post<ServiceAnalysis[]>("/api/performance/analyze", { service: "shop" }))
      .body as [ServiceAnalysis];
    expect(nextStep).toMatchObject({ kind: "missing-index" });
  });

  it("forces an optimization: the index is built, compared on live traffic, and kept", async () => {
    const { status, body } = await organism.post<OptimizationRecord[]>("/api/performance/optimize/shop", {
      wait: true,
    });
    expect(status).toBe(200);
    const kept = body.find(({ kind }) => kind === "index")!;
    expect(kept).toMatchObject({ status: "kept", service: "shop", by: "operator" });
    expect(kept.effect!.ratio).toBeLessThan(0.8);
    expect(kept.effect!.confidence).toBeGreaterThan(0.95);
    const history = await organism.get<OptimizationRecord[]>("/api/performance/history?limit=10");
    expect(history.map(({ id }) => id)).toContain(kept.id);
    expect(await organism.get("/health/performance")).toMatchObject({ status: "healthy" });
  });

  it("has put each step on record before it was taken", async () => {
    let steps: string[] = [];
    for (const end = Date.now() + 20_000; steps.length < 2 && Date.now() < end; ) {
      const { entries } = (await caller.call("blockchain-logger.query", { eventType: "performance.optimization" })) as {
        entries: { data: { payload: { step: string; kind: string } } }[];
      };
      steps = entries.flatMap(({ data: { payload } }) => (payload.kind === "index" ? payload.step : []));
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(steps.slice(0, 2)).toEqual(["begun", "ended"]);
  });

  it("refuses changes without the operator's token, and impossible requests", async () => {
    const url = `http://127.0.0.1:${organism.port}/api/performance`;
    expect((await fetch(`${url}/optimize/shop`, { method: "POST" })).status).toBe(401);
    expect((await organism.post("/api/performance/optimize/shpo")).body).toMatchObject({ code: "SERVICE_UNKNOWN" });
    expect((await fetch(`${url}/history?limit=0`)).status).toBe(422);
    expect((await organism.post("/api/performance/history/none/take-back")).body).toMatchObject({ code: "NOT_FOUND" });
    expect((await organism.post("/api/performance/profile/heart-9", { seconds: 1 })).body).toMatchObject({
      code: "NOT_FOUND",
    });
  });
});
