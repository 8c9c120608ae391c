/** From a fault to all healthy again, for each kind of fault, beside plain Moleculer under PM2. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ServiceBroker } from "moleculer";
import { TestOrganism } from "../test/support/organism.ts";
import { HEAP_LIMIT_MB, LEAK_RATE_MB, ORGANS, type Organ, PATIENTS, writePatients } from "./patients.ts";
import { goal, medians, p99s, type Result } from "./report.ts";
import { installPm2, UnderPm2 } from "./under-pm2.ts";

/** How often each witness is asked, ms; nobody waits for the answer to the question before. */
const ASK_EVERY_MS = 20;
/** Long: a watcher whose calls time out would have its own breaker opened, and measure that. */
const CALL_TIMEOUT_MS = 10_000;
/** Whoever has not healed by then counts as not healing. */
const LIMIT_MS = 60_000;
/** Rounds that would begin after this time of the whole bench are left out. */
const BUDGET_MS = 6.5 * 60_000;
/** Between two faults: the next one is another, not the same again. */
const PAUSE_MS = 1500;

interface Side {
  call(action: string, timeout: number): Promise<unknown>;
}

interface Fault {
  name: string;
  measures: string;
  organ: Organ;
  /** Action that shows the healing: it answers with another process's pid than before. */
  seenBy: readonly string[];
  strike(side: Side, pid: number): unknown;
  /** Sides that are known never to heal are waited for once. */
  never?: string;
  /** Most that the median may be, ms; else it is compared with PM2's. */
  within?: number;
  /** It takes its time to do harm: what is compared is the time without an answer. */
  slow?: true;
}

const whoOf = (organ: Organ) => PATIENTS[organ].map((name) => `${name}.who`);
const kill = (_side: Side, pid: number) => process.kill(pid, "SIGKILL");

const FAULTS: readonly Fault[] = [
  {
    name: "crash",
    measures: "kill -9 of a process with 5 services, until all of them answer",
    organ: "heart",
    seenBy: whoOf("heart"),
    strike: kill,
  },
  {
    name: "dependency-down",
    measures: "kill -9 of the process of a dependency, until the dependent in another process answers with its help",
    organ: "heart",
    seenBy: ["asker.ask"],
    strike: kill,
  },
  {
    name: "hang",
    measures: "a process with 5 services is stopped (SIGSTOP), until all of them answer",
    organ: "heart",
    seenBy: whoOf("heart"),
    strike: (_side, pid) => process.kill(pid, "SIGSTOP"),
    never: "pm2",
    within: 6000,
  },
  {
    name: "leak",
    measures: `a service leaks ${LEAK_RATE_MB} MB a second until its process dies (heap limit ${HEAP_LIMIT_MB} MB), from the first byte until it and its neighbour answer`,
    organ: "muscles",
    seenBy: whoOf("muscles"),
    strike: (side) => side.call("leaky.leak", CALL_TIMEOUT_MS),
    slow: true,
  },
];

export async function healing(rounds = 7): Promise<Result[]> {
  const folder = mkdtempSync(join(tmpdir(), "azora-bench-"));
  const end = Date.now() + BUDGET_MS;
  // Both sides keep the heap small, so that a leak kills within seconds.
  const organism = await TestOrganism.create({
    AZORA_HEALING_TIME_SCALE: "0.01",
    AZORA_HEALTH_INTERVAL: "5000",
    NODE_OPTIONS: `--max-old-space-size=${HEAP_LIMIT_MB}`,
  });
  let pm2: UnderPm2 | undefined;
  try {
    const files = writePatients(join(folder, "project"));
    const missing = await installPm2(folder);
    if (!missing) pm2 = await UnderPm2.start(folder, files);
    await organism.up(join(folder, "project"));
    const guest = await organism.join();
    const sides: Record<string, Side> = { azora: azoraSide(guest), ...(pm2 ? { pm2 } : {}) };
    const results: Result[] = [];
    for (const fault of FAULTS) {
      const result = await measure(fault, sides, rounds, end);
      if (missing) result.notes!.push(`plain Moleculer under PM2 was left out: PM2 could not be had (${missing})`);
      results.push(result);
    }
    return results;
  } finally {
    await pm2?.close();
    await organism.down();
    rmSync(folder, { recursive: true, force: true });
  }
}

function azoraSide(guest: ServiceBroker): Side {
  return { call: (action, timeout) => guest.call(action, {}, { timeout }) };
}

async function measure(fault: Fault, sides: Record<string, Side>, rounds: number, end: number): Promise<Result> {
  const runs: Record<string, number[]> = {};
  const notes: string[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const [name, side] of Object.entries(sides)) {
      if (name === fault.never && round > 0) continue;
      if (Date.now() > end) {
        notes.push(`round ${round + 1} of ${name} was left out: the bench had taken its time`);
        continue;
      }
      await ready(side);
      const { took, outage, pid } = await strike(fault, side);
      const figures = { [name]: took, ...(fault.slow ? { [`${name}, without an answer`]: outage } : {}) };
      for (const [figure, value] of Object.entries(figures)) runs[figure] = [...(runs[figure] ?? []), value];
      if (took < LIMIT_MS) continue;
      notes.push(`${name} had not healed within ${LIMIT_MS / 1000} s${name === fault.never ? "; asked once" : ""}`);
      killQuietly(pid);
    }
  }
  const middle = medians(runs);
  return {
    name: `healing-${fault.name}`,
    measures: fault.measures,
    unit: "ms",
    runs,
    medians: middle,
    p99: p99s(runs),
    goals: goalsOf(fault, middle),
    notes,
  };
}

function goalsOf({ within, slow }: Fault, middle: Record<string, number>): Result["goals"] {
  const of = (side: string) => middle[slow ? `${side}, without an answer` : side];
  const [azora, pm2] = [of("azora") ?? LIMIT_MS, of("pm2")];
  if (within !== undefined) return [goal(`healed within ${within / 1000} s (ms)`, azora, azora <= within)];
  return pm2 === undefined ? [] : [goal("share of PM2's time, at most 1", azora / pm2, azora <= pm2)];
}

/** Makes the fault and waits until every witness answers from a new process. */
async function strike(fault: Fault, side: Side): Promise<{ took: number; outage: number; pid: number }> {
  const pid = (await side.call(`${PATIENTS[fault.organ][0]}.who`, CALL_TIMEOUT_MS)) as number;
  const start = performance.now();
  let lastGood = start;
  const heals = async (action: string): Promise<number> => {
    let healedAt: number | undefined;
    const ask = async () => {
      const answer = await side.call(action, CALL_TIMEOUT_MS).catch(() => undefined);
      if (answer === pid) lastGood = performance.now();
      else if (typeof answer === "number") healedAt ??= performance.now();
    };
    while (healedAt === undefined && performance.now() - start < LIMIT_MS) {
      void ask();
      await new Promise((done) => setTimeout(done, ASK_EVERY_MS));
    }
    return healedAt ?? start + LIMIT_MS;
  };
  await fault.strike(side, pid);
  const healed = Math.max(...(await Promise.all(fault.seenBy.map(heals))));
  return { took: healed - start, outage: healed - lastGood, pid };
}

/** Everything answers, and has done so for a while. */
async function ready(side: Side): Promise<void> {
  const all = [...ORGANS.flatMap(whoOf), "asker.ask"];
  for (const end = Date.now() + LIMIT_MS; Date.now() < end; ) {
    const answers = await Promise.all(all.map((action) => side.call(action, 1000).catch(() => undefined)));
    if (answers.every(Boolean)) break;
    await new Promise((done) => setTimeout(done, 100));
  }
  await new Promise((done) => setTimeout(done, PAUSE_MS));
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // gone already
  }
}
