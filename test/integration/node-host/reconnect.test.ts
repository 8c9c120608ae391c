import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import type { Context } from "moleculer";
import { createNodeBroker, type NodeBroker } from "../../../runtime/broker.ts";
import { freePort } from "../../../runtime/free-port.ts";
import { JsonLogger } from "../../../runtime/logger.ts";
import { renewBus } from "../../../runtime/node-host/connections.ts";
import { nodeHost } from "../../../runtime/node-host/node-host.ts";
import { readSettings } from "../../../runtime/settings.ts";
import { findNatsServer } from "../../../spine/nats-server.ts";
import { describeWith } from "../../support/needs.ts";

let folder: string;
let port: number;
let server: ChildProcess;
let nodes: NodeBroker[];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "azora-reconnect-"));
  port = await freePort();
  nodes = [];
});
afterEach(async () => {
  await Promise.all(nodes.map(({ broker }) => broker.stop()));
  server.kill("SIGKILL");
  rmSync(folder, { recursive: true });
});

async function serve(program: string, ...args: string[]): Promise<void> {
  server = spawn(program, args, { stdio: "ignore" });
  for (;;) {
    const socket = connect(port, "127.0.0.1");
    const isOpen = await Promise.race([once(socket, "connect").then(() => true), sleep(200, false)]).catch(() => false);
    socket.destroy();
    if (isOpen) return;
    await sleep(10);
  }
}

function node(id: string, natsPort: number, env: NodeJS.ProcessEnv = {}): NodeBroker {
  const made = createNodeBroker({
    nodeId: id,
    namespace: `reconnect-${process.pid}`,
    bus: { kind: "nats", url: `nats://127.0.0.1:${natsPort}` },
    settings: readSettings(env),
    logger: new JsonLogger("fatal"),
    metadata: {},
  });
  const { broker, vitals, failover, breakers, limits } = made;
  broker.createService(
    nodeHost(broker, { vitals, failover, breakers, limits, root: folder, services: folder, shutdown: () => {} }),
  );
  nodes.push(made);
  return made;
}
const reconnect = (from: NodeBroker, nodeID: string, what: string[]) =>
  from.broker.call("node-host.reconnect", { epoch: 1, what }, { nodeID }) as Promise<Record<string, string>>;
const clientId = (text: string) => Number(/client id (\d+)/.exec(text)?.[1]);

describeWith("nats-server", "a node's connection to the bus", () => {
  beforeEach(() => serve(findNatsServer()!, "-a", "127.0.0.1", "-p", String(port)));

  test("is made anew under load: no call fails, none runs twice, no event is lost or comes twice", async () => {
    const [caller, worker] = [node("caller", port), node("worker", port)];
    const runs: number[] = [];
    const heard: number[] = [];
    worker.broker.createService({
      name: "mill",
      actions: { grind: (ctx: Context<{ n: number }>) => runs.push(ctx.params.n) && ctx.params.n },
      events: { "grain.came": (ctx: Context<{ n: number }>) => void heard.push(ctx.params.n) },
    });
    await Promise.all(nodes.map(({ broker }) => broker.start()));
    await caller.broker.waitForServices(["mill"]);
    let made = 0;
    let stop = false;
    const failures: unknown[] = [];
    const callers = Array.from({ length: 16 }, async () => {
      while (!stop) {
        const n = made++;
        void caller.broker.emit("grain.came", { n });
        const answer = await caller.broker.call("mill.grind", { n }).catch((error: unknown) => failures.push(error));
        if (answer !== n) failures.push([n, answer]);
      }
    });
    const seen: Record<string, string>[] = [];
    for (let i = 0; i < 4; i++) {
      await sleep(100);
      seen.push(await reconnect(caller, "worker", ["bus"]));
      seen.push(await reconnect(worker, "caller", ["bus"]));
    }
    await sleep(100);
    stop = true;
    await Promise.all(callers);
    for (const end = Date.now() + 5000; heard.length < made && Date.now() < end; ) await sleep(10);
    await sleep(50);
    expect(failures).toEqual([]);
    expect(made).toBeGreaterThan(200);
    expect(runs.sort((a, b) => a - b)).toEqual(Array.from({ length: made }, (_, n) => n));
    expect(heard.sort((a, b) => a - b)).toEqual(Array.from({ length: made }, (_, n) => n));
    for (const { before, after } of seen) {
      expect(before).toMatch(
        /^bus: connected since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ to 127\.0\.0\.1:\d+, client id \d+$/,
      );
      expect(clientId(after!)).toBeGreaterThan(clientId(before!));
    }
    const tx = worker.broker.transit!.tx as unknown as { connected: boolean };
    expect(tx.connected).toBe(true);
  });

  test("is kept where no new one can be made, and that is told", async () => {
    const only = node("only", port);
    await only.broker.start();
    server.kill("SIGKILL");
    await once(server, "exit");
    await expect(only.broker.call("node-host.reconnect", { epoch: 1, what: ["bus"] })).rejects.toThrow(
      /CONNECTION|refused/i,
    );
    await serve(findNatsServer()!, "-a", "127.0.0.1", "-p", String(port));
    const { before, after } = await reconnect(only, "only", ["bus"]);
    expect([before, after]).toEqual([expect.stringMatching(/connected/), expect.stringMatching(/connected since/)]);
  });

  test("is made anew where it is stuck: calls that were under way are repeated, and new ones get through", async () => {
    const sockets: Socket[] = [];
    const relay = createServer((near) => {
      const far = connect(port, "127.0.0.1");
      sockets.push(near, far);
      near.pipe(far).pipe(near);
      for (const socket of [near, far]) socket.on("error", () => {});
    });
    await once(relay.listen(0, "127.0.0.1"), "listening");
    const [caller, worker] = [node("caller", port), node("worker", (relay.address() as AddressInfo).port)];
    caller.broker.createService({
      name: "purse",
      actions: { count: { idempotent: true, handler: () => 7 } as never },
    });
    worker.broker.createService({ name: "mill", actions: { grind: () => "flour" } });
    await Promise.all(nodes.map(({ broker }) => broker.start()));
    await Promise.all([caller.broker.waitForServices("mill"), worker.broker.waitForServices("purse")]);
    expect(await caller.broker.call("mill.grind")).toBe("flour");
    // Open, but nothing comes through.
    for (const socket of sockets) socket.unpipe().pause();
    const stuck = worker.broker.call("purse.count");
    await expect(caller.broker.call("mill.grind", {}, { timeout: 200 })).rejects.toMatchObject({
      type: "REQUEST_TIMEOUT",
    });
    const renewals = await Promise.all([1, 2].map(() => renewBus(worker.broker)));
    expect(renewals[0]).toBe(renewals[1]);
    expect(await stuck).toBe(7);
    expect(await caller.broker.call("mill.grind")).toBe("flour");
    for (const socket of sockets) socket.destroy();
    relay.close();
  });

  test("lets one node say whether it reaches another", async () => {
    const [caller, worker] = [node("caller", port), node("worker", port)];
    await Promise.all(nodes.map(({ broker }) => broker.start()));
    const reach = (to: string) => caller.broker.call("node-host.reach", { node: to }, { nodeID: "caller" });
    expect(await reach("worker")).toEqual({ reached: true, ms: expect.any(Number) });
    expect(await reach("caller")).toEqual({ reached: true, ms: 0 });
    await worker.broker.stop();
    expect(await reach("worker")).toEqual({ reached: false });
  });
});

describeWith(
  "redis-server",
  "a node's connection to Redis",
  () => {
    let bus: ChildProcess;
    beforeEach(async () => {
      await serve(findNatsServer()!, "-a", "127.0.0.1", "-p", String(port));
      bus = server;
      port = await freePort();
      await serve("redis-server", "--port", String(port), "--bind", "127.0.0.1", "--save", "");
    });
    afterEach(() => void bus.kill("SIGKILL"));

    test("is made anew, and what is cached is still there until it is cleared", async () => {
      const busPort = Number(bus.spawnargs.at(-1));
      const ledger = node("ledger-1", busPort, { AZORA_REDIS_URL: `redis://127.0.0.1:${port}` });
      let asked = 0;
      ledger.broker.createService({
        name: "ledger",
        actions: { get: { cache: { keys: ["n"] }, handler: () => ++asked } },
      });
      await ledger.broker.start();
      const get = () => ledger.broker.call("ledger.get", { n: 1 });
      expect([await get(), await get()]).toEqual([1, 1]);
      const { before, after } = await reconnect(ledger, "ledger-1", ["cache"]);
      expect(before).toMatch(/^cache: Redis at 127\.0\.0\.1:\d+ connected, client id \d+$/);
      expect(clientId(after!)).toBeGreaterThan(clientId(before!));
      expect(await get()).toBe(1);
      expect(await ledger.broker.call("node-host.clearCache", { epoch: 1, name: "ledger" })).toEqual({
        before: "1 entry in the cache",
        after: "0 entries in the cache",
        cleared: 1,
      });
      expect(await get()).toBe(2);
    });
  },
  "redis-server",
);
