/** Reports that are looked at together: five seconds. Fewer say little of a rate, more hide what begins. */
export const WINDOW_REPORTS = 5;

/** Calls of one node that ended, of the last reports. */
export class CallWindow {
  readonly #reports: { calls: number; faults: number; span: number; buckets: readonly number[][] }[] = [];

  /** @param span time that the report covers, ms @param buckets of several actions, as histograms give them */
  add(calls: number, faults: number, span: number, buckets: readonly number[][]): void {
    this.#reports.push({ calls, faults, span, buckets });
    if (this.#reports.length > WINDOW_REPORTS) this.#reports.shift();
  }

  /** Adds this window's calls up with those of other nodes. */
  addTo(sums: { calls: number; rate: number; faults: number; counts: Float64Array }): void {
    let [calls, span] = [0, 0];
    for (const report of this.#reports) {
      calls += report.calls;
      span += report.span;
      sums.faults += report.faults;
      for (const buckets of report.buckets)
        for (let i = 0; i < buckets.length; i += 2) sums.counts[buckets[i]!]! += buckets[i + 1];
    }
    sums.calls += calls;
    if (span > 0) sums.rate += (calls / span) * 1000;
  }
}

/** The last few values of something that jumps from one report to the next. */
export class Recent {
  readonly #values: number[] = [];
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  add(value: number): void {
    this.#values.push(value);
    if (this.#values.length > this.#most) this.#values.shift();
  }

  clear(): void {
    this.#values.length = 0;
  }

  /** Of the known ones; NaN where none is, or the newest is not. */
  mean(): number {
    const newest = this.#values.at(-1);
    if (newest === undefined || Number.isNaN(newest)) return Number.NaN;
    let [sum, count] = [0, 0];
    for (const value of this.#values) {
      if (Number.isNaN(value)) continue;
      sum += value;
      count++;
    }
    return sum / count;
  }
}
