import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Block, blockHash } from "../../../../tlog/block.ts";
import { type Checkpoint, parseCheckpoint } from "../../../../tlog/checkpoint.ts";
import type { LeafEntry } from "../../../../tlog/entry.ts";
import { requestIdOf } from "../../../../tlog/incident/cause.ts";
import { LogReader } from "../../../../tlog/log-reader.ts";
import { parseNote } from "../../../../tlog/note.ts";
import { type EntryRow, IndexFile } from "./index-file.ts";
import { isDamage } from "./sqlite-damage.ts";

/** Entries of one transaction, at least; a block is never parted. */
const STEP_ENTRIES = 4096;

export interface FollowerOptions {
  /** The SQLite file. */
  file: string;
  /** The log's folder, with `checkpoint` and `tile/`. */
  logFolder: string;
  /** Called with the reason whenever the file is made anew. */
  onRebuild(why: string): void;
}

/** Keeps the index file on what the log's files say, and makes it anew where the two do not fit. */
export class IndexFollower {
  readonly #options: FollowerOptions;
  readonly reader: LogReader;
  #index: IndexFile;
  #position = 0;
  #nextBlock = 0;

  constructor(options: FollowerOptions) {
    this.#options = options;
    const signed = newestCheckpoint(options.logFolder);
    this.reader = new LogReader(options.logFolder, signed?.size ?? 0);
    this.#index = this.#opened(signed);
    this.#stand();
  }

  get index(): IndexFile {
    return this.#index;
  }

  /** All entries before this one can be found. */
  get position(): number {
    return this.#position;
  }

  /** Takes over the next entries before `size`. @returns whether there are more */
  step(size: number): boolean {
    if (size > this.reader.size) this.reader.setSize(size);
    if (this.#position >= size) return false;
    try {
      this.#append(size);
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.rebuild(`it is damaged: ${(error as Error).message}`);
    }
    return this.#position < size;
  }

  rebuild(why: string): void {
    const origin = this.#origin(newestCheckpoint(this.#options.logFolder));
    this.#index.close();
    this.#index = IndexFile.make(this.#options.file, origin);
    this.#stand();
    this.#options.onRebuild(why);
  }

  close(): void {
    this.#index.close();
  }

  #opened(signed: Checkpoint | undefined): IndexFile {
    const { file, onRebuild } = this.#options;
    const origin = this.#origin(signed);
    if (!existsSync(file)) return IndexFile.make(file, origin);
    let why: string;
    let index: IndexFile | undefined;
    try {
      index = IndexFile.open(file);
      why = index ? (this.#contradiction(index, signed) ?? "") : "it is of another version";
    } catch (error) {
      if (!isDamage(error)) throw error;
      why = `it is damaged: ${(error as Error).message}`;
    }
    if (index && why === "") return index;
    index?.close();
    const made = IndexFile.make(file, origin);
    onRebuild(why);
    return made;
  }

  #contradiction(index: IndexFile, signed: Checkpoint | undefined): string | undefined {
    const { origin, position, lastHash } = index.standing;
    if (position === 0) return signed && origin !== signed.origin ? "it has not begun" : undefined;
    if (!signed) return "the log is empty";
    if (origin !== signed.origin) return `it is of the log ${origin}`;
    if (position > signed.size) return `it knows ${position} entries, and the log has ${signed.size}`;
    return this.#hashBefore(position) === lastHash ? undefined : `its entry ${position - 1} is not the log's`;
  }

  #append(size: number): void {
    const blocks: { block: Block; hash: string }[] = [];
    let end = this.#position;
    while (end < size && end - this.#position < STEP_ENTRIES) {
      const block = this.reader.block(this.#nextBlock + blocks.length);
      blocks.push({ block, hash: blockHash(block) });
      end = block.lastIndex + 1;
    }
    // A log that had signed nothing yet when its index was made had no name either.
    const origin = this.#index.standing.origin || this.#origin(newestCheckpoint(this.#options.logFolder));
    this.#index.append(blocks, this.#rows(blocks), { origin, position: end, lastHash: this.#hashBefore(end) });
    this.#position = end;
    this.#nextBlock += blocks.length;
  }

  *#rows(blocks: readonly { block: Block }[]): Generator<EntryRow> {
    for (const { block } of blocks) {
      for (let position = block.firstIndex; position <= block.lastIndex; position++) {
        const entry = this.#entry(position);
        if (!entry) continue;
        const { id, eventType, timestamp, subject, actor, data } = entry;
        const at = Date.parse(timestamp);
        const request = requestIdOf(data);
        yield { position, id, eventType, timestamp: at, subject, actor, requestId: request, blockHeight: block.height };
      }
    }
  }

  /** What was pruned or damaged is found by nothing; saying which it is, and checking the rest, is the verifier's part. */
  #entry(position: number): LeafEntry | undefined {
    try {
      return JSON.parse(this.reader.leaf(position).toString());
    } catch {
      return undefined;
    }
  }

  #hashBefore(position: number): string {
    return position === 0 ? "" : this.reader.leafHashAt(position - 1).toString("hex");
  }

  #stand(): void {
    this.#position = this.#index.standing.position;
    const sql = "SELECT coalesce(max(height) + 1, 0) AS next FROM blockchain_blocks";
    this.#nextBlock = (this.#index.database.prepare(sql).get() as { next: number }).next;
  }

  #origin(signed: Checkpoint | undefined): string {
    return signed?.origin ?? "";
  }
}

/** @returns undefined where nothing was signed yet */
export function newestCheckpoint(logFolder: string): Checkpoint | undefined {
  const path = join(logFolder, "checkpoint");
  return existsSync(path) ? parseCheckpoint(parseNote(readFileSync(path, "utf8")).text) : undefined;
}
