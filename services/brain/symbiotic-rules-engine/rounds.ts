import type { Clock } from "../../../runtime/clock.ts";
import type { Parts } from "./parts.ts";

/** Work that is done again and again. Whatever goes wrong in one round, there is a next one. */
export class Rounds {
  readonly #clock: Clock;
  readonly #parts: Parts;
  readonly #cancel: (() => void)[] = [];
  #isStopped = false;

  constructor(clock: Clock, parts: Parts) {
    this.#clock = clock;
    this.#parts = parts;
  }

  /** @param ms from the end of one round to the beginning of the next */
  every(ms: number, what: string, work: () => void | Promise<void>): void {
    const index = this.#cancel.length;
    const again = () => {
      if (this.#isStopped) return;
      this.#cancel[index] = this.#clock.after(ms, () => {
        if (!this.#isStopped) void this.#guarded(what, work).then(again);
      });
    };
    again();
  }

  stop(): void {
    this.#isStopped = true;
    for (const cancel of this.#cancel) cancel();
  }

  async #guarded(what: string, work: () => void | Promise<void>): Promise<void> {
    try {
      await work();
      this.#parts.well(what);
    } catch (error) {
      this.#parts.failed(what, error);
    }
  }
}
