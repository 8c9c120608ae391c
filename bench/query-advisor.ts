import type { DatabaseFile } from "../mixins/store/database-file.ts";
import type { QueryMeter } from "../runtime/queries/query-meter.ts";
import { queryNodes } from "../services/muscles/performance-optimizer/queries/query-nodes.ts";
import { QueryOptimizer } from "../services/muscles/performance-optimizer/queries/query-optimizer.ts";
import { DOCUMENTS, type Market, openMarket, order, orderModel } from "./advisor-data.ts";
import { goal, median, medians, type Result, round } from "./report.ts";

/** Planted problems, by how they are known in the advice. */
const PLANTED = {
  "missing index (customer)": /index of orders \(customer\)/,
  "missing index for filter and order (city, placedAt)": /index of orders \(city, placedAt, _id\)/,
  "form that no index serves ($ne)": /alternatives looked for apart/,
  "missing indexes for alternatives (mail, phone)": /index of orders \((mail|phone)\) and orders \((mail|phone)\)/,
  "missing index for an order (weight)": /index of orders \(weight, _id\)/,
  "redundant index (shop)": /Drop the index docs_orders_shop_[0-9a-f]+ /,
  "N+1 (settle)": /market.settle make its 50 writes in one transaction/,
} as const;

const PROBLEMS = Object.keys(PLANTED).length;
const N_PLUS_ONE = 50;

/**
 * An advisor on a service with 100,000 documents, seven planted problems and as many healthy queries. It sees nothing but
 * the traffic. Five of the problems are queries that it makes faster itself; an index that is not needed costs writes, and
 * a loop of queries and writes is for whoever wrote it.
 */
export async function queryAdvisor(documents = DOCUMENTS): Promise<Result> {
  const market = await openMarket(documents);
  try {
    return await measure(market, documents);
  } finally {
    await market.close();
  }
}

async function measure(market: Market, documents: number): Promise<Result> {
  const { broker } = market;
  for (let i = 0; i < 12; i++) await traffic(market, documents);

  const optimizer = new QueryOptimizer({ nodes: queryNodes(broker), record: async () => {}, watch: 0 });
  const asked = performance.now();
  const advice = await optimizer.advice("market");
  const adviceMs = performance.now() - asked;
  const unexpected = advice.filter(({ what }) => !Object.values(PLANTED).some((pattern) => pattern.test(what)));
  const missed = Object.entries(PLANTED).filter(([, pattern]) => !advice.some(({ what }) => pattern.test(what)));

  const runs: Record<string, number[]> = {};
  const gains: Record<string, number> = {};
  const calls = callsOf(market);
  const timed = async (side: string, call: () => Promise<unknown>) => {
    const times: number[] = [];
    for (let i = 0; i < 15; i++) {
      const began = performance.now();
      await call();
      times.push((performance.now() - began) * 1000);
    }
    runs[side] = times;
    return median(times);
  };
  const cost = await costOfMeasuring(market, documents);
  const before: Record<string, number> = {};
  for (const [name, call] of Object.entries(calls)) before[name] = await timed(`${name}, before`, call);
  const writesBefore = await timedInserts(market, documents);

  const blocked: string[] = [];
  for (const each of advice.filter(({ applicable }) => applicable)) {
    const record = await optimizer.applyAdvice(each.id);
    if (record.outcome) blocked.push(record.outcome);
  }
  for (const [name, call] of Object.entries(calls)) gains[name] = before[name]! / (await timed(`${name}, after`, call));
  const writesAfter = await timedInserts(market, documents + 20_000);

  const numbers = Array.from({ length: N_PLUS_ONE }, (_, i) => `N${String(i * 37).padStart(7, "0")}`);
  const oneByOne = await timed("settle, before", () => broker.call("market.settle", { numbers }));
  const atOnce = await timed("settle, as advised", () => broker.call("market.settleAtOnce", { numbers }));
  const left = await optimizer.advice("market");

  return {
    name: "query-advisor",
    measures: `advice on ${documents} documents with seven planted problems, and what following it is worth`,
    unit: "µs",
    runs,
    medians: medians(runs),
    goals: [
      goal(`planted problems found, of ${PROBLEMS}`, PROBLEMS - missed.length, missed.length === 0),
      goal("other advice given", unexpected.length, unexpected.length === 0),
      goal("measuring one query, at most 1 µs (find by a unique field)", cost.find, cost.find <= 1),
      goal("measuring one query, at most 1 µs (get by id)", cost.get, cost.get <= 1),
      ...Object.entries(gains).map(([name, gain]) => goal(`${name}: times faster, at least 20`, gain, gain >= 20)),
    ],
    notes: [
      `advice took ${round(adviceMs)} ms, sampling included`,
      ...advice.map(({ kind, what, expectedGain }) => `${kind}: ${what} (expected gain ${expectedGain})`),
      ...blocked,
      `settle, whose advice is for whoever writes the service: ${round(oneByOne / atOnce)} times faster as advised, with a disk that takes ${round(oneByOne / N_PLUS_ONE)} µs for a query and a write`,
      `one insert: ${writesBefore} µs before, ${writesAfter} µs after (five indexes more, one less)`,
      `advice left after it was followed: ${left.map(({ kind }) => kind).join(", ") || "none"}`,
    ],
  };
}

/**
 * µs that a query takes longer with the meter than without, by the quickest tenth of short, alternating rounds:
 * other work on the machine only adds.
 */
async function costOfMeasuring({ service }: Market, documents: number): Promise<{ find: number; get: number }> {
  const { $file: file, $meter: meter } = service as unknown as { $file: DatabaseFile; $meter: QueryMeter };
  const orders = service.collection(orderModel);
  const { _id } = (await orders.findOne({ number: "N0000001" }))!;
  const asked = {
    find: (i: number) => orders.find({ number: `N${String((i * 7919) % documents).padStart(7, "0")}` }, { limit: 1 }),
    get: () => orders.get(_id),
  };
  const cost = { find: 0, get: 0 };
  for (const [name, ask] of Object.entries(asked) as [keyof typeof cost, (i: number) => Promise<unknown>][]) {
    const times = { with: [] as number[], without: [] as number[] };
    for (let round = 0; round < 400; round++) {
      for (const side of ["with", "without"] as const) {
        file.measure(side === "with" ? meter : undefined);
        const began = performance.now();
        for (let i = 0; i < 100; i++) await ask(i);
        times[side].push((performance.now() - began) * 10);
      }
    }
    cost[name] = quick(times.with) - quick(times.without);
  }
  file.measure(meter);
  return cost;
}

const quick = (times: number[]) => times.sort((a, b) => a - b)[Math.floor(times.length / 10)]!;

function callsOf({ broker, random }: Market): Record<string, () => Promise<unknown>> {
  const any = (n: number) => Math.floor(random() * n);
  return {
    ofCustomer: () => broker.call("market.ofCustomer", { customer: `c${any(10_000)}` }),
    newestOfCity: () => broker.call("market.newestOfCity", { city: `city ${any(200)}` }),
    open: () => broker.call("market.open"),
    reach: () => broker.call("market.reach", { contact: `m${any(20_000)}@example.org` }),
    heaviest: () => broker.call("market.heaviest"),
  };
}

/** One round of what callers do: the planted problems, the healthy queries and some writes. */
async function traffic(market: Market, documents: number): Promise<void> {
  const { broker, service, random } = market;
  const any = (n: number) => Math.floor(random() * n);
  const number = () => `N${String(any(documents)).padStart(7, "0")}`;
  for (const call of Object.values(callsOf(market))) await call();
  await broker.call("market.settle", { numbers: Array.from({ length: N_PLUS_ONE }, number) });
  for (let i = 0; i < 20; i++) {
    await broker.call("market.byNumber", { number: number() });
    await broker.call("market.newestOfShop", { shop: `s${any(500)}` });
    await broker.call("market.ofShop", { shop: `s${any(500)}` });
    await broker.call("market.dear");
    await broker.call("market.some");
    await broker.call("market.list", { query: { shop: `s${any(500)}` }, pageSize: 20 });
  }
  const found = await service.collection(orderModel).findOne({ number: number() });
  if (found) await service.collection(orderModel).update(found._id, { total: any(1000) });
  await service.collection(orderModel).findOne({ number: number() });
}

/** µs of one insert inside a large transaction: the disk's own time is left out. */
async function timedInserts({ service, random }: Market, from: number): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < 5; round++) {
    const orders = Array.from({ length: 2000 }, (_, i) => order(from + 1_000_000 + round * 2000 + i, random));
    const began = performance.now();
    await service.collection(orderModel).insertMany(orders);
    times.push(((performance.now() - began) * 1000) / orders.length);
  }
  return median(times);
}

if (import.meta.main) {
  const { publish } = await import("./report.ts");
  publish(await queryAdvisor());
}
