import type { Clock } from "../clock.ts";

export interface GuardOptions {
  clock: Clock;
  /** Longest that anybody waits for an answer, ms. @default 100 */
  timeout?: number;
  /** Failures in a row after which it is left alone for a while. @default 3 */
  threshold?: number;
  /** Questions that may be without an answer at once, those included that nobody waits for any more. @default 256 */
  maxOpen?: number;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

/**
 * Stands before a server that may be gone, or slow, or silent: nobody waits longer than the time-out, no more than so many
 * questions are open, and after some failures it is left alone; then one question at a time shows whether it is back.
 */
export class RedisGuard {
  readonly #clock: Clock;
  readonly #timeout: number;
  readonly #threshold: number;
  readonly #maxOpen: number;
  #open = 0;
  #failures = 0;
  #pausedUntil = 0;
  #pause = FIRST_PAUSE_MS;
  #isTrying = false;
  /** Questions that failed, were late, or were not asked. */
  failed = 0;
  late = 0;
  skipped = 0;

  constructor({ clock, timeout = 100, threshold = 3, maxOpen = 256 }: GuardOptions) {
    this.#clock = clock;
    this.#timeout = timeout;
    this.#threshold = threshold;
    this.#maxOpen = maxOpen;
  }

  get isOpen(): boolean {
    if (this.#open >= this.#maxOpen) return false;
    return this.#pausedUntil === 0 || (!this.#isTrying && this.#clock.now() >= this.#pausedUntil);
  }

  /** @returns undefined where it failed, was late or was not asked */
  async ask<T>(question: () => Promise<T>): Promise<{ answer: T } | undefined> {
    if (!this.isOpen) {
      this.skipped++;
      return undefined;
    }
    this.#isTrying = this.#pausedUntil > 0;
    this.#open++;
    const asked = question().then(
      (answer) => ({ answer }),
      () => "failed" as const,
    );
    void asked.then(() => this.#open--);
    let cancel = () => {};
    const late = new Promise<"late">((resolve) => {
      cancel = this.#clock.after(this.#timeout, () => resolve("late"));
    });
    const outcome = await Promise.race([asked, late]);
    cancel();
    if (typeof outcome === "object") {
      this.#succeeded();
      return outcome;
    }
    this[outcome]++;
    this.#failedOnce();
    return undefined;
  }

  /** A new connection: what was seen of the old one says nothing. */
  reset(): void {
    this.#succeeded();
  }

  #succeeded(): void {
    this.#failures = 0;
    this.#pausedUntil = 0;
    this.#pause = FIRST_PAUSE_MS;
    this.#isTrying = false;
  }

  #failedOnce(): void {
    if (++this.#failures < this.#threshold && !this.#isTrying) return;
    this.#isTrying = false;
    this.#pausedUntil = this.#clock.now() + this.#pause;
    this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE_MS);
  }
}
