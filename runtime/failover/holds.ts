import type { Clock } from "../clock.ts";

export interface HoldLimits {
  /** Calls that may be held at once on this node. @default 1000 */
  maxHeld?: number;
  /** Time after which a restart that nobody reported as ended is no longer believed in, ms. @default 5000 */
  restartTimeout?: number;
}

interface Waiter {
  action: string;
  /** True once the action can be called. */
  ready: () => boolean;
  settle: (available: boolean) => void;
}

/** While a known restart of a service without another instance runs, its callers' calls wait here instead of failing. */
export class Holds {
  readonly #clock: Clock;
  readonly #limits: Required<HoldLimits>;
  /** Action name to the time until which its restart is believed in. */
  readonly #restarting = new Map<string, number>();
  readonly #waiters = new Set<Waiter>();
  /** Calls that were not held because too many were held already. */
  refused = 0;

  constructor(clock: Clock, limits: HoldLimits = {}) {
    this.#clock = clock;
    this.#limits = { maxHeld: 1000, restartTimeout: 5000, ...limits };
  }

  get held(): number {
    return this.#waiters.size;
  }

  /** A restart of the service with these actions has begun. */
  begin(actions: readonly string[]): void {
    const until = this.#clock.now() + this.#limits.restartTimeout;
    for (const action of actions) this.#restarting.set(action, until);
  }

  /** The restart is over, well or badly: nobody waits for it any longer. */
  end(actions: readonly string[]): void {
    for (const action of actions) this.#restarting.delete(action);
    for (const waiter of [...this.#waiters]) if (actions.includes(waiter.action)) waiter.settle(waiter.ready());
  }

  isRestarting(action: string): boolean {
    const until = this.#restarting.get(action);
    if (until === undefined) return false;
    if (until > this.#clock.now()) return true;
    this.#restarting.delete(action);
    return false;
  }

  /** Resolves true when `ready` is, false at the deadline, at once if too many wait already. */
  wait(action: string, deadline: number, ready: () => boolean): Promise<boolean> {
    const rest = deadline - this.#clock.now();
    if (rest <= 0) return Promise.resolve(false);
    if (this.#waiters.size >= this.#limits.maxHeld) {
      this.refused++;
      return Promise.resolve(false);
    }
    return new Promise((resolve) => {
      const waiter: Waiter = {
        action,
        ready,
        settle: (available) => {
          cancel();
          this.#waiters.delete(waiter);
          resolve(available);
        },
      };
      const cancel = this.#clock.after(rest, () => waiter.settle(ready()));
      this.#waiters.add(waiter);
    });
  }

  /** The registry or the bus has changed: whoever can go on, goes on. */
  check(): void {
    for (const waiter of [...this.#waiters]) if (waiter.ready()) waiter.settle(true);
  }
}
