import type { Buckets } from "../../../../models/performance.ts";
import { BUCKETS, bucketValue } from "../../../../runtime/vitals/histogram.ts";
import { merged } from "../measurements/latency-seconds.ts";
import { areBuckets } from "../measurements/possible.ts";

const LOG = Float64Array.from({ length: BUCKETS }, (_, bucket) => Math.log(Math.max(1, bucketValue(bucket))));

/** A value is known no better than its bucket is wide, 6 % at most. This is the variance of its logarithm. */
const BLUR = 0.0625 ** 2 / 12;

/** When so many blocks are full, neighbours become one. Even. */
const MOST = 256;

export interface Estimate {
  mean: number;
  /** Of the mean, if calls knew nothing of each other. */
  independent: number;
  /** By how much each block is off the mean, as sums over its calls, in the order of time. */
  residuals: Float64Array;
  count: number;
}

/** Calls in the order of time, in blocks of one or more increments. Memory is bounded. */
export class Blocks {
  readonly counts = new Float64Array(BUCKETS);
  count = 0;
  increments = 0;
  /** Increments that said something impossible. */
  refused = 0;
  #blocks: Buckets[] = [];
  #perBlock = 1;
  #inLast = 0;

  add(buckets: Buckets): void {
    if (!areBuckets(buckets)) {
      this.refused++;
      return;
    }
    if (buckets.length === 0) return;
    this.#append(buckets);
    for (let i = 0; i < buckets.length; i += 2) {
      this.counts[buckets[i]!]! += buckets[i + 1];
      this.count += buckets[i + 1]!;
    }
    this.increments++;
  }

  /** The bucket in which the share `q` of the calls is reached. */
  quantile(q: number): number {
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.counts[bucket]!;
      if (seen >= q * this.count) return bucket;
    }
    return BUCKETS - 1;
  }

  /** µs */
  mean(): number {
    let sum = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) sum += this.counts[bucket]! * bucketValue(bucket);
    return this.count === 0 ? 0 : sum / this.count;
  }

  /** Share of calls above a bucket. */
  shareAbove(tail: number): number {
    let above = 0;
    for (let bucket = tail + 1; bucket < BUCKETS; bucket++) above += this.counts[bucket]!;
    return this.count === 0 ? 0 : above / this.count;
  }

  /** Mean of the logarithm of µs. */
  typical(): Estimate {
    let sum = 0;
    let squares = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const calls = this.counts[bucket]!;
      sum += calls * LOG[bucket]!;
      squares += calls * LOG[bucket]! ** 2;
    }
    const mean = sum / this.count;
    return this.#estimate(mean, Math.max(0, squares / this.count - mean * mean) + BLUR, (block) =>
      total(block, (bucket) => LOG[bucket]!),
    );
  }

  /** Share of calls above a bucket, as `shareAbove`; `single` is the variance of one call. */
  slow(tail: number, single: number): Estimate {
    return this.#estimate(this.shareAbove(tail), single, (block) => total(block, (bucket) => (bucket > tail ? 1 : 0)));
  }

  #estimate(mean: number, single: number, sum: (block: Buckets) => number): Estimate {
    const residuals = Float64Array.from(this.#blocks, (block) => sum(block) - mean * total(block, () => 1));
    return { mean, independent: single / this.count, residuals, count: this.count };
  }

  #append(buckets: Buckets): void {
    if (this.#inLast > 0 && this.#inLast < this.#perBlock) {
      this.#blocks.push(merged(this.#blocks.pop()!, buckets));
      this.#inLast++;
      return;
    }
    if (this.#blocks.length === MOST) {
      this.#blocks = Array.from({ length: MOST / 2 }, (_, i) => merged(this.#blocks[2 * i]!, this.#blocks[2 * i + 1]!));
      this.#perBlock *= 2;
    }
    this.#blocks.push(buckets);
    this.#inLast = 1;
  }
}

function total(block: Buckets, of: (bucket: number) => number): number {
  let sum = 0;
  for (let i = 0; i < block.length; i += 2) sum += block[i + 1]! * of(block[i]!);
  return sum;
}
