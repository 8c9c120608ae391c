import type { Clock } from "../clock.ts";
import { EPOCH_MS, epochOf } from "../record/epoch.ts";

/**
 * The epoch that a node is in. It follows the wall clock, and never goes back: while the clock shows a time before the
 * epoch, it counts on by itself.
 */
export class OwnEpoch {
  readonly #clock: Clock;
  #current: number;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#current = epochOf(clock.now());
  }

  get current(): number {
    return this.#current;
  }

  /** Calls `begun` at the begin of each epoch from now on. */
  start(begun: (epoch: number) => void): void {
    const wait = EPOCH_MS - (this.#clock.now() % EPOCH_MS);
    this.#cancel = this.#clock.after(wait, () => {
      const now = epochOf(this.#clock.now());
      // A timer may fire a little early.
      if (now !== this.#current) {
        this.#current = Math.max(now, this.#current + 1);
        begun(this.#current);
      }
      this.start(begun);
    });
  }

  stop(): void {
    this.#cancel?.();
  }
}
