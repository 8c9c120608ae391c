export interface RetryBudgetOptions {
  /** Retries for each call, as a share. @default 0.2 */
  share?: number;
  /** Retries in a second that are always allowed, for those who make few calls. @default 10 */
  reserve?: number;
  /** Most that can be saved up. @default 1000 */
  most?: number;
}

/**
 * How many calls may be tried again (as Finagle's retry budget): where much fails, retries would be the load that keeps it
 * failing. Each call pays in its share, each retry takes one out.
 */
export class RetryBudget {
  readonly #options: Required<RetryBudgetOptions>;
  readonly #now: () => number;
  #balance: number;
  #at: number;
  /** Retries that were not allowed. */
  refused = 0;

  /** @param now ms, monotonic */
  constructor(now: () => number, options: RetryBudgetOptions = {}) {
    this.#options = { share: 0.2, reserve: 10, most: 1000, ...options };
    this.#now = now;
    this.#balance = this.#options.reserve;
    this.#at = now();
  }

  /** A call was made for the first time. */
  called(): void {
    const { share, most } = this.#options;
    if (this.#balance < most) this.#balance += share;
  }

  /** Takes one retry out. False where there is none left. */
  take(): boolean {
    const { reserve, most } = this.#options;
    const now = this.#now();
    this.#balance = Math.min(most, this.#balance + ((now - this.#at) / 1000) * reserve);
    this.#at = now;
    if (this.#balance >= 1) {
      this.#balance--;
      return true;
    }
    this.refused++;
    return false;
  }
}
