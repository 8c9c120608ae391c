import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Context } from "moleculer";
import { Cluster, failureOf } from "./cluster.ts";

describe("a call under way to a node that is killed", () => {
  let cluster: Cluster;
  beforeEach(async () => {
    cluster = new Cluster();
    await cluster.start("w1", "w2");
  });
  afterEach(() => cluster.stop());

  test("is carried out by another node, if its action is idempotent", async () => {
    const call = cluster.broker.call("worker.look");
    const first = await cluster.runningOn("look");
    cluster.kill(first);
    const other = first === "w1" ? "w2" : "w1";
    expect(await call).toBe(other);
    expect(cluster.runs()).toEqual([`look ${first}`, `look ${other}`]);
    expect(cluster.failover.retries).toBe(1);
  });

  test("outlives several deaths in a row, also of a caller who has made few calls", async () => {
    await cluster.node("w3");
    while (cluster.failover.budget.take());
    const call = cluster.broker.call("worker.look");
    for (let deaths = 0; deaths < 2; deaths++) {
      await cluster.until("it runs", () => cluster.runs().length > deaths);
      cluster.kill(cluster.runs()[deaths]!.split(" ")[1]!);
    }
    await call;
    expect(new Set(cluster.runs()).size).toBe(3);
  });

  test("is not repeated otherwise: its caller is told that nobody knows", async () => {
    const call = failureOf(cluster.broker.call("worker.pay"));
    const first = await cluster.runningOn("pay");
    cluster.kill(first);
    expect(await call).toMatchObject({
      type: "OUTCOME_UNKNOWN",
      retryable: false,
      data: { action: "worker.pay", nodeID: first },
    });
    await sleep(50);
    expect(cluster.runs()).toEqual([`pay ${first}`]);
  });

  test("is left alone, if it was for that very node", async () => {
    const call = failureOf(cluster.broker.call("worker.look", {}, { nodeID: "w1" }));
    await cluster.runningOn("look");
    cluster.kill("w1");
    expect((await call).type).toBe("REQUEST_REJECTED");
    expect(cluster.runs()).toEqual(["look w1"]);
  });

  test("is left alone, if it sends a stream, which cannot be read twice", async () => {
    const stream = new Readable({ read() {} });
    stream.push("begin");
    const call = failureOf(cluster.broker.call("worker.look", {}, { stream } as never));
    const first = await cluster.runningOn("look");
    cluster.kill(first);
    expect((await call).type).toBe("REQUEST_REJECTED");
    expect(cluster.runs()).toEqual([`look ${first}`]);
  });

  test("fails none of thousands of retryable calls", async () => {
    let done = 0;
    let stop = false;
    const failures: unknown[] = [];
    const callers = Array.from({ length: 32 }, async () => {
      while (!stop)
        await cluster.broker.call("worker.quick").then(
          () => done++,
          (error) => failures.push(error),
        );
    });
    await cluster.until("it is under load", () => done > 500);
    cluster.kill("w2");
    await cluster.until("it went on", () => done > 2000);
    stop = true;
    await Promise.all(callers);
    expect(failures).toEqual([]);
    expect(cluster.broker.registry.getActionEndpointByNodeId("worker.quick", "w2") == null).toBe(true);
  });
});

describe("a call of a service that is being restarted", () => {
  let cluster: Cluster;
  beforeEach(async () => {
    cluster = new Cluster();
    await cluster.start();
  });
  afterEach(() => cluster.stop());

  const loadLater = (ms: number) =>
    setTimeout(
      () =>
        cluster.broker.createService({
          name: "late",
          actions: {
            get(ctx: Context<{ n: number }, { tag?: string }>) {
              ctx.meta.tag = "from late";
              return ctx.params.n;
            },
          },
        }),
      ms,
    );

  test("waits for it", async () => {
    cluster.failover.holds.begin(["late.get"]);
    loadLater(100);
    expect(await cluster.broker.call("late.get", { n: 7 })).toBe(7);
    expect(cluster.failover.holds.held).toBe(0);
  });

  test("hands back what the service wrote into the meta, as any call does", async () => {
    cluster.broker.createService({
      name: "relay",
      actions: {
        async go(ctx: Context<unknown, { tag?: string }>) {
          await ctx.call("late.get", { n: 1 });
          return ctx.meta.tag;
        },
      },
    });
    await cluster.broker.waitForServices("relay");
    cluster.failover.holds.begin(["late.get"]);
    loadLater(100);
    expect(await cluster.broker.call("relay.go")).toBe("from late");
  });

  test("waits for a second at most, and then fails as it would have", async () => {
    cluster.failover.holds.begin(["late.get"]);
    const since = Date.now();
    await expect(cluster.broker.call("late.get", { n: 1 })).rejects.toMatchObject({ type: "SERVICE_NOT_FOUND" });
    expect(Date.now() - since).toBeGreaterThanOrEqual(990);
    expect(Date.now() - since).toBeLessThan(4000);
  });

  test("fails at once where no restart is known, where it ended badly, or for a certain node", async () => {
    const since = Date.now();
    await expect(cluster.broker.call("late.get")).rejects.toThrow();
    cluster.failover.holds.begin(["late.get"]);
    await expect(cluster.broker.call("late.get", {}, { nodeID: "w1" })).rejects.toThrow();
    const held = failureOf(cluster.broker.call("late.get"));
    await sleep(20);
    cluster.failover.holds.end(["late.get"]);
    expect((await held).type).toBe("SERVICE_NOT_FOUND");
    expect(Date.now() - since).toBeLessThan(950);
  });

  test("is held when its only node dies, until that is there again", async () => {
    await cluster.node("w1");
    const revive = await cluster.prepared("w1");
    cluster.kill("w1");
    await cluster.until("it is dropped", () => !cluster.broker.registry.actions.isAvailable("worker.quick"));
    const call = cluster.broker.call("worker.quick");
    revive();
    expect(await call).toBe("w1");
  });
});
