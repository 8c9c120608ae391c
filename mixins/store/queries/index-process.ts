/**
 * A process of its own that looks at many documents, or builds an index. It can be killed at any moment: SQLite forgets
 * what was not committed. A thread could not be stopped inside SQLite. It gives way to everything else on the machine.
 */
import { statfsSync } from "node:fs";
import { constants, setPriority } from "node:os";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { ADVICE_TABLE } from "./advised-indexes.ts";
import { type Sample, summary } from "./index-sample.ts";

export interface IndexJob {
  path: string;
  table: string;
  /** SQL of the fields, and their names. */
  columns: string[];
  fields: string[];
  living: boolean;
  /** Left out: it only looks. */
  build?: { name: string; sql: string; detail: string; kind: "index" | "dropped"; at: string };
  /** Most bytes of one value. */
  maxValue: number;
  /** How long other writers may be kept waiting, ms. */
  maxBlock: number;
  /** How long to wait for other writers, ms. */
  lockWait: number;
  /** Most pages that the file may have; for tests of a full disk. */
  maxPages?: number;
}

export type IndexMessage =
  | { event: "sampled"; sample: Sample }
  | { event: "too large"; field: string; bytes: number }
  | { event: "too long"; estimated: number }
  /** The first pass is over; from `locked` on other writers wait. */
  | { event: "read"; ms: number }
  | { event: "locked" }
  | { event: "built"; blocked: number; made: boolean; bytes: number }
  | { event: "failed"; errcode: number; message: string };

const MAX_ROWS = 1000;
const CHUNK = 100;
const MAX_SAMPLE_MS = 1000;
const MAX_SAMPLE_BYTES = 256 * 2 ** 20;

/** Building takes so much longer than going over the values: sorting, writing, and reaching the disk. */
const BUILD_BY_READ = 2;

const parent = process.ppid;

const tell = (message: IndexMessage) => void process.send?.(message);

function run(job: IndexJob): void {
  const db = new DatabaseSync(job.path, { timeout: job.lockWait });
  try {
    if (job.build) build(db, job, job.build);
    else tell({ event: "sampled", sample: sample(db, job) });
  } catch (error) {
    const { errcode = 0, message } = error as Error & { errcode?: number };
    tell({ event: "failed", errcode, message });
  } finally {
    db.close();
  }
}

/** Documents drawn by chance; all of them where there are few. */
function sample(db: DatabaseSync, { path, table, columns, fields }: IndexJob): Sample {
  const documents = Number(db.prepare(`SELECT max(rowid) AS n FROM ${table}`).get()!["n"] ?? 0);
  const lengths = columns.map((column, i) => `${column} AS v${i}, length(CAST(${column} AS BLOB)) AS l${i}`);
  const select = `SELECT rowid, length(CAST(doc AS BLOB)) AS bytes, ${lengths.join(", ")} FROM ${table}`;
  const wanted = Math.min(documents, MAX_ROWS);
  const one = db.prepare(`${select} WHERE rowid >= ? ORDER BY rowid LIMIT 1`);
  const rows: Record<string, unknown>[] = [];
  const began = performance.now();
  let chunk = { at: 0, began };
  let perDocument = Number.POSITIVE_INFINITY;
  let bytes = 0;
  for (let i = 0; i < wanted; i++) {
    // The quickest hundred: what else the machine had to do is not the documents' doing.
    if (i - chunk.at === CHUNK || i === wanted - 1) {
      const now = performance.now();
      perDocument = Math.min(perDocument, (now - chunk.began) / Math.max(1, i - chunk.at));
      chunk = { at: i, began: now };
    }
    const at = wanted === documents ? i + 1 : 1 + Math.floor(Math.random() * documents);
    const row = one.get(at);
    if (row && (wanted < documents || rows.at(-1)?.["rowid"] !== row["rowid"])) rows.push({ ...row });
    bytes += Number(row?.["bytes"] ?? 0);
    if (performance.now() - began > MAX_SAMPLE_MS || bytes > MAX_SAMPLE_BYTES) break;
  }
  const { bavail, bsize } = statfsSync(dirname(path));
  return summary(documents, fields, rows, Number.isFinite(perDocument) ? perDocument : 0, bavail * bsize);
}

function build(db: DatabaseSync, job: IndexJob, { name, sql, detail, kind, at }: NonNullable<IndexJob["build"]>): void {
  const { table, columns, fields, maxValue, maxPages } = job;
  if (maxPages !== undefined) db.exec(`PRAGMA max_page_count = ${maxPages}`);
  db.exec("PRAGMA synchronous = FULL; PRAGMA cache_size = -65536");
  // A pass without the lock: it finds values that are too large, and what it reads is in memory for the one that counts.
  const began = performance.now();
  // Not by an index, which has some of the values already: building reads the documents.
  const sizes = columns.map((column, i) => `max(length(CAST(${column} AS BLOB))) AS l${i}`).join(", ");
  const largest = db.prepare(`SELECT ${sizes} FROM ${table} NOT INDEXED`).get()!;
  for (const [i, field] of fields.entries()) {
    const bytes = Number(largest[`l${i}`] ?? 0);
    if (bytes <= maxValue) continue;
    tell({ event: "too large", field, bytes });
    return;
  }
  // What was just measured here says more of the time that follows than any estimate from a sample.
  const estimated = Math.round((performance.now() - began) * BUILD_BY_READ);
  if (estimated > job.maxBlock) {
    tell({ event: "too long", estimated });
    return;
  }
  tell({ event: "read", ms: performance.now() - began });

  const pages = () => Number(db.prepare("PRAGMA page_count").get()!["page_count"]);
  db.exec("BEGIN IMMEDIATE");
  const locked = performance.now();
  tell({ event: "locked" });
  const isThere = () =>
    db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'index' AND name = ?").get(name) !== undefined;
  const made = !isThere();
  const before = pages();
  db.exec(sql);
  db.exec(ADVICE_TABLE);
  if (kind === "index") {
    db.prepare("INSERT OR REPLACE INTO azora_advice VALUES ('index', ?, ?, ?)").run(name, detail, at);
  } else {
    db.prepare("DELETE FROM azora_advice WHERE kind = 'dropped' AND name = ?").run(name);
  }
  const bytes = (pages() - before) * Number(db.prepare("PRAGMA page_size").get()!["page_size"]);
  // Who asked died meanwhile; whatever comes after it takes the index for not made.
  if (process.ppid !== parent) {
    db.exec("ROLLBACK");
    return;
  }
  db.exec("COMMIT");
  tell({ event: "built", blocked: performance.now() - locked, made, bytes });
}

try {
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
} catch {
  // Not everybody may; then it has the same as the others.
}
process.once("message", (job: IndexJob) => {
  run(job);
  process.disconnect();
});
// The one who asked is gone, and nobody else wants it.
process.once("disconnect", () => process.exit());
