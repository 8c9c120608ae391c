import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type Context, type Middleware, ServiceBroker } from "moleculer";
import { currentRequestId } from "../../../runtime/request-scope.ts";
import { VitalsRegistry, vitalsMiddleware } from "../../../runtime/vitals/action-vitals.ts";
import { NodeVitals } from "../../../runtime/vitals/node-vitals.ts";

/** A middleware of a foreign project that does not keep to promises. */
const careless = {
  name: "Careless",
  localAction(next: (ctx: Context) => unknown, action: { name: string }) {
    if (action.name !== "mill.sync") return next;
    return () => {
      throw new Error("thrown at once");
    };
  },
} as unknown as Middleware;

describe("vitals of actions", () => {
  let vitals: VitalsRegistry;
  let broker: ServiceBroker;
  let release: () => void;
  beforeEach(async () => {
    vitals = new VitalsRegistry();
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    broker = new ServiceBroker({
      nodeID: "muscles-1",
      logger: false,
      internalServices: false,
      skipProcessEventRegistration: true,
      middlewares: [careless, vitalsMiddleware(vitals)],
    });
    broker.createService({
      name: "mill",
      actions: {
        grind: () => "flour",
        fail: () => {
          throw new Error("no grain");
        },
        sync: () => "never reached",
        slow: () => gate,
        whose: () => currentRequestId(),
      },
    });
    broker.createService({ name: "node-host", actions: { load: () => gate } });
    await broker.start();
  });
  afterEach(async () => {
    release();
    await broker.stop();
  });

  test("count calls, errors and time", async () => {
    await broker.call("mill.grind");
    await broker.call("mill.grind");
    await expect(broker.call("mill.fail")).rejects.toThrow("no grain");
    const [grind, fail] = [vitals.actions.get("mill.grind")!, vitals.actions.get("mill.fail")!];
    expect([grind.latency.count, grind.errors, fail.latency.count, fail.errors]).toEqual([2, 0, 1, 1]);
    expect(grind.latency.sum).toBeGreaterThan(0);
    expect(grind.service).toBe("mill");
  });

  test("tell what is in flight, and nothing once it has ended", async () => {
    const calls = [broker.call("mill.slow"), broker.call("mill.slow")];
    expect([vitals.inFlight("mill"), vitals.inFlight("other")]).toEqual([2, 0]);
    release();
    await Promise.all(calls);
    expect(vitals.inFlight("mill")).toBe(0);
  });

  test("are at 0 in flight after a handler threw", async () => {
    await expect(broker.call("mill.fail")).rejects.toThrow();
    expect(vitals.inFlight("mill")).toBe(0);
  });

  test("are at 0 in flight after a middleware threw before there was a promise", async () => {
    await expect((async () => broker.call("mill.sync"))()).rejects.toThrow("thrown at once");
    expect(vitals.inFlight("mill")).toBe(0);
    expect(vitals.actions.get("mill.sync")!.errors).toBe(1);
  });

  test("leave out the node's own host, so that its commands do not keep a drain from ending", () => {
    void broker.call("node-host.load");
    expect(vitals.inFlight("node-host")).toBe(0);
  });

  test("let a handler's log lines know the request", async () => {
    expect(await broker.call("mill.whose", {}, { requestID: "r-17" })).toBe("r-17");
  });

  describe("in a node's reports", () => {
    let node: NodeVitals;
    beforeEach(() => {
      node = new NodeVitals({ node: "muscles-1", instanceId: "life-1", registry: vitals });
    });
    afterEach(() => node.stop());

    test("are increments: nothing is lost and nothing is told twice", async () => {
      const total = { calls: 0, errors: 0, sum: 0 };
      for (const round of [3, 0, 5, 1]) {
        for (let i = 0; i < round; i++) await broker.call("mill.grind");
        await broker.call("mill.fail").catch(() => {});
        for (const { errors, buckets, sum } of node.report().actions) {
          for (let i = 1; i < buckets.length; i += 2) total.calls += buckets[i]!;
          total.errors += errors;
          total.sum += sum;
        }
      }
      expect([total.calls, total.errors]).toEqual([9 + 4, 4]);
      const exact = ["mill.grind", "mill.fail"].reduce((sum, name) => sum + vitals.actions.get(name)!.latency.sum, 0);
      expect(Math.abs(total.sum - exact)).toBeLessThanOrEqual(2);
      expect(node.report().actions).toEqual([]);
    });

    test("add up to the exact time, though each tells whole microseconds", () => {
      const grind = vitals.of("mill.grind", "mill", false);
      let told = 0;
      for (let i = 0; i < 100; i++) {
        grind.latency.record(0.4);
        told += node.report().actions[0]!.sum;
      }
      expect(told).toBe(40);
    });

    test("tell what is in flight now, and when it no longer is", async () => {
      const call = broker.call("mill.slow");
      expect(node.report().actions).toMatchObject([{ name: "mill.slow", inFlight: 1, buckets: [] }]);
      expect(node.report().actions).toEqual([]);
      release();
      await call;
      expect(node.report().actions).toMatchObject([{ name: "mill.slow", inFlight: 0 }]);
    });

    test("are numbered, and name the node and its life", () => {
      const [first, second] = [node.report(), node.report()];
      expect([first.seq, second.seq, first.node, first.instanceId]).toEqual([0, 1, "muscles-1", "life-1"]);
      for (const value of [first.cpu, first.memory, first.loopDelay.p99, first.utilisation, first.uptime])
        expect(Number.isFinite(value)).toBe(true);
      expect(first.memory).toBeGreaterThan(1_000_000);
    });
  });
});
