import type { Clock } from "../clock.ts";
import type { Grade } from "./record.ts";

/** Drops of this time are told in one entry, ms. */
const GATHER_MS = 10_000;

/** What was dropped since the last entry about it. */
export interface Drops {
  durable: number;
  bestEffort: number;
  /** ISO 8601 */
  from: string;
  to: string;
}

/** Counts what is dropped, and has the count recorded once there is room for that. */
export class DropReport {
  readonly #clock: Clock;
  readonly #hasRoom: () => boolean;
  readonly #record: (drops: Drops) => void;
  readonly #counts = { durable: 0, "best-effort": 0 };
  #since = 0;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, hasRoom: () => boolean, record: (drops: Drops) => void) {
    this.#clock = clock;
    this.#hasRoom = hasRoom;
    this.#record = record;
  }

  get isOpen(): boolean {
    return this.#cancel !== undefined;
  }

  add(grade: Grade, count = 1): void {
    this.#counts[grade] += count;
    if (this.#cancel) return;
    this.#since = this.#clock.now();
    this.#wait();
  }

  /** Records the count now, if there is any and it has room. Returns whether nothing is left to tell. */
  tell(): boolean {
    if (!this.#cancel) return true;
    if (!this.#hasRoom()) return false;
    this.#cancel();
    this.#cancel = undefined;
    const drops = {
      durable: this.#counts.durable,
      bestEffort: this.#counts["best-effort"],
      from: new Date(this.#since).toISOString(),
      to: new Date(this.#clock.now()).toISOString(),
    };
    this.#counts.durable = 0;
    this.#counts["best-effort"] = 0;
    this.#record(drops);
    return true;
  }

  close(): void {
    this.#cancel?.();
  }

  #wait(): void {
    this.#cancel = this.#clock.after(GATHER_MS, () => {
      if (!this.tell()) this.#wait();
    });
  }
}
