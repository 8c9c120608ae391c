import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { ServiceBroker } from "moleculer";
import { ConcurrencyLimits } from "../../../runtime/concurrency/concurrency-limits.ts";
import { Failover } from "../../../runtime/failover/failover.ts";
import { nodeHost } from "../../../runtime/node-host/node-host.ts";
import { VitalsRegistry } from "../../../runtime/vitals/action-vitals.ts";

/** What a remedy answers. */
interface Seen {
  before: string;
  after: string;
  reconnected?: string[];
  cleared?: number;
}

describe("the remedies of a node's host", () => {
  let folder: string;
  let broker: ServiceBroker;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "azora-remedies-"));
    writeFileSync(join(folder, "package.json"), "{}");
    const failover = new Failover();
    const limits = new ConcurrencyLimits();
    broker = new ServiceBroker({
      nodeID: "heart-1",
      logger: false,
      requestTimeout: 300,
      skipProcessEventRegistration: true,
      cacher: { type: "MemoryLRU", options: { max: 100 } },
      middlewares: [failover.middleware(), limits.middleware()],
      errorHandler: failover.errorHandler(),
    } as never);
    const options = { vitals: new VitalsRegistry(), failover, limits, root: folder, services: folder };
    broker.createService(nodeHost(broker, { ...options, shutdown: () => {} }));
    await broker.start();
  });
  afterEach(async () => {
    await broker.stop();
    rmSync(folder, { recursive: true });
  });

  const load = async (name: string, body: string) => {
    writeFileSync(
      join(folder, `${name}.service.cjs`),
      `let running = 0, most = 0, gates = [];
       module.exports = { name: "${name}", ${body} };`,
    );
    await command("load", { name, file: `${name}.service.cjs`, incarnation: 1 });
  };
  const command = <T = Seen>(action: string, params: object = {}) =>
    broker.call(`node-host.${action}`, { epoch: 1, ...params }) as Promise<T>;
  const typeOf = (call: Promise<unknown>): Promise<unknown> => call.then(String, (error) => error.type);

  describe("limit", () => {
    const busy = `actions: {
      work: async () => { most = Math.max(most, ++running); await new Promise((done) => gates.push(done)); running--; return 1; },
      deep: (ctx) => ctx.call("mill.health"),
      outer: (ctx) => ctx.call("mill.inner"),
      inner: () => "inner",
      open: { visibility: "public", handler: () => { const all = gates; gates = []; all.forEach((go) => go()); } },
      seen: () => ({ running, most }),
      health: () => ({ status: "healthy" }),
    }`;

    test("lets no more calls of a service run at once, and the rest wait", async () => {
      await load("mill", busy);
      expect(await command("limit", { name: "mill", concurrency: 2 })).toEqual({
        before: "no limit",
        after: "at most 2 at once",
      });
      const calls = Array.from({ length: 5 }, () => typeOf(broker.call("mill.work")));
      await sleep(20);
      // Health is asked beside it; a call of the service is not needed to free it.
      expect(await broker.call("mill.health")).toEqual({ status: "healthy" });
      expect(await command("limit", { name: "mill", concurrency: null })).toEqual({
        before: "at most 2 at once",
        after: "no limit",
      });
      await sleep(20);
      expect(await broker.call("mill.seen")).toEqual({ running: 5, most: 5 });
      await broker.call("mill.open");
      expect(await Promise.all(calls)).toEqual(Array(5).fill("1"));
    });

    test("was kept while it stood", async () => {
      await load("mill", busy);
      await command("limit", { name: "mill", concurrency: 2 });
      const calls = Array.from({ length: 5 }, () => typeOf(broker.call("mill.work")));
      await sleep(20);
      const mill = broker.getLocalService("mill") as unknown as { actions: Record<string, () => Promise<unknown>> };
      expect(await mill.actions["seen"]!()).toEqual({ running: 2, most: 2 });
      for (let i = 0; i < 3; i++) {
        await mill.actions["open"]!();
        await sleep(10);
      }
      expect(await Promise.all(calls)).toEqual(Array(5).fill("1"));
      expect(await mill.actions["seen"]!()).toEqual({ running: 0, most: 2 });
    });

    test("does not let a service wait for itself", async () => {
      await load("mill", busy);
      await command("limit", { name: "mill", concurrency: 1 });
      expect(await broker.call("mill.outer")).toBe("inner");
    });

    test("counts waiting into the time-out, refuses what finds the queue full, and begins nothing late", async () => {
      await load("mill", busy);
      await command("limit", { name: "mill", concurrency: 1 });
      const calls = Array.from({ length: 1002 }, () => typeOf(broker.call("mill.work")));
      expect(await calls[1001]).toBe("QUEUE_FULL");
      expect(await calls[1000]).toBe("REQUEST_TIMEOUT");
      await command("limit", { name: "mill", concurrency: null });
      await sleep(20);
      expect(await broker.call("mill.seen")).toEqual({ running: 1, most: 1 });
    });

    test.each([0, -1, 1.5, 10_001, "2", undefined])("refuses %p", async (concurrency) => {
      await load("mill", busy);
      await expect(command("limit", { name: "mill", concurrency })).rejects.toMatchObject({ type: "VALIDATION_ERROR" });
    });
  });

  describe("clearCache", () => {
    test("forgets the answers of one service, and says how many", async () => {
      const cached = 'actions: { get: { cache: true, handler: (ctx) => ctx.params.n + ":" + ++running } }';
      await load("ledger", cached);
      await load("ledger2", cached);
      const get = (service: string, n: number) => broker.call(`${service}.get`, { n });
      for (const n of [1, 2, 2]) await get("ledger", n);
      await get("ledger2", 1);
      expect(await command("clearCache", { name: "ledger" })).toEqual({
        before: "2 entries in the cache",
        after: "0 entries in the cache",
        cleared: 2,
      });
      expect([await get("ledger", 2), await get("ledger2", 1)]).toEqual(["2:3", "1:1"]);
    });
  });

  describe("reconnect", () => {
    test("has a store opened anew", async () => {
      await load(
        "ledger",
        'methods: { async reconnectStore() { return { before: "connection 1", after: "connection 2" }; } }',
      );
      expect(await command("reconnect", { name: "ledger", what: ["database"] })).toEqual({
        before: "database: connection 1",
        after: "database: connection 2",
        reconnected: ["database"],
      });
    });

    test.each([
      ["method", "methods: { reconnect(what) { return { before: 'old', after: 'new ' + what }; } }"],
      ["action", "actions: { reconnect: (ctx) => ({ before: 'old', after: 'new ' + ctx.params.what }) }"],
    ])("asks a service that offers a %s of its own", async (_kind, body) => {
      await load("ledger", body);
      expect(await command("reconnect", { name: "ledger", what: ["database"] })).toEqual({
        before: "database: old",
        after: "database: new database",
        reconnected: ["database"],
      });
    });

    test("empties a cache in the process", async () => {
      await broker.cacher!.set("x", 1);
      expect(await command("reconnect", { what: ["cache"] })).toEqual({
        before: "cache: in the process, 1 cached",
        after: "cache: in the process, 0 cached",
        reconnected: ["cache"],
      });
    });

    test("says which connections could not be made anew, and refuses where none could", async () => {
      await load("ledger", "");
      expect(await command("reconnect", { name: "ledger", what: ["cache", "database"] })).toMatchObject({
        after:
          "cache: in the process, 0 cached; database: not made anew, ledger keeps no store here and offers no `reconnect`",
        reconnected: ["cache"],
      });
      await expect(command("reconnect", { name: "ledger", what: ["bus", "database"] })).rejects.toMatchObject({
        type: "HEALING_REFUSED",
        message: expect.stringContaining("bus: not made anew, the node has no bus; database: "),
      });
      await expect(command("reconnect", { name: "nobody", what: ["cache"] })).rejects.toMatchObject({
        type: "SERVICE_UNKNOWN",
      });
    });

    test("goes on with the others where one fails, and then fails with what was seen of each", async () => {
      await load("ledger", 'methods: { async reconnectStore() { throw new Error("no disk"); } }');
      await broker.cacher!.set("x", 1);
      await expect(command("reconnect", { name: "ledger", what: ["database", "cache"] })).rejects.toMatchObject({
        type: "SERVICE_UNAVAILABLE",
        message: "database: failed, no disk; cache: in the process, 0 cached",
        data: { reconnected: ["cache"] },
      });
    });

    test.each([[[]], [["wheel"]], [["bus", "bus"]], ["bus"], [undefined]])("refuses %p", async (what) => {
      await expect(command("reconnect", { what })).rejects.toMatchObject({ type: "VALIDATION_ERROR" });
    });
  });

  test("take commands of the newest orchestrator only", async () => {
    await load("ledger", "");
    await command("state");
    await broker.call("node-host.limit", { epoch: 5, name: "ledger", concurrency: 3 });
    for (const [action, params] of Object.entries({
      limit: { concurrency: 1 },
      clearCache: {},
      reconnect: { what: ["cache"] },
    })) {
      await expect(command(action, { name: "ledger", ...params })).rejects.toMatchObject({ type: "STALE_EPOCH" });
    }
  });
});
