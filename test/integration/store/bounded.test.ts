import { performance } from "node:perf_hooks";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { ServiceBroker } from "moleculer";
import { type StoreService, store } from "../../../mixins/store/store.ts";
import { nodePool } from "../../../runtime/pools/node-pools.ts";
import { bookModel, dataFolder } from "./shelf.ts";

let folder: ReturnType<typeof dataFolder>;
let broker: ServiceBroker;
beforeEach(async () => {
  folder = dataFolder();
  broker = new ServiceBroker({ logger: false, nodeID: "heart-1", registry: { stopDelay: 0 } });
  for (const name of ["library", "archive"]) broker.createService({ name, mixins: [store(bookModel)] } as never);
  await broker.start();
});
afterEach(async () => {
  await broker.stop();
  folder.remove();
});

const insert = (service: string, isbn: string) => broker.call(`${service}.create`, { isbn, title: "A" });

test("operations that wait for a locked file leave places for those of other files", async () => {
  const pool = nodePool(broker, "database");
  const other = new DatabaseSync(folder.file);
  other.exec("BEGIN IMMEDIATE");
  const waiting = Array.from({ length: 60 }, (_, i) => insert("library", `l-${i}`));
  while (pool.waiting < 40) await new Promise((resolve) => setTimeout(resolve, 1));
  expect(pool.state()).toMatchObject({ size: 20, inUse: 16, waiting: 44 });
  const since = performance.now();
  for (let i = 0; i < 20; i++) await insert("archive", `a-${i}`);
  expect(performance.now() - since).toBeLessThan(1000);
  expect(pool.state()).toMatchObject({ inUse: 16, waiting: 44 });
  other.exec("COMMIT");
  other.close();
  await Promise.all(waiting);
  expect(pool.state()).toMatchObject({ inUse: 0, waiting: 0, refused: 0 });
  expect(await broker.call("library.count")).toBe(60);
});

test("writes that wait for a locked file leave the event loop to others, and are done in order", async () => {
  const other = new DatabaseSync(folder.file);
  other.exec("BEGIN IMMEDIATE");
  const order: number[] = [];
  const waiting = Array.from({ length: 60 }, (_, i) => insert("library", `l-${i}`).then(() => order.push(i)));
  await new Promise((resolve) => setTimeout(resolve, 50));
  const before = performance.eventLoopUtilization();
  await new Promise((resolve) => setTimeout(resolve, 500));
  // Each of 60 that asked for itself would block it for 2 ms again and again: it was busy for 99 % of the time.
  expect(performance.eventLoopUtilization(before).utilization).toBeLessThan(0.6);
  other.exec("COMMIT");
  other.close();
  await Promise.all(waiting);
  expect(order).toEqual([...order].sort((a, b) => a - b));
});

test("the shutdown of a service whose operations wait leaves nobody in the pool", async () => {
  const other = new DatabaseSync(folder.file);
  other.exec("BEGIN IMMEDIATE");
  const waiting = Array.from({ length: 30 }, (_, i) => insert("library", `l-${i}`).catch(() => "failed"));
  await new Promise((resolve) => setTimeout(resolve, 20));
  await broker.destroyService(broker.getLocalService("library") as StoreService);
  other.exec("COMMIT");
  other.close();
  expect(new Set(await Promise.all(waiting))).toEqual(new Set(["failed"]));
  expect(nodePool(broker, "database").inUse).toBe(0);
});
