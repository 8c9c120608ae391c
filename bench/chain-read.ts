/** Checking and reading long logs: verification on one core and on two, proofs, and the start of a log of a million entries. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { systemClock } from "../runtime/clock.ts";
import { LogKeys } from "../services/immune/blockchain-logger/keys/log-keys.ts";
import { AuditLog } from "../services/immune/blockchain-logger/log/audit-log.ts";
import { systemDisk } from "../services/immune/blockchain-logger/log/disk.ts";
import { TileLayout } from "../services/immune/blockchain-logger/log/tile-layout.ts";
import { leafHash } from "../tlog/hashes.ts";
import { LogReader } from "../tlog/log-reader.ts";
import { inclusionProof, rootAt, verifyInclusion } from "../tlog/proofs.ts";
import { DATA } from "./chain-data.ts";
import { goal, median, medians, type Result, round } from "./report.ts";

const ENTRIES = 1_000_000;
const LARGE = 10_000_000;
const PROOFS = 1000;
const BLOCKS = 1000;
const VERIFIER = join(import.meta.dirname, "chain-verify-side.ts");
const WRITER = join(import.meta.dirname, "../test/fixtures/chain-writer.ts");

export async function chainRead(rounds = 5): Promise<Result[]> {
  const folder = mkdtempSync(join(tmpdir(), "azora-bench-"));
  try {
    await fill(folder, ENTRIES);
    return [await verification(folder, rounds), await starts(folder, rounds), proofs(rounds)];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function verification(folder: string, rounds: number): Promise<Result> {
  const small = mkdtempSync(join(tmpdir(), "azora-bench-"));
  await fill(small, BLOCKS * 256);
  const runs: Record<string, number[]> = { "one core": [], "two cores": [] };
  const blocks: number[] = [];
  const memory: number[] = [];
  for (let at = 0; at < rounds; at++) {
    for (const [name, workers] of [
      ["one core", 0],
      ["two cores", 2],
    ] as const) {
      const { size, seconds, megabytes } = verified(folder, workers);
      runs[name]!.push(Math.round(size / seconds));
      memory.push(megabytes);
    }
    blocks.push(verified(small, 2).seconds);
  }
  rmSync(small, { recursive: true });
  const of = medians(runs);
  const ratio = median(runs["two cores"]!.map((two, at) => two / runs["one core"]![at]!));
  return {
    name: "chain-verify",
    measures: `full verification of a log of ${ENTRIES} entries: every leaf, link, block, tile and signature`,
    unit: "entries/s",
    runs,
    medians: of,
    goals: [
      goal("entries a second on one core, at least 300000", of["one core"]!, of["one core"]! >= 300_000),
      goal("two cores, at least 1.7 times one", ratio, ratio >= 1.7),
      goal(`${BLOCKS} blocks of 256 entries, at most 1 s`, median(blocks), median(blocks) <= 1),
    ],
    notes: [`peak memory of the process, MB: ${memory.map(round).join(", ")}`],
  };
}

async function starts(folder: string, rounds: number): Promise<Result> {
  const runs: Record<string, number[]> = { "after a stop": [], "after kill -9": [] };
  for (let at = 0; at < rounds; at++) {
    runs["after a stop"]!.push(await start(folder));
    await killedWriter(folder, at);
    runs["after kill -9"]!.push(await start(folder));
  }
  const of = medians(runs);
  return {
    name: "chain-start",
    measures: `from opening a log of ${ENTRIES} entries to its first acknowledged entry`,
    unit: "ms",
    runs,
    medians: of,
    goals: Object.entries(of).map(([name, ms]) => goal(`${name}, at most 1000 ms`, ms, ms <= 1000)),
  };
}

/** A tree of ten million leaves; their payload is of no concern to a proof. */
function proofs(rounds: number): Result {
  const folder = mkdtempSync(join(tmpdir(), "azora-bench-"));
  const layout = new TileLayout();
  const nothing = Buffer.alloc(0);
  const leafOf = (index: number) => leafHash(Buffer.from(String(index)));
  for (let index = 0; index < LARGE; index++) {
    layout.add(nothing, leafOf(index));
    if (index % 65_536 === 65_535) writeTiles(folder, layout);
  }
  writeTiles(folder, layout);
  const runs: number[] = [];
  for (let at = 0; at < rounds; at++) {
    const reader = new LogReader(folder, LARGE);
    const root = rootAt(LARGE, reader.node);
    const indexes = Array.from({ length: PROOFS }, () => Math.floor(Math.random() * LARGE));
    const begun = performance.now();
    const found = indexes.map((index) => inclusionProof(index, LARGE, reader.node));
    runs.push(round((performance.now() - begun) / PROOFS));
    for (const [i, index] of indexes.entries()) {
      if (!verifyInclusion(index, LARGE, leafOf(index), found[i]!, root)) throw new Error(`no proof of ${index}`);
    }
  }
  rmSync(folder, { recursive: true });
  const ms = median(runs);
  return {
    name: "chain-proof",
    measures: `an inclusion proof in a log of ${LARGE} entries, from its files, of ${PROOFS} entries at random`,
    unit: "ms",
    runs: { azora: runs },
    medians: { azora: ms },
    goals: [goal("at most 1 ms", ms, ms <= 1)],
  };
}

function writeTiles(folder: string, layout: TileLayout): void {
  for (const { path, bytes } of layout.take().files) {
    if (!/^tile\/\d/.test(path)) continue;
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  }
}

async function fill(folder: string, entries: number): Promise<void> {
  const log = await open(folder);
  let left = entries - log.size;
  const caller = async () => {
    while (left-- > 0) await log.log("mint.transaction.done", DATA);
  };
  await Promise.all(Array.from({ length: 1024 }, caller));
  await log.close();
}

async function start(folder: string): Promise<number> {
  const begun = performance.now();
  const log = await open(folder);
  await log.log("bench.started", {});
  const ms = round(performance.now() - begun);
  await log.close();
  return ms;
}

/** Writes for a while at full speed and dies. */
async function killedWriter(folder: string, round: number): Promise<void> {
  const args = ["--disable-warning=ExperimentalWarning", WRITER, folder, String((round + 1) * 10_000_000)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  child.stdout.resume();
  await new Promise((done) => setTimeout(done, 500));
  child.kill("SIGKILL");
  await once(child, "exit");
  if (readdirSync(join(folder, "chain", "wal")).length === 0) throw new Error("the writer left nothing behind");
}

function open(folder: string): Promise<AuditLog> {
  let log: AuditLog | undefined;
  return AuditLog.open({
    folder: join(folder, "chain"),
    keys: LogKeys.open(join(folder, "keys"), "azora.local/bench", ["ed25519"], ""),
    signedFile: join(folder, "keys", "signed.json"),
    validator: "immune-1",
    disk: systemDisk,
    clock: systemClock,
    onPublished: ({ checkpoint }) => log?.forget(checkpoint.size),
  }).then((opened) => {
    log = opened;
    return opened;
  });
}

function verified(folder: string, workers: number): { size: number; seconds: number; megabytes: number } {
  const args = ["--disable-warning=ExperimentalWarning", VERIFIER, join(folder, "chain", "log"), String(workers)];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" }));
}
