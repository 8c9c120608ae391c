import { setTimeout as sleep } from "node:timers/promises";
import { threadId } from "node:worker_threads";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { poolStates } from "../../../runtime/pools/node-pools.ts";
import { WorkerNode } from "./worker-node.ts";

const GRADER = `
const { threadId } = require("node:worker_threads");
const { Errors } = require("moleculer");
const spin = (ms) => { const end = performance.now() + ms; while (performance.now() < end); };
module.exports = {
  name: "grader",
  settings: { scale: 20 },
  mixins: [{ methods: { half(x) { return x / 2; } } }],
  actions: {
    where: { metadata: { worker: true }, handler: () => threadId },
    here: () => threadId,
    grade: {
      metadata: { worker: true },
      params: { points: { type: "number", convert: true }, bonus: { type: "number", default: 1 } },
      handler(ctx) {
        ctx.meta.seen = ctx.meta.user + "!";
        return {
          of: this.half(ctx.params.points) + ctx.params.bonus, scale: this.settings.scale, name: this.name, full: this.fullName,
          made: this.made, action: ctx.action.name, level: ctx.level, caller: ctx.caller, header: ctx.headers.tone,
          requestID: ctx.requestID, node: this.broker.nodeID,
        };
      },
    },
    fail: {
      metadata: { worker: true },
      handler() { throw new Errors.MoleculerClientError("too many points", 422, "TOO_MANY", { most: 20, bad: () => 1 }); },
    },
    plain: { metadata: { worker: true }, handler() { null.foo; } },
    text: { metadata: { worker: true }, handler() { throw "a word"; } },
    spin: { metadata: { worker: true }, async handler(ctx) { spin(ctx.params.ms); return threadId; } },
    outer: { metadata: { worker: true }, async handler(ctx) {
      ctx.meta.before = 1;
      const answer = await ctx.call("book.find", { id: 7, data: Buffer.from("ab") });
      return { ...answer, meta: { ...ctx.meta } };
    } },
    nested: { metadata: { worker: true }, handler: (ctx) => ctx.params.n === 0 ? 0 : ctx.call("grader.nested", { n: ctx.params.n - 1 }).then((x) => x + 1) },
    many: { metadata: { worker: true }, handler(ctx) { return ctx.mcall({ a: { action: "book.find", params: { id: 1 } }, b: { action: "book.find", params: { id: 2 } } }); } },
    broken: { metadata: { worker: true }, handler: (ctx) => ctx.call("book.broken").catch((error) => ({ type: error.type, code: error.code, data: error.data, message: error.message })) },
    tell: { metadata: { worker: true }, async handler(ctx) {
      await ctx.emit("graded", { id: ctx.params.id });
      await this.broker.broadcast("graded.all", { id: ctx.params.id });
      this.logger.info("graded", ctx.params.id, new Error("with care"));
    } },
    slowCall: { metadata: { worker: true }, handler: (ctx) => ctx.call("book.slow") },
    bytes: { metadata: { worker: true }, handler(ctx) {
      const { data } = ctx.params;
      return { isBuffer: Buffer.isBuffer(data), text: data.toString("latin1"), back: Buffer.from("xyz"), list: [new Uint8Array(3)] };
    } },
    big: { metadata: { worker: { transfer: ["params", "result"] } }, handler: (ctx) => ({ sum: ctx.params.data[0], back: new Uint8Array(200000).fill(2) }) },
    copied: { metadata: { worker: true }, handler: (ctx) => ctx.params.data.length },
    connection: { metadata: { worker: true }, handler() { return this.connection.query(); } },
    throughMethod: { metadata: { worker: true }, handler() { return this.query(); } },
    create: { metadata: { worker: true }, handler() { return this.broker.createService({ name: "x" }); } },
    own: { metadata: { worker: true }, handler() { return this.actions.where(); } },
    stream: { metadata: { worker: true }, handler: () => require("node:fs").createReadStream("/dev/null") },
    uncopied: { metadata: { worker: true }, handler: () => ({ run() {} }) },
    fallback: { metadata: { worker: true }, handler: (ctx) => ctx.call("book.find", {}, { fallbackResponse: () => 1 }) },
    memo: { metadata: { worker: true }, handler() { this.count ??= 0; return ++this.count; } },
  },
  methods: { query() { return this.connection.query(); } },
  created() { this.made = "in created"; },
  async started() { this.connection = { query: () => "rows" }; this.live = true; },
};`;

const BOOK = `module.exports = {
  name: "book",
  actions: {
    find(ctx) { ctx.meta.found = true; return { id: ctx.params.id, caller: ctx.caller, level: ctx.level, user: ctx.meta.user, before: ctx.meta.before, isBuffer: Buffer.isBuffer(ctx.params.data) }; },
    broken() { const { Errors } = require("moleculer"); throw new Errors.MoleculerError("torn", 507, "TORN", { page: 3 }); },
    slow: () => new Promise((done) => setTimeout(done, 3000)),
  },
  events: { "graded"(ctx) { this.heard.push(["graded", ctx.params.id, ctx.requestID]); }, "graded.all"(ctx) { this.heard.push(["all", ctx.params.id]); } },
  created() { this.heard = []; },
};`;

describe("an action in a worker thread", () => {
  let node: WorkerNode;
  beforeAll(async () => {
    node = new WorkerNode();
    await node.broker.start();
    await node.load("book", BOOK);
    await node.load("grader", GRADER);
  });
  afterAll(() => node.stop());

  test("needs no thread before its first call, and no other action goes there", async () => {
    expect(await node.call("grader.here")).toBe(threadId);
    expect(node.workers.threads).toBe(0);
    expect(poolStates(node.broker).map(({ name }) => name)).not.toContain("worker");
    expect(await node.call("grader.where")).toBeGreaterThan(0);
    expect(node.workers.threads).toBe(1);
  });

  test("has its service's settings, methods, mixins and what created makes, and its call's context", async () => {
    const answer = await node.call<{ requestID: string }>(
      "grader.grade",
      { points: "12" },
      { meta: { user: "ada" }, headers: { tone: "kind" }, caller: "desk", requestID: "r-1" },
    );
    expect(answer).toEqual({
      of: 7,
      scale: 20,
      name: "grader",
      full: "grader",
      made: "in created",
      action: "grader.grade",
      level: 1,
      caller: "desk",
      header: "kind",
      requestID: "r-1",
      node: "muscles-1",
    });
  });

  test("is validated before, and changes its caller's meta", async () => {
    await expect(node.call("grader.grade", { points: "many" })).rejects.toMatchObject({ type: "VALIDATION_ERROR" });
    const called = node.broker.call(
      "grader.grade",
      { points: 1 },
      { meta: { user: "ada", kept: { at: new Date(0) } } },
    );
    await called;
    const { ctx } = called as unknown as { ctx: { meta: object } };
    expect(ctx.meta).toEqual({ user: "ada", seen: "ada!", kept: { at: new Date(0) } });
  });

  test("throws as it would on the event loop: type, code, data and stack cross, and no other node is blamed", async () => {
    const error = await node.call<Error & Record<string, unknown>>("grader.fail").catch((thrown) => thrown);
    expect(error).toMatchObject({
      name: "MoleculerClientError",
      message: "too many points",
      code: 422,
      type: "TOO_MANY",
    });
    expect(error["data"]).toEqual({ most: 20 });
    expect(error.stack).toMatch(/grader\.service\.cjs:\d+/);
    expect(error["nodeID"]).toBeUndefined();
    await expect(node.call("grader.plain")).rejects.toThrow("Cannot read properties of null");
    await expect(node.call("grader.text")).rejects.toThrow("a word");
  });

  test("calls through its node, with its meta, level and caller, and gets errors as they are", async () => {
    const answer = await node.call("grader.outer", {}, { meta: { user: "ada" } });
    expect(answer).toEqual({
      id: 7,
      caller: "grader",
      level: 2,
      user: "ada",
      before: 1,
      isBuffer: true,
      meta: { user: "ada", before: 1, found: true },
    });
    expect(await node.call("grader.broken")).toEqual({ type: "TORN", code: 507, data: { page: 3 }, message: "torn" });
    expect(await node.call("grader.many")).toMatchObject({ a: { id: 1 }, b: { id: 2 } });
  });

  test("may call an action that needs a thread too, deeper than there are threads", async () => {
    expect(await node.call("grader.nested", { n: 12 })).toBe(12);
  });

  test("emits events and writes log lines through its node", async () => {
    await node.call("grader.tell", { id: 9 }, { requestID: "r-2" });
    const { heard } = node.broker.getLocalService("book") as unknown as { heard: unknown[] };
    await sleep(20);
    expect(heard).toEqual(
      expect.arrayContaining([
        ["graded", 9, "r-2"],
        ["all", 9],
      ]),
    );
    expect(node.lines).toContain("info graded 9 with care");
  });

  test("leaves the event loop free, and uses as many threads as there may be", async () => {
    let ticks = 0;
    const timer = setInterval(() => ticks++, 5);
    const threads = await Promise.all([1, 2].map(() => node.call("grader.spin", { ms: 300 })));
    clearInterval(timer);
    expect(new Set(threads).size).toBe(2);
    expect(ticks).toBeGreaterThan(20);
  });

  test("gets Buffers as Buffers, and its caller keeps them", async () => {
    const data = Buffer.from("hello");
    const answer = await node.call<{ back: Buffer; list: unknown[] }>("grader.bytes", { data });
    expect(answer).toMatchObject({ isBuffer: true, text: "hello" });
    expect(Buffer.isBuffer(answer.back)).toBe(true);
    expect(answer.back.toString()).toBe("xyz");
    expect(data.toString()).toBe("hello");
    const large = new Uint8Array(100_000);
    expect(await node.call("grader.copied", { data: large })).toBe(100_000);
    expect(large).toHaveLength(100_000);
  });

  test("takes big buffers over instead of copying them where it says so", async () => {
    const data = new Uint8Array(100_000).fill(7);
    const answer = await node.call<{ sum: number; back: Uint8Array }>("grader.big", { data });
    expect(answer.sum).toBe(7);
    expect(answer.back).toHaveLength(200_000);
    expect(data).toHaveLength(0);
  });

  test.each([
    ["what started has made", "connection", /this\.connection of grader does not exist in a worker thread/],
    ["the same in a method", "throughMethod", /this\.connection of grader does not exist/],
    ["the broker beyond calls and events", "create", /this\.broker\.createService does not work in a worker thread/],
    ["its own actions without a call", "own", /this\.actions\.where does not work.*ctx\.call\("grader\.where"\)/],
    ["a stream", "stream", /answers with a stream/],
    ["a result that cannot be copied", "uncopied", /the result or meta of grader\.uncopied cannot be copied/],
    [
      "a call's option that cannot be copied",
      "fallback",
      /The option fallbackResponse of call book\.find does not work/,
    ],
  ])("is refused %s, with a clear message", async (_what, action, message) => {
    await expect(node.call(`grader.${action}`)).rejects.toMatchObject({
      type: "WORKER_UNSUPPORTED",
      message: expect.stringMatching(message),
    });
  });

  test("is refused params that cannot be copied, and its thread goes on", async () => {
    await expect(node.call("grader.grade", { points: 1, how: () => 1 })).rejects.toMatchObject({
      type: "WORKER_UNSUPPORTED",
      message: expect.stringMatching(/the params, meta or headers of grader\.grade/),
    });
    expect(await node.call("grader.where")).toBeGreaterThan(0);
  });

  test("may keep what it makes itself", async () => {
    const counts = await Promise.all([node.call<number>("grader.memo"), node.call<number>("grader.memo")]);
    expect(counts.every((count) => count >= 1)).toBe(true);
  });

  test("is told of as a pool, whose size can be changed", async () => {
    const state = () => poolStates(node.broker).find(({ name }) => name === "worker")!;
    expect(state()).toMatchObject({ kind: "worker", min: 1, max: 2, size: 2, inUse: 0, waiting: 0 });
    expect(state().uses).toBeGreaterThan(10);
    expect(state().useSum).toBeGreaterThan(600_000);
  });
});
