import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type Clock, sleep, systemClock } from "../../runtime/clock.ts";
import type { Pool } from "../../runtime/pools/pool.ts";
import type { QueryMeter } from "../../runtime/queries/query-meter.ts";
import { type Asked, shapeOfAsked, shapeText } from "./queries/asked.ts";
import { type Params, Statements } from "./queries/statements.ts";
import type { Predicate } from "./query.ts";
import { isBusy, storeError, unavailable } from "./sqlite-errors.ts";

/** How long a write waits for other processes' writes, ms. */
export const LOCK_WAIT = 5000;

/** SQLite's own waiting blocks the event loop, so it is short; the rest of the wait is ours. */
const BLOCKING_WAIT = 2;

const COMMIT: Asked = { collection: "", kind: "commit" };
const LOCK: Asked = { collection: "", kind: "lock" };

/**
 * One SQLite file and this process's connection to it. Other processes write the same file.
 *
 * Everything between `BEGIN` and `COMMIT` is synchronous, so nothing else of this process comes between, and the lock is
 * held for microseconds. Waiting for other processes' locks is asynchronous.
 */
export class DatabaseFile {
  readonly path: string;
  #db: DatabaseSync;
  #openedAt = 0;
  /** Connections that this process has made to it. */
  #connections = 0;
  #clock: Clock;
  /** Writes that wait for the lock, the one that asks for it included; and the end of the last of them. */
  #waiting = 0;
  #lastTurn: Promise<void> = Promise.resolve();
  /** Operations under way at once on the node; each one counts for its file. */
  readonly #pool: Pool | undefined;
  readonly #statements = new Statements();
  #rewritten: ReadonlySet<string> = new Set();
  #reading = false;
  #newestVersion = Number.POSITIVE_INFINITY;

  private constructor(path: string, clock: Clock, pool?: Pool) {
    this.path = path;
    this.#clock = clock;
    this.#pool = pool;
    this.#db = this.#connect();
    this.#statements.use(this.#db);
  }

  #connect(): DatabaseSync {
    this.#openedAt = this.#clock.now();
    this.#connections++;
    return new DatabaseSync(this.path, { timeout: BLOCKING_WAIT });
  }

  /**
   * Opens a connection and then closes the old one. Calls that wait for a lock go on with the new one; all others are
   * synchronous, so none is under way.
   * @throws AzoraError STORE_UNAVAILABLE; the old connection is kept then
   */
  async reopen(): Promise<void> {
    if (!existsSync(this.path)) {
      // The old connection still has the file that was removed; a new one would begin with an empty one.
      const remedy = "Put it back, or restart the service to begin with an empty one";
      throw unavailable(this.path, "cannot-open", "was removed while it was open", remedy);
    }
    let fresh: DatabaseSync | undefined;
    try {
      const opened = this.#connect();
      fresh = opened;
      await this.#patiently(() => this.#prepareConnection(opened));
    } catch (error) {
      if (fresh?.isOpen) fresh.close();
      throw storeError(error, this.path);
    }
    const old = this.#db;
    this.#db = fresh;
    this.#statements.use(fresh);
    if (old.isOpen) old.close();
  }

  /** As "data/db/ledger.sqlite open since 2026-11-20T08:01:13Z, connection 1". */
  get state(): string {
    if (!this.#db.isOpen) return `${this.path} closed`;
    const since = `${new Date(this.#openedAt).toISOString().slice(0, 19)}Z`;
    return `${this.path} open since ${since}, connection ${this.#connections}`;
  }

  /** @throws AzoraError STORE_UNAVAILABLE saying what is wrong with the file */
  static async open(path: string, clock: Clock = systemClock, pool?: Pool): Promise<DatabaseFile> {
    makeFolder(dirname(path));
    let file: DatabaseFile | undefined;
    try {
      const opened = new DatabaseFile(path, clock, pool);
      file = opened;
      await opened.#patiently(() => opened.#prepareConnection(opened.#db));
      return opened;
    } catch (error) {
      file?.close();
      throw storeError(error, path);
    }
  }

  /** WAL: readers and the writer do not wait for each other. FULL: what is committed has reached the disk. */
  #prepareConnection(db: DatabaseSync): void {
    db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
    this.#statements.define(db);
  }

  /** Runs `work` as one transaction: all of it happens, or nothing. It must not be asynchronous. */
  write<T>(work: () => T): Promise<T> {
    return this.#run("BEGIN IMMEDIATE", work);
  }

  /** Runs `work` on one unchanging state of the file. */
  read<T>(work: () => T): Promise<T> {
    return this.#run("BEGIN", work);
  }

  async #run<T>(begin: string, work: () => T): Promise<T> {
    const hold = this.#pool && (this.#pool.enter(this.path) ?? (await this.#pool.wait(this.path)));
    try {
      return await this.#patiently(() => this.#transact(begin, work), begin === "BEGIN IMMEDIATE");
    } catch (error) {
      throw storeError(error, this.path);
    } finally {
      hold?.release();
    }
  }

  #transact<T>(begin: string, work: () => T): T {
    if (!this.#db.isOpen) {
      throw unavailable(this.path, "closed", "is closed", "The service has stopped; call it where it runs");
    }
    if (this.#db.isTransaction) throw new Error("A transaction cannot begin inside another one; use its tx");
    this.#db.exec(begin);
    this.#reading = begin === "BEGIN";
    try {
      this.#refuseNewer();
      const result = work();
      if (isThenable(result)) {
        result.then(undefined, () => {});
        throw new TypeError("A transaction's function must be synchronous: await before it or after it, never inside");
      }
      this.#commit();
      return result;
    } finally {
      this.#reading = false;
      // Still open here means that something failed. SQLite itself rolls back when the disk is full.
      if (this.#db.isOpen && this.#db.isTransaction) this.#db.exec("ROLLBACK");
    }
  }

  /** A write has reached the disk when this returns; a reader's end is nothing to measure. */
  #commit(): void {
    const began = this.#statements.began();
    this.#db.exec("COMMIT");
    if (!this.#reading) this.#statements.ended(COMMIT, began);
  }

  /**
   * From now on nothing is read or written once another process has migrated the file beyond `version`: this process
   * would write documents in a form that the newer one does not know.
   */
  refuseAbove(version: number): void {
    this.#newestVersion = version;
  }

  #refuseNewer(): void {
    if (this.#newestVersion === Number.POSITIVE_INFINITY) return;
    const { user_version: found } = this.get("PRAGMA user_version") as { user_version: number };
    if (found <= this.#newestVersion) return;
    const what = `was migrated to version ${found} by a newer version of the service; this one knows ${this.#newestVersion}`;
    throw unavailable(this.path, "newer", what, "Restart this instance with the newer version");
  }

  /**
   * Tries again while another process holds the lock; `work` has done nothing when it is refused. Each question for the lock
   * blocks the event loop for a moment, so of the writes that wait only the first one asks.
   */
  async #patiently<T>(work: () => T, isWrite = false): Promise<T> {
    const deadline = this.#clock.now() + LOCK_WAIT;
    let leave: (() => void) | undefined;
    try {
      for (let wait = 1; ; wait = Math.min(wait * 2, 20)) {
        const isFirst = !isWrite || leave !== undefined || this.#waiting === 0;
        try {
          if (isFirst) return work();
        } catch (error) {
          if (!isBusy(error) || this.#clock.now() >= deadline) throw error;
        }
        const began = this.#statements.began();
        if (isWrite && !leave) leave = await this.#turn();
        else await sleep(this.#clock, wait * (0.5 + Math.random()));
        this.#statements.ended(LOCK, began);
      }
    } finally {
      leave?.();
    }
  }

  /** Resolves when all writes that wait already have been done or refused, which their own deadlines see to. */
  async #turn(): Promise<() => void> {
    const before = this.#lastTurn;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#lastTurn = promise;
    this.#waiting++;
    await before;
    return () => {
      this.#waiting--;
      resolve();
    };
  }

  /** From now on what is asked is measured, or not any more. */
  measure(meter: QueryMeter | undefined): void {
    this.#statements.measure(meter);
  }

  /** Shapes that are asked in their other form, by their text. */
  rewrite(texts: ReadonlySet<string>): void {
    this.#rewritten = texts;
  }

  isRewritten(asked: Asked): boolean {
    return this.#rewritten.size > 0 && this.#rewritten.has(shapeText(shapeOfAsked(asked)));
  }

  /** All rows. `predicates` are what `azora_match` calls by number; what `asked` says of it is measured. */
  all(sql: string, params: Params = [], predicates: readonly Predicate[] = [], asked?: Asked): unknown[] {
    return this.#statements.all(sql, params, predicates, asked);
  }

  /** One row. The number in a row `{n}` is how many documents were counted. */
  get(sql: string, params: Params = [], predicates: readonly Predicate[] = [], asked?: Asked): unknown {
    return this.#statements.get(sql, params, predicates, asked);
  }

  run(sql: string, params: Params = [], asked?: Asked): number {
    if (this.#reading) throw new Error("A snapshot is for reading; write in a transaction");
    // SQLite itself ends a transaction when the disk is full. A function that catches the error must not go on outside.
    if (!this.#db.isTransaction) throw new Error("The transaction has ended already; nothing of it was written");
    return this.#statements.run(sql, params, asked);
  }

  exec(sql: string): void {
    this.#db.exec(sql);
  }

  close(): void {
    this.#statements.clear();
    if (this.#db.isOpen) this.#db.close();
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    const remedy = "Check that AZORA_DATA_DIR is a folder this user may write";
    throw unavailable(folder, "cannot-open", `cannot be made (${(error as Error).message})`, remedy, error);
  }
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as { then?: unknown } | null | undefined)?.then === "function";
