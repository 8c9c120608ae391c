import type { Clock } from "../../../../runtime/clock.ts";

/** Time before what failed is tried again, ms. */
const RETRY_MS = 1000;

/** Work that is due later, and is tried again until it succeeds. */
export class Timers {
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();
  #stopped = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  after(ms: number, run: () => Promise<void>): void {
    if (this.#stopped) return;
    const cancel = this.#clock.after(ms, () => {
      this.#waiting.delete(cancel);
      run().catch(() => this.after(RETRY_MS, run));
    });
    this.#waiting.add(cancel);
  }

  stop(): void {
    this.#stopped = true;
    for (const cancel of this.#waiting) cancel();
    this.#waiting.clear();
  }
}
