import type { Context, Middleware, ServiceBroker } from "moleculer";
import type { BreakerState } from "../../models/healing.ts";
import { type Clock, systemClock } from "../clock.ts";
import { AzoraError } from "../errors.ts";
import { copyOf, INSTANCE_ERROR } from "../failover/failover.ts";
import { CircuitBreaker, type Probe } from "./circuit-breaker.ts";
import { otherInstances } from "./other-instances.ts";
import { outcomeOf } from "./outcome.ts";

export interface CircuitBreakersOptions {
  /** Consecutive failures that open a breaker. @default 3 */
  threshold?: number;
  /** Time for which a breaker stays open before one call probes, ms. @default 60000 */
  resetTimeout?: number;
  /** Callers of one instance that have a breaker of their own; the rest share one. @default 1000 */
  maxCallers?: number;
  /** @default the system's */
  clock?: Clock;
}

type Handler = (ctx: Context) => Promise<unknown>;
interface ActionDefinition {
  name: string;
  service: Callee;
}
/** One life of a service on a node: the service itself here, the registry's entry where it lives elsewhere. */
interface Callee {
  fullName: string;
  node?: { id: string };
}

/** What one caller needs for a call of one action of one instance. */
interface Gate {
  breaker: CircuitBreaker;
  caller: string;
  action: string;
  service: string;
  answered: () => void;
  failed: (error: unknown) => void;
}

/** Calls that keep the organism itself going, and questions after someone's health, are never spared. */
const UNGUARDED = /^(\$|node-host$)/;
const OTHERS = "(others)";

/**
 * A circuit breaker for each caller and each instance that it calls. It hangs on the life of the instance, so a new
 * incarnation begins with closed ones. Where one is open, calls go to another instance, else fail at once.
 */
export class CircuitBreakers {
  readonly #options: Required<CircuitBreakersOptions>;
  readonly #ofCallee = new WeakMap<Callee, Map<string, CircuitBreaker>>();
  /** Those that are not closed, with whom they part. */
  readonly #open = new Map<CircuitBreaker, { caller: string; callee: Callee }>();
  #broker!: ServiceBroker;
  #turn = 0;

  constructor(options: CircuitBreakersOptions = {}) {
    this.#options = { threshold: 3, resetTimeout: 60_000, maxCallers: 1000, clock: systemClock, ...options };
  }

  /** To be added after Moleculer's own middlewares: its time-out has to lie inside, or time-outs would not count. */
  middleware(broker: ServiceBroker): Middleware {
    this.#broker = broker;
    for (const event of ["$transporter.reconnecting", "$transporter.connected"])
      broker.localBus.on(event, () => this.#forgetRemote());
    return {
      name: "CircuitBreakers",
      localAction: (next: Handler, action: ActionDefinition) => this.#local(next, action),
      remoteAction: (next: Handler, action: ActionDefinition) => this.#remote(next, action),
    } as unknown as Middleware;
  }

  /** The breakers that are open or half-open. */
  states(): BreakerState[] {
    const states: BreakerState[] = [];
    for (const [breaker, { caller, callee }] of this.#open) {
      const { state, failures, since, reason } = breaker;
      if (state === "closed" || !this.#lives(callee)) this.#open.delete(breaker);
      else states.push({ caller, callee: callee.fullName, node: this.#nodeOf(callee), state, failures, since, reason });
    }
    return states;
  }

  #local(next: Handler, action: ActionDefinition): Handler {
    if (isUnguarded(action)) return next;
    const self = this.#broker.nodeID;
    const gates = this.#gates(action);
    return (ctx) => {
      // A call from another node has passed its breaker there. A service's `this.actions` are its own affair.
      if (ctx.nodeID !== self || (ctx.action as unknown) === action) return next(ctx);
      const gate = gates(ctx.caller ?? self);
      if (!gate.breaker.closed) return this.#guarded(next, ctx, gate);
      const result = next(ctx);
      result.then(gate.answered, gate.failed);
      return result;
    };
  }

  #remote(next: Handler, action: ActionDefinition): Handler {
    if (isUnguarded(action)) return next;
    const self = this.#broker.nodeID;
    const gates = this.#gates(action);
    return (ctx) => {
      const gate = gates(ctx.caller ?? self);
      if (!gate.breaker.closed) return this.#guarded(next, ctx, gate);
      const result = next(ctx);
      result.then(
        () => {
          // Another instance has answered in its place.
          const own = instanceError(ctx);
          if (own === undefined) gate.answered();
          else gate.failed(own);
        },
        (error) => gate.failed(instanceError(ctx) ?? error),
      );
      return result;
    };
  }

  /** The gate of each caller of an action. Looked up on every call, so it costs one look into one map. */
  #gates(action: ActionDefinition): (caller: string) => Gate {
    const gates = new Map<string, Gate>();
    return (caller) => {
      const known = gates.get(caller);
      if (known) return known;
      const name = gates.size < this.#options.maxCallers ? caller : OTHERS;
      const gate = gates.get(name) ?? this.#gate(action, name);
      gates.set(name, gate);
      return gate;
    };
  }

  #gate({ name, service }: ActionDefinition, caller: string): Gate {
    const breaker = this.#breaker(service, caller);
    return {
      breaker,
      caller,
      action: name,
      service: service.fullName,
      answered: () => breaker.succeeded(),
      failed: (error) => {
        if (outcomeOf(error, name) === "failed") breaker.failed(reasonOf(error, name));
      },
    };
  }

  #breaker(callee: Callee, caller: string): CircuitBreaker {
    let breakers = this.#ofCallee.get(callee);
    if (!breakers) {
      breakers = new Map();
      this.#ofCallee.set(callee, breakers);
    }
    const key = breakers.has(caller) || breakers.size < this.#options.maxCallers ? caller : OTHERS;
    let breaker = breakers.get(key);
    if (!breaker) {
      const { threshold, resetTimeout, clock } = this.#options;
      breaker = new CircuitBreaker({
        threshold,
        resetTimeout,
        now: () => clock.now(),
        onChange: (changed) => this.#changed(changed, key, callee),
      });
      breakers.set(key, breaker);
    }
    return breaker;
  }

  #changed(breaker: CircuitBreaker, caller: string, callee: Callee): void {
    const { logger } = this.#broker;
    const between = `from ${caller} to ${callee.fullName} on ${this.#nodeOf(callee)}`;
    if (breaker.closed) {
      this.#open.delete(breaker);
      logger.info(`calls ${between} flow again`);
      return;
    }
    this.#open.set(breaker, { caller, callee });
    const seconds = this.#options.resetTimeout / 1000;
    logger.warn(
      `calls ${between} are stopped for ${seconds} s: ${breaker.failures} in a row failed, ${breaker.reason}`,
    );
  }

  /** A call to an instance whose breaker is not closed: the probe, a call of another instance, or none. */
  #guarded(next: Handler, ctx: Context, gate: Gate): Promise<unknown> {
    const probe = gate.breaker.probe();
    if (probe) return this.#probed(next, ctx, gate, probe);
    // `nodeID` says that the caller wants this very instance.
    if (!(ctx.options as { nodeID?: string }).nodeID) {
      const others = otherInstances(this.#broker, gate.action, ctx.nodeID!).filter(({ callee }) => {
        const breaker = this.#ofCallee.get(callee)?.get(gate.caller);
        return breaker === undefined || breaker.closed || breaker.probeDue;
      });
      const other = others[this.#turn++ % others.length];
      if (other) return other.endpoint.action.handler(copyOf(ctx, other.endpoint)) as Promise<unknown>;
    }
    return Promise.reject(this.#refusal(ctx, gate));
  }

  #probed(next: Handler, ctx: Context, gate: Gate, probe: Probe): Promise<unknown> {
    const settle = (error: unknown) => {
      const outcome = error === undefined ? "answered" : outcomeOf(error, gate.action);
      if (outcome === "answered") probe.answered();
      else if (outcome === "failed") probe.failed(reasonOf(error, gate.action));
      else probe.dropped();
    };
    try {
      const result = next(ctx);
      result.then(
        () => settle(instanceError(ctx)),
        (error) => settle(instanceError(ctx) ?? error ?? new Error("no reason")),
      );
      return result;
    } catch (error) {
      settle(error);
      throw error;
    }
  }

  #refusal(ctx: Context, { breaker, action, service, caller }: Gate): AzoraError {
    const retryAfter = Math.max(1, Math.ceil(breaker.retryAfter / 1000));
    return new AzoraError(
      "CIRCUIT_OPEN",
      `${action} was not called on ${ctx.nodeID}: ${breaker.failures} calls from ${caller} to ${service} failed in a row, the last ${breaker.reason}`,
      { action, service, nodeID: ctx.nodeID, retryAfter },
    );
  }

  /** What was sent over a bus that was lost says nothing of who was to receive it. */
  #forgetRemote(): void {
    for (const [breaker, { callee }] of this.#open) if (callee.node) breaker.reset();
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

function isUnguarded({ name, service }: ActionDefinition): boolean {
  return UNGUARDED.test(service.fullName) || name === `${service.fullName}.health`;
}

function instanceError(ctx: Context): unknown {
  return (ctx as unknown as Record<symbol, unknown>)[INSTANCE_ERROR];
}

/** As "REQUEST_TIMEOUT of ledger.add" or "Error of ledger.add: no such account". */
function reasonOf(error: unknown, action: string): string {
  const { type, name, message } = (error ?? {}) as { type?: unknown; name?: unknown; message?: unknown };
  const text = type === "REQUEST_TIMEOUT" ? "" : `: ${String(message ?? error).slice(0, 200)}`;
  return `${typeof type === "string" && type ? type : String(name ?? "Error")} of ${action}${text}`;
}
