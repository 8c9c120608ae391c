import { fork } from "node:child_process";
import type { FieldStatistics, IndexBuilt, IndexWish } from "../../../models/query-facts.ts";
import { AzoraError } from "../../../runtime/errors.ts";
import { ownModule } from "../../../runtime/node-executable.ts";
import { type DatabaseFile, LOCK_WAIT } from "../database-file.ts";
import { columnOf } from "../paths.ts";
import { storeError } from "../sqlite-errors.ts";
import type { IndexJob, IndexMessage } from "./index-process.ts";
import type { Sample } from "./index-sample.ts";

/** Longest value that an index takes, bytes: longer ones fill pages of their own, and a look-up reads them all. */
export const MAX_VALUE = 1024;

/** Longest time for everything together, ms; most of it passes without a lock. */
const MAX_TIME = 30_000;

/** What stays free on the disk beyond what an index takes, bytes. */
const SPARE = 64 * 2 ** 20;

/** Of one entry beside its values, and how full SQLite's pages are. */
const ENTRY_OVERHEAD = 16;
const FILL = 0.75;

/**
 * Writing one entry, µs, and its part for each byte of the document, which is read anew for each index. Measured with
 * 100,000 documents of 400 bytes: 8 to 30 µs.
 */
const WRITE_ENTRY = 15;
const READ_BYTE = 0.003;

export interface BuildOptions {
  /** How long other writers may be kept waiting, ms. */
  maxBlock: number;
  /** How long it waits for other writers itself, ms. @default 5000 */
  lockWait?: number;
  /** Most pages that the file may have; a disk that is full at a known place, for tests. @default none */
  maxPages?: number;
}

interface Target extends IndexWish {
  name: string;
  table: string;
  sql: string;
}

const refused = (detail: string, data: Record<string, unknown>) => new AzoraError("ADVICE_REFUSED", detail, data);

/** Looks at a sample of the documents. */
export async function sampleIndex(path: string, target: Target): Promise<FieldStatistics> {
  let sample: Sample | undefined;
  await inProcess(jobOf(path, target), MAX_TIME, (message) => {
    if (message.event === "sampled") sample = message.sample;
  });
  if (!sample) throw new Error("The sampling process ended without an answer");
  const { documents, sampled, documentBytes, selectivity, entry, largestField, perDocument, freeBytes } = sample;
  const indexBytes = (documents * (entry.mean + ENTRY_OVERHEAD)) / FILL;
  return {
    documents,
    sampled,
    documentBytes: Math.round(documentBytes),
    selectivity,
    entryBytes: { mean: Math.round(entry.mean), largest: entry.largest },
    largestField,
    indexBytes: Math.round(indexBytes),
    buildMs: Math.round(documents * (perDocument + 0.001 + Math.log2(documents + 2) * 0.00005)),
    freeBytes,
    writeCost: Math.round(WRITE_ENTRY + documentBytes * READ_BYTE),
  };
}

/** @throws AzoraError ADVICE_REFUSED saying which bound it would break */
export function refuseCostly(path: string, target: IndexWish, seen: FieldStatistics): void {
  const on = `An index of ${target.collection} on ${target.fields.join(", ")}`;
  const { entryBytes, largestField, indexBytes, freeBytes } = seen;
  if (entryBytes.largest > MAX_VALUE) throw tooLarge(target, largestField, entryBytes.largest);
  // The index itself, its copy in the write-ahead log, and what sorting takes.
  const room = 3 * indexBytes + SPARE;
  if (freeBytes < room) {
    const detail = `${on} needs ${megabytes(room)} of free disk space while it is built, and there are ${megabytes(freeBytes)}`;
    throw refused(detail, { file: path, needed: room, free: freeBytes });
  }
}

function tooLarge({ collection, fields }: IndexWish, field: string, bytes: number): AzoraError {
  const detail = `An index of ${collection} on ${fields.join(", ")} is not possible: ${field} has values of ${bytes} bytes, and ${MAX_VALUE} are allowed. Index a short field made of it, such as its hash`;
  return refused(detail, { field, bytes, allowed: MAX_VALUE });
}

/**
 * Builds an index in a process of its own. Other writers wait only while it is built, not while it is prepared; when that
 * takes longer than allowed the process is killed, and nothing of the index is left.
 */
export async function buildIndex(
  db: DatabaseFile,
  target: Target,
  kind: "index" | "dropped",
  now: number,
  { maxBlock, lockWait = LOCK_WAIT, maxPages }: BuildOptions,
): Promise<IndexBuilt> {
  const { name, sql, collection, fields, living } = target;
  const detail = JSON.stringify({ collection, fields, living });
  const job: IndexJob = {
    ...jobOf(db.path, target),
    lockWait,
    maxBlock,
    build: { name, sql, detail, kind, at: new Date(now).toISOString() },
    ...(maxPages === undefined ? {} : { maxPages }),
  };
  let built: IndexBuilt | undefined;
  let failure: unknown;
  let cut: (() => void) | undefined;
  let deadline: NodeJS.Timeout | undefined;
  let lockedAt = 0;
  const ended = inProcess(
    job,
    MAX_TIME,
    (message) => {
      if (message.event === "locked") {
        lockedAt = performance.now();
        deadline = setTimeout(() => cut?.(), maxBlock);
      } else if (message.event === "built") {
        built = { name, made: message.made, blocked: Math.round(message.blocked), bytes: message.bytes };
      } else if (message.event === "too large") {
        failure = tooLarge(target, message.field, message.bytes);
      } else if (message.event === "too long") {
        const { estimated } = message;
        const on = `An index of ${collection} on ${fields.join(", ")}`;
        failure = refused(
          `${on} would keep writers waiting for about ${estimated} ms, and ${maxBlock} are allowed. Allow more, or build it while the service is stopped`,
          { estimated, allowed: maxBlock },
        );
      } else if (message.event === "failed") {
        failure = storeError(Object.assign(new Error(message.message), { errcode: message.errcode }), db.path);
      }
    },
    (kill) => {
      cut = kill;
    },
  );
  const exit = await ended.finally(() => clearTimeout(deadline));
  if (built) return built;
  if (failure !== undefined) throw failure;
  const held = lockedAt === 0 ? 0 : Math.round(performance.now() - lockedAt);
  // It may have been killed between its last act and its answer.
  const isThere = await db.read(() => db.get("SELECT 1 FROM sqlite_schema WHERE type = 'index' AND name = ?", [name]));
  if (isThere) return { name, made: true, blocked: held, bytes: 0 };
  const why =
    held >= maxBlock ? `it kept writers waiting for longer than ${maxBlock} ms` : `its process ended (${exit})`;
  throw refused(`The index ${name} was given up, and nothing of it is left: ${why}`, {
    name,
    blocked: held,
    allowed: maxBlock,
  });
}

function jobOf(path: string, { table, fields, living }: Target): IndexJob {
  return {
    path,
    table,
    columns: fields.map(columnOf),
    fields,
    living,
    maxValue: MAX_VALUE,
    maxBlock: 0,
    lockWait: LOCK_WAIT,
  };
}

/** Resolves with how the process ended. */
function inProcess(
  job: IndexJob,
  maxTime: number,
  hear: (message: IndexMessage) => void,
  killable?: (kill: () => void) => void,
): Promise<string> {
  const child = fork(ownModule("mixins/store/queries/index-process"), {
    execArgv: ["--disable-warning=ExperimentalWarning"],
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  const kill = () => void child.kill("SIGKILL");
  killable?.(kill);
  const timer = setTimeout(kill, maxTime);
  child.on("message", (message: IndexMessage) => hear(message));
  child.send(job);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      resolve(signal ?? `code ${code}`);
    });
  });
}

const megabytes = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`;
