import type { Buckets } from "../../models/performance.ts";
import { BUCKETS, bucketOf, bucketValue } from "../vitals/histogram.ts";

/**
 * A histogram of latencies in which what is older counts less. New values go into a window of plain counts; when it is
 * closed, its counts are told and join the decaying ones. So a value costs one addition, whatever the decay.
 */
export class DecayingHistogram {
  readonly #window = new Uint32Array(BUCKETS);
  readonly #decayed = new Float32Array(BUCKETS);
  #total = 0;
  /** Of the open window. */
  count = 0;
  /** µs, of the open window. */
  sum = 0;

  record(microseconds: number): void {
    this.#window[bucketOf(microseconds)]!++;
    this.count++;
    this.sum += microseconds;
  }

  /**
   * Ends the window and begins the next. @param kept share of its weight that what is older keeps, 0 to 1
   * @returns what was in the window, as `[bucket, count, …]`
   */
  close(kept: number): Buckets {
    const told: Buckets = [];
    let total = 0;
    for (let i = 0; i < BUCKETS; i++) {
      const fresh = this.#window[i]!;
      if (fresh > 0) {
        told.push(i, fresh);
        this.#window[i] = 0;
      }
      const weight = this.#decayed[i]! * kept + fresh;
      // What is left of long ago would slow the arithmetic down as denormal numbers.
      this.#decayed[i] = weight < 1e-6 ? 0 : weight;
      total += this.#decayed[i]!;
    }
    this.#total = total;
    this.count = 0;
    this.sum = 0;
    return told;
  }

  /** Weight of all values in closed windows. */
  get weight(): number {
    return this.#total;
  }

  /** The value below which the share `q` of the weight lies, µs; 0 where there is none. */
  quantile(q: number): number {
    if (this.#total === 0) return 0;
    let rest = q * this.#total;
    let last = 0;
    for (let i = 0; i < BUCKETS; i++) {
      if (this.#decayed[i] === 0) continue;
      last = i;
      rest -= this.#decayed[i]!;
      if (rest <= 0) break;
    }
    return bucketValue(last);
  }
}
