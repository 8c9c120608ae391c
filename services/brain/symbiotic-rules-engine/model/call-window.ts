import { BUCKETS } from "../../../../runtime/vitals/histogram.ts";

/** Reports that are looked at together: five seconds. Fewer say little of a rate, more hide what begins. */
export const WINDOW_REPORTS = 5;

interface ReportedCalls {
  calls: number;
  faults: number;
  /** Time that the report covers, ms. */
  span: number;
  /** Of several actions, as histograms give them; not of those whose time says nothing. */
  buckets: readonly number[][];
}

/** Calls of one node that ended, of the last reports: their sum is kept, since it is asked for more often than it changes. */
export class CallWindow {
  readonly #reports: ReportedCalls[] = [];
  readonly #sum = { calls: 0, faults: 0, span: 0, counts: new Float64Array(BUCKETS) };

  add(report: ReportedCalls): void {
    this.#reports.push(report);
    this.#count(report, 1);
    if (this.#reports.length > WINDOW_REPORTS) this.#count(this.#reports.shift()!, -1);
  }

  /** Adds this window's calls up with those of other nodes. */
  addTo(sums: { calls: number; rate: number; faults: number; counts: Float64Array }): void {
    const { calls, faults, span, counts } = this.#sum;
    if (calls === 0) return;
    for (let bucket = 0; bucket < BUCKETS; bucket++) sums.counts[bucket]! += counts[bucket];
    sums.calls += calls;
    sums.faults += faults;
    sums.rate += (calls / span) * 1000;
  }

  /** Whole numbers are the same after any way of adding and taking away; the span is none. */
  #count({ calls, faults, buckets }: ReportedCalls, times: 1 | -1): void {
    const { counts } = this.#sum;
    this.#sum.calls += times * calls;
    this.#sum.faults += times * faults;
    this.#sum.span = this.#reports.reduce((sum, one) => sum + one.span, 0);
    for (const one of buckets) for (let i = 0; i < one.length; i += 2) counts[one[i]!]! += times * one[i + 1]!;
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
