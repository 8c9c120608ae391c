/** From `kill -9` of a node to every other node having dropped it, beside plain Moleculer on NATS. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { ServiceBroker } from "moleculer";
import { freePort } from "../runtime/free-port.ts";
import { TestOrganism } from "../test/support/organism.ts";
import { writeProbes } from "./fixture.ts";
import { goal, medians, type Result } from "./report.ts";

const VICTIM = "stomach-1";
const WITNESSES = ["heart", "lungs", "brain", "muscles", "immune", "nervous"];
const ROOT = resolve(import.meta.dirname, "..");

export async function deathNotice(rounds = 7, plainRounds = 2): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), "azora-bench-"));
  writeProbes(join(folder, "project"));
  const organism = await TestOrganism.create({ AZORA_HEALING_TIME_SCALE: "0.01" });
  const runs: Record<string, number[]> = { azora: [], "plain Moleculer": [] };
  try {
    await organism.up(join(folder, "project"));
    const caller = await organism.join();
    for (let i = 0; i < rounds; i++) {
      const pid = await organism.pid(VICTIM);
      const at = Date.now();
      process.kill(pid, "SIGKILL");
      await organism.until(
        "a new life",
        ({ nodes, status }) =>
          status === "healthy" && nodes.some((node) => node.id === VICTIM && node.pid !== pid && node.status === "up"),
      );
      const seen = await Promise.all(
        WITNESSES.map((organ) => caller.call(`probe-${organ}.seen`) as Promise<{ node: string; at: number }[]>),
      );
      const last = Math.max(...seen.map((list) => list.filter(({ node }) => node === VICTIM).at(-1)!.at));
      runs["azora"]!.push(last - at);
      if (i < plainRounds) runs["plain Moleculer"]!.push(await plain(folder));
      await new Promise((done) => setTimeout(done, 1000));
    }
  } finally {
    await organism.down();
    rmSync(folder, { recursive: true, force: true });
  }
  const middle = medians(runs);
  return {
    name: "death-notice",
    measures: "kill -9 of a node until each of six others has dropped it (Moleculer: until one other has)",
    unit: "ms",
    runs,
    medians: middle,
    goals: [goal("50 ms or less (ms)", middle["azora"]!, middle["azora"]! <= 50)],
  };
}

/** Moleculer's defaults: a heartbeat every 10 s, 30 s without one. */
async function plain(folder: string): Promise<number> {
  const port = await freePort();
  const nats = spawn("nats-server", ["-a", "127.0.0.1", "-p", String(port)], {
    stdio: "ignore",
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
  });
  await new Promise((done) => setTimeout(done, 300));
  const starter = join(folder, "plain.mjs");
  writeFileSync(
    starter,
    `import { ServiceBroker } from ${JSON.stringify(join(ROOT, "node_modules/moleculer/index.mjs"))};
await new ServiceBroker({ nodeID: "victim", transporter: "nats://127.0.0.1:${port}", logger: false }).start();`,
  );
  const witness = new ServiceBroker({
    nodeID: "witness",
    transporter: { type: "NATS", options: { url: `nats://127.0.0.1:${port}` } },
    logger: false,
  });
  await witness.start();
  const victim: ChildProcess = spawn(process.execPath, [starter], { stdio: "ignore" });
  try {
    while (!witness.registry.nodes.get("victim")) await new Promise((done) => setTimeout(done, 20));
    await new Promise((done) => setTimeout(done, 1000));
    const dropped = new Promise<void>((done) => witness.localBus.once("$node.disconnected", () => done()));
    const start = performance.now();
    victim.kill("SIGKILL");
    await dropped;
    return performance.now() - start;
  } finally {
    victim.kill("SIGKILL");
    await witness.stop();
    nats.kill();
  }
}
