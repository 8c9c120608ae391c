import { join } from "node:path";
import type { Clock } from "../clock.ts";
import { AzoraError } from "../errors.ts";
import type { OutboxFile, OutboxFiles } from "./files.ts";
import type { PendingRecord, RecordSource } from "./record.ts";
import { encode, firstOf, Segment } from "./segment.ts";

export interface OutboxOptions {
  /** `data/outbox/<node>` */
  folder: string;
  /** The incarnation's own name: no other process writes files that begin with it. */
  instance: string;
  files: OutboxFiles;
  clock: Clock;
  /** Called before the first file is made. Throws where the files could not be called this process's own. */
  claim(): void;
  /** There is something to deliver. */
  ready(): void;
  /** The disk has begun to refuse writes, or takes them again (no reason). */
  trouble(reason: string | undefined): void;
  /** A file of this outbox cannot be read, wholly or at all. */
  damaged(path: string, why: string): void;
  /** Most that may stand in the folder, bytes. @default 64 MiB */
  maxBytes?: number;
  /** Size from which on a new file is begun, bytes. @default 512 KiB */
  segmentBytes?: number;
}

interface Waiting {
  record: PendingRecord;
  resolve(): void;
  reject(error: Error): void;
}

/** Most that waits in memory for a disk that refuses, bytes. */
const MAX_BACKLOG_BYTES = 8 * 1024 * 1024;
const MAX_GROUP_BYTES = 1024 * 1024;
/** Files whose records stay in memory. */
const LOADED_SEGMENTS = 4;
const RETRY_MS = { first: 100, most: 5000 };
/** A new file costs several rounds of the disk, so one is used on though all of it is delivered, up to this size. */
const SETTLED_BYTES = 64 * 1024;
/** What the chain has is removed from the disk after this time without anything new: it may be personal, ms. */
const TIDY_AFTER_MS = 2000;

/**
 * What this node has recorded and the chain has not acknowledged, on disk. All that comes while a write is under way is
 * the next write (group commit). A disk that refuses loses nothing while the process lives: the records wait in memory,
 * and may be delivered from there.
 */
export class Outbox implements RecordSource {
  readonly #options: Required<OutboxOptions>;
  readonly #segments: Segment[] = [];
  #file: OutboxFile | undefined;
  #made = 0;
  /** Not on disk yet; those of the write under way come first. */
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #writing: Waiting[] = [];
  /** Resolves when writing rests. Absent while it does. */
  #idle: Promise<void> | undefined;
  #goIdle: () => void = () => {};
  #failures = 0;
  #failure: string | undefined;
  #cancelRetry: (() => void) | undefined;
  #cancelTidy: (() => void) | undefined;
  /** The file is removed now if all of it is delivered, however small it is. */
  #isTidying = false;
  #claimed = false;
  #closed = false;

  constructor(options: OutboxOptions) {
    this.#options = { maxBytes: 64 * 1024 * 1024, segmentBytes: 512 * 1024, ...options };
  }

  /** On disk and in memory, bytes; what is delivered already counts until its file is removed. */
  get bytes(): number {
    return this.#segments.reduce((sum, { size }) => sum + size, this.#waitingBytes);
  }

  /** Why the disk takes nothing, where it does not. */
  get failure(): string | undefined {
    return this.#failure;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0 && this.#writing.length === 0 && this.#segments.every((one) => one.isSettled);
  }

  hasRoomFor(text: string): boolean {
    if (this.#closed) return false;
    const backlog = this.#waitingBytes + text.length;
    return backlog <= MAX_BACKLOG_BYTES && this.bytes + text.length <= this.#options.maxBytes;
  }

  /**
   * Resolves when the record is on disk. Rejected while the disk refuses: the record then waits in memory, and is written
   * as soon as that is possible.
   */
  put(record: PendingRecord): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ record, resolve, reject });
      this.#waitingBytes += record.text.length;
      if (this.#failure !== undefined) {
        reject(unwritable(this.#options.folder, this.#failure));
        this.#options.ready();
      } else this.#start();
    });
  }

  async next(count: number): Promise<PendingRecord[]> {
    const records = await firstOf(this.#segments, count, this.#options);
    if (records.length > 0) return records;
    // They may never get to the disk; so they must not wait for it.
    return this.#failure === undefined ? [] : this.#waiting.slice(0, count).map(({ record }) => record);
  }

  settle(): void {
    for (const segment of this.#segments) segment.settle();
    if (this.#failure !== undefined && this.#idle === undefined) this.#dropDone();
    if (!this.isEmpty) return;
    this.#cancelTidy?.();
    this.#cancelTidy = this.#options.clock.after(TIDY_AFTER_MS, () => {
      this.#isTidying = true;
      this.#start();
    });
  }

  /** Resolves when nothing waits for the disk any longer, or it refuses. */
  async flushed(): Promise<void> {
    while (this.#idle) await this.#idle;
  }

  /** Ends writing: what waits is written at once, and what is not delivered stays for an heir. */
  async close(): Promise<void> {
    await this.flushed();
    this.#closed = true;
    this.#cancelRetry?.();
    this.#cancelTidy?.();
    this.rescue();
    this.#file?.close();
    this.#file = undefined;
    await this.#removeSettled();
  }

  /** At the end of the process: whatever is not on disk yet is written now, if the disk takes it. */
  rescue(): void {
    const left = [...this.#writing, ...this.#waiting].filter(({ record }) => !record.done);
    if (left.length === 0 || !this.#file) return;
    try {
      this.#file.appendSync(encode(left.map(({ record }) => record)));
      if (this.#closed) this.#waiting = [];
    } catch {
      // Nothing more can be done for them; who waited for them was never told that they are on disk.
    }
  }

  #start(): void {
    if (this.#idle || this.#closed) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#idle = promise;
    this.#goIdle = resolve;
    // What else is recorded in this turn of the event loop is in the same write.
    setImmediate(this.#turn);
  }

  readonly #turn = (): void => {
    this.#takeGroup();
    // The usual case costs the event loop one call of the disk and nothing more.
    if (this.#file && !this.#mustRotate) this.#append().then(this.#turned, this.#broke);
    else this.#prepare().then(this.#turned, this.#broke);
  };

  readonly #turned = (): void => {
    this.#failures = 0;
    if (this.#failure !== undefined) {
      this.#failure = undefined;
      this.#options.trouble(undefined);
    }
    if (this.#waiting.length > 0 && !this.#closed) setImmediate(this.#turn);
    else this.#rest();
  };

  readonly #broke = (error: Error): void => {
    this.#failed(error);
    this.#rest();
  };

  #rest(): void {
    this.#idle = undefined;
    this.#goIdle();
  }

  async #prepare(): Promise<void> {
    await this.#rotate();
    if (this.#writing.length === 0) return;
    if (!this.#file) await this.#open();
    await this.#append();
  }

  #append(): Promise<void> {
    const group = this.#writing;
    const records = group.map(({ record }) => record);
    const bytes = encode(records);
    return this.#file!.append(bytes).then(() => {
      const segment = this.#segments.at(-1)!;
      segment.size += bytes.length;
      segment.add(records);
      this.#writing = [];
      for (const { resolve } of group) resolve();
      this.#options.ready();
    });
  }

  /** There is more to do than to write on in the last file. */
  get #mustRotate(): boolean {
    return this.#isLastFull || (this.#segments.length > 1 && this.#segments[0]!.isSettled);
  }

  get #isLastFull(): boolean {
    const last = this.#segments.at(-1);
    if (!last || last.size === 0) return false;
    const enough = last.isSettled ? (this.#isTidying ? 0 : SETTLED_BYTES) : this.#options.segmentBytes;
    return last.size >= Math.min(enough, this.#options.segmentBytes);
  }

  async #rotate(): Promise<void> {
    const isLastFull = this.#isLastFull;
    this.#isTidying = false;
    if (this.#file && isLastFull) {
      this.#file.close();
      this.#file = undefined;
      const last = this.#segments.at(-1)!;
      if (this.#segments.length > LOADED_SEGMENTS && !last.isSettled) last.unload();
    }
    await this.#removeSettled();
  }

  async #removeSettled(): Promise<void> {
    const open = this.#file ? this.#segments.at(-1) : undefined;
    for (const segment of this.#segments.filter((one) => one.isSettled && one !== open)) {
      await this.#options.files.remove(segment.path).catch(ignoreAbsence);
      this.#segments.splice(this.#segments.indexOf(segment), 1);
    }
  }

  async #open(): Promise<void> {
    const { files, folder, instance, claim } = this.#options;
    await files.makeFolder(folder);
    if (!this.#claimed) claim();
    this.#claimed = true;
    // A number is used once: a file that could not be opened wholly may be there all the same.
    const segment = new Segment(join(folder, `${instance}.${String(++this.#made).padStart(6, "0")}.outbox`));
    this.#file = await files.create(segment.path);
    this.#segments.push(segment);
  }

  #takeGroup(): void {
    if (this.#failure !== undefined) this.#dropDone();
    let bytes = 0;
    let count = 0;
    for (const { record } of this.#waiting) {
      if (bytes > 0 && bytes + record.text.length > MAX_GROUP_BYTES) break;
      bytes += record.text.length;
      count++;
    }
    this.#writing = this.#waiting.splice(0, count);
    this.#waitingBytes -= bytes;
  }

  #failed(error: Error): void {
    const { clock, folder, trouble, ready } = this.#options;
    const group = this.#writing;
    this.#writing = [];
    for (const { reject } of group) reject(unwritable(folder, error.message));
    for (const { reject } of this.#waiting) reject(unwritable(folder, error.message));
    this.#waiting = [...group, ...this.#waiting];
    this.#waitingBytes += group.reduce((sum, { record }) => sum + record.text.length, 0);
    const before = this.#failure;
    this.#failure = error.message;
    if (before !== error.message) trouble(error.message);
    void this.#abandonTail();
    const wait = Math.min(RETRY_MS.most, RETRY_MS.first * 2 ** this.#failures++);
    this.#cancelRetry = clock.after(wait, () => this.#start());
    ready();
  }

  /** What a failed write has left is cut off. Where that fails too, nothing is written behind it. */
  async #abandonTail(): Promise<void> {
    const file = this.#file;
    const segment = this.#segments.at(-1);
    this.#file = undefined;
    if (!file || !segment) return;
    await file.truncate(segment.size).catch(() => {});
    file.close();
  }

  #dropDone(): void {
    if (!this.#waiting.some(({ record }) => record.done)) return;
    this.#waiting = this.#waiting.filter(({ record }) => !record.done);
    this.#waitingBytes = this.#waiting.reduce((sum, { record }) => sum + record.text.length, 0);
  }
}

function unwritable(folder: string, why: string): AzoraError {
  return new AzoraError(
    "CHAIN_UNAVAILABLE",
    `${folder} takes no audit record (${why}); it waits in memory and is written when the disk takes it`,
    { folder, why },
  );
}

function ignoreAbsence(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}
