/** Time in which a call loses all but 1/e of its weight, ms. */
const DECAY_MS = 10_000;
/** Calls without fault that are taken for granted, so that one failure alone is no rate of 100 %. */
const PRIOR_CALLS = 2;

/** The share of calls that failed lately; each call weighs less the older it is. */
export class FailureRate {
  #failures = 0;
  #calls = 0;
  #at = 0;

  /** @param failed 1 or 0; between them for what counts as half a failure @param now ms of a monotonic clock */
  record(failed: number, now: number): void {
    // Within a millisecond nothing decays: a busy path is spared the exponential.
    if (now - this.#at >= 1) {
      const kept = Math.exp((this.#at - now) / DECAY_MS);
      this.#failures *= kept;
      this.#calls *= kept;
      this.#at = now;
    }
    this.#failures += failed;
    this.#calls++;
  }

  /** Calls that still count; fractions of older ones. */
  calls(now: number): number {
    return this.#calls * Math.exp((this.#at - now) / DECAY_MS);
  }

  /** 0 to 1. Falls to 0 where no calls come, so that who failed is tried again. */
  rate(now: number): number {
    if (this.#failures === 0) return 0;
    const kept = Math.exp((this.#at - now) / DECAY_MS);
    return (this.#failures * kept) / (this.#calls * kept + PRIOR_CALLS);
  }
}
