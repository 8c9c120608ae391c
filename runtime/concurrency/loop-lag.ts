/** Time between two measurements, ms. */
const EVERY_MS = 10;
/** A measurement older than this tells nothing, ms. */
const STALE_MS = 100;
/** After a turn of the loop that took longer, the next one is measured too: whether it goes on or was all, ms. */
const LONG_MS = 5;

/**
 * How long calls wait for others in this event loop, measured only while something is going on: an idle process is not
 * woken. What a call takes itself it has not waited for.
 */
export class LoopLag {
  readonly #now: () => number;
  #value = 0;
  #at = Number.NEGATIVE_INFINITY;
  #isPending = false;
  /** Calls that began in the turn that is being measured. */
  #calls = 0;

  /** @param now ms, monotonic */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** What the last of the calls of a turn waited for those before it, ms; 0 where it was not measured lately. */
  get value(): number {
    return this.#value > 0 && this.#now() - this.#at > STALE_MS ? 0 : this.#value;
  }

  /** A call begins. */
  probe(): void {
    if (this.#isPending) {
      this.#calls++;
      return;
    }
    const start = this.#now();
    if (start - this.#at < EVERY_MS) return;
    this.#calls = 1;
    this.#measure(start);
  }

  #measure(start: number): void {
    this.#isPending = true;
    setImmediate(() => {
      this.#at = this.#now();
      const lag = this.#at - start;
      this.#value = this.#calls > 1 ? lag * (1 - 1 / this.#calls) : 0;
      this.#calls = 0;
      this.#isPending = false;
      if (lag >= LONG_MS) this.#measure(this.#at);
    });
  }
}
