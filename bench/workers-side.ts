/**
 * One side of the bench of worker threads, in a process of its own: prints JSON. Arguments: what is measured (`beside` or
 * `throughput`), the side, and where Piscina is.
 */
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { ServiceBroker } from "moleculer";
import { startService } from "../runtime/node-host/service-lifecycle.ts";
import { Workers } from "../runtime/workers/workers.ts";

const BESIDE_MS = 3000;
const LIGHT_EVERY_MS = 2;
const JOBS = 2000;
const AT_ONCE = 4;
const THREADS = 2;
/** Rounds of the heavy function: about 50 ms beside light calls, about 1 ms for throughput. */
const HEAVY = 60_000;
const SMALL = 1_000;

/** The same in every side: hashes in a row, as CPU-heavy work that allocates a little. */
const GRIND = `const { createHash } = require("node:crypto");
const grind = (rounds) => { let hash = Buffer.alloc(32); for (let i = 0; i < rounds; i++) hash = createHash("sha256").update(hash).digest(); return hash.toString("hex"); };`;

const [what, side, piscina] = process.argv.slice(2) as [string, string, string?];
const folder = mkdtempSync(join(tmpdir(), "azora-bench-workers-"));
symlinkSync(resolve("node_modules"), join(folder, "node_modules"));
const put = (name: string, source: string) => {
  writeFileSync(join(folder, name), source);
  return join(folder, name);
};
const file = put(
  "mill.service.cjs",
  `${GRIND}
module.exports = { name: "mill", actions: {
  here: (ctx) => grind(ctx.params.rounds),
  away: { metadata: { worker: true }, handler: (ctx) => grind(ctx.params.rounds) },
  light: () => 1,
} };`,
);
const workers = new Workers({ root: folder, foreign: false, pool: { threads: THREADS } });
const broker = new ServiceBroker({ logger: false, requestTimeout: 0, middlewares: [workers.middleware()] });
await broker.start();
await startService(broker, { file, generation: 0, renamed: {}, children: [] }, folder);

const run = await runner();
for (let i = 0; i < 8; i++) await Promise.all([run(SMALL), run(SMALL)]);
console.log(JSON.stringify(what === "beside" ? await beside() : await throughput()));
await broker.stop();
rmSync(folder, { recursive: true });
process.exit(0);

async function runner(): Promise<(rounds: number) => Promise<unknown>> {
  if (side === "on the event loop") return (rounds) => broker.call("mill.here", { rounds });
  if (side === "nothing beside") return async () => {};
  if (side === "azora's worker threads") return (rounds) => broker.call("mill.away", { rounds });
  if (side === "piscina") {
    const filename = put("piscina.cjs", `${GRIND} module.exports = ({ rounds }) => grind(rounds);`);
    const { Piscina } = await import(pathToFileURL(piscina!).href);
    const pool = new Piscina({ filename, minThreads: THREADS, maxThreads: THREADS });
    return (rounds) => pool.run({ rounds });
  }
  return plainThreads();
}

/** The least that can be done with threads: one message there, one back, to whoever is free. */
function plainThreads(): (rounds: number) => Promise<unknown> {
  const path = put(
    "plain.cjs",
    `${GRIND} const { parentPort } = require("node:worker_threads"); parentPort.on("message", (rounds) => parentPort.postMessage(grind(rounds)));`,
  );
  const free = Array.from({ length: THREADS }, () => new Worker(path));
  const queue: (() => void)[] = [];
  return (rounds) =>
    new Promise((resolve) => {
      const begin = () => {
        const worker = free.pop()!;
        worker.once("message", (result) => {
          free.push(worker);
          resolve(result);
          queue.shift()?.();
        });
        worker.postMessage(rounds);
      };
      if (free.length > 0) begin();
      else queue.push(begin);
    });
}

/** Light calls at a steady rate while heavy ones run one after the other. */
async function beside() {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const latencies: number[] = [];
  const end = performance.now() + BESIDE_MS;
  let heavy = 0;
  delay.enable();
  const grinding = (async () => {
    while (performance.now() < end) {
      await run(HEAVY);
      heavy++;
      await sleep(1);
    }
  })();
  // By the plan and not from the last answer: who comes while the loop stands still waits too.
  for (let due = performance.now(); due < end; due += LIGHT_EVERY_MS) {
    if (performance.now() < due) await sleep(Math.max(0, due - performance.now()));
    await broker.call("mill.light");
    latencies.push(Math.max(0, performance.now() - due));
  }
  await grinding;
  latencies.sort((a, b) => a - b);
  const at = (share: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))]!;
  return { p50: at(0.5), p99: at(0.99), loopP99: Math.max(0, delay.percentile(99) / 1e6 - 1), heavy };
}

async function throughput() {
  const start = performance.now();
  const cpu = process.cpuUsage();
  let left = JOBS;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (left-- > 0) await run(SMALL);
    }),
  );
  const { user, system } = process.cpuUsage(cpu);
  return { cpu: (user + system) / JOBS, perSecond: (JOBS / (performance.now() - start)) * 1000 };
}
