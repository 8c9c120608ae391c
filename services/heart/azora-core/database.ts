import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { AzoraError } from "../../../runtime/errors.ts";

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS keys (
    key TEXT PRIMARY KEY, declaration TEXT NOT NULL, standard TEXT, description TEXT NOT NULL DEFAULT '',
    version INTEGER NOT NULL, changed_at TEXT NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS "values" (
    key TEXT NOT NULL REFERENCES keys(key) ON DELETE CASCADE, scope TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (key, scope)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS flags (
    name TEXT PRIMARY KEY, flag TEXT NOT NULL, version INTEGER NOT NULL, changed_at TEXT NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS changes (revision INTEGER PRIMARY KEY AUTOINCREMENT, change TEXT NOT NULL) STRICT;
  PRAGMA user_version = 1;
`;

/** How long a writer waits for another process's transaction, ms. A transaction takes well under one. */
const BUSY = 1_000;

/** The database file, shared by all instances of the service on this machine. Each commit is on disk when it returns. */
export class Database {
  readonly #file: string;
  #db: DatabaseSync;
  #openedAt = "";
  readonly #statements = new Map<string, ReturnType<DatabaseSync["prepare"]>>();

  constructor(file: string) {
    this.#file = file;
    try {
      mkdirSync(dirname(file), { recursive: true });
      this.#db = this.#open();
    } catch (error) {
      throw new AzoraError("START_FAILED", `Cannot open the database ${file}: ${(error as Error).message}`);
    }
    this.transaction(() => this.#db.exec(SCHEMA));
  }

  #open(): DatabaseSync {
    const db = new DatabaseSync(this.#file, { timeout: BUSY, enableForeignKeyConstraints: true });
    db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
    this.#openedAt = `${new Date().toISOString().slice(0, 19)}Z`;
    return db;
  }

  /**
   * Opens a new connection and gives up the old one. All work is synchronous, so none is under way.
   * @throws AzoraError STORE_UNAVAILABLE; the old connection is kept then
   */
  reopen(): { before: string; after: string } {
    const state = () => `${this.#file} open since ${this.#openedAt}`;
    const before = state();
    const old = this.#db;
    try {
      // Of a file that was removed the old connection has the only copy.
      if (!existsSync(this.#file)) throw new Error("it was removed while it was open");
      this.#db = this.#open();
    } catch (error) {
      throw new AzoraError("STORE_UNAVAILABLE", `Cannot open ${this.#file} anew: ${(error as Error).message}`);
    }
    this.#statements.clear();
    if (old.isOpen) old.close();
    return { before, after: state() };
  }

  all<T>(sql: string, ...params: (string | number | null)[]): T[] {
    return this.#prepared(sql).all(...params) as T[];
  }

  get<T>(sql: string, ...params: (string | number | null)[]): T | undefined {
    return this.#prepared(sql).get(...params) as T | undefined;
  }

  /** @returns the id of the row that was inserted last */
  run(sql: string, ...params: (string | number | null)[]): number {
    return Number(this.#prepared(sql).run(...params).lastInsertRowid);
  }

  /** Takes the write lock first, so that what is read inside cannot be changed before the commit. */
  transaction<T>(work: () => T): T {
    this.#begin();
    try {
      const result = work();
      this.#db.exec("COMMIT");
      return result;
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw error;
    }
  }

  close(): void {
    this.#statements.clear();
    if (this.#db.isOpen) this.#db.close();
  }

  #begin(): void {
    try {
      this.#db.exec("BEGIN IMMEDIATE");
    } catch (error) {
      if (!/locked|busy/i.test((error as Error).message)) throw error;
      throw new AzoraError("SERVICE_UNAVAILABLE", "The configuration is being written by others; try again", {
        retryAfter: 1,
      });
    }
  }

  #prepared(sql: string) {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}
