export interface BreakerOptions {
  /** Consecutive failures that open it. @default 3 */
  threshold?: number;
  /** Time for which it stays open before a probe may go, ms. @default 60000 */
  resetTimeout?: number;
  /** Milliseconds; need not be the time of day, but must not jump back. */
  now: () => number;
  /** Called after it has opened or closed. */
  onChange?: (breaker: CircuitBreaker) => void;
}

/** The one call that may go in half-open. What is said of it after the first time counts no more. */
export interface Probe {
  /** The callee answered: the breaker closes. */
  answered(): void;
  /** The breaker stays open for another reset time. */
  failed(reason: string): void;
  /** Nothing was learned of the callee: another probe may go. */
  dropped(): void;
}

/**
 * Spares a callee that failed several times in a row (Nygard, Release It!): closed → open at the threshold → half-open
 * after the reset time → closed or open again by exactly one probe. Time is read only while it is not closed.
 */
export class CircuitBreaker {
  /** Read on every call, so it is a plain field. Nobody else writes it. */
  closed = true;
  /** In a row. */
  failures = 0;
  /** Why it opened, in the words of the last failure. */
  reason = "";
  /** When it opened; clock of `now`. */
  since = 0;
  #answeredAt = Number.NEGATIVE_INFINITY;
  /** From when a probe may go. */
  #probeFrom = 0;
  /** Of failed calls, where that and not a row of them has opened it. */
  #share = 0;
  #probe: Probe | undefined;
  #probeSince = 0;
  readonly #threshold: number;
  readonly #resetTimeout: number;
  readonly #now: () => number;
  readonly #onChange: (breaker: CircuitBreaker) => void;

  constructor({ threshold = 3, resetTimeout = 60_000, now, onChange = () => {} }: BreakerOptions) {
    this.#threshold = threshold;
    this.#resetTimeout = resetTimeout;
    this.#now = now;
    this.#onChange = onChange;
  }

  get state(): "closed" | "open" | "half-open" {
    if (this.closed) return "closed";
    this.#giveUpLateProbe();
    return this.#now() >= this.#probeFrom ? "half-open" : "open";
  }

  /** A call that went while it was closed has been answered. @param at ms of any clock, as `hasAnswered` is asked by */
  succeeded(at = 0): void {
    this.#answeredAt = at;
    if (this.closed) this.failures = 0;
  }

  /** Whether a call was answered since. Who answers others is not silent, however many are given up together. */
  hasAnswered(since: number): boolean {
    return this.#answeredAt > since;
  }

  /** A call that went while it was closed has failed. Those that were under way when it opened change nothing. */
  failed(reason: string): void {
    if (!this.closed) return;
    this.reason = reason;
    if (++this.failures >= this.#threshold) this.#open();
  }

  /** Opens it at once, since too many calls fail, if not in a row. @param share of the calls, 0 to 1 */
  trip(share: number, reason: string): void {
    if (!this.closed) return;
    this.reason = reason;
    this.#share = share;
    this.#open();
  }

  /** As "3 in a row failed" or "52 % of the last calls failed". */
  get evidence(): string {
    return this.#share > 0
      ? `${Math.round(this.#share * 100)} % of the last calls failed`
      : `${this.failures} in a row failed`;
  }

  /** Begins anew, closed. */
  reset(): void {
    this.#probe = undefined;
    this.failures = 0;
    if (!this.closed) this.#close();
  }

  /** Whether `probe` would hand out a probe now. */
  get probeDue(): boolean {
    return this.state === "half-open" && this.#probe === undefined;
  }

  /** Takes the one probe of half-open. Undefined: the call has to be refused. */
  probe(): Probe | undefined {
    if (!this.probeDue) return undefined;
    const end = (then: () => void) => {
      // Else it would matter whether anybody has looked since its time was over.
      this.#giveUpLateProbe();
      if (this.#probe !== probe) return;
      this.#probe = undefined;
      then();
    };
    const probe: Probe = {
      answered: () => end(() => this.#close()),
      failed: (reason) => end(() => this.#reopen(reason)),
      dropped: () => end(() => {}),
    };
    this.#probe = probe;
    this.#probeSince = this.#now();
    return probe;
  }

  /** The probe that is under way. */
  get underProbe(): Probe | undefined {
    return this.#probe;
  }

  /** Time until a probe may go, ms; 0 where it may now, or where one is under way. */
  get retryAfter(): number {
    return this.state === "open" ? this.#probeFrom - this.#now() : 0;
  }

  /** A probe that never ends must not keep the callee out for ever. */
  #giveUpLateProbe(): void {
    if (this.#probe === undefined || this.#now() - this.#probeSince < this.#resetTimeout) return;
    this.#probe = undefined;
    this.#reopen(`a probe was not answered within ${this.#resetTimeout} ms`);
  }

  #open(): void {
    this.closed = false;
    this.since = this.#now();
    this.#probeFrom = this.since + this.#resetTimeout;
    this.#onChange(this);
  }

  #reopen(reason: string): void {
    this.failures++;
    this.reason = reason;
    this.#probeFrom = this.#now() + this.#resetTimeout;
  }

  #close(): void {
    this.closed = true;
    this.#share = 0;
    this.failures = 0;
    this.#onChange(this);
  }
}
