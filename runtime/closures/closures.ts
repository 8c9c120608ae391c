import type { Closure } from "../../models/healing.ts";
import { type Clock, systemClock } from "../clock.ts";
import { AzoraError } from "../errors.ts";

/** The orchestrator's whole list; it tells it at each change and every 5 s. */
export interface ClosureList {
  epoch: number;
  /** Counts the lists of one epoch. */
  seq: number;
  closures: Closure[];
}

/** Where a call of a closed service goes. */
export type Detour = { to: string } | { refused: AzoraError };

/** The services that take no calls, as the newest orchestrator has told it. */
export class Closures {
  readonly #clock: Clock;
  #epoch = -1;
  #seq = -1;
  #byService = new Map<string, Closure>();

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** Keeps the newest list. False where an equal or a newer one has come already. */
  take({ epoch, seq, closures }: ClosureList): boolean {
    if (epoch < this.#epoch || (epoch === this.#epoch && seq <= this.#seq)) return false;
    this.#epoch = epoch;
    this.#seq = seq;
    this.#byService = new Map(closures.map((closure) => [closure.service, closure]));
    return true;
  }

  list(): Closure[] {
    return [...this.#byService.values()];
  }

  /** What becomes of a call of the action; undefined where its service is not closed. */
  detourOf(action: string): Detour | undefined {
    if (this.#byService.size === 0) return undefined;
    const closure = this.#closureOf(action);
    if (!closure) return undefined;
    const { service } = closure;
    const asked = new Set<string>();
    // A standby may be closed as well, and have one of its own, which may be the first again.
    let last = closure;
    for (let next: Closure | undefined = closure; next && !asked.has(next.service); ) {
      asked.add(next.service);
      last = next;
      if (!next.standby) break;
      const standby = this.#byService.get(next.standby);
      if (!standby) return { to: next.standby + action.slice(service.length) };
      next = standby;
    }
    return { refused: this.#refusal(action, service, last) };
  }

  /** The name of an action may have dots of its own, so the service is the longest name that fits. */
  #closureOf(action: string): Closure | undefined {
    for (let end = action.lastIndexOf("."); end > 0; end = action.lastIndexOf(".", end - 1)) {
      const closure = this.#byService.get(action.slice(0, end));
      if (closure) return closure;
    }
    return undefined;
  }

  #refusal(action: string, service: string, { service: closed, why, trialAt }: Closure): AzoraError {
    const rest = trialAt === undefined ? undefined : Math.max(1, Math.ceil((trialAt - this.#clock.now()) / 1000));
    const standby = closed === service ? "" : `, and so is its standby ${closed}`;
    return new AzoraError("SERVICE_QUARANTINED", `${service} is out of use${standby}: ${why}`, {
      action,
      service,
      why,
      ...(rest === undefined ? {} : { retryAfter: rest }),
    });
  }
}
