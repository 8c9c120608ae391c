/** Time between two measurements, ms. */
const EVERY_MS = 10;
/** A measurement older than this tells nothing, ms. */
const STALE_MS = 100;

/** How far the event loop is behind, measured only while something is going on: an idle process is not woken. */
export class LoopLag {
  readonly #now: () => number;
  #value = 0;
  #at = Number.NEGATIVE_INFINITY;
  #isPending = false;

  /** @param now ms, monotonic */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Time that passed until the loop came round, ms; 0 where it was not measured lately. */
  get value(): number {
    return this.#value > 0 && this.#now() - this.#at > STALE_MS ? 0 : this.#value;
  }

  probe(): void {
    if (this.#isPending) return;
    const start = this.#now();
    if (start - this.#at < EVERY_MS) return;
    this.#isPending = true;
    setImmediate(() => {
      this.#at = this.#now();
      this.#value = this.#at - start;
      this.#isPending = false;
    });
  }
}
