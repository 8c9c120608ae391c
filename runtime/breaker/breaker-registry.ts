import type { ServiceBroker } from "moleculer";
import type { BreakerState } from "../../models/healing.ts";
import { type Clock, monotonicClock } from "../clock.ts";
import type { Callee } from "../load/load-model.ts";
import { CircuitBreaker } from "./circuit-breaker.ts";

export interface BreakerRegistryOptions {
  /** Consecutive failures that open a breaker. @default 3 */
  threshold?: number;
  /** Time for which a breaker stays open before one call probes, ms. @default 60000 */
  resetTimeout?: number;
  /** Callers of one instance, and of its actions, that have a breaker of their own; the rest share one. @default 1000 */
  maxCallers?: number;
  /** Of the time of day, but must not jump with it. @default the time of day at the start, and what has passed since */
  clock?: Clock;
}

/** Who sets the machine's clock back by an hour does not keep breakers open for an hour. */
const STEADY: Clock = {
  now: () => Math.round(performance.timeOrigin + performance.now()),
  after: monotonicClock.after,
};

/** Who is parted from whom. */
interface Between {
  caller: string;
  callee: Callee;
  action?: string;
}

/** Stands for all callers beyond the bound. */
export const OTHERS = "(others)";

/** The breakers of a node, by callee and caller. They live as long as the callee's life, and so begin closed with the next. */
export class BreakerRegistry {
  readonly #broker: ServiceBroker;
  readonly #options: Required<BreakerRegistryOptions>;
  readonly #ofCallee = new WeakMap<Callee, Map<string, CircuitBreaker>>();
  readonly #notClosed = new Map<CircuitBreaker, Between>();

  constructor(broker: ServiceBroker, options: BreakerRegistryOptions = {}) {
    this.#broker = broker;
    this.#options = { threshold: 3, resetTimeout: 60_000, maxCallers: 1000, clock: STEADY, ...options };
  }

  /** @param action of one action alone; of the whole instance where it is left out */
  of(callee: Callee, caller: string, action?: string): CircuitBreaker {
    let breakers = this.#ofCallee.get(callee);
    if (!breakers) {
      breakers = new Map();
      this.#ofCallee.set(callee, breakers);
    }
    const wanted = keyOf(caller, action);
    const shared = !breakers.has(wanted) && breakers.size >= this.#options.maxCallers;
    const name = shared ? OTHERS : caller;
    const key = keyOf(name, action);
    const known = breakers.get(key);
    if (known) return known;
    const { threshold, resetTimeout, clock } = this.#options;
    const breaker = new CircuitBreaker({
      threshold,
      resetTimeout,
      now: () => clock.now(),
      onChange: () => this.#changed(breaker, { caller: name, callee, ...(action ? { action } : {}) }),
    });
    breakers.set(key, breaker);
    return breaker;
  }

  /** Whether a call would be let through, if it were made now. */
  admits(callee: Callee, caller: string, action?: string): boolean {
    const breakers = this.#ofCallee.get(callee);
    const breaker = breakers?.get(keyOf(caller, action)) ?? breakers?.get(keyOf(OTHERS, action));
    return breaker === undefined || breaker.closed || breaker.probeDue;
  }

  states(): BreakerState[] {
    const states: BreakerState[] = [];
    for (const [breaker, { caller, callee, action }] of this.#notClosed) {
      const { state, failures, since, reason } = breaker;
      if (state === "closed" || !this.#lives(callee)) this.#notClosed.delete(breaker);
      else {
        const node = this.#nodeOf(callee);
        states.push({ caller, callee: action ?? callee.fullName, node, state, failures, since, reason });
      }
    }
    return states;
  }

  /** Closes the breakers of instances on other nodes. */
  resetRemote(): void {
    for (const [breaker, { callee }] of this.#notClosed) if (callee.node) breaker.reset();
  }

  #changed(breaker: CircuitBreaker, parted: Between): void {
    const { caller, callee, action } = parted;
    const { logger } = this.#broker;
    const between = `from ${caller} to ${action ?? callee.fullName} on ${this.#nodeOf(callee)}`;
    if (breaker.closed) {
      this.#notClosed.delete(breaker);
      logger.info(`calls ${between} flow again`);
      return;
    }
    this.#notClosed.set(breaker, parted);
    const seconds = this.#options.resetTimeout / 1000;
    logger.warn(`calls ${between} are stopped for ${seconds} s: ${breaker.evidence}, ${breaker.reason}`);
  }

  #nodeOf(callee: Callee): string {
    return callee.node?.id ?? this.#broker.nodeID;
  }

  #lives(callee: Callee): boolean {
    const { registry, services } = this.#broker;
    if (!callee.node) return (services as unknown[]).includes(callee);
    const entries = (registry as unknown as { services: { get(name: string, node: string): unknown } }).services;
    return entries.get(callee.fullName, callee.node.id) === callee;
  }
}

/** A line break stands in no name. */
function keyOf(caller: string, action: string | undefined): string {
  return action === undefined ? caller : `${caller}\n${action}`;
}
