import type { Clock } from "./clock.ts";

/** OTP's intensity: at most `intensity` restarts in any `period` ms, of the whole organism or of one service and its own. */
export class RestartBudget {
  readonly #clock: Clock;
  readonly #intensity: number;
  readonly #period: number;
  #taken: number[] = [];

  constructor(clock: Clock, intensity: number, period: number) {
    this.#clock = clock;
    this.#intensity = intensity;
    this.#period = period;
  }

  /** Takes one restart. Returns 0, or the time until one can be taken, ms. */
  take(): number {
    const now = this.#clock.now();
    this.#taken = this.#taken.filter((at) => at > now - this.#period);
    if (this.#taken.length < this.#intensity) {
      this.#taken.push(now);
      return 0;
    }
    return this.#taken[0]! + this.#period - now;
  }
}
