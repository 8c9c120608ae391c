import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, jest } from "@jest/globals";
import { freePort } from "../../runtime/free-port.ts";
import { describeWith } from "../support/needs.ts";
import { ORGANS_FIXTURE, TestOrganism } from "../support/organism.ts";

jest.setTimeout(60_000);

const NODE = "heart-1@other";

/** Moleculer's own heartbeat would need 15 s. */
describeWith("nats-server", "a node of another machine that hangs", () => {
  let organism: TestOrganism;
  let nats: ChildProcess;
  let remote: ChildProcess | undefined;
  let pid = 0;
  const elsewhere = mkdtempSync(join(tmpdir(), "azora-elsewhere-"));
  const heard: { event: string; id: string; silentFor: number; confirmedBy: string[]; at: number }[] = [];

  beforeAll(async () => {
    const port = await freePort();
    const url = `nats://azora:secret@127.0.0.1:${port}`;
    nats = spawn("nats-server", ["-a", "127.0.0.1", "-p", String(port), "--user", "azora", "--pass", "secret"], {
      stdio: "ignore",
      env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
    });
    organism = await TestOrganism.create({ AZORA_EVENT_BUS_URL: url });
    await organism.up();
    const { AZORA_EVENT_BUS_URL: _bus, ...env } = organism.env;
    const node = join(import.meta.dirname, "../../node_modules/.bin/node");
    const bin = join(import.meta.dirname, "../../bin/azora.mjs");
    remote = spawn(node, [bin, "node", "heart", ORGANS_FIXTURE, "--bus", url, "--host", "other"], {
      cwd: elsewhere,
      env: { ...env, AZORA_DATA_DIR: join(elsewhere, "data"), AZORA_LOG_DIR: join(elsewhere, "logs") },
      stdio: "ignore",
    });
    const { nodes } = await organism.until(`${NODE} up`, ({ nodes }) =>
      nodes.some(({ id, status }) => id === NODE && status === "up"),
    );
    pid = nodes.find(({ id }) => id === NODE)!.pid;
    const guest = await organism.join();
    const hear = (event: string) => (ctx: { params: object }) => {
      heard.push({ ...(ctx.params as (typeof heard)[number]), event, at: Date.now() });
    };
    guest.createService({
      name: "ear",
      events: {
        "health.node.unreachable": hear("unreachable"),
        "health.node.reachable": hear("reachable"),
      },
    });
  });
  afterAll(async () => {
    if (remote) {
      const gone = new Promise((resolve) => remote!.once("exit", resolve));
      if (pid > 0) process.kill(pid, "SIGCONT");
      remote.kill("SIGINT");
      await gone;
    }
    await organism.down();
    nats.kill();
    rmSync(elsewhere, { recursive: true, force: true });
  });

  async function until(event: string, timeout: number): Promise<(typeof heard)[number]> {
    for (const end = Date.now() + timeout; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 20))) {
      const found = heard.find((one) => one.event === event && one.id === NODE);
      if (found) return found;
    }
    throw new Error(`no ${event} within ${timeout} ms; heard ${JSON.stringify(heard)}\n${organism.logTail()}`);
  }

  const statusOf = (nodes: readonly { id: string; status: string }[]) => nodes.find(({ id }) => id === NODE)?.status;

  it("is given up within a few seconds, and is back when it goes on", async () => {
    // Some heartbeats come in time first: nobody is suspected.
    await new Promise((resolve) => setTimeout(resolve, 4000));
    expect(heard).toEqual([]);
    const stopped = Date.now();
    process.kill(pid, "SIGSTOP");
    const found = await until("unreachable", 10_000);
    expect(found.at - stopped).toBeLessThan(7000);
    expect(found.silentFor).toBeGreaterThan(1500);
    expect(found.confirmedBy.length).toBeGreaterThan(0);
    await organism.until(`${NODE} given up`, ({ nodes }) => statusOf(nodes) !== "up", 10_000);
    const caller = await organism.join();
    const calls = Array.from({ length: 20 }, () => caller.call("ledger.read", {}, { timeout: 5000 }));
    expect(new Set(await Promise.all(calls)).size).toBe(1);
    process.kill(pid, "SIGCONT");
    await until("reachable", 15_000);
    await organism.until(`${NODE} up again`, ({ nodes }) => statusOf(nodes) === "up", 10_000);
    // It wakes to the notice of its own death, and must not believe it.
    const ledger = () =>
      organism.get<{ instances: { node: string; status: string }[] }>("/orchestrator/services/ledger");
    const isHealthy = async () =>
      (await ledger()).instances.some(({ node, status }) => node === NODE && status === "healthy");
    for (const end = Date.now() + 15_000; Date.now() < end && !(await isHealthy()); )
      await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await ledger()).instances).toContainEqual(expect.objectContaining({ node: NODE, status: "healthy" }));
    expect(heard.map(({ event, id }) => `${id} ${event}`)).toEqual([`${NODE} unreachable`, `${NODE} reachable`]);
  });
});
