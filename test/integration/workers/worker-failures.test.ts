import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test } from "@jest/globals";
import { poolStates, resizePool } from "../../../runtime/pools/node-pools.ts";
import type { WorkerPoolOptions } from "../../../runtime/workers/worker-pool.ts";
import { WorkerNode } from "./worker-node.ts";

const MILL = `
const { threadId } = require("node:worker_threads");
const spin = (ms) => { const end = performance.now() + ms; while (performance.now() < end); };
const worker = { worker: true };
module.exports = {
  name: "mill",
  actions: {
    where: { metadata: worker, handler: () => threadId },
    spin: { metadata: worker, handler(ctx) { spin(ctx.params.ms); return threadId; } },
    crash: { metadata: worker, handler: () => new Promise(() => setTimeout(() => { throw new Error("stray") }, 5)) },
    exit: { metadata: worker, handler: () => process.exit(3) },
    eat: { metadata: worker, handler() { const all = []; for (;;) all.push(new Array(1000).fill(Math.random())); } },
    never: { metadata: worker, handler() { for (;;); } },
    wait: { metadata: worker, handler: () => new Promise(() => {}) },
    rest: { metadata: worker, handler: (ctx) => new Promise((done) => setTimeout(done, ctx.params.ms, threadId)) },
    asks: { metadata: worker, handler: (ctx) => ctx.call("book.slow", { ms: ctx.params.ms }).then(() => threadId) },
  },
};`;
const BOOK = `module.exports = { name: "book", actions: { slow: (ctx) => new Promise((done) => setTimeout(done, ctx.params.ms)) } };`;

describe("worker threads", () => {
  let node: WorkerNode;
  afterEach(() => node.stop());

  async function start(pool: Partial<WorkerPoolOptions> = {}, memory?: number): Promise<void> {
    node = new WorkerNode({ threads: 1, backoff: { backoff: [20], jitter: 0 }, ...pool }, memory);
    await node.broker.start();
    await node.load("book", BOOK);
    await node.load("mill", MILL);
  }
  const state = () => poolStates(node.broker).find(({ name }) => name === "worker")!;

  test.each([
    ["an error that nobody catches", "crash", /mill\.crash ended: stray/],
    ["an end of the process", "exit", /mill\.exit ended: it ended with code 3/],
    ["more memory than there may be", "eat", /mill\.eat ended: it needed more than 32 MB of heap/],
  ])("that end by %s fail their own calls only, and are replaced", async (_what, action, message) => {
    await start({ threads: 2 }, 32);
    const neighbour = node.call("mill.spin", { ms: 300 });
    await expect(node.call(`mill.${action}`)).rejects.toMatchObject({
      type: "WORKER_LOST",
      code: 500,
      message: expect.stringMatching(message),
      data: { action: `mill.${action}`, service: "mill" },
    });
    expect(await neighbour).toBeGreaterThan(0);
    expect(await node.call("mill.where")).toBeGreaterThan(0);
    expect(node.lines.some((line) => line.startsWith("error a worker thread ended"))).toBe(true);
  });

  test("come back after a rest when they crash one after the other", async () => {
    await start({ backoff: { backoff: [50, 1000], jitter: 0 } });
    /** How long a call waits until it is given to a thread, ms. How long that takes to start is the machine's. */
    const waited = async () => {
      const before = state().waitSum;
      await node.call("mill.where");
      return (state().waitSum - before) / 1000;
    };
    for (let i = 0; i < 2; i++) await node.call("mill.crash").catch(() => {});
    expect(await waited()).toBeGreaterThan(900);
    // One that went well, and the count begins anew.
    await node.call("mill.crash").catch(() => {});
    expect(await waited()).toBeLessThan(900);
  });

  test("that compute past the deadline are ended, and the caller was told in time", async () => {
    await start({ grace: 900 });
    const first = await node.call("mill.where");
    const since = performance.now();
    await expect(node.call("mill.never", {}, { timeout: 100 })).rejects.toMatchObject({ type: "REQUEST_TIMEOUT" });
    expect(performance.now() - since).toBeLessThan(900);
    const second = await node.call("mill.where");
    expect(second).not.toBe(first);
    expect(node.lines.filter((line) => line.startsWith("error"))).toEqual([]);
  });

  test("that end by themselves shortly after the deadline are kept", async () => {
    await start({ grace: 400 });
    const first = await node.call("mill.where");
    await expect(node.call("mill.spin", { ms: 200 }, { timeout: 100 })).rejects.toMatchObject({
      type: "REQUEST_TIMEOUT",
    });
    expect(await node.call("mill.where")).toBe(first);
    await sleep(400);
    expect(await node.call("mill.where")).toBe(first);
  });

  test("let the neighbours of a call finish that waits past its deadline for nothing", async () => {
    await start({ grace: 50 });
    const asks = node.call("mill.asks", { ms: 600 });
    await sleep(200);
    await expect(node.call("mill.wait", {}, { timeout: 100 })).rejects.toMatchObject({ type: "REQUEST_TIMEOUT" });
    expect(await asks).toBeGreaterThan(0);
  });

  test("begin no call whose caller has given up while it waited", async () => {
    await start();
    const busy = node.call("mill.spin", { ms: 300 });
    await expect(node.call("mill.spin", { ms: 3000 }, { timeout: 50 })).rejects.toMatchObject({
      type: "REQUEST_TIMEOUT",
    });
    await busy;
    const since = performance.now();
    await node.call("mill.where");
    expect(performance.now() - since).toBeLessThan(1500);
  });

  test("take calls of several services in turn, and refuse beyond their bound with the time to come again", async () => {
    await start({ maxWaiting: 3 });
    await node.load("press", MILL.replace('"mill"', '"press"'));
    await node.call("mill.where");
    const order: string[] = [];
    const call = (action: string, name: string) => node.call(action, { ms: 30 }).then(() => order.push(name));
    const calls = [call("mill.spin", "m1"), call("mill.spin", "m2"), call("mill.spin", "m3"), call("press.spin", "p1")];
    await expect(node.call("mill.where")).rejects.toMatchObject({
      type: "POOL_EXHAUSTED",
      code: 503,
      data: { pool: "worker", action: "mill.where", retryAfter: 1 },
    });
    await Promise.all(calls);
    expect(order).toEqual(["m1", "m2", "p1", "m3"]);
    expect(state()).toMatchObject({ refused: 1, waiting: 0, inUse: 0 });
    expect(state().waitSum).toBeGreaterThan(60_000);
  });

  test("bound the calls that are under way, those included that wait for others", async () => {
    await start({ jobs: 2 });
    await node.call("mill.where");
    const waiting = [1, 2, 3].map(() => node.call("mill.asks", { ms: 800 }));
    for (const end = Date.now() + 5000; state().inUse > 0 && Date.now() < end; ) await sleep(5);
    expect(state()).toMatchObject({ waiting: 1, inUse: 0 });
    await Promise.all(waiting);
  });

  test("are ended when they have had nothing to do for long", async () => {
    await start({ idle: 60 });
    await node.call("mill.where");
    expect(node.workers.threads).toBe(1);
    for (let i = 0; i < 100 && node.workers.threads > 0; i++) await sleep(10);
    expect(node.workers.threads).toBe(0);
    expect(await node.call("mill.where")).toBeGreaterThan(0);
  });

  test("become fewer and more on command", async () => {
    await start({ threads: 2 });
    await Promise.all([1, 2].map(() => node.call("mill.spin", { ms: 50 })));
    expect(node.workers.threads).toBe(2);
    expect(resizePool(node.broker, "worker", 1)).toEqual({ before: 2, after: 1 });
    for (let i = 0; i < 100 && node.workers.threads > 1; i++) await sleep(10);
    expect(node.workers.threads).toBe(1);
    expect(resizePool(node.broker, "worker", 50)).toEqual({ before: 1, after: 2 });
  });

  test("run new code after a reload, and are fresh after a restart", async () => {
    await start();
    const source = (n: number) =>
      `module.exports = { name: "tool", actions: { use: { metadata: { worker: true }, handler() { this.uses = (this.uses ?? 0) + 1; return ${n} + this.uses; } } } };`;
    await node.load("tool", source(100));
    expect([await node.call("tool.use"), await node.call("tool.use")]).toEqual([101, 102]);
    await node.restart("tool", false);
    expect(await node.call("tool.use")).toBe(101);
    node.write("tool", source(200));
    await node.restart("tool", true);
    expect(await node.call("tool.use")).toBe(201);
  });

  test("load TypeScript with modules beside it, the changed ones too after a reload", async () => {
    await start();
    mkdirSync(join(node.folder, "parts"));
    const part = (n: number) => writeFileSync(join(node.folder, "parts/part.ts"), `export const part: number = ${n};`);
    part(1);
    await node.load(
      "typed",
      `import { part } from "./parts/part.ts";
       export default { name: "typed", actions: { get: { metadata: { worker: true }, handler(): number { return part; } } } };`,
      "mts",
    );
    expect(await node.call("typed.get")).toBe(1);
    part(2);
    await node.restart("typed", true);
    expect(await node.call("typed.get")).toBe(2);
  });

  test("say why a service cannot be loaded there", async () => {
    await start();
    await node.load(
      "shy",
      `const { isMainThread } = require("node:worker_threads");
       module.exports = { name: "shy", actions: { go: { metadata: { worker: true }, handler: () => 1 } },
         created() { if (!isMainThread) throw new Error("not here"); } };`,
    );
    await expect(node.call("shy.go")).rejects.toMatchObject({
      type: "WORKER_UNSUPPORTED",
      message: "shy cannot be loaded in a worker thread: not here",
    });
  });

  test("leave calls behind when their service stops in spite of them", async () => {
    await start();
    const left = node.call("mill.never", {}, { timeout: 0 }).catch((error) => error);
    const queued = node.call("mill.where", {}, { timeout: 0 }).catch((error) => error);
    await sleep(100);
    await node.restart("mill", false, 50);
    expect(await queued).toMatchObject({
      type: "WORKER_LOST",
      message: expect.stringContaining("its service was stopped"),
    });
    expect(await left).toMatchObject({ type: "WORKER_LOST" });
    expect(await node.call("mill.where")).toBeGreaterThan(0);
  });

  test("are gone when the node has stopped, and the calls they had have failed", async () => {
    await start();
    const left = node.call("mill.never", {}, { timeout: 0 }).catch((error) => error);
    await sleep(150);
    await node.broker.stop();
    expect(node.workers.threads).toBe(0);
    expect(await left).toMatchObject({ type: "WORKER_LOST" });
  });

  test("do not carry out what no file has: that runs on the event loop, and it is said", async () => {
    await start();
    node.broker.createService({
      name: "loose",
      actions: { go: { metadata: { worker: true }, handler: () => 5 } },
    } as never);
    await node.broker.waitForServices("loose");
    expect(await node.call("loose.go")).toBe(5);
    expect(await node.call("loose.go")).toBe(5);
    expect(node.lines.filter((line) => line.includes("loose.go runs on the event loop"))).toHaveLength(1);
  });
});
