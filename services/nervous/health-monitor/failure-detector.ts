export type Health = "healthy" | "degraded" | "unhealthy";

/** One answer, before anybody has judged it. */
export interface Answer {
  status: Health;
  /** No answer came in time. */
  late?: boolean;
}

/** Failed answers in a row after which a service counts as unhealthy. */
export interface DetectorLimits {
  /** Answers that say so, or failed. @default 2 */
  failures?: number;
  /** Answers that did not come in time. @default 3 */
  late?: number;
}

/**
 * Hysteresis: a single bad answer changes nothing, a good one restores at once. Late answers need one more than those
 * that say that something is wrong.
 */
export class FailureDetector {
  readonly #failures: number;
  readonly #late: number;
  status: Health = "healthy";
  #bad = 0;
  #badLate = 0;
  #degraded = 0;

  constructor({ failures = 2, late = 3 }: DetectorLimits = {}) {
    this.#failures = failures;
    this.#late = late;
  }

  /** True while there is a suspicion that the next answer settles: it is worth asking soon. */
  get suspicious(): boolean {
    if (this.status === "unhealthy") return false;
    return this.#bad > 0 || (this.#degraded > 0 && this.status === "healthy");
  }

  judge({ status, late = false }: Answer): Health {
    if (status === "healthy") {
      this.#bad = this.#badLate = this.#degraded = 0;
      this.status = "healthy";
    } else if (status === "degraded") {
      this.#bad = this.#badLate = 0;
      this.#degraded++;
      if (this.#degraded >= this.#failures || this.status === "unhealthy") this.status = "degraded";
    } else {
      this.#bad++;
      if (late) this.#badLate++;
      if (this.#bad >= (this.#badLate > 0 ? this.#late : this.#failures)) this.status = "unhealthy";
    }
    return this.status;
  }
}
