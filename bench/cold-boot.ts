/** Cold boot of 60 services: Azora on seven nodes, beside PM2 with a process for each, on the same bus. */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { ServiceBroker } from "moleculer";
import { freePort } from "../runtime/free-port.ts";
import { TestOrganism } from "../test/support/organism.ts";
import { writeServices } from "./fixture.ts";
import { goal, medians, type Result } from "./report.ts";

const SERVICES = 60;
const ROOT = resolve(import.meta.dirname, "..");

export async function coldBoot(rounds = 3): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), "azora-bench-"));
  const files = writeServices(join(folder, "project"), SERVICES);
  const pm2 = installPm2(join(folder, "pm2"));
  const time: Record<string, number[]> = { azora: [], "azora, first start ever": [], pm2: [] };
  const memory: Record<string, number[]> = { azora: [], pm2: [] };
  try {
    for (let i = 0; i < rounds; i++) {
      const ours = await bootAzora(join(folder, "project"));
      time["azora"]!.push(ours.ms);
      const first = await bootAzora(join(folder, "project"), { XDG_CACHE_HOME: join(folder, `cache-${i}`) });
      time["azora, first start ever"]!.push(first.ms);
      memory["azora"]!.push(ours.megabytes);
      const theirs = await bootPm2(pm2, folder, files);
      time["pm2"]!.push(theirs.ms);
      memory["pm2"]!.push(theirs.megabytes);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const byTime = medians(time);
  const bySize = medians(memory);
  const faster = byTime["pm2"]! / byTime["azora"]!;
  const smaller = bySize["pm2"]! / bySize["azora"]!;
  return {
    name: "cold-boot",
    measures: `from the command to all of ${SERVICES} services being healthy, with discovery`,
    unit: "ms",
    runs: time,
    medians: byTime,
    goals: [
      goal("within 4 s on two cores (ms)", byTime["azora"]!, byTime["azora"]! <= 4000),
      goal("at least 4 times faster than PM2 (times)", faster, faster >= 4),
      goal("at least 4 times smaller than PM2 (times)", smaller, smaller >= 4),
    ],
    notes: [
      "the first start ever has no compiled code in the cache yet",
      `memory of all processes, proportional set size: Azora ${bySize["azora"]} MB, PM2 ${bySize["pm2"]} MB (its own daemon included)`,
    ],
  };
}

async function bootAzora(
  project: string,
  env: Record<string, string> = {},
): Promise<{ ms: number; megabytes: number }> {
  const organism = await TestOrganism.create({ AZORA_HEALTH_INTERVAL: "5000", ...env });
  try {
    const start = performance.now();
    await organism.up(project);
    const { services } = await organism.status();
    if (services["healthy"] !== services["total"]) throw new Error(`not all healthy: ${JSON.stringify(services)}`);
    const ms = performance.now() - start;
    return { ms, megabytes: megabytesOf([...organism.processes(), organism.natsPid()].filter(Boolean)) };
  } finally {
    await organism.down();
  }
}

function installPm2(folder: string): string {
  execFileSync("mkdir", ["-p", folder]);
  writeFileSync(join(folder, "package.json"), "{}");
  execFileSync("npm", ["install", "--no-audit", "--no-fund", "pm2@latest"], { cwd: folder, stdio: "ignore" });
  return join(folder, "node_modules/pm2/bin/pm2");
}

async function bootPm2(pm2: string, folder: string, files: string[]): Promise<{ ms: number; megabytes: number }> {
  const port = await freePort();
  const nats = spawn("nats-server", ["-a", "127.0.0.1", "-p", String(port)], {
    stdio: "ignore",
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
  });
  await new Promise((done) => setTimeout(done, 300));
  const starter = join(folder, "start.mjs");
  writeFileSync(
    starter,
    `import { ServiceBroker } from ${JSON.stringify(join(ROOT, "node_modules/moleculer/index.mjs"))};
const { default: schema } = await import(process.env.SERVICE);
const broker = new ServiceBroker({ nodeID: schema.name, transporter: "nats://127.0.0.1:${port}", logger: false });
broker.createService(schema);
await broker.start();
`,
  );
  const env = { ...process.env, PM2_HOME: join(folder, "pm2-home") };
  const apps = files.map((file, i) => ({
    name: `bench-${i}`,
    script: starter,
    interpreter: process.execPath,
    env: { SERVICE: file },
  }));
  writeFileSync(join(folder, "apps.json"), JSON.stringify({ apps }));
  const watcher = new ServiceBroker({
    nodeID: "watcher",
    transporter: { type: "NATS", options: { url: `nats://127.0.0.1:${port}` } },
    logger: false,
    requestTimeout: 2000,
  });
  await watcher.start();
  try {
    const start = performance.now();
    execFileSync(process.execPath, [pm2, "start", join(folder, "apps.json")], { env, stdio: "ignore" });
    await watcher.waitForServices(
      files.map((_, i) => `bench-${i}`),
      120_000,
      20,
    );
    await Promise.all(files.map((_, i) => watcher.call(`bench-${i}.health`)));
    const ms = performance.now() - start;
    return { ms, megabytes: megabytesOf(processesWith(`PM2_HOME=${env.PM2_HOME}`)) };
  } finally {
    execFileSync(process.execPath, [pm2, "kill"], { env, stdio: "ignore" });
    await watcher.stop();
    nats.kill();
  }
}

function processesWith(mark: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, "utf8").includes(mark);
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Proportional set size: what processes share counts once. */
export function megabytesOf(pids: readonly number[]): number {
  let kilobytes = 0;
  for (const pid of pids) {
    try {
      kilobytes += Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1] ?? 0);
    } catch {
      // it has ended meanwhile
    }
  }
  return kilobytes / 1024;
}
