import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "@jest/globals";
import type { Context, ServiceSchema } from "moleculer";
import { freePort } from "../../../runtime/free-port.ts";
import { findNatsServer } from "../../../spine/nats-server.ts";
import { describeWith } from "../../support/needs.ts";
import { type CachedBroker, cachedNode, fastClock, Relay, SharedStore } from "./cached-nodes.ts";

/** Leases of 8 s run out after 1 s. */
const TIMES = 8;

describeWith("nats-server", "the caches of several nodes", () => {
  let server: ChildProcess;
  let port: number;
  let store: SharedStore;
  let nodes: CachedBroker[];
  let relay: Relay | undefined;
  beforeAll(async () => {
    port = await freePort();
    server = spawn(findNatsServer()!, ["-a", "127.0.0.1", "-p", String(port)], { stdio: "ignore" });
    for (let isOpen = false; !isOpen; await sleep(10)) {
      const socket = connect(port, "127.0.0.1");
      isOpen = await once(socket, "connect").then(
        () => true,
        () => false,
      );
      socket.destroy();
    }
  });
  afterAll(() => void server.kill("SIGKILL"));
  beforeEach(() => {
    store = new SharedStore();
    nodes = [];
    relay = undefined;
  });
  afterEach(async () => {
    relay?.resume();
    await Promise.all(nodes.map(({ broker }) => broker.stop()));
    relay?.close();
  });

  const start = async (ids: string[], more: ServiceSchema[] = [], ports: Record<string, number> = {}) => {
    const clock = fastClock(TIMES);
    nodes = await Promise.all(ids.map((id) => cachedNode(id, ports[id] ?? port, store, { clock, more })));
    for (let known = false; !known; await sleep(10))
      known = nodes.every(({ cacher }) => cacher.info.peers === ids.length - 1);
    // A first call that finds the others slow loads for itself.
    for (const node of nodes)
      do await get(node, 0);
      while (node.cacher.info.lapsed.length > 0);
    store.loads = [];
    return nodes;
  };
  const get = async ({ broker }: CachedBroker, id = 1) => {
    const got = await broker.call("posts.get", { id }, { nodeID: broker.nodeID });
    return (got as { version: number }).version;
  };
  const loadsOf = (id: string) => store.loads.filter((one) => one === id).length;

  test("have forgotten what was invalidated on one of them when that is acknowledged", async () => {
    const [a, b, c] = await start(["a", "b", "c"]);
    for (let round = 0; round < 3; round++) for (const node of nodes) expect(await get(node)).toBe(0);
    expect(store.loads.sort()).toEqual(["a", "b", "c"]);
    for (const by of [
      () => a!.cacher.invalidate({ tags: "post:1" }),
      () => b!.cacher.invalidate({ keys: ["posts.get:1"] }),
      () => c!.broker.cacher!.clean("posts.**"),
      () => a!.broker.cacher!.del("posts.get:1"),
    ]) {
      store.version++;
      await by();
      for (const node of nodes) expect(await get(node)).toBe(store.version);
    }
    store.loads = [];
    await a!.cacher.invalidate({ tags: ["post:2"] });
    for (const node of nodes) expect(await get(node)).toBe(store.version);
    expect(store.loads).toEqual([]);
  });

  test("never give out anything older than was acknowledged, under load", async () => {
    await start(["a", "b", "c"]);
    store.delay = 3;
    let acknowledged = 0;
    let reads = 0;
    const wrong: string[] = [];
    let isOver = false;
    const readers = nodes.flatMap((node) =>
      Array.from({ length: 5 }, async () => {
        while (!isOver) {
          const least = acknowledged;
          const got = await get(node);
          if (got < least) wrong.push(`${got}, not ${least}`);
          reads++;
          await sleep(1);
        }
      }),
    );
    const writers = nodes.map(async ({ cacher }, i) => {
      while (!isOver) {
        const version = ++store.version;
        await cacher.invalidate(
          i === 0 ? { tags: ["post:1"] } : i === 1 ? { keys: "posts.get:1" } : { patterns: "posts.*" },
        );
        acknowledged = Math.max(acknowledged, version);
        await sleep(10);
      }
    });
    await sleep(1500);
    isOver = true;
    await Promise.all([...readers, ...writers]);
    expect(wrong).toEqual([]);
    expect(store.version).toBeGreaterThan(50);
    expect(reads).toBeGreaterThan(1000);
  });

  test("a node that does not answer holds up an invalidation until its lease has run out, gives out nothing old, and forgets", async () => {
    relay = new Relay(port);
    const [a, , c] = await start(["a", "b", "c"], [], { c: await relay.listen() });
    for (const node of nodes) await get(node);
    relay.pause();
    store.version++;
    const began = performance.now();
    await a!.cacher.invalidate({ tags: ["post:1"] });
    const waited = (performance.now() - began) * TIMES;
    expect(waited).toBeGreaterThan(2000);
    expect(waited).toBeLessThan(13_000);
    // It cannot be reached and does not know it yet; its services are there for who is on it.
    expect(await get(c!)).toBe(1);
    // The others do not wait for it any more.
    store.version++;
    const again = performance.now();
    await a!.cacher.invalidate({ tags: ["post:1"] });
    expect((performance.now() - again) * TIMES).toBeLessThan(6000);
    relay.resume();
    for (let held = false; !held; await sleep(20)) {
      expect(await get(c!)).toBe(2);
      held = c!.cacher.info.lapsed.length === 0;
    }
    // What was on its way to it meanwhile may still come, and make it forget once more; then all of them keep the new value.
    for (let isKept = false; !isKept; await sleep(20)) {
      for (const node of nodes) expect(await get(node)).toBe(2);
      store.loads = [];
      for (const node of nodes) await get(node);
      isKept = store.loads.length === 0;
    }
  });

  test("a node that has left holds up nothing", async () => {
    const [a, b] = await start(["a", "b"]);
    for (const node of nodes) await get(node);
    await b!.broker.stop();
    const began = performance.now();
    await a!.cacher.invalidate({ tags: ["post:1"] });
    expect(performance.now() - began).toBeLessThan(100);
  });

  test("hear Moleculer's event cache.clean, whoever sends it and however", async () => {
    const [a, b] = await start(["a", "b"]);
    for (const send of [
      () => a!.broker.broadcast("cache.clean.posts"),
      () => a!.broker.emit("cache.clean.posts"),
      () => b!.broker.broadcast("cache.clean.posts", {}),
    ]) {
      for (const node of nodes) await get(node);
      store.version++;
      void send();
      for (const node of nodes) while ((await get(node)) !== store.version) await sleep(5);
      await sleep(20);
    }
    store.loads = [];
    await a!.broker.broadcast("cache.clean.users");
    await sleep(50);
    for (const node of nodes) await get(node);
    expect(store.loads).toEqual([]);
  });

  test("an answer that depends on another service's is cleaned by that one's event, as Moleculer's users write it", async () => {
    let loads = 0;
    const feed = {
      name: "feed",
      actions: {
        all: { cache: true, handler: (ctx: Context) => ctx.call("posts.get", { id: 1 }).then(() => ++loads) },
      },
      events: {
        "cache.clean.posts"(this: { broker: CachedBroker["broker"] }) {
          return this.broker.cacher!.clean("feed.**");
        },
      },
    };
    const [a, b] = await start(["a", "b"], [feed as unknown as ServiceSchema]);
    const all = ({ broker }: CachedBroker) => broker.call("feed.all", {}, { nodeID: broker.nodeID });
    for (const node of nodes) await all(node);
    expect(loads).toBe(2);
    void a!.broker.broadcast("cache.clean.posts");
    while ((await all(b!)) === 2) await sleep(5);
    await sleep(50);
    expect(await all(b!)).toBe(await all(b!));
  });

  test("ask nothing of each other while nothing is cached", async () => {
    const [a] = await start(["a", "b"]);
    await get(a!);
    expect(a!.cacher.info.lapsed).toEqual([]);
    expect(loadsOf("a")).toBe(1);
    // They are renewed for one lease longer than there are calls.
    await sleep((2.5 * 8000) / TIMES);
    expect(a!.cacher.info.lapsed).toEqual(["b"]);
    expect(await get(a!)).toBe(0);
    expect(a!.cacher.info.entries).toBe(2);
  });
});
