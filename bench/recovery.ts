/** From `kill -9` of a node without replica to all its services healthy again, beside the bare start of such a node. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { ServiceBroker } from "moleculer";
import { freePort } from "../runtime/free-port.ts";
import { TestOrganism } from "../test/support/organism.ts";
import { writeServices } from "./fixture.ts";
import { goal, medians, type Result } from "./report.ts";

const SERVICES = 35;
const NODE = "heart-1";
const ROOT = resolve(import.meta.dirname, "..");

export async function recovery(rounds = 7): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), "azora-bench-"));
  const files = writeServices(join(folder, "project"), SERVICES).filter((file) => file.includes("/heart/"));
  const organism = await TestOrganism.create({ AZORA_HEALING_TIME_SCALE: "0.01", AZORA_HEALTH_INTERVAL: "5000" });
  const runs: Record<string, number[]> = { azora: [], "bare start": [] };
  try {
    await organism.up(join(folder, "project"));
    for (let i = 0; i < rounds; i++) {
      await new Promise((done) => setTimeout(done, 1500));
      runs["azora"]!.push(await killAndWait(organism));
      runs["bare start"]!.push(await bareStart(folder, files));
    }
  } finally {
    await organism.down();
    rmSync(folder, { recursive: true, force: true });
  }
  const middle = medians(runs);
  const ratio = middle["azora"]! / middle["bare start"]!;
  return {
    name: "recovery",
    measures: `kill -9 of a node with ${files.length} services until all are healthy, beside starting plain Moleculer with the same services until all answer`,
    unit: "ms",
    runs,
    medians: middle,
    goals: [goal("within 1.3 times the bare start (times)", ratio, ratio <= 1.3)],
  };
}

async function killAndWait(organism: TestOrganism): Promise<number> {
  const { pid, incarnation } = await organism.node(NODE);
  const start = performance.now();
  process.kill(pid, "SIGKILL");
  for (;;) {
    const { nodes, status } = await organism.status();
    const node = nodes.find(({ id }) => id === NODE)!;
    if (node.incarnation > incarnation && node.status === "up" && status === "healthy")
      return performance.now() - start;
    await new Promise((done) => setTimeout(done, 5));
  }
}

async function bareStart(folder: string, files: string[]): Promise<number> {
  const port = await freePort();
  const nats = spawn("nats-server", ["-a", "127.0.0.1", "-p", String(port)], {
    stdio: "ignore",
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
  });
  await new Promise((done) => setTimeout(done, 300));
  const starter = join(folder, "bare.mjs");
  writeFileSync(
    starter,
    `import { ServiceBroker } from ${JSON.stringify(join(ROOT, "node_modules/moleculer/index.mjs"))};
const broker = new ServiceBroker({ nodeID: "bare", transporter: "nats://127.0.0.1:${port}", logger: false, dependencyInterval: 50, transit: { serviceChangedDebounceTime: 10 } });
for (const file of ${JSON.stringify(files)}) broker.createService((await import(file)).default);
await broker.start();
process.on("SIGTERM", () => process.exit(0));
`,
  );
  const watcher = new ServiceBroker({
    nodeID: "watcher",
    transporter: { type: "NATS", options: { url: `nats://127.0.0.1:${port}` } },
    logger: false,
  });
  await watcher.start();
  let child: ChildProcess | undefined;
  try {
    const names = files.map((file) => /(bench-\d+)\.service/.exec(file)![1]!);
    const start = performance.now();
    child = spawn(process.execPath, [starter], { stdio: "ignore" });
    await watcher.waitForServices(names, 60_000, 5);
    await Promise.all(names.map((name) => watcher.call(`${name}.health`)));
    return performance.now() - start;
  } finally {
    child?.kill();
    await watcher.stop();
    nats.kill();
  }
}
