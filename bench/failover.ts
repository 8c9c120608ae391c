/** Under load: a replica is killed, and a service restarted in place; what becomes of 10,000 calls. */
import { readFileSync } from "node:fs";
import type { ServiceBroker } from "moleculer";
import { ORGANS_FIXTURE, TestOrganism } from "../test/support/organism.ts";
import { goal, medians, type Result } from "./report.ts";

const CALLS = 10_000;
const CALLERS = 32;

export async function failover(rounds = 5): Promise<Result[]> {
  const organism = await TestOrganism.create({ AZORA_HEALING_TIME_SCALE: "0.01" });
  try {
    await organism.up(ORGANS_FIXTURE);
    const caller = await organism.join();
    return [
      await replicaKilled(organism, caller),
      await inPlace(organism, caller, rounds),
      await freshService(organism, caller, rounds),
    ];
  } finally {
    await organism.down();
  }
}

async function replicaKilled(organism: TestOrganism, caller: ServiceBroker): Promise<Result> {
  await organism.post("/orchestrator/scale/heart", { replicas: 2 });
  const reads = load(CALLS, (i) => caller.call("ledger.read", { i }));
  const writes = load(CALLS / 10, (i) => caller.call("ledger.write", { id: `bench-${i}` }));
  await new Promise((done) => setTimeout(done, 150));
  process.kill(await organism.pid("heart-2"), "SIGKILL");
  const [read, written] = await Promise.all([reads, writes]);
  const done = readFileSync(organism.env["FIXTURE_LEDGER"]!, "utf8").trim().split("\n");
  const twice = done.length - new Set(done).size;
  const failed = Object.values(read.failed).reduce((a, b) => a + b, 0);
  await organism.untilHealthy();
  await organism.post("/orchestrator/scale/heart", { replicas: 1 });
  return {
    name: "replica-killed",
    measures: `kill -9 of one of two replicas under ${CALLS} retryable and ${CALLS / 10} other calls`,
    unit: "calls",
    runs: {
      "retryable failed": [failed],
      "others of unknown outcome": [written.failed["OUTCOME_UNKNOWN"] ?? 0],
      "others run twice": [twice],
    },
    medians: {
      "retryable failed": failed,
      "others of unknown outcome": written.failed["OUTCOME_UNKNOWN"] ?? 0,
      "others run twice": twice,
    },
    goals: [
      goal("retryable calls that fail", failed, failed === 0),
      goal("other actions that run twice", twice, twice === 0),
    ],
    notes: [`failures of the others: ${JSON.stringify(written.failed)}`],
  };
}

async function inPlace(organism: TestOrganism, caller: ServiceBroker, rounds: number): Promise<Result> {
  const runs: Record<string, number[]> = { "in place": [] };
  let failed = 0;
  for (let i = 0; i < rounds; i++) {
    const calls = load(CALLS, (n) => caller.call("ledger.read", { n }));
    await new Promise((done) => setTimeout(done, 50));
    const { body } = await organism.post<{ duration: number }>("/orchestrator/restart/ledger");
    runs["in place"]!.push(body.duration);
    failed += Object.values((await calls).failed).reduce((a, b) => a + b, 0);
  }
  const middle = medians(runs);
  return {
    name: "in-place-restart",
    measures: `restart of a service in its process, under ${CALLS} calls each time`,
    unit: "ms",
    runs,
    medians: middle,
    goals: [
      goal("20 ms or less (ms)", middle["in place"]!, middle["in place"]! <= 20),
      goal(`failed of ${rounds * CALLS} calls`, failed, failed === 0),
    ],
  };
}

/** From the command that starts a service to its first answer to a caller in another process. */
async function freshService(organism: TestOrganism, caller: ServiceBroker, rounds: number): Promise<Result> {
  const runs: Record<string, number[]> = { fresh: [] };
  for (let i = 0; i < rounds; i++) {
    await organism.post("/orchestrator/stop/mill");
    while (caller.registry.actions.isAvailable("mill.grind")) await new Promise((done) => setTimeout(done, 2));
    const start = performance.now();
    const started = organism.post("/orchestrator/start/mill");
    while (!(await caller.call("mill.grind").catch(() => undefined))) await new Promise((done) => setImmediate(done));
    runs["fresh"]!.push(performance.now() - start);
    await started;
  }
  const middle = medians(runs);
  return {
    name: "fresh-service",
    measures: "from the command to start a service to its first answer to another process",
    unit: "ms",
    runs,
    medians: middle,
    goals: [goal("50 ms or less (ms)", middle["fresh"]!, middle["fresh"]! <= 50)],
  };
}

async function load(
  count: number,
  call: (i: number) => Promise<unknown>,
): Promise<{ done: number; failed: Record<string, number> }> {
  const result = { done: 0, failed: {} as Record<string, number> };
  let next = 0;
  await Promise.all(
    Array.from({ length: CALLERS }, async () => {
      while (next < count) {
        await call(next++).then(
          () => result.done++,
          (error: { type?: string; message: string }) => {
            const type = error.type ?? error.message;
            result.failed[type] = (result.failed[type] ?? 0) + 1;
          },
        );
      }
    }),
  );
  return result;
}
