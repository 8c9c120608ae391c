import { closeSync, fdatasync, mkdirSync, openSync, readFileSync, statSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { replaceFile } from "../../../runtime/durable-file.ts";
import { emptyState, fold, type JournalRecord, type JournalState } from "./journal-state.ts";

/** Size at which the journal is replaced by a snapshot of its state, bytes. */
const COMPACT_AT = 4 * 1024 * 1024;
/** Records kept in memory while the disk refuses them. */
const MAX_UNWRITTEN = 10_000;

/**
 * What the orchestrator must not forget: one JSON record a line. Each is written before the call returns, so the death
 * of the process loses nothing; the disk is synced behind it, many records at a time. A line that was cut short by a
 * crash of the machine ends the journal.
 */
export class Journal {
  readonly #path: string;
  readonly state: JournalState;
  #file: number;
  #size: number;
  #unwritten: Buffer[] = [];
  #syncing = false;
  #dirty = false;
  /** Why the last record could not be written, if it could not. */
  failure: string | undefined;

  constructor(path: string) {
    this.#path = path;
    mkdirSync(dirname(path), { recursive: true });
    this.state = readJournal(path);
    // Begins with a snapshot: the file stays short, and a torn last line is gone.
    try {
      replaceFile(path, `${JSON.stringify({ type: "snapshot", state: this.state })}\n`, 0o640);
    } catch (error) {
      this.failure = (error as Error).message;
      // The file is still the old one, and its last line may be torn.
      this.#unwritten.push(Buffer.from("\n"));
    }
    this.#file = openSync(path, "a", 0o640);
    this.#size = statSync(path).size;
  }

  append(record: JournalRecord): void {
    fold(this.state, record);
    this.#unwritten.push(Buffer.from(`${JSON.stringify(record)}\n`));
    if (this.#unwritten.length > MAX_UNWRITTEN) this.#unwritten.shift();
    this.#flush();
  }

  close(): void {
    this.#flush();
    closeSync(this.#file);
  }

  #flush(): void {
    try {
      while (this.#unwritten.length > 0) {
        const line = this.#unwritten[0]!;
        // A full disk takes part of a line: the rest of it stays for the next try.
        const written = writeSync(this.#file, line);
        this.#size += written;
        if (written < line.length) this.#unwritten[0] = line.subarray(written);
        else this.#unwritten.shift();
      }
      this.failure = undefined;
      this.#sync();
      if (this.#size > COMPACT_AT) this.#compact();
    } catch (error) {
      this.failure = (error as Error).message;
    }
  }

  #sync(): void {
    this.#dirty = true;
    if (this.#syncing) return;
    this.#syncing = true;
    this.#dirty = false;
    fdatasync(this.#file, () => {
      this.#syncing = false;
      if (this.#dirty) this.#sync();
    });
  }

  #compact(): void {
    replaceFile(this.#path, `${JSON.stringify({ type: "snapshot", state: this.state })}\n`, 0o640);
    const old = this.#file;
    this.#file = openSync(this.#path, "a", 0o640);
    this.#size = statSync(this.#path).size;
    closeSync(old);
  }
}

export function readJournal(path: string): JournalState {
  let state = emptyState();
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return state;
  }
  for (const line of text.split("\n")) {
    if (line === "") continue;
    let record: JournalRecord | { type: "snapshot"; state: JournalState } | null;
    try {
      record = JSON.parse(line);
    } catch {
      continue;
    }
    try {
      if (record?.type === "snapshot") state = sound(record.state);
      else if (record) fold(state, record);
    } catch {
      // A record that is none of ours: the organism must come up without it.
    }
  }
  return state;
}

/** A snapshot with every member of the kind that it must be; one that is not is as in an empty state. */
function sound(snapshot: JournalState): JournalState {
  const state = emptyState();
  for (const [name, empty] of Object.entries(state)) {
    const value: unknown = snapshot?.[name as keyof JournalState];
    const fits = typeof value === typeof empty && value !== null && Array.isArray(value) === Array.isArray(empty);
    if (fits) Object.assign(state, { [name]: value });
  }
  return state;
}
