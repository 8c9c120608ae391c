import type { LatencyMetric } from "../harmony/strain.ts";

/** Of several values within a second one is learned from, however often is asked, ms. */
const EVERY_MS = 950;
/** Values until it is said what is usual. */
const LEAST = 30;
/** So many values are remembered, in the mean: ten minutes. */
const REMEMBERED = 600;
/** What is more than so many times the usual is trouble, and is got used to ten times as slowly. */
const TROUBLE = 2;
const TROUBLE_SLOWER = 10;

/** What latencies are usual for a system: moving means of their logarithms, one value a second. */
export class UsualLatency {
  readonly #means = new Map<LatencyMetric, { log: number; count: number; at: number }>();

  /** @param now monotonic, ms */
  learn(metric: LatencyMetric, value: number, now: number): void {
    if (!(value >= 0)) return;
    const log = Math.log(Math.max(0.01, value));
    const mean = this.#means.get(metric);
    if (!mean) {
      this.#means.set(metric, { log, count: 1, at: now });
      return;
    }
    if (now - mean.at < EVERY_MS) return;
    mean.at = now;
    mean.count++;
    const isTrouble = mean.count > LEAST && log > mean.log + Math.log(TROUBLE);
    const share = 1 / (Math.min(mean.count, REMEMBERED) * (isTrouble ? TROUBLE_SLOWER : 1));
    mean.log += (log - mean.log) * share;
  }

  /** ms; undefined while too little was seen. */
  of(metric: LatencyMetric): number | undefined {
    const mean = this.#means.get(metric);
    return mean && mean.count >= LEAST ? Math.exp(mean.log) : undefined;
  }
}
