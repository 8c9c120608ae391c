import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Context, ServiceBroker } from "moleculer";
import { type StoreSchema, type StoreService, store } from "../mixins/store/store.ts";
import type { Model } from "../models/model.ts";
import { queryActions } from "../runtime/queries/node-queries.ts";

export const DOCUMENTS = 100_000;

export interface Order {
  number: string;
  customer: string;
  shop: string;
  status: string;
  carrier: string;
  city: string;
  mail: string;
  phone: string;
  total: number;
  weight: number;
  placedAt: string;
  paid?: boolean;
  note?: string;
}

const text = { type: "string", max: 200 } as const;

/** Planted: `shop` and `shop, placedAt`: the first is the beginning of the second. */
export const orderModel: Model<Order> = {
  name: "orders",
  fields: {
    number: text,
    customer: text,
    shop: text,
    status: text,
    carrier: text,
    city: text,
    mail: text,
    phone: text,
    total: { type: "number" },
    weight: { type: "number" },
    placedAt: text,
    paid: { type: "boolean", optional: true },
    note: { ...text, optional: true },
  },
  indexes: [
    { fields: ["number"], unique: true },
    { fields: ["shop"] },
    { fields: ["shop", "placedAt"] },
    { fields: ["status"] },
  ],
};

/** Reproducible chance (mulberry32). */
export function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const at = (i: number) => new Date(Date.UTC(2026, 0, 1) + i * 60_000).toISOString();

export function order(i: number, random: () => number): Order {
  return {
    number: `N${String(i).padStart(7, "0")}`,
    customer: `c${Math.floor(random() * 10_000)}`,
    shop: `s${Math.floor(random() * 500)}`,
    // One in 5,000 is not done: nearly all that a person wants to see.
    status: random() < 0.0002 ? "open" : "done",
    carrier: `carrier ${Math.floor(random() * 20)}`,
    city: `city ${Math.floor(random() * 200)}`,
    mail: `m${Math.floor(random() * 20_000)}@example.org`,
    phone: `+49 ${Math.floor(random() * 20_000)}`,
    total: Math.floor(random() * 1000),
    weight: Math.floor(random() * 100_000),
    placedAt: at(Math.floor(random() * 500_000)),
    note: "as usual, please leave it at the door ".repeat(2),
  };
}

const service: StoreSchema = {
  name: "market",
  mixins: [store(orderModel)],
  actions: {
    // Planted: nothing but a scan finds a customer's orders.
    ofCustomer: {
      handler(ctx: Context<{ customer: string }>) {
        return this.collection(orderModel).find({ customer: ctx.params.customer });
      },
    },
    // Planted: of a city's 500 orders the newest ten; only an index on both finds them.
    newestOfCity: {
      handler(ctx: Context<{ city: string }>) {
        return this.collection(orderModel).find({ city: ctx.params.city }, { sort: "-placedAt", limit: 10 });
      },
    },
    // Planted: "not done" is no place in an index; "less or greater" is two.
    open: {
      handler() {
        return this.collection(orderModel).find({ status: { $ne: "done" } }, { limit: 50 });
      },
    },
    // Planted: two fields, and no index on either; and of what either finds the first ten are wanted.
    reach: {
      handler(ctx: Context<{ contact: string }>) {
        const { contact } = ctx.params;
        return this.collection(orderModel).find({ $or: [{ mail: contact }, { phone: contact }] }, { limit: 10 });
      },
    },
    // Planted: ten of all, in an order that nothing keeps.
    heaviest: {
      handler() {
        return this.collection(orderModel).find({}, { sort: "-weight", limit: 10 });
      },
    },
    // Planted: a query and a write for each number.
    settle: {
      async handler(ctx: Context<{ numbers: string[] }>) {
        const orders = this.collection(orderModel);
        for (const number of ctx.params.numbers) {
          const found = await orders.findOne({ number });
          if (found) await orders.update(found._id, { paid: true });
        }
      },
    },
    // The same as it is advised.
    settleAtOnce: {
      handler(ctx: Context<{ numbers: string[] }>) {
        return this.transaction((tx) => {
          const orders = tx.collection(orderModel);
          const found = orders.find({ number: { $in: ctx.params.numbers } });
          for (const { _id } of found) orders.update(_id, { paid: true });
        });
      },
    },
    // Healthy, all of these.
    byNumber: {
      handler(ctx: Context<{ number: string }>) {
        return this.collection(orderModel).findOne({ number: ctx.params.number });
      },
    },
    newestOfShop: {
      handler(ctx: Context<{ shop: string }>) {
        return this.collection(orderModel).find({ shop: ctx.params.shop }, { sort: "-placedAt", limit: 10 });
      },
    },
    ofShop: {
      handler(ctx: Context<{ shop: string }>) {
        return this.collection(orderModel).find({ shop: ctx.params.shop }, { limit: 100 });
      },
    },
    // A good half of all: no index would make it faster.
    dear: {
      handler() {
        return this.collection(orderModel).find({ total: { $gt: 400 } }, { limit: 100 });
      },
    },
    some: {
      handler() {
        return this.collection(orderModel).find({ note: { $exists: true } }, { limit: 50 });
      },
    },
  },
};

export interface Market {
  broker: ServiceBroker;
  service: StoreService;
  random: () => number;
  close(): Promise<void>;
}

export async function openMarket(documents = DOCUMENTS): Promise<Market> {
  const folder = mkdtempSync(join(tmpdir(), "azora-advisor-"));
  const before = process.env["AZORA_DATA_DIR"];
  process.env["AZORA_DATA_DIR"] = folder;
  const broker = new ServiceBroker({ logger: false, nodeID: "bench" });
  const loading = broker.createService(service as never) as unknown as StoreService;
  broker.createService({ name: "node-performance", actions: queryActions(broker) });
  await broker.start();
  const random = chance(1);
  for (let i = 0; i < documents; i += 5000) {
    const orders = Array.from({ length: Math.min(5000, documents - i) }, (_, k) => order(i + k, random));
    await loading.collection(orderModel).insertMany(orders);
  }
  // What is measured begins with a service that finds its documents there, as services do.
  await broker.destroyService(loading);
  const made = broker.createService(service as never) as unknown as StoreService;
  await broker.waitForServices("market", 5000, 5);
  return {
    broker,
    service: made,
    random,
    async close() {
      await broker.stop();
      if (before === undefined) delete process.env["AZORA_DATA_DIR"];
      else process.env["AZORA_DATA_DIR"] = before;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
