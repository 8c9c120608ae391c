import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type Context, ServiceBroker } from "moleculer";
import { type StoreService, store } from "../../../mixins/store/store.ts";
import type { Model } from "../../../models/model.ts";
import type { OptimizationRecord } from "../../../models/performance.ts";
import { queryActions } from "../../../runtime/queries/node-queries.ts";
import { queryKnobs } from "../../../services/muscles/performance-optimizer/queries/query-knobs.ts";
import { queryNodes } from "../../../services/muscles/performance-optimizer/queries/query-nodes.ts";
import { QueryOptimizer } from "../../../services/muscles/performance-optimizer/queries/query-optimizer.ts";
import { FakeClock } from "../../support/fake-clock.ts";

interface Sale {
  buyer: string;
  state: string;
  text?: string;
}
const saleModel: Model<Sale> = {
  name: "sales",
  fields: { buyer: { type: "string" }, state: { type: "string" }, text: { type: "string", optional: true } },
  indexes: [{ fields: ["state"] }],
};

let folder: string;
let broker: ServiceBroker;
let service: StoreService;
let clock: FakeClock;
let optimizer: QueryOptimizer;
/** Nothing is changed on the node, nor kept of what was done. */
let nodeFails: boolean;
let storeFails: boolean;
/** A service on which somebody else tries something. */
let taken: string;
/** By how much the machine's clock was set, ms. */
let jumped = 0;
let records: { record: OptimizationRecord; indexes: string[] }[];

const indexes = () =>
  (service as unknown as { $file: { all(sql: string): { name: string }[] } }).$file
    .all("SELECT name FROM sqlite_schema WHERE name LIKE 'advised_%'")
    .map(({ name }) => name);

/** A service that finds its documents there, so that loading them is none of its writes. */
async function startShop(): Promise<StoreService> {
  const made = broker.createService(shop as never) as unknown as StoreService;
  await broker.waitForServices("shop", 15_000, 5);
  return made;
}

const shop = {
  name: "shop",
  mixins: [store(saleModel)],
  actions: {
    bought: {
      handler(this: StoreService, ctx: Context<{ buyer: string }>) {
        return this.collection(saleModel).find({ buyer: ctx.params.buyer });
      },
    },
    open: {
      handler(this: StoreService) {
        return this.collection(saleModel).find({ state: { $ne: "done" } }, { limit: 10 });
      },
    },
    texts: {
      handler(this: StoreService, ctx: Context<{ text: string }>) {
        return this.collection(saleModel).find({ text: ctx.params.text });
      },
    },
  },
};

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "azora-queries-"));
  process.env["AZORA_DATA_DIR"] = folder;
  broker = new ServiceBroker({ logger: false, nodeID: "heart-1", registry: { stopDelay: 0 } } as never);
  broker.createService({ name: "node-performance", actions: queryActions(broker) });
  await broker.start();
  service = await startShop();
  const loaded = Array.from({ length: 5000 }, (_, i) => ({ buyer: `b${i % 1000}`, state: "done", text: `t${i}` }));
  await service.collection(saleModel).insertMany(loaded);
  await broker.destroyService(service);
  service = await startShop();
  clock = new FakeClock();
  records = [];
  nodeFails = storeFails = false;
  taken = "";
  const nodes = queryNodes(broker);
  optimizer = new QueryOptimizer({
    nodes: {
      ...nodes,
      call: (node, action, params) => {
        if (nodeFails && action !== "queryRuns") return Promise.reject(new Error("the node does not answer"));
        return nodes.call(node, action, params);
      },
    },
    clock,
    wall: () => clock.now() + jumped,
    isTaken: (service) => service === taken,
    record: async (record) => {
      if (storeFails) throw new Error("the disk is full");
      records.push({ record, indexes: indexes() });
    },
  });
});
afterEach(async () => {
  await broker.stop();
  delete process.env["AZORA_DATA_DIR"];
  rmSync(folder, { recursive: true, force: true });
});

const traffic = async (calls = 15) => {
  for (let i = 0; i < calls; i++) await broker.call("shop.bought", { buyer: `b${i}` });
};

/** Follows an advice, with traffic in each second of watching. */
async function follow(id: string, calls = 5): Promise<OptimizationRecord> {
  const record = optimizer.applyAdvice(id);
  record.catch(() => {});
  for (let second = 0; second < 15; second++) {
    await traffic(calls);
    clock.advance(1000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return record;
}

async function judged(seconds = 60, call = traffic): Promise<OptimizationRecord | undefined> {
  for (let i = 0; i < seconds; i++) {
    await call(10);
    clock.advance(1000);
    const [record] = await optimizer.tick();
    if (record) return record;
  }
  return undefined;
}

describe("an advice that is followed", () => {
  test("is on record before anything is done, is compared on live traffic, and kept when it helps", async () => {
    await traffic();
    const [advice] = await optimizer.advice("shop");
    expect(advice).toMatchObject({ kind: "missing-index", actions: ["shop.bought"] });
    const record = await follow(advice!.id);
    expect(record).toMatchObject({ status: "measuring", kind: "index", service: "shop", by: "operator" });
    expect(records).toEqual([{ record: expect.objectContaining({ status: "measuring" }), indexes: [] }]);
    expect(indexes()).toHaveLength(1);

    const verdict = await judged();
    expect(verdict).toMatchObject({ id: record.id, status: "kept", outcome: expect.stringContaining("became faster") });
    expect(verdict!.effect!.ratio).toBeLessThan(0.2);
    expect(verdict!.effect!.confidence).toBeGreaterThan(0.95);
    expect(indexes()).toHaveLength(1);
    expect(await optimizer.advice("shop")).toEqual([]);
  });

  test("is taken back when nothing shows that it helped", async () => {
    await traffic();
    const [advice] = await optimizer.advice("shop");
    await follow(advice!.id);
    expect(indexes()).toHaveLength(1);
    const verdict = await judged(700, async () => {});
    expect(verdict).toMatchObject({
      status: "taken-back",
      outcome: expect.stringContaining("No gain was seen in 0 runs"),
    });
    expect(indexes()).toEqual([]);
  });

  test("is taken back by whoever wants that, while it is tried", async () => {
    await traffic();
    const [advice] = await optimizer.advice("shop");
    const { id } = await follow(advice!.id);
    expect(await optimizer.takeBack(id)).toMatchObject({ status: "taken-back", outcome: "Taken back by the operator" });
    expect(indexes()).toEqual([]);
    expect(await optimizer.takeBack(id)).toBeUndefined();
  });

  test("cannot be followed twice at once", async () => {
    await traffic();
    const [advice] = await optimizer.advice("shop");
    await follow(advice!.id);
    await expect(optimizer.applyAdvice(advice!.id)).rejects.toMatchObject({ type: "OPTIMIZATION_REFUSED" });
    expect(await optimizer.advice("shop")).toEqual([]);
  });

  test("keeps others away from its service while its queries are still being watched", async () => {
    await traffic();
    for (let i = 0; i < 9; i++) await broker.call("shop.open");
    const [one, other] = await optimizer.advice("shop");
    const first = optimizer.applyAdvice(one!.id);
    first.catch(() => {});
    await expect(optimizer.applyAdvice(other!.id)).rejects.toMatchObject({ type: "OPTIMIZATION_REFUSED" });
    expect(optimizer.isBusy("shop")).toBe(true);
    for (let second = 0; second < 15; second++) {
      clock.advance(1000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await first).status).toBe("measuring");
  });

  test("is refused where somebody else tries something on its service", async () => {
    await traffic();
    const [advice] = await optimizer.advice("shop");
    taken = "shop";
    await expect(optimizer.applyAdvice(advice!.id)).rejects.toMatchObject({ type: "OPTIMIZATION_REFUSED" });
    expect(records).toEqual([]);
  });

  test("is not followed by an optimizer that stops while the queries are being watched", async () => {
    await traffic();
    const [advice] = await optimizer.advice("shop");
    const record = optimizer.applyAdvice(advice!.id);
    record.catch(() => {});
    await new Promise((resolve) => setImmediate(resolve));
    optimizer.stop();
    for (let second = 0; second < 15; second++) {
      clock.advance(1000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await expect(record).rejects.toMatchObject({ type: "SERVICE_UNAVAILABLE" });
    expect(records).toEqual([]);
    expect(indexes()).toEqual([]);
    await expect(optimizer.applyAdvice(advice!.id)).rejects.toMatchObject({ type: "SERVICE_UNAVAILABLE" });
  });

  test("is compared for as long whatever the machine's clock is set to", async () => {
    await traffic();
    const [advice] = await optimizer.advice("shop");
    await follow(advice!.id);
    jumped = 24 * 3_600_000;
    try {
      expect(await judged(60, async () => {})).toBeUndefined();
      jumped = -jumped;
      const verdict = await judged(60);
      expect(verdict).toMatchObject({ status: "kept" });
      expect(verdict!.duration).toBeGreaterThan(60_000);
      expect(verdict!.duration).toBeLessThan(150_000);
    } finally {
      jumped = 0;
    }
  });
});

describe("a change that cannot be ended", () => {
  test.each(["by its verdict", "by hand"])("%s is taken back as soon as its node answers", async (how) => {
    await traffic();
    const [advice] = await optimizer.advice("shop");
    const { id } = await follow(advice!.id);
    nodeFails = true;
    if (how === "by hand") {
      expect(await optimizer.takeBack(id)).toMatchObject({
        status: "measuring",
        outcome: expect.stringContaining("it could not be taken back: the node does not answer; it is tried again"),
      });
    } else expect(await judged(700, async () => {})).toBeUndefined();
    expect(indexes()).toHaveLength(1);
    expect(optimizer.waitingToUndo).toEqual([advice!.what]);
    expect(optimizer.isBusy("shop")).toBe(true);
    nodeFails = false;
    expect(await judged(12, async () => {})).toMatchObject({ id, status: "taken-back" });
    expect(indexes()).toEqual([]);
    expect(optimizer.waitingToUndo).toEqual([]);
    expect(optimizer.isBusy("shop")).toBe(false);
  });

  test("stands as failed after five minutes without an answer, and holds nobody up any longer", async () => {
    await traffic();
    const [advice] = await optimizer.advice("shop");
    const { id } = await follow(advice!.id);
    nodeFails = true;
    await optimizer.takeBack(id);
    expect(await judged(320, async () => {})).toMatchObject({
      id,
      status: "failed",
      outcome: expect.stringContaining("it could not be taken back: the node does not answer"),
    });
    expect(optimizer.isBusy("shop")).toBe(false);
  });

  test("has its verdict as soon as it can be stored", async () => {
    await traffic();
    const [advice] = await optimizer.advice("shop");
    const { id } = await follow(advice!.id);
    storeFails = true;
    expect(await judged(60)).toBeUndefined();
    expect(optimizer.isBusy("shop")).toBe(true);
    storeFails = false;
    expect(await judged(12)).toMatchObject({ id, status: "kept" });
    expect(records.at(-1)!.record).toMatchObject({ id, status: "kept" });
    expect(optimizer.isBusy("shop")).toBe(false);
  });
});

describe("an advice that cannot be followed", () => {
  test("an id that nobody has given", async () => {
    await expect(optimizer.applyAdvice("nonsense")).rejects.toMatchObject({ type: "NOT_FOUND" });
    await expect(optimizer.advice("nobody")).rejects.toMatchObject({ type: "SERVICE_UNKNOWN" });
  });

  test("values too large: refused with the reason, kept as failed, nothing changed", async () => {
    await service.collection(saleModel).insert({ buyer: "b", state: "x", text: "x".repeat(10 * 2 ** 20) });
    for (let i = 0; i < 9; i++) await broker.call("shop.texts", { text: "t5" });
    const advice = (await optimizer.advice("shop")).find(({ changes }) => JSON.stringify(changes).includes("text"));
    await expect(follow(advice!.id, 0)).rejects.toMatchObject({ type: "ADVICE_REFUSED" });
    expect(records.map(({ record }) => record.status)).toEqual(["measuring", "failed"]);
    expect(records[1]!.record.outcome).toContain("1024 are allowed");
    expect(indexes()).toEqual([]);
  });

  test("a query that has gone with a restart: kept as failed, and nothing is left in the other form", async () => {
    for (let i = 0; i < 9; i++) await broker.call("shop.open");
    const [advice] = await optimizer.advice("shop");
    expect(advice).toMatchObject({ kind: "rewrite", actions: ["shop.open"] });
    await broker.destroyService(service);
    service = await startShop();
    await expect(follow(advice!.id, 0)).rejects.toMatchObject({ type: "NOT_FOUND" });
    expect(records.at(-1)!.record).toMatchObject({
      status: "failed",
      outcome: expect.stringContaining("may have gone with a restart"),
    });
    await broker.call("shop.open");
    const [facts] = await optimizer.queries("shop");
    expect(facts!.shapes.map(({ rewrite }) => rewrite)).toEqual(["possible"]);
  });

  test("an index that somebody has made meanwhile: nothing to compare", async () => {
    await traffic();
    const [advice] = await optimizer.advice("shop");
    const [change] = advice!.changes;
    await broker.call("node-performance.createIndex", { service: "shop", ...(change as { wish: object }).wish });
    expect(await follow(advice!.id)).toMatchObject({
      status: "inconclusive",
      outcome: expect.stringMatching(/was there already: nothing was changed/),
    });
    expect(indexes()).toHaveLength(1);
  });
});

test("a knob's proposal can be made and undone, also by a process that did not begin it, and twice", async () => {
  await traffic();
  const knob = queryKnobs(optimizer).find(({ kind }) => kind === "index")!;
  const [proposal] = await knob.propose("shop");
  expect(proposal).toMatchObject({ actions: ["shop.bought"], change: expect.stringContaining("sales (buyer)") });
  await proposal!.apply();
  expect(indexes()).toHaveLength(1);
  const other = new QueryOptimizer({ nodes: queryNodes(broker), record: async () => {} });
  const revived = queryKnobs(other)[0]!.revive("shop", undefined, JSON.parse(JSON.stringify(proposal!.undoing)));
  await revived.undo();
  await revived.undo();
  expect(indexes()).toEqual([]);
});
