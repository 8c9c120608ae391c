import { count, span } from "../figures.ts";
import { Baseline } from "./baseline.ts";
import type { CallWindow } from "./call-window.ts";
import type { Finding } from "./finding.ts";
import type { Limits } from "./limits.ts";
import { type Point, trendOf } from "./trend.ts";

/** More calls than this times the usual are a reason of their own to be slower. */
const MORE_LOAD = 1.5;
const LEAST_SLOW_CALLS = 5;
const LEAST_SLOW_MOMENTS = 3;
/** Reports come once a second, and late at times. */
const REPORT_MS = 2000;
const POINTS_OF_A_TREND = 9;

/** Tells a service on one node that has become slow from one that is slow by nature, called more often, or unlucky. */
export class SlowDetector {
  readonly #limits: Limits["slow"];
  readonly #calls: CallWindow;
  readonly baseline: Baseline;
  #windowEnds = 0;
  #points: Point[] = [];
  #pointEnds = 0;

  constructor(limits: Limits["slow"], calls: CallWindow) {
    this.#limits = limits;
    this.#calls = calls;
    this.baseline = new Baseline(limits.baseline);
  }

  /** From here on a p95 is unusual, ms; nothing while too little is known. */
  bound(): number | undefined {
    const { factor, absolute, leastBaseline } = this.#limits;
    return this.baseline.size < leastBaseline ? undefined : Math.max(factor * this.baseline.p95(), absolute);
  }

  /** True if the service is called clearly more often than usual. */
  underMoreLoad(now: number): boolean {
    const { window } = this.#limits;
    const rate = (this.#calls.calls(now - window, now).count / window) * 1000;
    return rate > MORE_LOAD * this.baseline.rate();
  }

  /** @param late the machine or the node is too busy for anything to be held against the service */
  look(now: number, late: boolean): Omit<Finding, "target"> | undefined {
    const found = this.#slow(now);
    this.#learn(now, late || found !== undefined);
    if (late) return undefined;
    return found ?? this.#becomingSlow(now);
  }

  #slow(now: number): Omit<Finding, "target"> | undefined {
    const { window, calls: least } = this.#limits;
    const bound = this.bound();
    if (bound === undefined) return undefined;
    const { count: n, latency } = this.#calls.calls(now - window, now);
    const p95 = latency.quantile(0.95) / 1000;
    if (n < least || p95 <= bound) return undefined;
    // One stall makes many calls slow at one moment. It is over when it is seen.
    const { at, count: slow } = this.#calls.slowCalls(bound, now - window, now);
    const spread = (at.at(-1) ?? 0) - (at[0] ?? 0);
    const lasting =
      at.length >= LEAST_SLOW_MOMENTS && spread >= window / 3 && now - at.at(-1)! <= Math.max(window / 3, REPORT_MS);
    if (!lasting || slow < LEAST_SLOW_CALLS) return undefined;
    const evidence = [
      `p95 of ${count(n, "call")} in the last ${span(window)} is ${span(p95)}, and usually ${span(this.baseline.p95())}.`,
      `${slow} of them took longer than ${span(bound)}.`,
    ];
    return { failure: "slow", severity: "failure", evidence };
  }

  /** Latency that rises steadily and will meet the bound. */
  #becomingSlow(now: number): Omit<Finding, "target"> | undefined {
    const bound = this.bound();
    const points = this.#points;
    if (bound === undefined || points.length < POINTS_OF_A_TREND || this.underMoreLoad(now)) return undefined;
    const trend = trendOf(points);
    if (!trend || trend.slope <= 0 || trend.rising < 0.8) return undefined;
    const { value } = trend;
    if (value < 2 * points[0]!.value || value < 2 * this.baseline.p95() || value < bound / 5) return undefined;
    const left = (bound - value) / trend.slope;
    if (left <= 0 || left > this.#limits.horizon) return undefined;
    const since = now - points[0]!.at;
    const evidence = [
      `p95 has risen steadily for ${span(since)}, from ${span(points[0]!.value)} to ${span(value)}, with no more calls than usual.`,
      `At this slope it is slower than ${span(bound)} in about ${span(left)}.`,
    ];
    return { failure: "slow", severity: "warning", evidence, secondsLeft: Math.round(left / 1000) };
  }

  #learn(now: number, unusual: boolean): void {
    const { window, calls: least } = this.#limits;
    if (now - this.#windowEnds >= window) {
      this.#windowEnds = now;
      const { count: n, latency } = this.#calls.calls(now - window, now);
      if (n >= least) {
        const p95 = latency.quantile(0.95) / 1000;
        this.baseline.add({ at: now, p95, rate: (n / window) * 1000 }, unusual);
      }
    }
    const step = window / 3;
    if (now - this.#pointEnds < step) return;
    this.#pointEnds = now;
    const { count: n, latency } = this.#calls.calls(now - step, now);
    // A series with holes, or of few calls, is no series.
    if (n < least / 2 || unusual) this.#points = [];
    else this.#points.push({ at: now, value: latency.quantile(0.95) / 1000 });
    if (this.#points.length > 2 * POINTS_OF_A_TREND) this.#points.shift();
  }
}
