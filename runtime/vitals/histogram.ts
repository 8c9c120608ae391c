/**
 * A histogram of durations with a relative error of at most 3.2 %: each power of two is cut into 16 equal buckets, as
 * in HdrHistogram. Values are whole microseconds; longer ones than 2^31 (36 minutes) count as that. Recording costs a few
 * nanoseconds and allocates nothing.
 */
const SUB_BITS = 4;
const SUB = 1 << SUB_BITS;
export const BUCKETS = (32 - SUB_BITS) * SUB;
const LONGEST = 2 ** 31 - 1;

export function bucketOf(microseconds: number): number {
  const value = microseconds > LONGEST ? LONGEST : microseconds | 0;
  if (value < SUB) return value < 0 ? 0 : value;
  const shift = 31 - SUB_BITS - Math.clz32(value);
  return (shift + 1) * SUB + ((value >>> shift) & (SUB - 1));
}

/** The middle of a bucket, µs. */
export function bucketValue(bucket: number): number {
  if (bucket < SUB) return bucket;
  const shift = Math.floor(bucket / SUB) - 1;
  const low = (SUB + (bucket % SUB)) * 2 ** shift;
  return low + 2 ** shift / 2 - (shift === 0 ? 0.5 : 0);
}

export class Histogram {
  /** Not of 32 bits: a busy bucket of a long life holds more than 2^32. */
  readonly counts = new Float64Array(BUCKETS);
  count = 0;
  /** Sum of all values, µs. */
  sum = 0;

  record(microseconds: number): void {
    this.counts[bucketOf(microseconds)]!++;
    this.count++;
    this.sum += microseconds;
  }

  /** Adds buckets as `deltaSince` gives them. */
  add(buckets: readonly number[], sum: number): void {
    for (let i = 0; i < buckets.length; i += 2) {
      this.counts[buckets[i]!]! += buckets[i + 1];
      this.count += buckets[i + 1]!;
    }
    this.sum += sum;
  }

  /** What was recorded since `earlier` was like this, as `[bucket, count, bucket, count, …]`; `earlier` catches up. */
  deltaSince(earlier: Float64Array): number[] {
    const delta: number[] = [];
    for (let i = 0; i < BUCKETS; i++) {
      const more = this.counts[i]! - earlier[i]!;
      if (more === 0) continue;
      delta.push(i, more);
      earlier[i] = this.counts[i]!;
    }
    return delta;
  }

  /** The value below which the share `q` (0 to 1) of all values lies, µs; 0 where nothing was recorded. */
  quantile(q: number): number {
    if (this.count === 0) return 0;
    const rank = Math.max(1, Math.ceil(q * this.count));
    let seen = 0;
    for (let i = 0; i < BUCKETS; i++) {
      seen += this.counts[i]!;
      if (seen >= rank) return bucketValue(i);
    }
    return bucketValue(BUCKETS - 1);
  }

  mean(): number {
    return this.count === 0 ? 0 : this.sum / this.count;
  }
}
