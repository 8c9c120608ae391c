/** Latencies of the calls of a window, ms. */
export interface Sample {
  calls: number;
  sum: number;
  squares: number;
  /** For each call those that ran beside it, by Little's law: so they are those that its latency comes from. */
  crowd: number;
}

/**
 * `wait`: the limit has to stay; `open`: it may fall further, which tells more; `right`: latency fell; `wrong`: it did not;
 * `given up`: nothing can be learned.
 */
export type Verdict = "wait" | "open" | "right" | "wrong" | "given up";

/** Share of what ran from which on a cut is deep enough to be judged by what came of it. */
const DEEP = 0.75;
/** So many calls say how it was before. */
const KNOWN_CALLS = 50;
/** A verdict has to stand so many standard errors from the other one. */
const SURE = 3;
/** Windows over which a cut is judged before a deeper one is tried. */
const JUDGED_WINDOWS = 5;
/** Windows after which a cut is not judged: more runs than is let in, as critical calls may. */
const DRAINED_WINDOWS = 20;

/**
 * A row of cuts of a limit, to be judged by what came of them: had the calls waited for each other, latency would have
 * fallen as their number has.
 */
export class Cut {
  readonly #before: Sample = { calls: 0, sum: 0, squares: 0, crowd: 0 };
  #after: Sample = { calls: 0, sum: 0, squares: 0, crowd: 0 };
  #drained = 0;
  #windows = 0;

  /** @param before absent where it does not say how it was, since more came than ended */
  constructor(before: Sample | undefined) {
    if (before) add(this.#before, before);
  }

  /** Calls that ran before, on average. */
  get crowd(): number {
    return this.#before.crowd / this.#before.calls;
  }

  /** Latency since, ms. */
  get latency(): number {
    return mean(this.#after);
  }

  /** The limit was cut further. */
  deeper(): void {
    this.#after = { calls: 0, sum: 0, squares: 0, crowd: 0 };
    this.#drained = 0;
    this.#windows = 0;
  }

  /** A window has ended. @param most that ran in it */
  judge(limit: number, most: number, window: Sample): Verdict {
    // Calls from before the cut say how it was then.
    if (most > limit + 1) {
      if (this.#before.calls < KNOWN_CALLS) add(this.#before, window);
      return ++this.#drained > DRAINED_WINDOWS ? "given up" : "wait";
    }
    const { crowd } = this;
    if (!(limit < crowd * DEEP)) return "open";
    add(this.#after, window);
    const fallen = (1 + limit / crowd) / 2;
    const over = mean(this.#after) - mean(this.#before) * fallen;
    const error = SURE * Math.sqrt(errorOf(this.#after) + errorOf(this.#before) * fallen ** 2);
    if (Math.abs(over) >= error) return over > 0 ? "wrong" : "right";
    return ++this.#windows > JUDGED_WINDOWS ? "open" : "wait";
  }
}

function add(to: Sample, { calls, sum, squares, crowd }: Sample): void {
  to.calls += calls;
  to.sum += sum;
  to.squares += squares;
  to.crowd += crowd;
}

const mean = ({ calls, sum }: Sample) => sum / calls;

/**
 * Of the mean, squared. Calls that wait for each other have about the same latency, all by the same chance; so it is taken
 * to vary as much as work without memory does, at least.
 */
function errorOf({ calls, sum, squares }: Sample): number {
  const mean = sum / calls;
  return Math.max(mean ** 2, squares / calls - mean ** 2) / calls;
}
