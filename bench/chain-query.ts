/** Searching a log of a million entries: one page of a hundred by each kind of condition, by the index and its thread. */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ChainIndex } from "../services/immune/blockchain-logger/index/chain-index.ts";
import type { QueryParams } from "../services/immune/blockchain-logger/index/query-params.ts";
import { ChainLog, ordinaryEntry } from "../test/support/chain-log.ts";
import { idOfKey } from "../tlog/entry.ts";
import { goal, medians, type Result, round } from "./report.ts";

const ENTRIES = 1_000_000;
const LOOKUPS = 20_000;
const quiet = { info: () => {}, warn: () => {} };
const subject = `subject:${"5".padStart(32, "0")}`;

const QUESTIONS: Record<string, QueryParams> = {
  newest: { order: "desc" },
  "by type": { eventType: "user.created" },
  "by beginning of a type": { eventType: "user.", order: "desc" },
  "by actor and type": { actor: "operator-2", eventType: "user." },
  "by subject": { subject },
  "by time": { from: "2026-11-20T13:20:00Z" },
  "by request": { requestId: `request-${Math.floor(ENTRIES / 6)}` },
  "page in the middle": { eventType: "mint.", after: String(ENTRIES / 2) },
  "two conditions that never meet": { subject, eventType: "security.login" },
  "text that is frequent": { text: "needle" },
  "text that is nowhere": { text: "nowhere to be found" },
};
const SLOW = ["two conditions that never meet", "text that is frequent", "text that is nowhere"];

export async function chainQuery(rounds = 7): Promise<Result[]> {
  const folder = mkdtempSync(join(tmpdir(), "azora-bench-"));
  const log = new ChainLog(join(folder, "log"));
  for (let n = 0; n < ENTRIES; n++) log.add(ordinaryEntry(n));
  log.publish();
  const file = join(folder, "index.sqlite");
  const index = await ChainIndex.open({ file, logFolder: log.folder, logger: quiet });
  try {
    const begun = performance.now();
    await index.advance(ENTRIES);
    const rate = Math.round(ENTRIES / ((performance.now() - begun) / 1000));
    const notes = [`index made anew: ${rate} entries/s, ${Math.round(statSync(file).size / ENTRIES)} bytes an entry`];
    return [await pages(index, rounds, notes), lookups(index, rounds)];
  } finally {
    await index.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function pages(index: ChainIndex, rounds: number, notes: string[]): Promise<Result> {
  const runs = Object.fromEntries(Object.keys(QUESTIONS).map((name) => [name, [] as number[]]));
  for (let at = 0; at < rounds; at++) {
    for (const [name, params] of Object.entries(QUESTIONS)) {
      const begun = performance.now();
      await index.query(params);
      runs[name]!.push(round(performance.now() - begun));
    }
  }
  const of = medians(runs);
  const worst = Math.max(...Object.entries(of).map(([name, ms]) => (SLOW.includes(name) ? 0 : ms)));
  return {
    name: "chain-query",
    measures: `a page of 100 of ${ENTRIES} entries, asked from another thread`,
    unit: "ms",
    runs,
    medians: of,
    goals: [goal("a page by conditions that meet, at most 10 ms", worst, worst <= 10)],
    notes,
  };
}

function lookups(index: ChainIndex, rounds: number): Result {
  const ids = {
    known: Array.from({ length: LOOKUPS }, () => idOfKey(String(Math.floor(Math.random() * ENTRIES)))),
    unknown: Array.from({ length: LOOKUPS }, (_, n) => idOfKey(`unknown ${n}`)),
  };
  const runs: Record<string, number[]> = { known: [], unknown: [] };
  for (let at = 0; at < rounds; at++) {
    for (const [name, asked] of Object.entries(ids)) {
      const begun = performance.now();
      for (const id of asked) index.idOf(id);
      runs[name]!.push(round(((performance.now() - begun) / LOOKUPS) * 1000));
    }
  }
  const of = medians(runs);
  return {
    name: "chain-lookup",
    measures: `whether an id is among ${ENTRIES} entries, as the writer asks for each idempotency key`,
    unit: "µs",
    runs,
    medians: of,
    goals: [goal("at most 10 µs", Math.max(...Object.values(of)), Math.max(...Object.values(of)) <= 10)],
  };
}
