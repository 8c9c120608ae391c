import { closeSync, fsyncSync, openSync, statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { TABLE_PREFIX } from "../../../mixins/store/compiled-model.ts";
import { storeError } from "../../../mixins/store/sqlite-errors.ts";
import { AzoraError } from "../../../runtime/errors.ts";

/**
 * What takes time in proportion to a file's size runs in a thread of its own, so that the node goes on answering. This
 * module is both sides: called in the main thread it starts itself as a worker.
 */

export interface CollectionStats {
  name: string;
  documents: number;
  /** Of them removed, and kept for restoring. */
  deleted: number;
}

export interface FileContent {
  collections: CollectionStats[];
  migrations: { version: number; name: string; appliedAt: string }[];
}

const TASKS = {
  /** What a file holds; a file that is no store's has no collections. */
  content(path: string): FileContent {
    return withFile(path, (db) => {
      const tables = db
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        .all()
        .map(({ name }) => String(name));
      const collections = tables.filter((name) => name.startsWith(TABLE_PREFIX));
      return {
        collections: collections.map((table) => {
          const counted = db.prepare(`SELECT count(*) AS documents, count(deletedAt) AS deleted FROM "${table}"`).get();
          return { name: table.slice(TABLE_PREFIX.length), ...counted } as CollectionStats;
        }),
        migrations: tables.includes("azora_migrations")
          ? (db
              .prepare("SELECT * FROM azora_migrations ORDER BY version")
              .all() as unknown as FileContent["migrations"])
          : [],
      };
    });
  },

  /** What is damaged in a file, in SQLite's words; nothing in a good one. */
  quickCheck(path: string): string[] {
    return withFile(path, (db) => {
      const lines = db.prepare("PRAGMA quick_check(20)").all();
      return lines.map(({ quick_check }) => String(quick_check)).filter((line) => line !== "ok");
    });
  },

  /** A copy of one unchanging state of the file, on the disk when this returns. Returns its size in bytes. */
  copy(path: string, target: string): number {
    withFile(path, (db) => db.prepare("VACUUM INTO ?").run(target));
    const copy = openSync(target, "r+");
    fsyncSync(copy);
    closeSync(copy);
    return statSync(target).size;
  },
};

type Tasks = typeof TASKS;
type TaskName = keyof Tasks;
type Outcome<T> = { result: T } | { error: AzoraError };

/** For each list of arguments one outcome, in their order. A file that fails does not stop the others. */
export function runTask<N extends TaskName>(
  name: N,
  files: readonly Parameters<Tasks[N]>[],
): Promise<Outcome<ReturnType<Tasks[N]>>[]> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: { azoraDatabaseTask: { name, files } } });
    worker.unref();
    worker.once("message", (outcomes: Outcome<ReturnType<Tasks[N]>>[]) => {
      resolve(outcomes.map((outcome) => ("error" in outcome ? { error: revived(outcome.error) } : outcome)));
    });
    worker.once("error", reject);
    worker.once("exit", () => reject(new Error(`The ${name} task ended without an answer`)));
  });
}

function withFile<T>(path: string, work: (db: DatabaseSync) => T): T {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path, { readOnly: true, timeout: 5000 });
    return work(db);
  } catch (error) {
    throw storeError(error, path);
  } finally {
    db?.close();
  }
}

/** An error loses its class between threads. */
function revived({ type, message, data }: AzoraError): AzoraError {
  return new AzoraError(
    type === "STORE_UNAVAILABLE" ? type : "INTERNAL_ERROR",
    message,
    data as Record<string, unknown>,
  );
}

function runInWorker({ name, files }: { name: TaskName; files: [string, string][] }): unknown[] {
  return files.map((args) => {
    try {
      return { result: TASKS[name](...args) };
    } catch (error) {
      const { type, message, data } = error as AzoraError;
      return { error: { type, message, data } };
    }
  });
}

const task = (workerData as { azoraDatabaseTask?: Parameters<typeof runInWorker>[0] } | null)?.azoraDatabaseTask;
if (!isMainThread && task) parentPort!.postMessage(runInWorker(task));
