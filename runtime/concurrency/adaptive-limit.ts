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

/** A window is judged after this time, ms, if it has enough calls; after ten times as long with fewer. */
const WINDOW_MS = 100;
const ENOUGH_CALLS = 10;
/** Latency above that of a quiet time which is nobody's trouble, ms. */
const LEAST_RISE = 1;
/** Share of the limit that is let in during a probe. */
const PROBE_SHARE = 0.25;
const PROBE_MS = 500;
const PROBE_CALLS = 30;
/** How much of a step is taken at once. */
const SMOOTHING = 0.2;
/** From this many times the tolerance on, the limit goes at once to where it has to be. */
const STEEP = 2;

/** A cut, to be judged by what came of it. */
interface Cut {
  running: number;
  latency: number;
  /** Windows since what was let in before it has ended. */
  windows: number;
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
  #nextProbe: number;
  #probe: { since: number; calls: number; sum: number } | undefined;
  #cut: Cut | undefined;
  /** Until the first cut nothing is known of a bound, and the limit may double at once. */
  #hasCut = false;
  #windowStart = 0;
  #calls = 0;
  #sum = 0;
  #most = 0;
  /** Calls that ended in a millisecond, of the last windows. */
  #rate = 0;
  #latency = 0;

  constructor(options: AdaptiveLimitOptions = {}) {
    this.#options = {
      floor: 2,
      ceiling: 10_000,
      initial: 200,
      tolerance: 1.5,
      probeEvery: 60_000,
      random: Math.random,
      ...options,
    };
    const { floor, ceiling, initial } = this.#options;
    this.#limit = Math.min(ceiling, Math.max(floor, initial));
    this.#nextProbe = this.#probePause();
  }

  get limit(): number {
    return this.#probe ? Math.max(1, Math.floor(this.#limit * PROBE_SHARE)) : Math.floor(this.#limit);
  }

  /** Latency of a quiet time, ms; 0 while it is not known. */
  get quietLatency(): number {
    return this.#quiet;
  }

  /** Latency of the last window, ms. */
  get latency(): number {
    return this.#latency;
  }

  /** Calls that end in a millisecond. */
  get rate(): number {
    return this.#rate;
  }

  /** New bounds for the limit. */
  bound(bounds: { floor?: number; ceiling?: number }): void {
    Object.assign(this.#options, bounds);
    const { floor, ceiling } = this.#options;
    this.#limit = Math.min(ceiling, Math.max(floor, this.#limit));
  }

  get bounds(): { floor: number; ceiling: number } {
    const { floor, ceiling } = this.#options;
    return { floor, ceiling };
  }

  /** A call begins, as the `running`th. */
  began(running: number): void {
    if (running > this.#most) this.#most = running;
  }

  /** A call has ended. @param took ms @param running calls beside it @param waiting calls that wait to begin @param now ms */
  ended(took: number, running: number, waiting: number, now: number): void {
    if (this.#calls === 0 && this.#windowStart === 0) this.#windowStart = now - took;
    this.#calls++;
    this.#sum += took;
    const span = now - this.#windowStart;
    if (span >= WINDOW_MS && (this.#calls >= ENOUGH_CALLS || span >= 10 * WINDOW_MS))
      this.#close(span, running, waiting, now);
  }

  #close(span: number, running: number, waiting: number, now: number): void {
    const [calls, sum, most] = [this.#calls, this.#sum, this.#most];
    const latency = sum / calls;
    this.#windowStart = now;
    this.#calls = 0;
    this.#sum = 0;
    this.#most = running;
    const rate = calls / span;
    this.#rate = this.#rate === 0 ? rate : this.#rate + (rate - this.#rate) * 0.5;
    this.#latency = latency;
    if (this.#quiet === 0) this.#quiet = latency;

    if (this.#probe) {
      this.#probed(this.#probe, calls, sum, now);
      return;
    }
    if (most <= this.#options.floor) this.#learnQuiet(latency, 0.3, now);
    else if (latency < this.#quiet) this.#quiet = latency;
    // Who has not come near the limit says nothing about it.
    if (most < this.#limit / 2 && waiting === 0) {
      this.#cut = undefined;
      return;
    }
    if (this.#cut && !this.#isJudged(this.#cut, running, latency)) return;
    this.#step(latency, most, waiting);
    if (now - this.#quietAt >= this.#nextProbe) {
      this.#probe = { since: now, calls: 0, sum: 0 };
      this.#nextProbe = this.#probePause();
    }
  }

  #step(latency: number, most: number, waiting: number): void {
    const { floor, ceiling, tolerance } = this.#options;
    const rise = latency / Math.max(this.#quiet, 1e-3);
    if (rise <= tolerance || latency - this.#quiet <= LEAST_RISE) {
      // Near the bound there is nothing to win: what runs beside others already only makes them wait.
      if (this.#hasCut && rise > 1 + (tolerance - 1) / 2 && latency - this.#quiet > LEAST_RISE) return;
      const share = this.#hasCut ? 0.25 : 1;
      const more = Math.sqrt(this.#limit) + (waiting > 0 ? this.#limit * share : 0);
      this.#limit = Math.min(ceiling, this.#limit + more);
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
    this.#limit = Math.min(ceiling, Math.max(floor, this.#limit));
    if (this.#limit < most * 0.75) this.#cut = { running: most, latency, windows: 0 };
  }

  /** Had the calls waited for each other, latency would have fallen as their number has. */
  #isJudged(cut: Cut, running: number, latency: number): boolean {
    // Calls from before the cut say nothing of it.
    if (running > this.#limit + 1 || ++cut.windows < 2) return false;
    this.#cut = undefined;
    if (latency >= (cut.latency * (1 + this.#limit / cut.running)) / 2) {
      this.#limit = Math.min(this.#options.ceiling, cut.running);
      this.#quiet = latency;
    }
    return true;
  }

  #probed(probe: { since: number; calls: number; sum: number }, calls: number, sum: number, now: number): void {
    // The first window has calls that began before.
    if (now - probe.since > WINDOW_MS * 1.5 || probe.calls > 0) {
      probe.calls += calls;
      probe.sum += sum;
    }
    if (probe.calls < PROBE_CALLS && now - probe.since < PROBE_MS) return;
    this.#probe = undefined;
    if (probe.calls > 0) this.#learnQuiet(probe.sum / probe.calls, 0.5, now);
    else this.#quietAt = now;
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
