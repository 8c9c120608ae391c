import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test } from "@jest/globals";
import { type BrokerOptions, type Context, ServiceBroker, type ServiceSchema } from "moleculer";
import { createNodeBroker } from "../../../runtime/broker.ts";
import { AzoraCacher } from "../../../runtime/cache/cacher.ts";
import { cacheActions, cacheReports } from "../../../runtime/cache/node-cache.ts";
import { JsonLogger } from "../../../runtime/logger.ts";
import { readSettings } from "../../../runtime/settings.ts";

describe("the cacher of a broker", () => {
  const brokers: ServiceBroker[] = [];
  afterEach(async () => {
    await Promise.all(brokers.splice(0).map((broker) => broker.stop()));
  });
  const start = async (actions: Record<string, unknown>, name = "posts"): Promise<ServiceBroker> => {
    const broker = new ServiceBroker({
      nodeID: "here-1",
      logger: false,
      requestTimeout: 5000,
      skipProcessEventRegistration: true,
      cacher: new AzoraCacher() as never,
    });
    brokers.push(broker);
    broker.createService({ name, actions } as unknown as ServiceSchema);
    await broker.start();
    return broker;
  };
  const typeOf = (call: Promise<unknown>) => call.then(String, (error) => error.type ?? error.message);

  test("does what Moleculer says of an action's cache", async () => {
    let n = 0;
    const broker = await start({
      all: { cache: true, handler: () => ++n },
      keyed: { cache: { keys: ["id", "#user"] }, handler: () => ++n },
      own: {
        cache: { keygen: (_: unknown, __: unknown, ctx: Context<{ id: number }>) => `mine-${ctx.params.id % 2}` },
        handler: () => ++n,
      },
      odd: { cache: { enabled: (ctx: Context<{ id: number }>) => ctx.params.id % 2 === 1 }, handler: () => ++n },
      none: () => ++n,
      told: { cache: true, handler: () => ++n },
    });
    const call = (name: string, params = {}, meta = {}) => broker.call(`posts.${name}`, params, { meta });
    expect([await call("all"), await call("all"), await call("all", {}, { $cache: false })]).toEqual([1, 1, 2]);
    n = 0;
    expect([
      await call("keyed", { id: 1, other: 1 }, { user: "u" }),
      await call("keyed", { id: 1, other: 2 }, { user: "u" }),
      await call("keyed", { id: 1 }, { user: "v" }),
    ]).toEqual([1, 1, 2]);
    n = 0;
    expect([await call("own", { id: 1 }), await call("own", { id: 3 }), await call("own", { id: 2 })]).toEqual([
      1, 1, 2,
    ]);
    n = 0;
    expect([
      await call("odd", { id: 1 }),
      await call("odd", { id: 1 }),
      await call("odd", { id: 2 }),
      await call("odd", { id: 2 }),
    ]).toEqual([1, 1, 2, 3]);
    n = 0;
    expect([await call("none"), await call("none")]).toEqual([1, 2]);
    const contexts: boolean[] = [];
    for (let i = 0; i < 2; i++) {
      const answer = call("told") as Promise<unknown> & { ctx: Context };
      await answer;
      contexts.push(answer.ctx.cachedResult);
    }
    expect(contexts).toEqual([false, true]);
  });

  test("has Moleculer's methods", async () => {
    const broker = await start({ get: { cache: { keys: ["id"] }, handler: (ctx: Context) => ctx.params } });
    const cacher = broker.cacher!;
    for (const id of [1, 2]) await broker.call("posts.get", { id });
    await cacher.set("mine", { list: [1] }, 10);
    const mine = (await cacher.get("mine")) as unknown as { list: number[] };
    mine.list.push(2);
    expect(await cacher.get("mine")).toEqual({ list: [1] });
    expect(await cacher.getWithTTL("mine")).toEqual({ data: { list: [1] }, ttl: expect.any(Number) });
    expect(await cacher.getWithTTL("nothing")).toEqual({ data: undefined, ttl: null });
    const keys = async () => (await cacher.getCacheKeys()).map(({ key }: { key: string }) => key).sort();
    expect(await keys()).toEqual(["mine", "posts.get:1", "posts.get:2"]);
    expect(cacher.getCacheKey({ name: "posts.get" } as never, { keys: ["id"] }, { params: { id: 5 } } as never)).toBe(
      "posts.get:5",
    );
    await cacher.del(["mine", "posts.get:2"]);
    expect(await keys()).toEqual(["posts.get:1"]);
    await cacher.clean(["users.**", "posts.*"]);
    expect(await keys()).toEqual([]);
    const order: number[] = [];
    const free = await cacher.lock("a");
    const second = cacher.lock("a").then(async (give) => {
      order.push(2);
      await give();
    });
    await expect(cacher.tryLock("a")).rejects.toThrow("Locked.");
    order.push(1);
    await free();
    await second;
    await (await cacher.tryLock("a"))();
    expect([order, cacher.connected]).toEqual([[1, 2], true]);
  });

  test("1,000 callers of one missing key load it once, also when the load fails", async () => {
    let loads = 0;
    const broker = await start({
      get: {
        cache: true,
        async handler(ctx: Context<{ fails?: boolean }>) {
          loads++;
          await sleep(20);
          if (ctx.params.fails) throw new Error("broken");
          return "value";
        },
      },
    });
    for (const fails of [false, true]) {
      loads = 0;
      const said = await Promise.all(Array.from({ length: 1000 }, () => typeOf(broker.call("posts.get", { fails }))));
      expect([loads, new Set(said)]).toEqual([1, new Set([fails ? "broken" : "value"])]);
    }
  });

  test("a caller waits no longer than its own time, and does not take the others with it", async () => {
    let loads = 0;
    const broker = await start({
      get: { cache: true, handler: (ctx: Context) => ctx.call("posts.slow", { load: ++loads }) },
      slow: () => sleep(300, "done"),
    });
    const call = (timeout: number) => typeOf(broker.call("posts.get", {}, { timeout }));
    // The first one's own calls have no more time than it has itself.
    const first = call(100);
    const others = [call(2000), call(50), call(2000)];
    expect([await first, ...(await Promise.all(others))]).toEqual([
      "REQUEST_TIMEOUT",
      "done",
      "REQUEST_TIMEOUT",
      "done",
    ]);
    expect(loads).toBe(2);
  });

  test("a refresh in the background has its own time and meta", async () => {
    const seen: unknown[] = [];
    const broker = await start({
      get: {
        cache: { ttl: 0.05, staleTtl: 10 },
        async handler(ctx: Context<object, { user: string; touched?: boolean }>) {
          seen.push(ctx.meta.user);
          ctx.meta.touched = true;
          await sleep(60);
          return ctx.call("posts.slow");
        },
      },
      slow: () => sleep(60, seen.length),
    });
    const call = () => {
      const answer = broker.call("posts.get", {}, { timeout: 200, meta: { user: "u" } }) as Promise<unknown> & {
        ctx: Context;
      };
      return answer.then((result) => [result, (answer.ctx.meta as { touched?: boolean }).touched]);
    };
    expect(await call()).toEqual([1, true]);
    await sleep(60);
    expect(await call()).toEqual([1, undefined]);
    await sleep(180);
    expect((await call())[0]).toBe(2);
    expect(seen.every((user) => user === "u")).toBe(true);
  });

  test("a service whose cache is declared wrongly is not loaded, and is told why", async () => {
    const broker = await start({ get: () => 1 });
    const bad = { name: "bad", actions: { get: { cache: { ttl: "1h" }, handler: () => 1 } } };
    expect(() => broker.createService(bad as never)).toThrow(
      'bad.get declares cache.ttl as "1h", but it must be a number of seconds',
    );
  });

  test("a service that stops leaves no answers behind", async () => {
    const broker = await start({ get: { cache: true, handler: () => 1 } });
    await broker.call("posts.get");
    await broker.destroyService("posts");
    expect(await broker.cacher!.getCacheKeys()).toEqual([]);
  });

  test("refuses to invalidate what has no name", async () => {
    const cacher = (await start({ get: () => 1 })).cacher as unknown as AzoraCacher;
    const wrong = async (targets: object) => typeOf((async () => cacher.invalidate(targets))());
    for (const targets of [
      { tags: [""] },
      { keys: [5] },
      { tag: "x" },
      { patterns: "*a*b*c*d*e*f*g*h*i" },
      { keys: "x".repeat(10_001) },
    ])
      expect(await wrong(targets)).toBe("VALIDATION_ERROR");
  });

  test("tells what it did, and takes a budget", async () => {
    const broker = await start({ get: { cache: { keys: ["id"], tags: ["t"] }, handler: () => "x".repeat(10_000) } });
    const actions = cacheActions(broker);
    broker.createService({ name: "node-performance", actions } as ServiceSchema);
    const call = (name: string, params = {}) =>
      broker.call(`node-performance.${name}`, params) as Promise<Record<string, unknown>>;
    for (let id = 0; id < 100; id++) await broker.call("posts.get", { id });
    await broker.call("posts.get", { id: 99 });
    expect(cacheReports(broker)).toEqual([
      expect.objectContaining({
        action: "posts.get",
        hits: { near: 1, far: 0 },
        misses: 100,
        entries: 100,
        bytes: expect.any(Number),
      }),
    ]);
    expect(cacheReports(broker)).toEqual([expect.objectContaining({ misses: 0, entries: 100 })]);
    expect(await call("setCacheBudget", { bytes: 100_000 })).toEqual({ before: 67_108_864, after: 100_000 });
    const { bytes, entries } = await call("cacheInfo");
    expect([(bytes as number) <= 100_000, (entries as number) < 10]).toEqual([true, true]);
    expect(await call("invalidateTags", { tags: ["t"] })).toEqual({ tags: ["t"] });
    expect((await call("cacheInfo"))["entries"]).toBe(0);
    await expect(call("setCacheBudget", { bytes: 1 })).rejects.toMatchObject({ type: "VALIDATION_ERROR" });
  });
});

describe("the cacher of a project of one's own", () => {
  const nodeOf = (own: BrokerOptions) =>
    createNodeBroker({
      nodeId: "mine-1",
      namespace: "own",
      bus: { kind: "nats", url: "nats://127.0.0.1:1" },
      settings: readSettings({}),
      logger: new JsonLogger("fatal"),
      metadata: {},
      own,
    }).broker;

  test("is kept; Azora's is given where nothing is said", () => {
    const kinds = [
      {},
      { cacher: "Memory" },
      { cacher: { type: "MemoryLRU" } },
      { cacher: null },
      { cacher: false },
    ].map((own) => {
      const { cacher } = nodeOf(own as BrokerOptions);
      return cacher ? cacher.constructor.name : cacher;
    });
    expect(kinds).toEqual(["AzoraCacher", "MemoryCacher", "MemoryLRUCacher", null, null]);
    expect(cacheReports(nodeOf({ cacher: "Memory" } as BrokerOptions))).toEqual([]);
  });
});
