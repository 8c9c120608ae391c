import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { ServiceBroker } from "moleculer";
import {
  nodePool,
  poolActions,
  poolReports,
  poolStates,
  registerPool,
  resizePool,
} from "../../../runtime/pools/node-pools.ts";
import { Pool } from "../../../runtime/pools/pool.ts";
import { readSettings } from "../../../runtime/settings.ts";

describe("the pools of a node", () => {
  let broker: ServiceBroker;
  beforeEach(() => {
    broker = new ServiceBroker({ nodeID: "heart-1", logger: false, skipProcessEventRegistration: true } as never);
  });
  afterEach(() => broker.stop());

  const settings = readSettings({ AZORA_DB_MAX_CONNECTIONS: "3" });
  const named = (name: string) => poolReports(broker).find((pool) => pool.name === name);

  test("are one of each kind, with the configured bound", () => {
    const pool = nodePool(broker, "database", settings);
    expect(pool.size).toBe(3);
    expect(nodePool(broker, "database", settings)).toBe(pool);
    expect(nodePool(new ServiceBroker({ logger: false }), "database", settings)).not.toBe(pool);
  });

  test("are reported by what was added since the last report", () => {
    const pool = nodePool(broker, "database", settings);
    pool.enter()!.release();
    pool.enter()!.release();
    expect(named("database")).toMatchObject({ uses: 2, max: 3 });
    pool.enter()!.release();
    expect(named("database")).toMatchObject({ uses: 1 });
    expect(poolStates(broker).find(({ name }) => name === "database")).toMatchObject({ uses: 3 });
  });

  test("begin at nothing again when one is made anew under its name", () => {
    const first = new Pool({ name: "cache", kind: "redis", min: 1, max: 1 });
    const end = registerPool(broker, { states: () => [first.state()] });
    for (let i = 0; i < 5; i++) first.enter()!.release();
    expect(named("cache")).toMatchObject({ uses: 5 });
    end();
    expect(named("cache")).toBeUndefined();
    const second = new Pool({ name: "cache", kind: "redis", min: 1, max: 1 });
    registerPool(broker, { states: () => [second.state()] });
    second.enter()!.release();
    expect(named("cache")).toMatchObject({ uses: 1 });
  });

  test("tell of the heap", () => {
    const memory = named("memory")!;
    expect(memory.inUse).toBeGreaterThan(1e6);
    expect(memory.size).toBeGreaterThan(memory.inUse);
  });

  test("tell of the connection to Redis where the cache has one", () => {
    expect(named("redis")).toBeUndefined();
    Object.assign(broker, { cacher: { client: { status: "ready", commandQueue: { length: 3 } } } });
    expect(named("redis")).toMatchObject({ kind: "redis", min: 1, max: 10, size: 1, inUse: 1, waiting: 3 });
    Object.assign(broker, { cacher: { client: { status: "reconnecting", commandQueue: { length: 0 } } } });
    expect(named("redis")).toMatchObject({ inUse: 0 });
    Object.assign(broker, { cacher: null });
  });

  test("change their size on command, within their bounds, and refuse what they are not", () => {
    nodePool(broker, "database", settings);
    expect(resizePool(broker, "database", 2)).toEqual({ before: 3, after: 2 });
    expect(resizePool(broker, "database", 900)).toEqual({ before: 2, after: 3 });
    expect(() => resizePool(broker, "memory", 2)).toThrow(expect.objectContaining({ type: "CONFLICT" }));
    expect(() => resizePool(broker, "databse", 2)).toThrow(
      expect.objectContaining({ type: "NOT_FOUND", message: expect.stringContaining("memory, database") }),
    );
  });

  test("answer as actions of the node", async () => {
    nodePool(broker, "database", settings);
    broker.createService({ name: "node-performance", actions: poolActions(broker) });
    await broker.start();
    const resized = await broker.call("node-performance.resizePool", { name: "database", size: 1 });
    expect(resized).toEqual({ before: 3, after: 1 });
    await expect(broker.call("node-performance.resizePool", { name: "database", size: 0 })).rejects.toMatchObject({
      type: "VALIDATION_ERROR",
    });
    expect(await broker.call("node-performance.pools")).toContainEqual(
      expect.objectContaining({ name: "database", size: 1 }),
    );
  });
});
