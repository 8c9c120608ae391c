import type { BeforeAfter, Buckets } from "../../../../models/performance.ts";
import { bucketOf, bucketValue } from "../../../../runtime/vitals/histogram.ts";
import { always, type Difference } from "./always-valid.ts";
import { Blocks } from "./blocks.ts";
import { varianceOfDifference } from "./variance.ts";

export interface ComparisonOptions {
  /** Calls on each side before anything is said. @default 100, at least 20 */
  minCalls?: number;
  /** Calls afterwards with which it gives up and says "no difference". @default 100_000 */
  maxCalls?: number;
  /** After divided by before that makes a change worth its while, 0.01 to 0.999. @default 0.95 */
  worthwhile?: number;
  /** Share of comparisons without any difference that may end as better or worse. @default 0.05 */
  alpha?: number;
}

export type Decision = "continue" | "better" | "worse" | "no difference";

export interface Verdict {
  decision: Decision;
  effect: BeforeAfter;
}

/** How large differences may be expected to be: of log latency, and of the share of slow calls. */
const TYPICAL_SPREAD = 0.2;
const TAIL_SPREAD = 0.03;
/** Calls slower than 95 of 100 before are the tail. Where another share lies there, buckets are too wide to tell. */
const TAIL = 0.95;
const TAIL_SHARE = { least: 0.01, most: 0.2 };
/** Fewer increments do not show how they follow each other. */
const LEAST = 15;
/** It does not give up sooner, however many calls there were: those of one second know only that second. */
const PATIENCE = 30;

/**
 * Says whether calls have become faster; asked as often as one likes. Two things are held against what was before, each
 * with half of `alpha`: the typical call (mean of log latency, to which one call of a minute among thousands is nothing),
 * and the tail (share of calls above the earlier 95th percentile).
 *
 * Feed increments in the order of time, one for each second or so. At least 15 of them afterwards are needed, because
 * neighbouring calls hang together and count for less than their number (see variance.ts).
 */
export class Comparison {
  readonly #minCalls: number;
  readonly #maxCalls: number;
  readonly #worthwhile: number;
  readonly #alpha: number;
  readonly #before = new Blocks();
  readonly #after = new Blocks();

  constructor({ minCalls = 100, maxCalls = 100_000, worthwhile = 0.95, alpha = 0.05 }: ComparisonOptions = {}) {
    this.#minCalls = Math.max(20, minCalls);
    this.#maxCalls = Math.max(this.#minCalls, maxCalls);
    this.#worthwhile = Math.min(0.999, Math.max(0.01, worthwhile));
    this.#alpha = alpha;
  }

  get calls(): { before: number; after: number } {
    return { before: this.#before.count, after: this.#after.count };
  }

  /** Increments that were left out because they said something impossible. */
  get refused(): number {
    return this.#before.refused + this.#after.refused;
  }

  before(buckets: Buckets): void {
    this.#before.add(buckets);
  }

  after(buckets: Buckets): void {
    this.#after.add(buckets);
  }

  verdict(): Verdict {
    if (Math.min(this.#before.count, this.#after.count) < this.#minCalls || this.#after.increments < LEAST) {
      return { decision: "continue", effect: this.#effect(this.#ratio(), 0) };
    }
    const typical = this.#typical();
    const tail = this.#tail();
    const ratio = { typical: Math.exp(typical.by), tail: tail === undefined ? 1 : this.#tailRatio() };
    const better = typical.high < 0 && ratio.typical <= this.#worthwhile;
    const worse = typical.low > 0 && ratio.typical >= 1 / this.#worthwhile;
    const tailBetter = tail !== undefined && tail.high < 0 && ratio.tail <= this.#worthwhile;
    const tailWorse = tail !== undefined && tail.low > 0 && ratio.tail >= 1 / this.#worthwhile;

    if (worse) return { decision: "worse", effect: this.#effect(ratio.typical, typical.confidence) };
    if (tailWorse) return { decision: "worse", effect: this.#effect(ratio.tail, tail.confidence, "p95") };
    if (better) return { decision: "better", effect: this.#effect(ratio.typical, typical.confidence) };
    if (tailBetter) return { decision: "better", effect: this.#effect(ratio.tail, tail.confidence, "p95") };
    const decision = this.#hopeless(typical, tail) || this.#exhausted() ? "no difference" : "continue";
    return { decision, effect: this.#effect(ratio.typical, typical.confidence) };
  }

  #typical(): Difference {
    const before = this.#before.typical();
    const after = this.#after.typical();
    return always(after.mean - before.mean, varianceOfDifference(before, after), TYPICAL_SPREAD, this.#alpha / 2);
  }

  /** Of the share of slow calls; undefined where it cannot be told. */
  #tail(): Difference | undefined {
    const limit = this.#before.quantile(TAIL);
    const share = this.#before.shareAbove(limit);
    if (share < TAIL_SHARE.least || share > TAIL_SHARE.most) return undefined;
    const pooled =
      (this.#before.count * share + this.#after.count * this.#after.shareAbove(limit) + 1) /
      (this.#before.count + this.#after.count + 2);
    const single = pooled * (1 - pooled);
    const before = this.#before.slow(limit, single);
    const after = this.#after.slow(limit, single);
    return always(after.mean - before.mean, varianceOfDifference(before, after), TAIL_SPREAD, this.#alpha / 2);
  }

  /** Surely neither the typical call nor the tail has changed by so much that it would be worth its while. */
  #hopeless(typical: Difference, tail: Difference | undefined): boolean {
    const enough = -Math.log(this.#worthwhile);
    if (typical.low < -enough || typical.high > enough) return false;
    if (tail === undefined) return true;
    const limit = this.#before.quantile(TAIL);
    const faster = this.#before.shareAbove(bucketOf(bucketValue(limit) / this.#worthwhile));
    return tail.low > faster - this.#before.shareAbove(limit);
  }

  #exhausted(): boolean {
    return this.#after.count >= this.#maxCalls && this.#after.increments >= PATIENCE;
  }

  #ratio(): number {
    if (this.#before.count === 0 || this.#after.count === 0) return 1;
    return Math.exp(this.#after.typical().mean - this.#before.typical().mean);
  }

  #tailRatio(): number {
    return bucketValue(this.#after.quantile(TAIL)) / Math.max(1, bucketValue(this.#before.quantile(TAIL)));
  }

  #effect(ratio: number, confidence: number, of: "typical" | "p95" = "typical"): BeforeAfter {
    return {
      metric: of === "typical" ? "latency" : "latency p95",
      unit: "ms",
      before: figures(this.#before),
      after: figures(this.#after),
      ratio,
      confidence,
    };
  }
}

function figures(side: Blocks): BeforeAfter["before"] {
  if (side.count === 0) return { count: 0, mean: 0, p50: 0, p95: 0 };
  return {
    count: side.count,
    mean: side.mean() / 1000,
    p50: bucketValue(side.quantile(0.5)) / 1000,
    p95: bucketValue(side.quantile(0.95)) / 1000,
  };
}
