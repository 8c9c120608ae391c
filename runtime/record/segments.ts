import { join } from "node:path";
import type { OutboxFile, OutboxFiles } from "./files.ts";
import type { PendingRecord } from "./record.ts";
import { firstOf, Segment } from "./segment.ts";

export interface SegmentsOptions {
  /** `data/outbox/<node>` */
  folder: string;
  /** The incarnation's own name: no other process writes files that begin with it. */
  instance: string;
  files: OutboxFiles;
  /** Called before the first file is made. Throws where the files could not be called this process's own. */
  claim(): void;
  /** A file cannot be read, wholly or at all. */
  damaged(path: string, why: string): void;
  /** Size from which on a new file is begun, bytes. @default 512 KiB */
  segmentBytes?: number;
}

/** Files whose records stay in memory. */
const LOADED = 4;
/** A new file costs several rounds of the disk, so one is used on though all of it is delivered, up to this size. */
const SETTLED_BYTES = 64 * 1024;

/** The files of one incarnation's outbox: the last one is written, the first one is delivered. */
export class Segments {
  readonly #options: Required<SegmentsOptions>;
  readonly #all: Segment[] = [];
  #file: OutboxFile | undefined;
  #made = 0;
  #claimed = false;
  /** The last file is removed now if all of it is delivered, however small it is. */
  #isTidying = false;

  constructor(options: SegmentsOptions) {
    this.#options = { segmentBytes: 512 * 1024, ...options };
  }

  /** The file that is written. Absent before the first one and after a failure. */
  get file(): OutboxFile | undefined {
    return this.#file;
  }

  get bytes(): number {
    let sum = 0;
    for (const { size } of this.#all) sum += size;
    return sum;
  }

  get areSettled(): boolean {
    return this.#all.every(({ isSettled }) => isSettled);
  }

  /** @param unsynced bytes written beyond those that the last file counts */
  mustRotate(unsynced: number): boolean {
    if (!this.#file) return true;
    if (this.#all.length > 1 && this.#all[0]!.isSettled) return true;
    return this.#isLastFull(unsynced);
  }

  /** What was written last is on disk. */
  synced(records: readonly PendingRecord[], bytes: number): void {
    const last = this.#all.at(-1)!;
    last.size += bytes;
    last.add(records);
  }

  next(count: number): Promise<PendingRecord[]> {
    return firstOf(this.#all, count, this.#options);
  }

  settle(): void {
    for (const segment of this.#all) segment.settle();
  }

  tidy(): void {
    this.#isTidying = true;
  }

  /** Ends the last file where that is due, removes those that are delivered, and begins a new one where it is wanted. */
  async rotate(isWanted: boolean): Promise<void> {
    if (this.#isLastFull(0)) this.end();
    this.#isTidying = false;
    await this.removeSettled();
    if (isWanted && !this.#file) await this.#begin();
  }

  /** The last file is written no more. */
  end(): void {
    if (!this.#file) return;
    this.#file.close();
    this.#file = undefined;
    const last = this.#all.at(-1)!;
    if (this.#all.length > LOADED && !last.isSettled) last.unload();
  }

  /** What a failed write has left is cut off. Where that fails too, nothing is written behind it. */
  async abandon(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    if (!file) return;
    await file.truncate(this.#all.at(-1)!.size).catch(() => {});
    file.close();
  }

  async removeSettled(): Promise<void> {
    const open = this.#file ? this.#all.at(-1) : undefined;
    for (const segment of this.#all.filter((one) => one.isSettled && one !== open)) {
      await this.#options.files.remove(segment.path).catch(ignoreAbsence);
      this.#all.splice(this.#all.indexOf(segment), 1);
    }
  }

  #isLastFull(unsynced: number): boolean {
    const last = this.#all.at(-1);
    if (!last || !this.#file) return false;
    const { segmentBytes } = this.#options;
    const size = last.size + unsynced;
    const isSettled = last.isSettled && unsynced === 0;
    const enough = isSettled ? (this.#isTidying ? 1 : Math.min(SETTLED_BYTES, segmentBytes)) : segmentBytes;
    return size >= enough;
  }

  async #begin(): Promise<void> {
    const { files, folder, instance, claim } = this.#options;
    await files.makeFolder(folder);
    if (!this.#claimed) claim();
    this.#claimed = true;
    // A number is used once: a file that could not be opened wholly may be there all the same.
    const segment = new Segment(join(folder, `${instance}.${String(++this.#made).padStart(6, "0")}.outbox`));
    this.#file = await files.create(segment.path);
    this.#all.push(segment);
  }
}

function ignoreAbsence(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}
