import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { hitRatio } from "./cache-side.ts";
import { ENTRIES, LENGTH, traces } from "./cache-traces.ts";
import { goal, medians, type Result, round } from "./report.ts";

const SIDE = join(import.meta.dirname, "cache-side.ts");
const RUNS = 5;
/** Where what was used last is used next, and nothing else counts. */
const EXCEPTION = "drifting";

/** Hit ratios, speed and loads of the cache beside lru-cache and Moleculer's MemoryLRU, which is lru-cache inside. */
export async function cache(): Promise<Result[]> {
  return [hits(), speed(), calls(), herds()];
}

function hits(): Result {
  const all = traces(ENTRIES, LENGTH).map(({ name, says, keys }) => ({
    name,
    says,
    lru: hitRatio("lru-cache", keys),
    azora: hitRatio("azora", keys),
  }));
  const runs = Object.fromEntries(
    all.flatMap(({ name, lru, azora }) => [
      [`${name}: lru-cache`, [round(lru)]],
      [`${name}: azora`, [round(azora)]],
    ]),
  );
  return {
    name: "cache-hits",
    measures: `look-ups that are hits, of ${LENGTH} on each trace with room for ${ENTRIES} entries; the same at every run`,
    unit: "%",
    runs,
    medians: medians(runs),
    goals: all
      .filter(({ name }) => name !== EXCEPTION)
      .map(({ name, lru, azora }) =>
        goal(`${name}: at least as many as LRU, points above it`, azora - lru, azora >= lru),
      ),
    notes: [
      ...all.map(({ name, says }) => `${name}: ${says}`),
      `${EXCEPTION} is the exception: on it nothing beats LRU, and what protects from scans costs`,
    ],
  };
}

function speed(): Result {
  const sides = ["lru-cache", "lru-cache, ttl and size", "azora"];
  const names = ["zipf 1.0", "scan", "shifting", "loop"];
  const runs = alternating(
    names.flatMap((name) => sides.map((side) => [`${name}: ${side}`, () => measured("store", side, name) as number])),
  );
  const found = medians(runs);
  return {
    name: "cache-speed",
    measures: "look-ups per second, misses stored; azora's have an end and a size, as have those of the second side",
    unit: "millions/s",
    runs,
    medians: found,
    goals: names.map((name) => {
      const ratio = found[`${name}: azora`]! / found[`${name}: lru-cache, ttl and size`]!;
      return goal(`${name}: at least 0.9 times those of lru-cache with the same features`, ratio, ratio >= 0.9);
    }),
  };
}

function calls(): Result {
  const sides = ["no cache", "moleculer's MemoryLRU", "MemoryLRU, clone", "azora", "azora, clone: false"];
  const runs = alternating(sides.map((side) => [side, () => measured("call", side) as number]));
  const found = medians(runs);
  const [copied, shared] = [
    found["azora"]! / found["MemoryLRU, clone"]!,
    found["azora, clone: false"]! / found["moleculer's MemoryLRU"]!,
  ];
  return {
    name: "cache-call",
    measures:
      "a local call that is answered from the cache, with an object of 6 fields; azora gives each caller a copy",
    unit: "µs",
    runs,
    medians: found,
    goals: [
      goal("copied: at most MemoryLRU's with clone, times", copied, copied <= 1),
      goal("not copied: at most MemoryLRU's, times", shared, shared <= 1),
    ],
  };
}

function herds(): Result {
  const sides = ["moleculer's MemoryLRU", "MemoryLRU, lock", "azora"];
  const runs: Record<string, number[]> = {};
  for (const side of sides) {
    const [good, failed] = measured("herd", side) as number[];
    runs[`${side}: the load succeeds`] = [good!];
    runs[`${side}: the load fails`] = [failed!];
  }
  const [good, failed] = [runs["azora: the load succeeds"]![0]!, runs["azora: the load fails"]![0]!];
  return {
    name: "cache-herd",
    measures: "loads that 1,000 callers of one missing key cause",
    unit: "loads",
    runs,
    medians: medians(runs),
    goals: [goal("one load", good, good === 1), goal("one load, also when it fails", failed, failed === 1)],
  };
}

/** Each side in turn, so that a machine that is slower for a while is so for all. */
function alternating(sides: (readonly [string, () => number])[]): Record<string, number[]> {
  const runs: Record<string, number[]> = Object.fromEntries(sides.map(([name]) => [name, []]));
  for (let i = 0; i < RUNS; i++) for (const [name, run] of sides) runs[name]!.push(round(run()));
  return runs;
}

function measured(...args: string[]): unknown {
  const command = ["--disable-warning=ExperimentalWarning", SIDE, ...args];
  return JSON.parse(execFileSync(process.execPath, command).toString());
}
