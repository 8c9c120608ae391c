import type { Stretch } from "../../../../models/organism-state.ts";
import type { Clock } from "../../../../runtime/clock.ts";
import { AzoraError } from "../../../../runtime/errors.ts";
import type { Columns } from "../../../../runtime/rules/columns.ts";
import type { Row } from "./frames.ts";
import { type HistoryDisk, systemHistoryDisk } from "./history-disk.ts";
import { MinuteMeans } from "./minute-means.ts";
import { type RingStats, SegmentRing } from "./segment-ring.ts";
import { StretchBuilder } from "./stretch-builder.ts";

export interface HistoryOptions {
  folder: string;
  /** Monotonic. */
  clock: Clock;
  /** @default the system's */
  disk?: HistoryDisk;
  /** Rows that are written together. A process that is killed loses the last ones. @default 5 */
  batch?: number;
  /** Of the files of seconds, and half as much of minutes. @default 128 MiB */
  bytes?: number;
}

export interface HistoryRange {
  /** ms since the epoch, both included */
  from: number;
  to: number;
  /** @default seconds where the range is an hour at most and there are any, else minutes */
  step?: 1000 | 60_000;
  /** As `brain.load`; one that was never recorded is unknown throughout. @default all that were recorded */
  columns?: readonly string[];
}

export interface HistoryStats {
  seconds: RingStats;
  minutes: RingStats;
  /** Rows that wait to be written, and that never were. */
  pending: number;
  dropped: number;
  failedWrites: number;
  lastError: string | null;
}

type Step = 1000 | 60_000;
const HOUR_MS = 3_600_000;
/** Rows that wait while the disk takes none. */
const MOST_PENDING = 120;
/** After a write failed, ms. */
const RETRY_MS = 10_000;
/** A full disk takes an old file for new rows at most so often, ms: who else fills it would soon have had all of them. */
const GIVE_WAY_EVERY_MS = 300_000;

/**
 * The metrics of the last hour, second by second, and of the last day, minute by minute, in files. A disk that takes nothing
 * costs rows, which are counted, and never holds anyone up.
 */
export class History {
  readonly #clock: Clock;
  readonly #batch: number;
  readonly #rings: Record<Step, SegmentRing>;
  readonly #minutes = new MinuteMeans();
  readonly #pending: Record<Step, Row[]> = { 1000: [], 60000: [] };
  #keys: readonly string[] = [];
  #isOpen = false;
  #writing: Promise<void> | undefined;
  #retryAt = Number.NEGATIVE_INFINITY;
  readonly #gaveWayAt: Record<Step, number> = { 1000: Number.NEGATIVE_INFINITY, 60000: Number.NEGATIVE_INFINITY };
  #dropped = 0;
  #failedWrites = 0;
  #lastError: string | null = null;

  constructor({ folder, clock, disk = systemHistoryDisk, batch = 5, bytes = 128 * 2 ** 20 }: HistoryOptions) {
    this.#clock = clock;
    this.#batch = batch;
    this.#rings = {
      1000: new SegmentRing({ folder, name: "seconds", disk, rows: 3600, rowsOfSegment: 300, bytes }),
      60000: new SegmentRing({ folder, name: "minutes", disk, rows: 1440, rowsOfSegment: 120, bytes: bytes / 2 }),
    };
  }

  /** Never throws: without a disk there is no history. */
  async open(): Promise<void> {
    for (const ring of Object.values(this.#rings)) await ring.open().catch((error: unknown) => this.#failed(error));
    this.#isOpen = true;
  }

  /** Takes the values as they are now; they are written later. @param at ms since the epoch */
  add(at: number, columns: Columns): void {
    if (!this.#isOpen || !Number.isFinite(at)) return;
    this.#keys = columns.keys;
    const row: Row = { at, values: columns.values.slice(0, columns.size) };
    this.#push(1000, row);
    const minute = this.#minutes.add(row);
    if (minute) this.#push(60_000, minute);
    if (this.#pending[1000].length >= this.#batch && this.#clock.now() >= this.#retryAt) void this.#write();
  }

  /**
   * What was recorded, oldest first. There is no row for a time in which nothing was.
   *
   * @throws AzoraError VALIDATION_ERROR where the range is none, or holds more than can be answered at once
   */
  async read({ from, to, step, columns }: HistoryRange): Promise<Stretch> {
    if (!(from <= to))
      throw new AzoraError("VALIDATION_ERROR", `from (${from}) is later than to (${to})`, { from, to });
    await this.#writing;
    if (this.#clock.now() >= this.#retryAt) await this.#write();
    const wanted = step ?? (to - from <= HOUR_MS ? 1000 : 60_000);
    const stretch = await this.#read(wanted, from, to, columns);
    return step === undefined && wanted === 1000 && stretch.rows.length === 0
      ? this.#read(60_000, from, to, columns)
      : stretch;
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const minute = this.#minutes.end();
    if (minute) this.#push(60_000, minute);
    // Also what came after the writing under way had begun.
    await this.#writing;
    await this.#write();
    for (const ring of Object.values(this.#rings)) await ring.close();
  }

  stats(): HistoryStats {
    return {
      seconds: this.#rings[1000].stats(),
      minutes: this.#rings[60_000].stats(),
      pending: this.#pending[1000].length + this.#pending[60_000].length,
      dropped: this.#dropped,
      failedWrites: this.#failedWrites,
      lastError: this.#lastError,
    };
  }

  async #read(step: Step, from: number, to: number, columns: readonly string[] | undefined): Promise<Stretch> {
    const stretch = new StretchBuilder(step, columns);
    // Before the files: a row that is written meanwhile is then seen twice, and not never.
    const waiting = this.#pending[step].filter(({ at }) => at >= from && at <= to);
    const keys = this.#keys;
    for await (const part of this.#rings[step].read(from, to)) stretch.add(part.keys, part.rows);
    stretch.add(keys, waiting);
    return stretch.build();
  }

  #push(step: Step, row: Row): void {
    const rows = this.#pending[step];
    rows.push(row);
    if (rows.length <= MOST_PENDING) return;
    rows.shift();
    this.#dropped++;
  }

  /** One at a time. */
  #write(): Promise<void> {
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  async #writeAll(): Promise<void> {
    for (const step of [1000, 60_000] as const) {
      const rows = [...this.#pending[step]];
      if (rows.length === 0) continue;
      try {
        await this.#rings[step].write(rows, this.#keys);
        // Some of them may have been dropped meanwhile.
        const written = new Set(rows);
        this.#pending[step] = this.#pending[step].filter((row) => !written.has(row));
      } catch (error) {
        this.#failed(error);
        if ((error as NodeJS.ErrnoException).code === "ENOSPC") await this.#giveWay(step);
      }
    }
  }

  async #giveWay(step: Step): Promise<void> {
    const now = this.#clock.now();
    if (now < this.#gaveWayAt[step] + GIVE_WAY_EVERY_MS) return;
    this.#gaveWayAt[step] = now;
    await this.#rings[step].giveWay();
  }

  #failed(error: unknown): void {
    this.#failedWrites++;
    this.#lastError = error instanceof Error ? error.message : String(error);
    this.#retryAt = this.#clock.now() + RETRY_MS;
  }
}
