import type { OptimizationRecord } from "../../../../models/performance.ts";
import type { Clock } from "../../../../runtime/clock.ts";

export interface EndingOptions {
  /** Monotonic. */
  clock: Clock;
  /** Takes the change back; undoing twice does no harm. Nothing where it stays. @throws where it cannot be done now */
  undo?: (() => Promise<void>) | undefined;
  /** @throws where it cannot be stored now */
  store(record: OptimizationRecord): Promise<void>;
}

/** What cannot be undone or stored is tried again after so many ms, and so often. */
const AGAIN_MS = 10_000;
const MOST_TRIES = 30;

/** The end of a trial: first the change is taken back, where it must be, then the verdict is stored. What fails is tried again. */
export class Ending {
  readonly #options: EndingOptions;
  /** As it will be stored. */
  #record: OptimizationRecord;
  #mustUndo: boolean;
  #trouble: string | undefined;
  #tries = 0;
  #next = 0;
  #isUnderWay = false;

  /** @param record with its verdict */
  constructor(record: OptimizationRecord, options: EndingOptions) {
    this.#record = record;
    this.#options = options;
    this.#mustUndo = options.undo !== undefined;
  }

  /** Whether the change is still in force though it should not be. */
  get mustUndo(): boolean {
    return this.#mustUndo;
  }

  /** Why it could not be taken back the last time. */
  get trouble(): string | undefined {
    return this.#trouble && `${this.#record.outcome}; ${this.#trouble}; it is tried again`;
  }

  /** To be called about once a second. @returns the record as it is stored; nothing while it is still to be tried */
  async attempt(): Promise<OptimizationRecord | undefined> {
    const { clock } = this.#options;
    if (this.#isUnderWay || clock.now() < this.#next) return undefined;
    this.#isUnderWay = true;
    try {
      return await this.#try(++this.#tries >= MOST_TRIES);
    } finally {
      this.#isUnderWay = false;
      this.#next = clock.now() + AGAIN_MS;
    }
  }

  async #try(isLast: boolean): Promise<OptimizationRecord | undefined> {
    const { undo, store } = this.#options;
    try {
      if (this.#mustUndo) await undo?.();
      this.#mustUndo = false;
    } catch (error) {
      this.#trouble = `it could not be taken back: ${(error as Error).message}`;
      if (!isLast) return undefined;
      this.#record = { ...this.#record, status: "failed", outcome: `${this.#record.outcome}; ${this.#trouble}` };
    }
    try {
      await store(this.#record);
    } catch {
      if (!isLast) return undefined;
    }
    return this.#record;
  }
}
