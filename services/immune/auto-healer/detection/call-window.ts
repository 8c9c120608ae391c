import { bucketValue, Histogram } from "../../../../runtime/vitals/histogram.ts";

/** Calls of one service on one node, as a node's report tells them. Increments. */
export interface CallIncrement {
  errors: number;
  /** µs */
  sum: number;
  /** `[bucket, count, bucket, count, …]` */
  buckets: readonly number[];
}

interface Slot extends CallIncrement {
  at: number;
}

export interface Calls {
  count: number;
  errors: number;
  latency: Histogram;
}

/** The calls of the last time, second by second. */
export class CallWindow {
  readonly #kept: number;
  #slots: Slot[] = [];
  /** What was before is not looked at any longer: something was done about it. */
  #since = Number.NEGATIVE_INFINITY;

  /** @param kept ms */
  constructor(kept: number) {
    this.#kept = kept;
  }

  add(increment: CallIncrement, now: number): void {
    this.#slots.push({ ...increment, at: now });
    const stale = this.#slots.findIndex(({ at }) => at > now - this.#kept);
    if (stale > 0) this.#slots.splice(0, stale);
  }

  forget(now: number): void {
    this.#since = now;
  }

  /** Calls that ended between `from` (left out) and `to`. */
  calls(from: number, to: number): Calls {
    const latency = new Histogram();
    let errors = 0;
    for (const slot of this.#between(from, to)) {
      latency.add(slot.buckets, slot.sum);
      errors += slot.errors;
    }
    return { count: latency.count, errors, latency };
  }

  /** Times at which calls ended that took longer than `bound` ms, and how many there were. */
  slowCalls(bound: number, from: number, to: number): { at: number[]; count: number } {
    const at: number[] = [];
    let count = 0;
    for (const slot of this.#between(from, to)) {
      let here = 0;
      for (let i = 0; i < slot.buckets.length; i += 2) {
        if (bucketValue(slot.buckets[i]!) > bound * 1000) here += slot.buckets[i + 1]!;
      }
      if (here > 0) at.push(slot.at);
      count += here;
    }
    return { at, count };
  }

  #between(from: number, to: number): Slot[] {
    const after = Math.max(from, this.#since);
    return this.#slots.filter(({ at }) => at > after && at <= to);
  }
}
