import type { BeforeAfter, Buckets } from "../../../../models/performance.ts";
import type { ShapeRuns } from "../../../../models/query-facts.ts";
import { Comparison } from "../tuning/comparison.ts";

export interface TrialOptions {
  /** The query that is to become faster; for a dropped index the one that uses the collection most. */
  shape: string | undefined;
  /** Queries that write the collection. */
  writes: readonly string[];
  /** Nothing is meant to become faster but the writes: what counts is that no query becomes slower. */
  isDrop: boolean;
  /** When it gives up, ms after it began. @default 600_000 */
  maxTime?: number;
}

export interface TrialVerdict {
  status: "kept" | "taken-back";
  outcome: string;
  effect?: BeforeAfter;
  cost?: BeforeAfter;
}

const MAX_TIME = 600_000;
/** Runs without which nothing can be said, and the gain that then is enough: an index turns seconds into microseconds. */
const FEW_RUNS = 3;
const CLEAR = 0.5;
/** Writes are compared without deciding anything by them alone. */
const WORTHWHILE = 0.95;

/** Live runs of a query and of the writes beside it, before a change and after it. */
export class QueryTrial {
  readonly #options: TrialOptions;
  readonly #reads = new Comparison({ minCalls: 20, worthwhile: WORTHWHILE });
  readonly #writes = new Comparison({ minCalls: 20, worthwhile: WORTHWHILE });
  readonly #last = new Map<string, Map<number, number>>();
  #begun = 0;

  constructor(options: TrialOptions) {
    this.#options = options;
  }

  get shapes(): string[] {
    const { shape, writes } = this.#options;
    return [...(shape === undefined ? [] : [shape]), ...writes];
  }

  /** Takes up runs that each node counts since its start; the first time it only learns where they are. */
  before(node: string, runs: Record<string, ShapeRuns>): void {
    this.#take(node, runs, (comparison, buckets) => comparison.before(buckets));
  }

  after(node: string, runs: Record<string, ShapeRuns>): void {
    this.#take(node, runs, (comparison, buckets) => comparison.after(buckets));
  }

  /** Runs while the change was being made are of neither side. */
  between(node: string, runs: Record<string, ShapeRuns>): void {
    this.#take(node, runs, () => {});
  }

  /** The change is made: what comes now is after it. */
  begin(now: number): void {
    this.#begun = now;
  }

  #take(node: string, runs: Record<string, ShapeRuns>, add: (to: Comparison, buckets: Buckets) => void): void {
    for (const [id, { buckets }] of Object.entries(runs)) {
      const key = `${node}\0${id}`;
      const last = this.#last.get(key);
      const now = new Map<number, number>();
      const more: Buckets = [];
      for (let i = 0; i < buckets.length; i += 2) {
        now.set(buckets[i]!, buckets[i + 1]!);
        const increment = buckets[i + 1]! - (last?.get(buckets[i]!) ?? 0);
        if (increment > 0) more.push(buckets[i]!, increment);
      }
      // A bucket that has lost runs is one of a new life of the service; all that it has is new.
      const restarted = last !== undefined && [...last].some(([bucket, count]) => (now.get(bucket) ?? 0) < count);
      this.#last.set(key, now);
      if (last === undefined || restarted || more.length === 0) continue;
      add(id === this.#options.shape ? this.#reads : this.#writes, more);
    }
  }

  /** Runs seen so far of the query in question. */
  get runs(): { before: number; after: number } {
    return this.#reads.calls;
  }

  /** Undefined while it is open. */
  verdict(now: number): TrialVerdict | undefined {
    const { isDrop, maxTime = MAX_TIME } = this.#options;
    const isOver = now - this.#begun >= maxTime;
    const { decision, effect } = this.#reads.verdict();
    const writes = this.#writes.verdict().effect;
    const told = {
      ...(effect.before.count > 0 && effect.after.count > 0 ? { effect } : {}),
      ...(writes.before.count > 0 && writes.after.count > 0 ? { cost: { ...writes, metric: "writes" } } : {}),
    };
    if (decision === "worse") return { status: "taken-back", outcome: "The query became slower", ...told };
    if (isDrop) {
      if (decision === "continue" && !isOver) return undefined;
      return { status: "kept", outcome: "No query became slower without it", ...told };
    }
    if (decision === "better") {
      if (this.#isWorthItsWrites(effect, writes))
        return { status: "kept", outcome: "The query became faster", ...told };
      return { status: "taken-back", outcome: "What the query gained, the writes beside it lost", ...told };
    }
    if (decision === "no difference")
      return { status: "taken-back", outcome: "The query did not become faster", ...told };
    if (!isOver) return undefined;
    const { before, after } = effect;
    if (before.count >= FEW_RUNS && after.count >= FEW_RUNS && after.mean <= CLEAR * before.mean) {
      const outcome = `Few runs, but much faster: ${before.count} before, ${after.count} after`;
      return { status: "kept", outcome, ...told };
    }
    return { status: "taken-back", outcome: `No gain was seen in ${after.count} runs`, ...told };
  }

  /** Time that the runs were spared against what the writes took longer, as long as both were seen. */
  #isWorthItsWrites(reads: BeforeAfter, writes: BeforeAfter): boolean {
    if (writes.before.count < FEW_RUNS || writes.after.count < FEW_RUNS) return true;
    const spared = (reads.before.mean - reads.after.mean) * reads.after.count;
    const lost = Math.max(0, writes.after.mean - writes.before.mean) * writes.after.count;
    // A few disturbed writes do not outweigh what all of them show.
    return spared > lost || writes.ratio < 1 / WORTHWHILE;
  }
}
