import type { Buckets } from "../../../../models/performance.ts";
import { Histogram } from "../../../../runtime/vitals/histogram.ts";

export interface LatencySecondsOptions {
  /** How long a second is kept, s. @default 300 */
  kept?: number;
  /** Numbers that all seconds together hold; beyond that the oldest go sooner. @default 2_000_000 */
  room?: number;
  /** Series; of further ones nothing is kept. @default 10_000 */
  maxSeries?: number;
}

interface Second {
  second: number;
  buckets: Buckets;
}

/** Latencies second by second: enough to compare what was before a change with what came after it. */
export class LatencySeconds {
  readonly #kept: number;
  readonly #room: number;
  readonly #maxSeries: number;
  readonly #series = new Map<string, Second[]>();
  /** In the order of time, from `#head` on: what is to be dropped next. */
  #order: { key: string; second: number }[] = [];
  #head = 0;
  #size = 0;
  /** Increments of which nothing was kept, because there are too many series. */
  dropped = 0;

  constructor({ kept = 300, room = 2_000_000, maxSeries = 10_000 }: LatencySecondsOptions = {}) {
    this.#kept = kept;
    this.#room = room;
    this.#maxSeries = maxSeries;
  }

  get size(): number {
    return this.#size;
  }

  add(key: string, now: number, buckets: Buckets): void {
    if (buckets.length === 0) return;
    const second = Math.floor(now / 1000);
    let series = this.#series.get(key);
    if (!series) {
      if (this.#series.size >= this.#maxSeries) {
        this.dropped++;
        return;
      }
      series = [];
      this.#series.set(key, series);
    }
    const last = series.at(-1);
    if (last && last.second >= second) {
      this.#size -= last.buckets.length;
      last.buckets = merged(last.buckets, buckets);
      this.#size += last.buckets.length;
    } else {
      series.push({ second, buckets });
      this.#order.push({ key, second });
      this.#size += buckets.length;
    }
    this.#trim(second);
  }

  /** Seconds that began between `from` and `to` (left out), oldest first; several series are added up. */
  between(keys: readonly string[], from: number, to: number): Buckets[] {
    const bySecond = new Map<number, Buckets>();
    for (const key of keys) {
      for (const { second, buckets } of this.#series.get(key) ?? []) {
        if (second * 1000 < from || second * 1000 >= to) continue;
        const known = bySecond.get(second);
        bySecond.set(second, known ? merged(known, buckets) : buckets);
      }
    }
    return [...bySecond].sort(([a], [b]) => a - b).map(([, buckets]) => buckets);
  }

  histogram(keys: readonly string[], from: number, to: number): Histogram {
    const histogram = new Histogram();
    for (const key of keys) {
      for (const { second, buckets } of this.#series.get(key) ?? []) {
        if (second * 1000 >= from && second * 1000 < to) histogram.add(buckets, 0);
      }
    }
    return histogram;
  }

  #trim(second: number): void {
    while (this.#head < this.#order.length) {
      const { key, second: oldest } = this.#order[this.#head]!;
      if (oldest > second - this.#kept && this.#size <= this.#room) break;
      this.#head++;
      const series = this.#series.get(key)!;
      this.#size -= series.shift()!.buckets.length;
      if (series.length === 0) this.#series.delete(key);
    }
    if (this.#head > 10_000 && this.#head * 2 > this.#order.length) {
      this.#order = this.#order.slice(this.#head);
      this.#head = 0;
    }
  }
}

export function merged(one: Buckets, other: Buckets): Buckets {
  const counts = new Map<number, number>();
  for (const buckets of [one, other]) {
    for (let i = 0; i < buckets.length; i += 2)
      counts.set(buckets[i]!, (counts.get(buckets[i]!) ?? 0) + buckets[i + 1]!);
  }
  return [...counts].flat();
}
