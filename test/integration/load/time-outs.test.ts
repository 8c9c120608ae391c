import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type BrokerOptions, type Context, Errors, ServiceBroker, type ServiceSchema } from "moleculer";
import type { NodeBroker } from "../../../runtime/broker.ts";
import { callable, LoadNodes, outcome, until } from "./load-nodes.ts";

const never = () => new Promise(() => {});
const seen: Record<string, unknown>[] = [];

const sleeper = (name = "sleeper"): ServiceSchema => ({
  name,
  actions: {
    never,
    short: { timeout: 40, handler: never } as never,
    endless: {
      timeout: 0,
      handler: (ctx: Context<{ ms: number }>) => sleep(ctx.params.ms).then(() => "slept"),
    } as never,
    nap: (ctx: Context<{ ms: number }>) => sleep(ctx.params.ms).then(() => "slept"),
    timeout: (ctx: Context) => (ctx.options as { timeout?: number }).timeout ?? null,
    through: async (ctx: Context<{ ms: number }>) => {
      await sleep(ctx.params.ms);
      return ctx.call(`${name}.timeout`);
    },
    afterwards: async (ctx: Context<{ ms: number }>) => {
      await sleep(ctx.params.ms);
      const type = await outcome(ctx.call(`${name}.timeout`));
      seen.push({ type });
      return type;
    },
    fallen: { timeout: 40, fallback: () => "fallback", handler: never } as never,
    stream: () => Readable.from(["a", "b"]),
    slowStream: () =>
      Readable.from(
        (async function* () {
          yield "a";
          await sleep(600);
          yield "b";
        })(),
      ),
  },
});

/** What Moleculer does by itself is asked of it in the same run. */
interface Setting {
  call(action: string, params?: object, options?: object): Promise<unknown>;
  stop(): Promise<void>;
}

async function molecular(options: BrokerOptions = {}): Promise<Setting> {
  const broker = new ServiceBroker({
    logger: false,
    requestTimeout: 80,
    skipProcessEventRegistration: true,
    ...options,
  } as BrokerOptions);
  broker.createService(sleeper());
  await broker.start();
  return { call: (action, params, opts) => broker.call(action, params, opts as never), stop: () => broker.stop() };
}

async function azoran(options: BrokerOptions = {}): Promise<Setting & { node: NodeBroker }> {
  const nodes = new LoadNodes();
  const node = await nodes.node("one", [sleeper()], { requestTimeout: 80, cacher: false, ...options });
  return {
    node,
    call: (action, params, opts) => node.broker.call(action, params, opts as never),
    stop: () => nodes.stop(),
  };
}

const CASES: [string, (s: Setting) => Promise<unknown>][] = [
  ["the caller's time-out", (s) => s.call("sleeper.never", {}, { timeout: 30 })],
  ["the action's", (s) => s.call("sleeper.short")],
  ["the default", (s) => s.call("sleeper.never")],
  ["the caller's before the action's", (s) => s.call("sleeper.short", {}, { timeout: 10 })],
  ["none for a caller who says 0", (s) => s.call("sleeper.nap", { ms: 130 }, { timeout: 0 })],
  ["none for an action that says 0", (s) => s.call("sleeper.endless", { ms: 130 })],
  ["none for a negative one", (s) => s.call("sleeper.nap", { ms: 130 }, { timeout: -5 })],
  ["none for one that is no number", (s) => s.call("sleeper.nap", { ms: 130 }, { timeout: Number.NaN })],
  ["the default for null", (s) => s.call("sleeper.never", {}, { timeout: null })],
  ["a call that ends in time", (s) => s.call("sleeper.nap", { ms: 5 }, { timeout: 60 })],
  ["a call on behalf of one whose time is over", (s) => s.call("sleeper.afterwards", { ms: 60 }, { timeout: 30 })],
  ["an answer in place of the time-out's error", (s) => s.call("sleeper.fallen")],
  ["such an answer of the caller", (s) => s.call("sleeper.short", {}, { fallbackResponse: "own" })],
];

describe("time-outs of calls", () => {
  describe.each(CASES)("%s", (_, act) => {
    test("ends as with Moleculer alone", async () => {
      const [plain, ours] = [await molecular(), await azoran()];
      const of = async (setting: Setting) => {
        const start = performance.now();
        const result = await act(setting).then(
          (value) => ({ value }),
          ({ name, type, code, data, retryable, message }) => ({ name, type, code, data, retryable, message }),
        );
        const took = performance.now() - start;
        await setting.stop();
        return [JSON.parse(JSON.stringify(result).replaceAll(/"nodeID":"[^"]*"/g, `"nodeID":"it"`)), took] as const;
      };
      const [[expected, theirs], [result, took]] = await Promise.all([of(plain), of(ours)]);
      expect(result).toEqual(JSON.parse(JSON.stringify(expected).replaceAll(/on '[^']*' node/g, "on 'one' node")));
      expect(Math.abs(took - theirs)).toBeLessThan(60);
    });
  });

  test("a call on behalf of another has what is left of its time", async () => {
    const ours = await azoran();
    const left = (await ours.call("sleeper.through", { ms: 300 }, { timeout: 2000 })) as number;
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(1701);
    await ours.stop();
  });

  test("what is called after the end of the time is not begun", async () => {
    const ours = await azoran();
    seen.length = 0;
    expect(await outcome(ours.call("sleeper.afterwards", { ms: 60 }, { timeout: 30 }))).toBe("REQUEST_TIMEOUT");
    await until("the action has gone on", () => seen.length > 0);
    expect(seen).toEqual([{ type: "REQUEST_SKIPPED" }]);
    await ours.stop();
  });

  test("a project's policy of retries tries again what was timed out", async () => {
    let runs = 0;
    const nodes = new LoadNodes();
    const retryPolicy = { enabled: true, retries: 3, delay: 1, check: () => true };
    const { broker, limits } = await nodes.node(
      "one",
      [{ name: "late", actions: { first: () => (++runs < 3 ? never() : `run ${runs}`) } }],
      { requestTimeout: 40, cacher: false, retryPolicy } as BrokerOptions,
    );
    expect(await broker.call("late.first")).toBe("run 3");
    expect(limits.gate("late.first")!.running).toBe(0);
    await nodes.stop();
  });

  test("a project's metrics count what was timed out, and how long it took", async () => {
    const { node, call, stop } = await azoran({ metrics: { enabled: true } } as BrokerOptions);
    await outcome(call("sleeper.short"));
    const { metrics } = node.broker as unknown as {
      metrics: { getMetric(name: string): { get(labels: object): { value?: number; count?: number } } | null };
    };
    const labels = { service: "sleeper", action: "sleeper.short" };
    expect(metrics.getMetric("moleculer.request.timeout.total")!.get(labels)?.value).toBe(1);
    await stop();
  });

  test("exactly Moleculer's own is replaced, and a project's middleware of the same name stays", async () => {
    const called: string[] = [];
    const own = {
      name: "Timeout",
      localAction: (next: (ctx: Context) => Promise<unknown>) => (ctx: Context) => {
        called.push(ctx.action!.name!);
        return next(ctx);
      },
    };
    const { node, call, stop } = await azoran({ middlewares: [own] } as BrokerOptions);
    const { middlewares } = node.broker as unknown as {
      middlewares: { list: { name: string }[]; registeredHooks: Record<string, { name: string }[]> };
    };
    expect(await outcome(call("sleeper.short"))).toBe("REQUEST_TIMEOUT");
    expect(called).toEqual(["sleeper.short"]);
    const plain = new ServiceBroker({ logger: false, skipProcessEventRegistration: true });
    const ofPlain = (plain as unknown as typeof node.broker & { middlewares: typeof middlewares }).middlewares;
    const names = middlewares.list.map(({ name }) => name);
    for (const { name } of ofPlain.list) expect(names).toContain(name);
    expect(middlewares.registeredHooks["localAction"]!.filter(({ name }) => /wrapTimeout/.test(name))).toEqual([]);
    for (const { name } of ofPlain.registeredHooks["localAction"]!.filter(({ name }) => !/wrapTimeout/.test(name)))
      expect(middlewares.registeredHooks["localAction"]!.map((hook) => hook.name)).toContain(name);
    await stop();
  });

  describe("between nodes", () => {
    let nodes: LoadNodes;
    let [near, far]: NodeBroker[] = [];
    beforeEach(async () => {
      nodes = new LoadNodes();
      near = await nodes.node("near");
      far = await nodes.node("far", [sleeper()]);
      await callable(near, "sleeper.never");
    });
    afterEach(() => nodes.stop());

    test("nothing is kept of a call that was timed out", async () => {
      const error = await near!.broker.call("sleeper.never", {}, { timeout: 400 }).catch((caught) => caught);
      expect(error).toBeInstanceOf(Errors.RequestTimeoutError);
      expect(error).toMatchObject({ data: { action: "sleeper.never", nodeID: "far" } });
      expect((near!.broker.transit!.pendingRequests as Map<string, unknown>).size).toBe(0);
      await until("the place is free", () => far!.limits.gate("sleeper.never")!.running === 0);
    });

    test("the time that is left goes with the call", async () => {
      expect(await near!.broker.call("sleeper.timeout", {}, { timeout: 1500 })).toBeLessThanOrEqual(1500);
      const left = (await near!.broker.call("sleeper.through", { ms: 50 }, { timeout: 1500 })) as number;
      expect(left).toBeLessThanOrEqual(1451);
    });

    test("a stream that is answered in time may last longer than the call may", async () => {
      const stream = (await near!.broker.call("sleeper.slowStream", {}, { timeout: 400 })) as Readable;
      const chunks: string[] = [];
      for await (const chunk of stream) chunks.push(String(chunk));
      expect(chunks.join("")).toBe("ab");
    });
  });
});
