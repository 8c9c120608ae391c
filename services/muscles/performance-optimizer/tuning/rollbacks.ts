import type { OptimizationRecord } from "../../../../models/performance.ts";
import { type Clock, within } from "../../../../runtime/clock.ts";
import { type Entry, recordOf } from "../records/book.ts";

export interface RollbacksOptions {
  /** Monotonic. */
  clock: Clock;
  /** Stores how a change stands now. @throws where that cannot be stored */
  close(entry: Entry, status: OptimizationRecord["status"], outcome: string): Promise<OptimizationRecord>;
}

/** A change that must not stay in force. */
export interface Rollback {
  entry: Entry;
  /** Undoing twice does no harm. @throws where it cannot be done now */
  undo(): Promise<void>;
  /** Its verdict when it is undone. */
  status: OptimizationRecord["status"];
  why: string;
}

interface Pending extends Rollback {
  tries: number;
  /** ms of the clock. */
  next: number;
  isUnderWay: boolean;
}

/** A node that does not answer must not hold up the others, ms. */
const PATIENCE_MS = 20_000;
const AGAIN_MS = 10_000;
const MOST_TRIES = 30;

/** Undoes changes and stores their verdicts; what fails is tried again, and in the end it is said that it is in force. */
export class Rollbacks {
  readonly #options: RollbacksOptions;
  /** By id of the change. */
  readonly #pending = new Map<string, Pending>();

  constructor(options: RollbacksOptions) {
    this.#options = options;
  }

  /** Changes that are still in force though they should not be. */
  get changes(): string[] {
    return [...this.#pending.values()].map(({ entry }) => entry.change);
  }

  /** Whether a change of the service waits to be undone. */
  holds(service: string): boolean {
    return [...this.#pending.values()].some(({ entry }) => entry.service === service);
  }

  /** To be undone by the next tick. */
  add(rollback: Rollback): void {
    this.#enter(rollback);
  }

  /** Undoes it now. Never rejects. @returns how it stands then: where it failed it is tried again by `tick` */
  roll(rollback: Rollback): Promise<OptimizationRecord> {
    return this.#attempt(this.#enter(rollback));
  }

  async tick(): Promise<void> {
    for (const one of [...this.#pending.values()]) {
      if (!one.isUnderWay && this.#options.clock.now() >= one.next) await this.#attempt(one);
    }
  }

  #enter(rollback: Rollback): Pending {
    const pending: Pending = { ...rollback, tries: 0, next: 0, isUnderWay: false };
    this.#pending.set(rollback.entry.id, pending);
    return pending;
  }

  async #attempt(one: Pending): Promise<OptimizationRecord> {
    const { clock, close } = this.#options;
    const { entry, status, why } = one;
    one.isUnderWay = true;
    try {
      await within(clock, PATIENCE_MS, one.undo(), `no answer within ${PATIENCE_MS / 1000} s`);
      const record = await close(entry, status, why);
      this.#pending.delete(entry.id);
      return record;
    } catch (error) {
      one.tries++;
      one.next = clock.now() + AGAIN_MS;
      const isGivenUp = one.tries >= MOST_TRIES;
      if (isGivenUp) this.#pending.delete(entry.id);
      const left = isGivenUp ? "failed" : "measuring";
      const outcome = `${why}; it could not be taken back yet: ${(error as Error).message}`;
      return await close(entry, left, outcome).catch(() => recordOf({ ...entry, status: left, outcome }));
    } finally {
      one.isUnderWay = false;
    }
  }
}
