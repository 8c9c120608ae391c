import { Cut, type Sample } from "./cut.ts";

export interface AdaptiveLimitOptions {
  /** Least that may run at once, whatever is measured. @default 2 */
  floor?: number;
  /** Most that may run at once. @default 10000 */
  ceiling?: number;
  /** To begin with. @default 200 */
  initial?: number;
  /** By how much latency may rise over that of a quiet time before less is let in. @default 1.5 */
  tolerance?: number;
  /** Time after which the latency of a quiet time is measured anew under load, ms; varied by a quarter. @default 60000 */
  probeEvery?: number;
  /** 0 to 1. @default Math.random */
  random?: () => number;
}

/**
 * A window is judged after this time, ms, or that of a call where that is longer, if it has enough calls; after ten times
 * as long with fewer. In a shorter one only the quick ones of what was let in would have ended.
 */
const WINDOW_MS = 100;
const LONGEST_WINDOW_MS = 10 * WINDOW_MS;
const ENOUGH_CALLS = 10;
/** Latency above that of a quiet time which is nobody's trouble, ms. */
const LEAST_RISE = 1;
/** Share of the limit that is let in during a probe. */
const PROBE_SHARE = 0.25;
const PROBE_MS = 500;
const PROBE_CALLS = 30;
const LONGEST_PROBE_MS = 3000;
/** By how much sooner what was learned is looked at again, if it was a surprise. */
const VERIFY_SOONER = 30;
/** How much of a step is taken at once. */
const SMOOTHING = 0.2;
/** From this many times the tolerance on, the limit goes at once to where it has to be. */
const STEEP = 2;

/** Windows with so many calls have a mean that is believed at once. */
const SURE_CALLS = 50;
/** So much more comes than ends, as a share, where the calls of a window say little. */
const FILLING = 0.2;
export interface Bounds {
  floor: number;
  ceiling: number;
}

/** With the defaults for what is left out, which never contradict what is given. */
export function boundsOf({ floor, ceiling }: Partial<Bounds>): Bounds {
  return {
    floor: floor ?? Math.min(2, ceiling ?? 2),
    ceiling: ceiling ?? Math.max(10_000, floor ?? 10_000),
  };
}

interface Probe {
  since: number;
  calls: number;
  sum: number;
}

/**
 * How many calls of an action may run at once, found by its latency (after Gradient2 of Netflix's concurrency-limits): as
 * long as it is about that of a quiet time, more may run; where it rises, calls wait inside the action for each other, and
 * fewer are let in. A steep rise is answered in one step by Little's law: what is finished in a second, times the quiet
 * latency, is what has use of running at once.
 *
 * A rise may have another cause than too many calls. So each cut is judged: if latency did not fall with it, the calls did
 * not wait for each other; the limit goes back, and the new latency is what a quiet time has from now on.
 */
export class AdaptiveLimit {
  readonly #options: Required<AdaptiveLimitOptions>;
  #limit: number;
  /** Latency of a quiet time, ms; 0 while it is not known. */
  #quiet = 0;
  #quietAt = 0;
  #isNew = true;
  #nextProbe: number;
  #probe: Probe | undefined;
  #cut: Cut | undefined;
  /** When more was let in last. */
  #grownAt = Number.NEGATIVE_INFINITY;
  /** Until the first cut nothing is known of a bound, and the limit may double at once. */
  #hasCut = false;
  #windowStart = Number.NEGATIVE_INFINITY;
  #calls = 0;
  #sum = 0;
  #squares = 0;
  #most = 0;
  #runningThen = 0;
  /** Calls that ended in a millisecond, of the last windows. */
  #rate = 0;
  /** The same, of the last windows all of which had calls waiting. */
  #capacity = 0;
  #waitingThen = 0;
  #latency = 0;
  /** Least that is lent for a while, beside the floor. */
  #lent = 0;

  constructor(options: AdaptiveLimitOptions = {}) {
    this.#options = {
      initial: 200,
      tolerance: 1.5,
      probeEvery: 60_000,
      random: Math.random,
      ...options,
      ...boundsOf(options),
    };
    const { floor, ceiling, initial } = this.#options;
    this.#limit = Math.min(ceiling, Math.max(floor, initial));
    this.#nextProbe = this.#probePause();
  }

  get limit(): number {
    if (!this.#probe) return Math.floor(this.#limit);
    return Math.max(this.#floor, Math.floor(this.#limit * PROBE_SHARE));
  }

  /** Latency of a quiet time, ms; 0 while it is not known. */
  get quietLatency(): number {
    return this.#quiet;
  }

  /** Latency of the last window, ms. */
  get latency(): number {
    return this.#latency;
  }

  /** Calls that can end in a millisecond; 0 while no calls have to wait, since nobody knows then. */
  get rate(): number {
    return this.#capacity;
  }

  /** New bounds for the limit. */
  bound(bounds: Partial<Bounds>): void {
    Object.assign(this.#options, bounds);
    this.#limit = Math.min(this.#options.ceiling, Math.max(this.#floor, this.#limit));
  }

  /** A higher floor for a while, below the ceiling; the bounds stay what they are. @param floor 0 gives back */
  lend(floor: number): void {
    this.#lent = floor;
    this.#limit = Math.min(this.#options.ceiling, Math.max(this.#floor, this.#limit));
  }

  get #floor(): number {
    const { floor, ceiling } = this.#options;
    return Math.max(floor, Math.min(ceiling, this.#lent));
  }

  get bounds(): Bounds {
    const { floor, ceiling } = this.#options;
    return { floor, ceiling };
  }

  /** A call begins, as the `running`th. */
  began(running: number): void {
    if (running > this.#most) this.#most = running;
  }

  /** A call has ended. @param took ms @param running calls beside it @param waiting calls that wait to begin @param now ms */
  ended(took: number, running: number, waiting: number, now: number): void {
    // A window in which nothing was asked for tells of no rate.
    if (this.#calls === 0 && now - this.#windowStart > LONGEST_WINDOW_MS)
      this.#windowStart = Math.max(this.#windowStart, now - took);
    this.#calls++;
    this.#sum += took;
    this.#squares += took * took;
    const span = now - this.#windowStart;
    const isLong = span >= LONGEST_WINDOW_MS;
    if (isLong || (span >= WINDOW_MS && span >= this.#latency && this.#calls >= ENOUGH_CALLS))
      this.#close(span, running, waiting, now);
  }

  #close(span: number, running: number, waiting: number, now: number): void {
    const [calls, sum, squares, most] = [this.#calls, this.#sum, this.#squares, this.#most];
    const latency = sum / calls;
    this.#windowStart = now;
    this.#calls = 0;
    this.#sum = 0;
    this.#squares = 0;
    this.#most = running;
    // More has come than has ended: that are the quick ones.
    const isFilling = running - this.#runningThen > calls * FILLING;
    this.#runningThen = running;
    const rate = calls / span;
    this.#rate = this.#rate === 0 ? rate : this.#rate + (rate - this.#rate) * 0.5;
    if (waiting === 0 || this.#waitingThen === 0) this.#capacity = 0;
    else this.#capacity = this.#capacity === 0 ? rate : this.#capacity + (rate - this.#capacity) * 0.5;
    this.#waitingThen = waiting;
    this.#latency = latency;
    const sample = { calls, sum, squares, crowd: (sum / span) * calls };
    if (this.#probe) {
      this.#probed(this.#probe, sample, most, now);
      return;
    }
    if (this.#isNew) {
      this.#learnQuiet(latency, 1, now);
      this.#isNew = isFilling;
      // Who begins under load has not seen a quiet time yet.
      if (waiting > 0) this.#nextProbe = this.#probePause() / VERIFY_SOONER;
      return;
    }
    if (most <= this.#options.floor) this.#learnQuiet(latency, 0.3, now);
    else if (latency < this.#quiet && !isFilling)
      this.#quiet += (latency - this.#quiet) * Math.min(1, calls / SURE_CALLS);
    // Who has not come near the limit says nothing about it.
    if (most < this.#limit / 2 && waiting === 0) {
      this.#cut = undefined;
      return;
    }
    if (this.#cut && !this.#isJudged(this.#cut, most, sample, now)) return;
    this.#step(latency, waiting, sample, isFilling, now);
    if (now - this.#quietAt >= this.#nextProbe) {
      this.#probe = { since: now, calls: 0, sum: 0 };
      this.#nextProbe = this.#probePause();
    }
  }

  #step(latency: number, waiting: number, sample: Sample, isFilling: boolean, now: number): void {
    const { ceiling, tolerance } = this.#options;
    const rise = latency / Math.max(this.#quiet, 1e-3);
    if (rise <= tolerance || latency - this.#quiet <= LEAST_RISE) {
      this.#cut = undefined;
      // Near the bound there is nothing to win: what runs beside others already only makes them wait.
      if (this.#hasCut && rise > 1 + (tolerance - 1) / 2 && latency - this.#quiet > LEAST_RISE) return;
      const share = this.#hasCut ? 0.25 : 1;
      const more = Math.sqrt(this.#limit) + (waiting > 0 ? this.#limit * share : 0);
      this.#limit = Math.min(ceiling, this.#limit + more);
      this.#grownAt = now;
      return;
    }
    this.#hasCut = true;
    const before = this.#limit;
    const room = this.#quiet * tolerance * this.#rate;
    if (rise > STEEP * tolerance) this.#limit = Math.min(before, room);
    else {
      const wanted = before * Math.max(0.5, tolerance / rise);
      this.#limit = before * (1 - SMOOTHING) + wanted * SMOOTHING;
    }
    this.#limit = Math.min(ceiling, Math.max(this.#floor, this.#limit));
    // The latency of what was let in last may still have to be seen.
    const isKnown = !isFilling && now - this.#grownAt >= 2 * latency;
    this.#cut ??= new Cut(isKnown ? sample : undefined);
    this.#cut.deeper();
  }

  /** False as long as the limit has to stay. */
  #isJudged(cut: Cut, most: number, sample: Sample, now: number): boolean {
    const verdict = cut.judge(this.#limit, most, sample);
    if (verdict === "wait") return false;
    if (verdict === "open") return true;
    this.#cut = undefined;
    if (verdict === "wrong") {
      this.#limit = Math.min(this.#options.ceiling, cut.crowd);
      this.#learnQuiet(cut.latency, 1, now);
      this.#grownAt = now;
      // A wrong verdict would be the ground for the next one: a deeper look tells soon.
      this.#nextProbe = this.#probePause() / VERIFY_SOONER;
    }
    return true;
  }

  #probed(probe: Probe, { calls, sum }: Sample, most: number, now: number): void {
    const span = now - probe.since;
    // Calls from before the probe are none of it.
    if (most <= this.limit + 1 || span >= LONGEST_PROBE_MS) {
      probe.calls += calls;
      probe.sum += sum;
    }
    if (probe.calls < PROBE_CALLS && (span < PROBE_MS || probe.calls === 0)) return;
    this.#probe = undefined;
    const latency = probe.sum / probe.calls;
    // With so few calls latency has fallen: what was taken for that of a quiet time was not.
    const wasLoud = latency < (this.#quiet * (1 + PROBE_SHARE)) / 2;
    this.#learnQuiet(latency, wasLoud || probe.calls >= SURE_CALLS ? 1 : 0.5, now);
    if (wasLoud) this.#nextProbe = this.#probePause() / VERIFY_SOONER;
  }

  #learnQuiet(latency: number, share: number, now: number): void {
    this.#quiet += (latency - this.#quiet) * share;
    this.#quietAt = now;
  }

  /** Nodes that began together must not probe together. */
  #probePause(): number {
    return this.#options.probeEvery * (0.75 + this.#options.random() * 0.5);
  }
}
