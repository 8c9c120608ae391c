import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type BrokerOptions, type Context, ServiceBroker, type ServiceSchema } from "moleculer";
import { Mesh } from "../../../runtime/mesh/mesh.ts";
import { MeshTransporter } from "../../../runtime/mesh/mesh-transporter.ts";
import { ownIdentity } from "../../../runtime/process-identity.ts";
import { callable, LoadNodes, outcome, until } from "./load-nodes.ts";

const never = () => new Promise(() => {});
const tally = (outcomes: unknown[]) => {
  const counts: Record<string, number> = {};
  for (const one of outcomes) counts[String(one)] = (counts[String(one)] ?? 0) + 1;
  return counts;
};

describe("the limits of a node's actions", () => {
  let nodes: LoadNodes;
  let runs: string[];
  /** Lets the calls end that wait for it. */
  let release: (() => void)[];
  beforeEach(() => {
    nodes = new LoadNodes();
    runs = [];
    release = [];
  });
  afterEach(() => nodes.stop());

  /** A service with two places for its calls, of 30 ms each, or until they are released. */
  const narrow = (node: string, more: object = {}): ServiceSchema => ({
    name: "narrow",
    actions: {
      pass: {
        concurrency: { floor: 2, ceiling: 2 },
        async handler(ctx: Context<{ id?: number; ms?: number; isHeld?: boolean }>) {
          runs.push(`${ctx.params.id} ${node}`);
          if (ctx.params.isHeld) await new Promise<void>((end) => release.push(end));
          else await sleep(ctx.params.ms ?? 30);
          return node;
        },
      } as never,
      hang: { concurrency: { floor: 2, ceiling: 2 }, handler: never } as never,
      health: () => ({ status: "healthy", checks: {} }),
      ...more,
    },
  });

  test("let a burst wait, and refuse none of it that can be answered in time", async () => {
    const quick = { name: "quick", actions: { one: () => sleep(1), hundred: () => sleep(100) } } as ServiceSchema;
    const { broker } = await nodes.node("one", [quick]);
    for (const action of ["quick.one", "quick.hundred"]) {
      // The service has been quiet before. All come within less than the half second in which a queue counts them.
      for (let i = 0; i < 5; i++) await broker.call(action);
      const calls = Array.from({ length: 3000 }, () => outcome(broker.call(action, {}, { timeout: 20_000 })));
      expect(tally(await Promise.all(calls))).toEqual({ undefined: 3000 });
    }
  });

  test("work off what waits at a place that never becomes wider", async () => {
    const { broker } = await nodes.node("one", [narrow("one")]);
    const calls = Array.from({ length: 200 }, (_, id) =>
      outcome(broker.call("narrow.pass", { id, ms: 10 }, { timeout: 9000 })),
    );
    expect(tally(await Promise.all(calls))).toEqual({ one: 200 });
    expect(runs).toEqual(Array.from({ length: 200 }, (_, id) => `${id} one`));
  });

  test("never begin a call whose caller has given up, be it from here or from elsewhere", async () => {
    const near = await nodes.node("near");
    const far = await nodes.node("far", [narrow("far")]);
    await callable(near, "narrow.pass");
    const gate = far.limits.gate("narrow.pass")!;
    // Else those that hold the places would be taken for what a call needs, and the late ones be refused at once.
    for (let i = 0; i < 20; i++) await far.broker.call("narrow.pass", { ms: 1 });
    for (const { broker } of [far, near]) {
      runs.length = 0;
      const pass = (params: object, timeout: number) => outcome(broker.call("narrow.pass", params, { timeout }));
      const begun = [0, 1].map((id) => pass({ id, isHeld: true }, 20_000));
      await until("both places are taken", () => gate.running === 2);
      const late = Array.from({ length: 10 }, (_, i) => pass({ id: i + 2 }, 300));
      expect(tally(await Promise.all(late))).toEqual({ REQUEST_TIMEOUT: 10 });
      for (const end of release.splice(0)) end();
      expect(await Promise.all(begun)).toEqual(["far", "far"]);
      await until("all is quiet", () => gate.running === 0 && gate.waiting === 0);
      expect(runs).toEqual(["0 far", "1 far"]);
    }
    expect(gate.report()!.refused.late).toBeGreaterThan(4);
  });

  test("free the places of calls that are never answered", async () => {
    const { broker, limits } = await nodes.node("one", [narrow("one")]);
    for (let round = 0; round < 3; round++) {
      const calls = [1, 2].map(() => outcome(broker.call("narrow.hang", {}, { timeout: 40 })));
      expect(await Promise.all(calls)).toEqual(
        round < 2 ? Array(2).fill("REQUEST_TIMEOUT") : Array(2).fill("CIRCUIT_OPEN"),
      );
      expect(limits.gate("narrow.hang")!.running).toBe(0);
    }
  });

  test("send what they refuse to another instance, within the budget of retries, and no call runs twice", async () => {
    const near = await nodes.node("near");
    const [one, two] = [await nodes.node("one", [narrow("one")]), await nodes.node("two", [narrow("two")])];
    await callable(near, "narrow.pass", 2);
    // One of them refuses whatever finds no place.
    const gate = one.limits.gate("narrow.pass")!;
    const wait = gate.wait.bind(gate);
    gate.wait = (call) => {
      gate.refused("limit");
      void wait;
      return Promise.reject(call.refusal("limit", 1));
    };
    const calls = Array.from({ length: 60 }, (_, id) =>
      outcome(near.broker.call("narrow.pass", { id }, { timeout: 5000 })),
    );
    const counts = tally(await Promise.all(calls));
    expect(new Set(runs.map((run) => run.split(" ")[0])).size).toBe(runs.length);
    expect((counts["one"] ?? 0) + (counts["two"] ?? 0)).toBe(runs.length);
    expect(near.failover.retries).toBeGreaterThan(0);
    expect(near.failover.retries).toBeLessThanOrEqual(10 + 60 * 0.2 + 10 * 5);
    expect((counts["OVERLOADED"] ?? 0) + runs.length).toBe(60);
    void two;
  });

  test("give the other instance what is left of the caller's time", async () => {
    const look: ServiceSchema["actions"] = {
      look: {
        concurrency: { floor: 1, ceiling: 1 },
        handler: (ctx: Context) => (ctx.options as { timeout: number }).timeout,
      } as never,
    };
    const near = await nodes.node("near", [narrow("near", look)]);
    await nodes.node("far", [narrow("far", look)]);
    await callable(near, "narrow.look", 2);
    const gate = near.limits.gate("narrow.look")!;
    gate.isOpen = () => false;
    gate.wait = async (call) => {
      await sleep(100);
      throw call.refusal("limit", 1);
    };
    const left = (await near.broker.call("narrow.look", {}, { timeout: 5000 })) as number;
    expect(left).toBeLessThan(4905);
    expect(left).toBeGreaterThan(2000);
  });

  test("let the more important calls begin first, wherever their request began, and the critical ones beyond the limit", async () => {
    const near = await nodes.node("near", [
      { name: "teller", actions: { pay: (ctx: Context) => ctx.call("narrow.pass", ctx.params) } },
    ]);
    const far = await nodes.node("far", [narrow("far")]);
    await callable(near, "narrow.pass");
    const gate = far.limits.gate("narrow.pass")!;
    const calls: Promise<unknown>[] = [];
    const pay = (id: number, $priority?: string, isHeld = false) =>
      calls.push(outcome(near.broker.call("teller.pay", { id, isHeld }, { meta: { $priority } as never })));
    pay(0, undefined, true);
    pay(1, undefined, true);
    await until("both run", () => gate.running === 2);
    pay(2, "low");
    pay(3, "nonsense");
    pay(4, "high");
    await until("three wait", () => gate.waiting === 3);
    pay(5, "critical");
    await until("the critical one has run", () => runs.length === 3 && gate.running === 2);
    for (const end of release) end();
    await Promise.all(calls);
    expect(runs.map((run) => run.split(" ")[0])).toEqual(["0", "1", "5", "4", "3", "2"]);
  });

  test("never stand before questions after someone's health, nor before the node's own services", async () => {
    const near = await nodes.node("near");
    const far = await nodes.node("far", [narrow("far")]);
    await callable(near, "narrow.pass");
    await callable(near, "node-performance.limits", 2);
    const jam = Array.from({ length: 50 }, () => outcome(near.broker.call("narrow.hang", {}, { timeout: 2000 })));
    await until("it is jammed", () => far.limits.gate("narrow.hang")!.waiting > 0);
    far.limits.set("narrow", 1);
    const start = performance.now();
    expect(await near.broker.call("narrow.health")).toMatchObject({ status: "healthy" });
    const limits = await near.broker.call("node-performance.limits", { service: "narrow" }, { nodeID: "far" });
    expect(performance.now() - start).toBeLessThan(1500);
    expect(limits).toContainEqual(
      expect.objectContaining({ action: "narrow.hang", running: 2, limit: 2, floor: 2, ceiling: 2 }),
    );
    await Promise.all(jam);
  });

  test("do not let a call wait for itself, however services call each other", async () => {
    const two = { floor: 2, ceiling: 2 };
    const ping = (name: string, other: string): ServiceSchema => ({
      name,
      actions: {
        go: {
          concurrency: two,
          handler: (ctx: Context<{ depth: number }>) =>
            ctx.params.depth === 0
              ? 1
              : (ctx.call(`${other}.go`, { depth: ctx.params.depth - 1 }) as Promise<number>).then((n) => n + 1),
        } as never,
        fan: {
          concurrency: two,
          handler: async (ctx: Context<{ depth: number }>) => {
            if (ctx.params.depth === 0) return 1;
            const parts = Array.from({ length: 3 }, () => ctx.call(`${other}.fan`, { depth: ctx.params.depth - 1 }));
            return ((await Promise.all(parts)) as number[]).reduce((a, b) => a + b);
          },
        } as never,
      },
    });
    const near = await nodes.node("near", [ping("a", "b")]);
    await nodes.node("far", [ping("b", "a")]);
    await callable(near, "b.go");
    const deep = Array.from({ length: 20 }, () => outcome(near.broker.call("a.go", { depth: 9 }, { timeout: 5000 })));
    expect(tally(await Promise.all(deep))).toEqual({ 10: 20 });
    const wide = Array.from({ length: 6 }, () => outcome(near.broker.call("a.fan", { depth: 4 }, { timeout: 5000 })));
    expect(tally(await Promise.all(wide))).toEqual({ 81: 6 });
  });

  test("come through calls from both ends of a circle, each of which waits for the other", async () => {
    const cross = (name: string, other: string): ServiceSchema => ({
      name,
      actions: {
        go: {
          concurrency: { floor: 2, ceiling: 2 },
          handler: async (ctx: Context<{ isLast?: boolean }>) => {
            if (ctx.params.isLast) return "end";
            await sleep(20);
            return ctx.call(`${other}.go`, { isLast: true });
          },
        } as never,
      },
    });
    const { broker } = await nodes.node("one", [cross("a", "b"), cross("b", "a")]);
    const calls = Array.from({ length: 40 }, (_, i) =>
      outcome(broker.call(i % 2 === 0 ? "a.go" : "b.go", {}, { timeout: 15_000 })),
    );
    const counts = tally(await Promise.all(calls));
    expect(counts["end"]).toBeGreaterThan(10);
    // What is too much for so narrow a circle is refused, and none of it waits in vain.
    expect((counts["end"] ?? 0) + (counts["OVERLOADED"] ?? 0)).toBe(40);
  });

  test("follow what a service declares when it is loaded afresh, and keep what an operator has set when it says the same", async () => {
    const { broker, limits } = await nodes.node("one", []);
    const load = async (concurrency: unknown) => {
      const old = broker.getLocalService("narrow");
      if (old) await broker.destroyService(old);
      broker.createService({ name: "narrow", actions: { pass: { concurrency, handler: () => 1 } as never } });
      await until("it can be called", () => broker.registry.actions.isAvailable("narrow.pass"));
      return limits.gate("narrow.pass")!.limit?.bounds;
    };
    expect(await load({ floor: 10, ceiling: 20 })).toEqual({ floor: 10, ceiling: 20 });
    await broker.call("node-performance.limitBounds", { action: "narrow.pass", ceiling: 15 });
    expect(await load({ floor: 10, ceiling: 20 })).toEqual({ floor: 10, ceiling: 15 });
    expect(await load({ ceiling: 8 })).toEqual({ floor: 2, ceiling: 8 });
    expect(await load(undefined)).toEqual({ floor: 2, ceiling: 10_000 });
    expect(await load(false)).toBeUndefined();
    expect(await broker.call("narrow.pass")).toBe(1);
    expect(() =>
      broker.createService({
        name: "bad",
        actions: { act: { concurrency: { floor: -1 }, handler: () => 1 } as never },
      }),
    ).toThrow("action bad.act: concurrency.floor is -1");
  });

  test("can be asked for and bounded, and bad input is named", async () => {
    const { broker } = await nodes.node("one", [narrow("one", { free: { concurrency: false, handler: () => 1 } })]);
    const bound = (params: object) => broker.call("node-performance.limitBounds", params).catch((error) => error);
    expect(await bound({ action: "narrow.pass", ceiling: 5 })).toEqual({
      before: { floor: 2, ceiling: 2 },
      after: { floor: 2, ceiling: 5 },
    });
    expect(await bound({ action: "narrow.pass", floor: 9 })).toMatchObject({
      type: "VALIDATION_ERROR",
      message: "floor is 9, but must be at most the ceiling, 5",
    });
    for (const action of ["narrow.none", "narrow.free", "narrow.health", "__proto__"])
      expect(await bound({ action, floor: 1 })).toMatchObject({ type: "NOT_FOUND", data: { action } });
    for (const bad of [
      {},
      { action: 5 },
      { action: "" },
      { action: "narrow.pass", floor: 0 },
      { action: "narrow.pass", floor: 1.5 },
      { action: "narrow.pass", ceiling: 100_001 },
      { action: "narrow.pass", ceiling: "5" },
      { action: "narrow.pass", ceiling: Number.NaN },
      { action: "narrow.pass", most: 5 },
    ])
      expect(await bound(bad)).toMatchObject({ type: "VALIDATION_ERROR", code: 422 });
    const limits = (await broker.call("node-performance.limits", { service: "narrow" })) as {
      action: string;
      ceiling: number;
    }[];
    expect(limits.find(({ action }) => action === "narrow.pass")).toMatchObject({
      ceiling: 5,
      limit: 2,
      priority: "medium",
    });
    expect(limits.find(({ action }) => action === "narrow.free")).toMatchObject({ ceiling: null, limit: null });
    expect(await broker.call("node-performance.limits", { service: "nobody" })).toEqual([]);
  });

  test("open a breaker where half of the calls fail, in a row or not", async () => {
    let count = 0;
    const { broker, breakers } = await nodes.node("one", [
      { name: "flaky", actions: { act: () => (count++ % 3 === 0 ? "fine" : Promise.reject(new Error("broke"))) } },
    ]);
    const outcomes: unknown[] = [];
    for (let i = 0; i < 60; i++) outcomes.push(await outcome(broker.call("flaky.act")));
    const opened = outcomes.indexOf("CIRCUIT_OPEN");
    expect(opened).toBeGreaterThanOrEqual(20);
    expect(opened).toBeLessThan(30);
    expect(breakers.states()).toMatchObject([{ callee: "flaky.act", state: "open" }]);
  });

  test("open no breaker where calls are late while others are answered, but one for an action that alone is silent", async () => {
    const { broker, breakers } = await nodes.node("one", [
      {
        name: "busy",
        actions: {
          act: (ctx: Context<{ ms: number }>) => sleep(ctx.params.ms),
          hang: never,
        },
      },
    ]);
    const act = (ms: number) => outcome(broker.call("busy.act", { ms }, { timeout: 500 }));
    const late = Array.from({ length: 20 }, () => act(1500));
    await sleep(30);
    expect(await act(10)).toBeUndefined();
    expect(tally(await Promise.all(late))).toEqual({ REQUEST_TIMEOUT: 20 });
    expect(breakers.states()).toEqual([]);
    const hanging = Array.from({ length: 5 }, () => outcome(broker.call("busy.hang", {}, { timeout: 500 })));
    await sleep(30);
    await act(10);
    await Promise.all(hanging);
    expect(breakers.states()).toMatchObject([{ callee: "busy.hang", state: "open" }]);
    await Promise.all([act(1500), act(1500), act(1500)]);
    expect(breakers.states()).toContainEqual(expect.objectContaining({ callee: "busy", state: "open" }));
  });

  test("hold for a call with a context that was used before", async () => {
    const { broker, load } = await nodes.node("near");
    await nodes.node("far", [narrow("far")]);
    await until("it can be called", () => broker.registry.actions.isAvailable("narrow.pass"));
    const ctx = broker.ContextFactory.create(broker, null as never, { id: 1, ms: 5 }, {});
    for (let i = 0; i < 3; i++) {
      expect(await broker.call("narrow.pass", {}, { ctx } as never)).toBe("far");
      await sleep(50);
    }
    const [path] = [...load.loads()].filter(({ action }) => action === "narrow.pass");
    expect(path!.latency.value).toBeGreaterThan(4000);
    expect([path!.inFlight, path!.best > 0]).toEqual([0, true]);
  });
});

describe("beside others", () => {
  let nodes: LoadNodes;
  beforeEach(() => {
    nodes = new LoadNodes();
  });
  afterEach(() => nodes.stop());

  test("a node that is none of Azora's calls and is called", async () => {
    const node = await nodes.node("ours", [{ name: "ledger", actions: { add: () => "added" } }]);
    const mesh = new Mesh({
      folder: `${nodes.folder}/run`,
      hello: { id: "theirs", role: "node", instanceId: "", ...ownIdentity() },
    });
    const theirs = new ServiceBroker({
      nodeID: "theirs",
      namespace: "load",
      logger: false,
      transporter: new MeshTransporter(mesh) as never,
      serializer: node.broker.options.serializer as never,
      skipProcessEventRegistration: true,
    } as BrokerOptions);
    theirs.createService({ name: "clerk", actions: { ask: (ctx: Context) => ctx.call("ledger.add") } });
    await mesh.start();
    await theirs.start();
    await callable(node, "clerk.ask");
    await theirs.waitForServices("ledger", 15_000);
    expect(await node.broker.call("clerk.ask", {}, { timeout: 1000 })).toBe("added");
    expect(await theirs.call("ledger.add", {}, { timeout: 1000 })).toBe("added");
    await theirs.stop();
    await mesh.close();
  });

  test("a project's own strategy, bulkhead and breaker do their work", async () => {
    const own = {
      cacher: false,
      registry: { strategy: "Random" },
      bulkhead: { enabled: true, concurrency: 1, maxQueueSize: 1 },
      circuitBreaker: { enabled: true, threshold: 0.5, minRequestCount: 4, windowTime: 60, check: () => true },
    } as unknown as BrokerOptions;
    const service = (where: string): ServiceSchema => ({
      name: "mill",
      actions: { grind: () => sleep(300).then(() => where) },
    });
    const near = await nodes.node("near", [], own);
    for (const id of ["one", "two"]) await nodes.node(id, [service(id)], own);
    await callable(near, "mill.grind", 2);
    const list = near.broker.registry.getActionEndpoints("mill.grind") as unknown as { strategy: object };
    expect(list.strategy.constructor.name).toBe("RandomStrategy");
    const outcomes = tally(await Promise.all(Array.from({ length: 8 }, () => outcome(near.broker.call("mill.grind")))));
    // Each has one place and one to wait in; what one refuses may run on the other.
    expect((outcomes["one"] ?? 0) + (outcomes["two"] ?? 0)).toBe(4);
    expect(outcomes["QUEUE_FULL"] ?? 0).toBe(4);
  });
});
