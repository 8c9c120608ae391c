/** Time in which an old value loses all but 1/e of its weight, ms. */
const DECAY_MS = 5000;

/**
 * A moving average of latencies that believes a rise at once and a fall slowly, so that trouble is seen with the first
 * late answer (Peak EWMA, as in Twitter's Finagle). The weight of what was goes with its age, not with the number of
 * values.
 */
export class PeakEwma {
  #value = 0;
  #at = 0;

  /** µs; 0 before the first value. */
  get value(): number {
    return this.#value;
  }

  /** Time since the last value, ms. */
  idle(now: number): number {
    return now - this.#at;
  }

  /** @param microseconds latency @param now ms of a monotonic clock */
  record(microseconds: number, now: number): void {
    if (microseconds >= this.#value) this.#value = microseconds;
    else {
      const kept = Math.exp((this.#at - now) / DECAY_MS);
      this.#value = this.#value * kept + microseconds * (1 - kept);
    }
    this.#at = now;
  }

  /** The value falls while nothing comes: who was slow is asked again some day. */
  at(now: number): number {
    const idle = now - this.#at;
    return idle < 1 ? this.#value : this.#value * Math.exp(-idle / DECAY_MS);
  }
}
