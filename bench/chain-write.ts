/** Durable audit entries: the chain, PostgreSQL with a hash-chain trigger, and a file of JSON lines with fsync. */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../runtime/clock.ts";
import { LogKeys } from "../services/immune/blockchain-logger/keys/log-keys.ts";
import { AuditLog } from "../services/immune/blockchain-logger/log/audit-log.ts";
import { systemDisk } from "../services/immune/blockchain-logger/log/disk.ts";
import { DATA } from "./chain-data.ts";
import { type Load, Postgres, postgresPrograms } from "./postgres.ts";
import { goal, median, medians, p99s, type Result, round } from "./report.ts";

const CALLERS = 64;
/** As many at once as the other side's batches hold. */
const MANY = 1024;
const ENTRIES = 60_000;
const ALONE = 1000;
const SECONDS = 2;
const BATCH = 256;

export async function chainWrite(rounds = 5): Promise<Result[]> {
  const programs = postgresPrograms();
  const postgres = programs ? await Postgres.start(programs) : undefined;
  const names = ["azora, 64 callers", "azora, 1024 callers", "azora, 1 caller", "NDJSON, fsync a line"];
  if (postgres) names.push("PostgreSQL, 64 clients, a row a commit", `PostgreSQL, ${BATCH} rows a commit`);
  const loads = new Map<string, Load[]>(names.map((name) => [name, []]));
  const sides: (() => Promise<Load> | Load)[] = [
    () => azora(CALLERS, ENTRIES),
    () => azora(MANY, ENTRIES),
    () => azora(1, ALONE),
    () => ndjson(),
    ...(postgres
      ? [
          () => postgres.load(JSON.stringify(DATA), CALLERS, 1, SECONDS),
          () => postgres.load(JSON.stringify(DATA), 4, BATCH, SECONDS),
        ]
      : []),
  ];
  try {
    for (let round = 0; round < rounds; round++) {
      for (const [at, name] of names.entries()) loads.get(name)!.push(await sides[at]!());
    }
  } finally {
    postgres?.close();
  }
  return [rates(loads, postgres !== undefined), latencies(loads)];
}

function rates(loads: Map<string, Load[]>, hasPostgres: boolean): Result {
  const runs = Object.fromEntries(
    [...loads].map(([name, all]) => [name, all.map(({ perSecond }) => round(perSecond))]),
  );
  const of = medians(runs);
  const own = of["azora, 64 callers"]!;
  const beside = Object.entries(of).filter(([name]) => !name.startsWith("azora"));
  return {
    name: "chain-write",
    measures: `durable acknowledged audit entries with ${JSON.stringify(DATA).length} bytes of data`,
    unit: "entries/s",
    runs,
    medians: of,
    goals: [goal("durable entries from 64 callers, at least 40000 a second", own, own >= 40_000)],
    notes: [
      ...beside.map(([name, rate]) => `${round(own / rate)} times ${name}`),
      ...(hasPostgres ? [] : ["PostgreSQL is not installed: apt-get install postgresql"]),
    ],
  };
}

function latencies(loads: Map<string, Load[]>): Result {
  const runs = Object.fromEntries([...loads].map(([name, all]) => [name, all.map(({ p99 }) => round(p99))]));
  const p99 = median(loads.get("azora, 64 callers")!.map((load) => load.p99));
  const alone = median(loads.get("azora, 1 caller")!.map((load) => load.p50));
  return {
    name: "chain-write-latency",
    measures: "99th percentile of the time until an audit entry is acknowledged as durable",
    unit: "ms",
    runs,
    medians: medians(runs),
    p99: p99s(runs),
    goals: [
      goal("p99 with 64 callers, at most 10 ms", p99, p99 <= 10),
      goal("p50 with one caller, at most 2 ms", alone, alone <= 2),
    ],
  };
}

async function azora(callers: number, entries: number): Promise<Load> {
  const folder = mkdtempSync(join(tmpdir(), "azora-bench-"));
  const log = await AuditLog.open({
    folder: join(folder, "chain"),
    keys: LogKeys.open(join(folder, "keys"), "azora.local/bench", ["ed25519", "rsa-pss-3072"], ""),
    signedFile: join(folder, "keys", "signed.json"),
    validator: "immune-1",
    disk: systemDisk,
    clock: systemClock,
    onPublished: ({ checkpoint }) => log.forget(checkpoint.size),
  });
  const times: number[] = [];
  let left = entries;
  const start = performance.now();
  const caller = async () => {
    while (left-- > 0) {
      const begun = performance.now();
      await log.log("mint.transaction.done", DATA);
      times.push(performance.now() - begun);
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  const ms = performance.now() - start;
  await log.close();
  rmSync(folder, { recursive: true });
  return loadOf(times, ms);
}

function ndjson(): Load {
  const folder = mkdtempSync(join(tmpdir(), "azora-bench-"));
  const file = openSync(join(folder, "audit.ndjson"), "a");
  const times: number[] = [];
  const start = performance.now();
  while (performance.now() - start < SECONDS * 1000) {
    const begun = performance.now();
    writeSync(file, `${JSON.stringify({ at: new Date().toISOString(), type: "mint.transaction.done", data: DATA })}\n`);
    fdatasyncSync(file);
    times.push(performance.now() - begun);
  }
  const ms = performance.now() - start;
  closeSync(file);
  rmSync(folder, { recursive: true });
  return loadOf(times, ms);
}

function loadOf(times: number[], ms: number): Load {
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.floor(times.length * share)]!;
  return { perSecond: (times.length / ms) * 1000, p50: at(0.5), p99: at(0.99) };
}
