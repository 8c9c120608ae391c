import { mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { replaceFile } from "../../../../runtime/durable-file.ts";
import { AzoraError } from "../../../../runtime/errors.ts";

/** Who writes a log, as it stands beside the lock. */
interface Writer {
  epoch: number;
  pid: number;
  validator: string;
  since: string;
}

/**
 * Makes this process the log's one writer, as long as it lives. The kernel holds the lock and gives it up when the
 * process ends, however it ends; a process that is merely stopped keeps it. The epoch counts the writers, and one that
 * finds a later epoch knows that the folder was taken from under it.
 */
export class WriterLock {
  readonly epoch: number;
  readonly #database: DatabaseSync;
  readonly #path: string;

  /** @throws AzoraError CHAIN_UNAVAILABLE naming who holds it */
  constructor(path: string, validator: string, now: number) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    this.#path = `${path}.json`;
    this.#database = new DatabaseSync(path);
    try {
      // Exclusive mode keeps the lock after the transaction; a rollback journal, because WAL would share it.
      this.#database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL;");
      this.#database.exec("BEGIN EXCLUSIVE; CREATE TABLE IF NOT EXISTS writer (epoch INTEGER NOT NULL)");
      const last = this.#database.prepare("SELECT max(epoch) AS epoch FROM writer").get() as { epoch: number | null };
      this.epoch = Math.max(last.epoch ?? 0, this.#beside()?.epoch ?? 0) + 1;
      this.#database.exec("DELETE FROM writer");
      this.#database.prepare("INSERT INTO writer VALUES (?)").run(this.epoch);
      this.#database.exec("COMMIT");
      const writer: Writer = { epoch: this.epoch, pid: process.pid, validator, since: new Date(now).toISOString() };
      replaceFile(this.#path, JSON.stringify(writer));
    } catch (error) {
      this.#database.close();
      if (!/locked|busy/i.test((error as Error).message)) throw error;
      const holder = this.#beside();
      const who = holder ? `process ${holder.pid} (${holder.validator}, since ${holder.since})` : "another process";
      throw new AzoraError("CHAIN_UNAVAILABLE", `${who} writes this log already: ${path}`, { file: path });
    }
  }

  /** @throws AzoraError CHAIN_UNAVAILABLE once another writer has come, which only a replaced folder makes possible */
  check(): void {
    const now = this.#beside()?.epoch;
    if (now === this.epoch) return;
    const why = now === undefined ? "its lock was removed" : `writer ${now} took over from writer ${this.epoch}`;
    throw new AzoraError("CHAIN_UNAVAILABLE", `this process writes the log no longer: ${why}`, { file: this.#path });
  }

  release(): void {
    this.#database.close();
  }

  #beside(): Writer | undefined {
    try {
      return JSON.parse(readFileSync(this.#path, "utf8")) as Writer;
    } catch {
      return undefined;
    }
  }
}
