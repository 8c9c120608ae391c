import type { Clock } from "../clock.ts";
import { Group } from "./group.ts";
import type { PendingRecord, RecordSource } from "./record.ts";
import { Segments, type SegmentsOptions } from "./segments.ts";

export interface OutboxOptions extends SegmentsOptions {
  clock: Clock;
  /** There is something to deliver. */
  ready(): void;
  /** The disk has begun to refuse writes, or takes them again (no reason). */
  trouble(reason: string | undefined): void;
  /** Most that may stand in the folder, bytes. @default 64 MiB */
  maxBytes?: number;
  /** Least time from one sync of the disk to the next for what is not urgent, ms. @default 10 */
  pace?: number;
}

/** Most that waits in memory for a disk that refuses, characters. */
const MAX_BACKLOG = 8 * 1024 * 1024;
const RETRY_MS = { first: 100, most: 5000 };
/** What the chain has is removed from the disk after this time without anything new: it may be personal, ms. */
const TIDY_AFTER_MS = 2000;

/**
 * What this node has recorded and the chain has not acknowledged, on disk. It is written at the end of the turn of the event
 * loop in which it is recorded, and synced together with all else that was written meanwhile (group commit). A disk that
 * refuses loses nothing while the process lives: the records wait in memory, and may be delivered from there.
 */
export class Outbox implements RecordSource {
  readonly #options: OutboxOptions;
  readonly #segments: Segments;
  readonly #maxBytes: number;
  readonly #pace: number;
  /** Not written yet. */
  #waiting = new Group();
  /** Written, and not synced. */
  #written: Group[] = [];
  /** Those of the sync under way. */
  #syncing: Group[] = [];
  #isTurning = false;
  #isRotating = false;
  #lastSync = Number.NEGATIVE_INFINITY;
  #cancelSync: (() => void) | undefined;
  #failures = 0;
  #failure: string | undefined;
  #cancelRetry: (() => void) | undefined;
  #cancelTidy: (() => void) | undefined;
  #resting: (() => void)[] = [];
  #closed = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#segments = new Segments(options);
    this.#maxBytes = options.maxBytes ?? 64 * 1024 * 1024;
    this.#pace = options.pace ?? 10;
  }

  /** On disk and in memory, bytes; what is delivered already counts until its file is removed. */
  get bytes(): number {
    return this.#segments.bytes + this.#backlog;
  }

  get isEmpty(): boolean {
    return !this.#hasUnsynced && this.#segments.areSettled;
  }

  hasRoomFor(characters: number): boolean {
    if (this.#closed) return false;
    const backlog = this.#backlog + characters;
    return backlog <= MAX_BACKLOG && this.#segments.bytes + backlog <= this.#maxBytes;
  }

  /**
   * Resolves when the record is on disk; with the reason where the disk refuses: it then waits in memory, and is written as
   * soon as that is possible.
   * @param isUrgent somebody waits for it: it is synced at once
   */
  put(record: PendingRecord, isUrgent = false): Promise<string | undefined> {
    const group = this.#waiting;
    group.add(record);
    if (isUrgent) group.isUrgent = true;
    if (this.#failure === undefined) {
      this.#start();
      return group.done;
    }
    this.#options.ready();
    return Promise.resolve(this.#failure);
  }

  async next(count: number): Promise<PendingRecord[]> {
    const records = await this.#segments.next(count);
    if (records.length > 0) return records;
    // They may never get to the disk; so they must not wait for it.
    return this.#failure === undefined ? [] : this.#waiting.records.slice(0, count);
  }

  settle(): void {
    this.#segments.settle();
    if (this.#failure !== undefined) this.#regroup(this.#waiting.records);
    if (!this.isEmpty) return;
    this.#cancelTidy?.();
    this.#cancelTidy = this.#options.clock.after(TIDY_AFTER_MS, () => {
      this.#segments.tidy();
      this.#start();
    });
  }

  /** Resolves when all is on disk, or the disk refuses. */
  async flushed(): Promise<void> {
    while ((this.#hasUnsynced && this.#failure === undefined) || this.#isTurning || this.#isRotating) {
      this.#waiting.isUrgent = true;
      this.#syncWhenDue(true);
      await new Promise<void>((resolve) => this.#resting.push(resolve));
    }
  }

  /** Ends writing; what is not delivered stays for an heir. */
  async close(): Promise<void> {
    await this.flushed();
    this.#closed = true;
    this.#cancelRetry?.();
    this.#cancelTidy?.();
    this.#segments.end();
    await this.#segments.removeSettled().catch(() => {});
  }

  /** At the end of the process: what is not written yet is written now, if the disk takes it. */
  rescue(): void {
    if (this.#waiting.records.length === 0) return;
    try {
      this.#segments.file?.write(this.#waiting.encoded());
    } catch {
      // Nothing more can be done for them; who waited for them was never told that they are on disk.
    }
  }

  /** In memory only, characters. */
  get #backlog(): number {
    let sum = this.#waiting.characters;
    for (const { characters } of this.#written) sum += characters;
    for (const { characters } of this.#syncing) sum += characters;
    return sum;
  }

  get #hasUnsynced(): boolean {
    return this.#waiting.records.length + this.#written.length + this.#syncing.length > 0;
  }

  #start(): void {
    if (this.#isTurning || this.#isRotating || this.#closed) return;
    this.#isTurning = true;
    // What else is recorded in this turn of the event loop is in the same write.
    setImmediate(this.#turn);
  }

  readonly #turn = (): void => {
    this.#isTurning = false;
    const unsynced = this.#written.reduce((sum, { bytes }) => sum + bytes, 0);
    if (this.#segments.mustRotate(unsynced)) {
      // A file is ended when all of it is on disk; until then nothing more is written.
      if (this.#written.length + this.#syncing.length > 0) this.#syncWhenDue(true);
      else this.#rotate();
      return;
    }
    if (this.#waiting.records.length > 0 && !this.#write()) return;
    this.#syncWhenDue();
    this.#rest();
  };

  #rotate(): void {
    this.#isRotating = true;
    this.#segments.rotate(this.#waiting.records.length > 0).then(
      () => {
        this.#isRotating = false;
        if (this.#waiting.records.length > 0) this.#start();
        else this.#recovered();
        this.#rest();
      },
      (error: Error) => {
        this.#isRotating = false;
        this.#failed(error);
      },
    );
  }

  /** Returns false where the disk refuses. */
  #write(): boolean {
    const group = this.#waiting;
    try {
      this.#segments.file!.write(group.encoded());
    } catch (error) {
      this.#failed(error as Error);
      return false;
    }
    this.#waiting = new Group();
    this.#written.push(group);
    return true;
  }

  #syncWhenDue(isUrgent = this.#written.some((group) => group.isUrgent)): void {
    if (this.#written.length === 0 || this.#syncing.length > 0) return;
    const { clock } = this.#options;
    const wait = this.#lastSync + this.#pace - clock.now();
    if (isUrgent || wait <= 0) this.#sync();
    else
      this.#cancelSync ??= clock.after(wait, () => {
        this.#cancelSync = undefined;
        this.#syncWhenDue(true);
      });
  }

  #sync(): void {
    this.#cancelSync?.();
    this.#cancelSync = undefined;
    this.#lastSync = this.#options.clock.now();
    const groups = this.#written;
    this.#written = [];
    this.#syncing = groups;
    // A write that failed meanwhile has called them all unsure: then neither outcome says anything.
    this.#segments.file!.sync().then(
      () => this.#syncing === groups && this.#synced(groups),
      (error: Error) => this.#syncing === groups && this.#failed(error),
    );
  }

  #synced(groups: readonly Group[]): void {
    this.#syncing = [];
    for (const { records, bytes, settle } of groups) {
      this.#segments.synced(records, bytes);
      settle();
    }
    this.#recovered();
    this.#options.ready();
    if (this.#waiting.records.length > 0) this.#start();
    else this.#syncWhenDue();
    this.#rest();
  }

  #recovered(): void {
    this.#failures = 0;
    if (this.#failure === undefined) return;
    this.#failure = undefined;
    this.#options.trouble(undefined);
  }

  #failed({ message }: Error): void {
    const { clock, trouble, ready } = this.#options;
    const unsure = [...this.#syncing, ...this.#written, this.#waiting];
    this.#syncing = [];
    this.#written = [];
    for (const { settle } of unsure) settle(message);
    this.#regroup(unsure.flatMap(({ records }) => records));
    const before = this.#failure;
    this.#failure = message;
    if (before !== message) trouble(message);
    void this.#segments.abandon();
    const wait = Math.min(RETRY_MS.most, RETRY_MS.first * 2 ** this.#failures++);
    this.#cancelRetry?.();
    this.#cancelRetry = clock.after(wait, () => this.#start());
    ready();
    this.#rest();
  }

  /** While nothing gets to the disk: what waits are these, but for those that were delivered from memory. */
  #regroup(records: readonly PendingRecord[]): void {
    this.#waiting = new Group();
    for (const record of records) if (!record.done) this.#waiting.add(record);
  }

  #rest(): void {
    for (const resolve of this.#resting.splice(0)) resolve();
  }
}
