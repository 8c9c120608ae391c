import type { RecentValues } from "./recent-values.ts";
import { type Judgement, judge, wayOf } from "./verdict.ts";

export interface Watched {
  /** Whose other acts end this one's watch. */
  target: string;
  /** As `brain.load`. */
  metric: string;
  /** Calls that come, as `brain.requestRate`. */
  demand: string;
  /** ms */
  span: number;
  /**
   * @param isInTurn another act on the target waits for what is done about it
   * @returns whether the act was taken back
   */
  judged(judgement: Judgement, isInTurn: boolean): Promise<boolean>;
}

interface Watch extends Watched {
  since: number;
  before: number[];
  demandBefore: number[];
  after: number[];
  demandAfter: number[];
}

/** Ticks whose values stand for before, and for after. */
export const COMPARED_TICKS = 6;
const MOST = 200;

/**
 * Watches what became of the metrics that actions were to improve. Of two acts on one target the first one is judged when
 * the second begins: later nobody could tell them apart.
 */
export class FollowUps {
  readonly #values: RecentValues;
  #watches: Watch[] = [];
  #isStopped = false;
  /** Effects that were not watched since too many were. */
  dropped = 0;

  constructor(values: RecentValues) {
    this.#values = values;
  }

  get size(): number {
    return this.#watches.length;
  }

  /** Values of the last seconds, as those before an act that is about to begin. */
  before(metric: string, seconds = COMPARED_TICKS): number[] {
    return this.#values.of(metric).slice(-seconds);
  }

  /** @param before of the metric and its demand, taken when the act began @param now monotonic, ms */
  watch(watched: Watched, before: { metric: number[]; demand: number[] }, now: number): void {
    if (this.#isStopped) {
      void watched.judged(UNWATCHED, false);
      return;
    }
    if (this.#watches.length >= MOST) {
      this.dropped++;
      void watched.judged({ ...UNWATCHED, why: `${MOST} effects are watched already` }, false);
      return;
    }
    this.#watches.push({
      ...watched,
      since: now,
      before: before.metric,
      demandBefore: before.demand,
      after: [],
      demandAfter: [],
    });
  }

  /** Another act on the target begins. @returns whether one before it was taken back, as it made things worse */
  async conclude(target: string): Promise<boolean> {
    const ended = this.#watches.filter((one) => one.target === target);
    this.#watches = this.#watches.filter((one) => one.target !== target);
    const takenBack = await Promise.all(ended.map((one) => judged(one, true)));
    return takenBack.includes(true);
  }

  tick(now: number): void {
    for (const one of this.#watches) {
      keep(one.after, this.#values.now(one.metric));
      keep(one.demandAfter, this.#values.now(one.demand));
    }
    const ended = this.#watches.filter(({ since, span }) => now - since >= span);
    this.#watches = this.#watches.filter((one) => !ended.includes(one));
    for (const one of ended) void judged(one, false);
  }

  /** Nobody watches any longer. */
  stop(): void {
    this.#isStopped = true;
    const left = this.#watches;
    this.#watches = [];
    for (const one of left) void one.judged(UNWATCHED, false);
  }
}

const UNWATCHED: Judgement = {
  verdict: "unknown",
  before: null,
  after: null,
  why: "the engine ended while it was watched",
};

/** Of the time after an act its end counts: what is done takes a while to be felt. */
function keep(values: number[], value: number | null): void {
  if (value === null) return;
  values.push(value);
  if (values.length > COMPARED_TICKS) values.shift();
}

function judged(watch: Watch, isInTurn: boolean): Promise<boolean> {
  const { metric, before, after, demandBefore, demandAfter } = watch;
  const demand = { before: demandBefore, after: demandAfter };
  return watch.judged(judge(metric, before, after, wayOf(metric), demand), isInTurn);
}
