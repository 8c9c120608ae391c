/**
 * Failure detection by accrual (Hayashibara, Défago, Yared, Katayama: The phi accrual failure detector, 2004). Instead
 * of "alive or dead" it tells how unlikely the present silence is for one whose heartbeats came as they did so far.
 */

export interface PhiOptions {
  /** Intervals that are remembered. @default 200 */
  window?: number;
  /** Least standard deviation, ms: heartbeats like clockwork must not make every small delay a death. @default 200 */
  minDeviation?: number;
  /** Interval that is expected until some were seen, ms. @default 1000 */
  firstEstimate?: number;
  /** Phi from which a silence is a suspicion. @default 8 */
  threshold?: number;
}

/**
 * At this phi a silence has the probability 1e-8 for a living node: at a heartbeat each second, once in three years.
 * With the least deviation that is 2.1 s of silence.
 */
export const PHI_THRESHOLD = 8;

/** How suspicious the silence of one sender is. Times are of the receiver's clock, ms. */
export class PhiAccrual {
  readonly #window: number;
  readonly #minDeviation: number;
  readonly #threshold: number;
  /** The threshold in standard deviations beyond the mean. */
  readonly #bound: number;
  readonly #intervals: number[];
  #last: number;
  #mean = 0;
  #deviation = 0;

  /** @param now when the sender was first heard of */
  constructor(now: number, options: PhiOptions = {}) {
    const { window = 200, minDeviation = 200, firstEstimate = 1000, threshold = PHI_THRESHOLD } = options;
    this.#window = window;
    this.#minDeviation = minDeviation;
    this.#threshold = threshold;
    this.#bound = deviationsAt(threshold);
    this.#last = now;
    // Two intervals with the estimate as mean and a quarter of it as deviation; real ones push them out.
    this.#intervals = [firstEstimate * 0.75, firstEstimate * 1.25];
    this.#measure();
  }

  /**
   * A sign of life. An interval beyond the threshold counts as one at the threshold: one outage does not blunt the
   * detector for the next, but a sender that has become slow is believed after a few.
   */
  beat(now: number): void {
    const interval = Math.max(0, now - this.#last);
    this.#last = now;
    this.#intervals.push(Math.min(interval, this.#mean + this.#bound * this.#deviation));
    if (this.#intervals.length > this.#window) this.#intervals.shift();
    this.#measure();
  }

  /** The receiver itself was away: what it did not hear meanwhile says nothing. */
  excuse(now: number): void {
    this.#last = Math.max(this.#last, now);
  }

  /** -log10 of the probability that a living sender is silent for so long. */
  phi(now: number): number {
    return phiOf((now - this.#last - this.#mean) / this.#deviation);
  }

  suspects(now: number): boolean {
    return this.phi(now) >= this.#threshold;
  }

  silentFor(now: number): number {
    return Math.max(0, now - this.#last);
  }

  /** What is expected, ms. */
  get expected(): { mean: number; deviation: number } {
    return { mean: this.#mean, deviation: this.#deviation };
  }

  #measure(): void {
    const count = this.#intervals.length;
    this.#mean = this.#intervals.reduce((sum, interval) => sum + interval, 0) / count;
    const variance = this.#intervals.reduce((sum, interval) => sum + (interval - this.#mean) ** 2, 0) / count;
    this.#deviation = Math.max(this.#minDeviation, Math.sqrt(variance));
  }
}

/**
 * -log10(1 - F(z)) of the standard normal distribution. Finite and increasing for every finite z: in the far tail
 * 1 - F underflows to 0 from z = 38 on, so it is never formed there, only its logarithm.
 */
export function phiOf(z: number): number {
  if (z < 0) return -Math.log1p(-Math.exp(logUpperTail(-z))) / Math.LN10;
  return -logUpperTail(z) / Math.LN10;
}

/** From here on the continued fraction needs no more than its 80 terms for full precision, and the series loses digits. */
const SERIES_UP_TO = 2.5;

/** ln(1 - F(z)) for z >= 0 (Abramowitz and Stegun 26.2.11 near the mean, 26.2.14 in the tail). */
function logUpperTail(z: number): number {
  const logDensity = -0.5 * z * z - 0.5 * Math.log(2 * Math.PI);
  if (z < SERIES_UP_TO) {
    let term = z;
    let sum = z;
    for (let n = 1; term > sum * 1e-17; n++) {
      term *= (z * z) / (2 * n + 1);
      sum += term;
    }
    return Math.log(0.5 - Math.exp(logDensity) * sum);
  }
  let fraction = z;
  for (let n = 80; n >= 1; n--) fraction = z + n / fraction;
  return logDensity - Math.log(fraction);
}

/** The z whose phi this is. */
function deviationsAt(phi: number): number {
  let low = 0;
  let high = 1000;
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (phiOf(middle) < phi) low = middle;
    else high = middle;
  }
  return high;
}
