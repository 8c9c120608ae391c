import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { readBus } from "../../../runtime/bus.ts";
import type { Organism } from "../../../runtime/organism.ts";
import { identify, isAlive, signal } from "../../../runtime/process-identity.ts";
import { findNatsServer, NatsServer, newServerState } from "../../../spine/nats-server.ts";
import { describeWith } from "../../support/needs.ts";
import { Cluster, failureOf } from "../failover/cluster.ts";

let organism: Organism;
let log: string[];
beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), "azora-nats-"));
  organism = {
    namespace: "n",
    dataDir: folder,
    logDir: join(folder, "logs"),
    runFolder: join(folder, "run"),
    dev: false,
  };
  log = [];
});
afterEach(() => rmSync(organism.dataDir, { recursive: true, force: true }));
const serverWith = async (program: string, state = newServerState()) =>
  new NatsServer(organism, program, await state, (message) => log.push(message));

describeWith("nats-server", "the private bus", () => {
  let server: NatsServer;
  let clusters: Cluster[];
  beforeEach(async () => {
    server = await serverWith(findNatsServer()!);
    await server.start();
    clusters = [];
  });
  afterEach(async () => {
    await Promise.all(clusters.map((cluster) => cluster.stop()));
    await server.stop();
  });

  test("tells its address and credentials to nobody but the owner", () => {
    expect(readBus(organism.runFolder)).toMatchObject({
      kind: "nats",
      url: server.url,
      server: { port: server.state.port },
    });
    for (const file of ["bus.json", "nats.conf"])
      expect(statSync(join(organism.runFolder, file)).mode & 0o777).toBe(0o600);
  });

  test("is adopted by another spine, which starts none beside it", async () => {
    const { process: former } = server.state;
    const heir = await serverWith(findNatsServer()!, Promise.resolve(structuredClone(server.state)));
    await heir.start();
    expect([heir.state.process, isAlive(former!)]).toEqual([former, true]);
    await heir.stop();
    expect(isAlive(former!)).toBe(false);
  });

  test("carries calls between nodes, through its own death", async () => {
    const cluster = new Cluster({ kind: "nats", url: server.url });
    clusters.push(cluster);
    await cluster.start("w1", "w2");
    expect(["w1", "w2"]).toContain(await cluster.broker.call("worker.quick"));
    const { port, process: former } = server.state;
    const unknown = failureOf(cluster.broker.call("worker.pay"));
    await cluster.runningOn("pay");
    signal(former!, "SIGKILL");
    const since = Date.now();
    expect((await unknown).type).toBe("OUTCOME_UNKNOWN");
    const failures: unknown[] = [];
    let answered = 0;
    while (answered < 50 && failures.length === 0)
      await cluster.broker.call("worker.quick").then(
        () => answered++,
        (error) => failures.push(error),
      );
    expect(failures).toEqual([]);
    expect(Date.now() - since).toBeLessThan(5000);
    expect(server.state.port).toBe(port);
    expect(server.state.process!.pid).not.toBe(former!.pid);
    expect(cluster.runs().filter((run) => run.startsWith("pay"))).toHaveLength(1);
  });

  test("sends nothing to a node that dies before it is heard of again: its calls go to another", async () => {
    const cluster = new Cluster({ kind: "nats", url: server.url });
    clusters.push(cluster);
    await cluster.start("w1", "w2");
    cluster.broker.localBus.emit("$transporter.reconnecting");
    const calls = Array.from({ length: 4 }, () => cluster.broker.call("worker.pay"));
    await cluster.until("they are held", () => cluster.failover.holds.held === 4);
    cluster.kill("w1");
    expect(await Promise.all(calls)).toEqual(["w2", "w2", "w2", "w2"]);
    expect(cluster.runs()).toEqual(["pay w2", "pay w2", "pay w2", "pay w2"]);
  });
});

describe("a bus that cannot be started", () => {
  test("is tried again after a while, and not without a pause", async () => {
    const [count, program] = [join(organism.dataDir, "count"), join(organism.dataDir, "bad-server")];
    writeFileSync(program, `#!/bin/sh\necho started >> ${count}\nexit 1\n`);
    chmodSync(program, 0o755);
    const running = spawn("sleep", ["60"]);
    const state = { ...(await newServerState()), process: identify(running.pid!)! };
    const server = await serverWith(program, Promise.resolve(state));
    await server.start();
    running.kill("SIGKILL");
    await once(running, "exit");
    await sleep(1000);
    await server.stop();
    expect(existsSync(count)).toBe(true);
    const starts = readFileSync(count, "utf8").trim().split("\n").length;
    expect(starts).toBeGreaterThanOrEqual(1);
    expect(starts).toBeLessThanOrEqual(3);
    await sleep(50);
  });

  test("is told when it is needed first", async () => {
    const server = await serverWith("/bin/false");
    await expect(server.start()).rejects.toThrow("nats-server ended with exit code 1");
    await server.stop();
  });
});
