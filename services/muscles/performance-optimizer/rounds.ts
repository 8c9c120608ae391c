import type { Clock } from "../../../runtime/clock.ts";

/** Work that is done again and again. Whatever goes wrong in one round, there is a next one. */
export class Rounds {
  readonly #clock: Clock;
  readonly #onError: (error: Error) => void;
  readonly #cancel: (() => void)[] = [];
  #isStopped = false;

  constructor(clock: Clock, onError: (error: Error) => void) {
    this.#clock = clock;
    this.#onError = onError;
  }

  /** @param ms from the end of one round to the beginning of the next: what takes long does not pile up */
  every(ms: number, work: () => Promise<void>): void {
    const index = this.#cancel.length;
    const again = () => {
      if (this.#isStopped) return;
      this.#cancel[index] = this.#clock.after(ms, () => void work().catch(this.#onError).finally(again));
    };
    again();
  }

  stop(): void {
    this.#isStopped = true;
    for (const cancel of this.#cancel) cancel();
  }
}
