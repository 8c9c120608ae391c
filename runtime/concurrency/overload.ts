import { PATIENCE, type Priority } from "./priority.ts";

/** Waiting that is nobody's trouble, ms. */
const TARGET_MS = 5;
/** Time for which nothing may have come in with less delay before there is too much to do, ms. A burst passes. */
const INTERVAL_MS = 1000;
/** Time for which it is not forgotten, ms: until then whatever is late is refused at once. */
const ALERT_MS = 10_000;
/** After a pause of this length what went before says nothing, ms. */
const GAP_MS = 100;

/**
 * Whether work stands in a queue that does not become empty (as CoDel, RFC 8289, and the controlled delay of Facebook's
 * Wangle). It is told the delay with which each call begins; there is too much to do when for a whole interval none came
 * through with little delay.
 */
export class Overload {
  #calmAt = Number.NEGATIVE_INFINITY;
  #wasCalm = false;
  #seenAt = Number.NEGATIVE_INFINITY;
  #alertUntil = Number.NEGATIVE_INFINITY;

  /**
   * Nothing needs be done about a call with this delay. Asked for every call, so it does not look at the clock.
   * @param delay ms
   */
  isCalm(delay: number): boolean {
    if (delay >= TARGET_MS) return false;
    this.#wasCalm = true;
    return true;
  }

  /** @param delay ms @param now ms of a monotonic clock */
  observe(delay: number, now: number): void {
    if (this.#wasCalm || now - this.#seenAt > GAP_MS + delay) this.#calmAt = now;
    else if (now - this.#calmAt >= INTERVAL_MS) this.#alertUntil = now + ALERT_MS;
    this.#wasCalm = false;
    this.#seenAt = now;
  }

  /** Whether a call should rather be refused. @param work how long one takes by itself, ms */
  refuses(delay: number, work: number, priority: Priority, now: number): boolean {
    if (now >= this.#alertUntil || delay <= Math.max(TARGET_MS, work) * PATIENCE[priority]) return false;
    // As long as something has to be refused it goes on.
    this.#alertUntil = now + ALERT_MS;
    return true;
  }
}
