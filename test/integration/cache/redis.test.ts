import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { type Context, ServiceBroker, type ServiceSchema } from "moleculer";
import { AzoraCacher } from "../../../runtime/cache/cacher.ts";
import { freePort } from "../../../runtime/free-port.ts";
import { describeWith } from "../../support/needs.ts";

describeWith("redis-server", "the second level in a real Redis", () => {
  let port: number;
  let server: ChildProcess;
  let brokers: ServiceBroker[];
  let loads: string[];
  let version: number;
  beforeEach(async () => {
    port = await freePort();
    serve();
    brokers = [];
    loads = [];
    version = 0;
  });
  afterEach(async () => {
    server.kill("SIGCONT");
    await Promise.all(brokers.map((broker) => broker.stop()));
    server.kill("SIGKILL");
  });

  function serve(): void {
    server = spawn("redis-server", ["--port", String(port), "--bind", "127.0.0.1", "--save", ""], { stdio: "ignore" });
  }
  const cacherOf = (broker: ServiceBroker) => broker.cacher as unknown as AzoraCacher;
  const redisOf = (broker: ServiceBroker) => cacherOf(broker).info.redis!;
  const until = async (condition: () => boolean) => {
    for (const end = Date.now() + 15_000; !condition() && Date.now() < end; ) await sleep(10);
    expect(condition()).toBe(true);
  };
  /** Alone, without a bus: what two such know of each other goes through Redis. */
  const node = async (nodeID: string): Promise<ServiceBroker> => {
    const broker = new ServiceBroker({
      nodeID,
      namespace: `redis-${process.pid}`,
      logger: false,
      skipProcessEventRegistration: true,
      cacher: new AzoraCacher({ redis: `redis://127.0.0.1:${port}` }) as never,
    });
    brokers.push(broker);
    broker.createService({
      name: "posts",
      actions: {
        get: {
          cache: { keys: ["id"], ttl: 3600, tags: ["posts"] },
          handler({ params: { id } }: Context<{ id: number }>) {
            loads.push(nodeID);
            return { id, version, text: "ü|\n\0字" };
          },
        },
        slow: {
          cache: { ttl: 3600, lock: true, tags: ["slow"] },
          async handler() {
            const seen = version;
            loads.push(nodeID);
            await sleep(100);
            return { version: seen };
          },
        },
      },
    } as unknown as ServiceSchema);
    await broker.start();
    await until(() => redisOf(broker).usable);
    return broker;
  };
  const get = async (broker: ServiceBroker, id = 1) => (await broker.call("posts.get", { id })) as { version: number };

  test("is shared, and keeps what it is given as it is", async () => {
    const [a, b] = [await node("a"), await node("b")];
    // What Redis does not answer in 100 ms is not shared, as the very first question on a busy machine may not be.
    let id = 0;
    for (const end = Date.now() + 15_000; redisOf(a).written === 0 && Date.now() < end; await sleep(200))
      await get(a, ++id);
    loads.length = 0;
    const first = await get(a, id);
    expect(await get(b, id)).toEqual(first);
    expect([loads, first]).toEqual([[], { id, version: 0, text: "ü|\n\0字" }]);
    expect(cacherOf(b).info.actions.find(({ action }) => action === "posts.get")!.hits).toEqual({ near: 0, far: 1 });
    await cacherOf(a).set("settings", { n: 1 }, 60);
    expect(await cacherOf(b).get("settings")).toEqual({ n: 1 });
    await cacherOf(a).del("settings");
    expect((await cacherOf(a).get("settings")) as unknown).toBeUndefined();
  });

  test("holds nothing that was invalidated, by whatever name", async () => {
    const a = await node("a");
    for (const by of [
      () => cacherOf(a).invalidate({ tags: ["posts"] }),
      () => cacherOf(a).invalidate({ keys: ["posts.get:1"] }),
      () => cacherOf(a).clean("posts.*"),
      () => cacherOf(a).clean(),
    ]) {
      await get(a);
      await until(() => redisOf(a).written === version + 1);
      version++;
      await by();
      expect((await get(a)).version).toBe(version);
    }
    // A load that began before is refused, also where its node has not heard of it.
    const b = await node("b");
    const slow = b.call("posts.slow");
    await until(() => loads.at(-1) === "b");
    version++;
    await cacherOf(a).invalidate({ tags: ["slow"] });
    await slow;
    await until(() => redisOf(b).refused === 1);
    expect(await a.call("posts.slow")).toEqual({ version });
  });

  test("with a lock only one node loads", async () => {
    const [a, b] = [await node("a"), await node("b")];
    const both = await Promise.all([a.call("posts.slow"), b.call("posts.slow"), a.call("posts.slow")]);
    expect([both.length, new Set(both.map((one) => JSON.stringify(one))).size, loads.length]).toEqual([3, 1, 1]);
    const free = await cacherOf(a).lock("job");
    await expect(cacherOf(b).tryLock("job")).rejects.toThrow("Locked.");
    await free();
    await sleep(20);
    await (await cacherOf(b).tryLock("job"))();
  });

  test("that hangs costs some calls its time-out and then none; nothing fails, nothing old comes back with it", async () => {
    const a = await node("a");
    await get(a, 1);
    await until(() => redisOf(a).written === 1);
    server.kill("SIGSTOP");
    const took: number[] = [];
    for (let id = 2; id < 30; id++) {
      const start = performance.now();
      await get(a, id);
      took.push(performance.now() - start);
    }
    expect(took.filter((ms) => ms > 50).length).toBeLessThanOrEqual(5);
    expect(Math.max(...took)).toBeLessThan(400);
    version = 7;
    await cacherOf(a).invalidate({ tags: ["posts"] });
    expect((await get(a)).version).toBe(7);
    expect(redisOf(a).usable).toBe(false);
    server.kill("SIGCONT");
    await until(() => redisOf(a).usable);
    await cacherOf(a).forget();
    expect((await get(a)).version).toBe(7);
  });

  test("that is killed and started anew is used again, and was empty", async () => {
    const a = await node("a");
    await get(a);
    server.kill("SIGKILL");
    await until(() => !redisOf(a).usable);
    expect((await get(a)).version).toBe(0);
    version = 1;
    await cacherOf(a).invalidate({ tags: ["posts"] });
    expect((await get(a)).version).toBe(1);
    serve();
    await until(() => redisOf(a).usable);
    await cacherOf(a).forget();
    expect((await get(a)).version).toBe(1);
  });

  test("is left to its own where it is not there from the beginning", async () => {
    server.kill("SIGKILL");
    const broker = new ServiceBroker({
      logger: false,
      skipProcessEventRegistration: true,
      cacher: new AzoraCacher({ redis: `redis://127.0.0.1:${port}` }) as never,
    });
    brokers.push(broker);
    broker.createService({ name: "a", actions: { get: { cache: true, handler: () => 1 } } });
    await broker.start();
    expect([await broker.call("a.get"), await broker.call("a.get")]).toEqual([1, 1]);
    await broker.cacher!.clean();
  });
});
