import { type Context, Errors, type Middleware } from "moleculer";
import type { ServedReport } from "../../models/performance.ts";
import { isUnguarded } from "../breaker/unguarded.ts";
import { timeLeft } from "../deadlines/time-left.ts";
import { CallStamp } from "../load/call-stamp.ts";
import { ActionGate } from "./action-gate.ts";
import { boundsOf } from "./adaptive-limit.ts";
import { ConcurrencyLimit } from "./concurrency-limit.ts";
import { declaredLimit } from "./declared-limit.ts";
import { LoopTurns } from "./loop-turns.ts";
import { type Priority, priorityOf, priorityOfAction } from "./priority.ts";
import { refusalOf } from "./refusal.ts";

type Handler = (ctx: Context) => Promise<unknown>;
interface ActionDefinition {
  name: string;
  timeout?: number;
  concurrency?: unknown;
  priority?: unknown;
  service: { fullName: string; metadata?: { priority?: unknown; launchPhase?: unknown } };
}

export interface ConcurrencyLimitsOptions {
  /** @default of its own */
  stamp?: CallStamp;
  /** Asks another instance in the place of this node's; throws the refusal where there is none. @default there is none */
  elsewhere?: (ctx: Context, refusal: Error) => Promise<unknown>;
}

/** Where the limit of a service is, if it has one. Each of its actions looks here on every call. */
interface Place {
  limit: ConcurrencyLimit | undefined;
  most: number | null;
}

/**
 * How many calls may run at once on this node: of each action as many as it can answer in time, found by its latency; of a
 * service as many as an operator or the healer has set. Both outlive a restart of the service in its node.
 */
export class ConcurrencyLimits {
  readonly turns = new LoopTurns();
  readonly #stamp: CallStamp;
  readonly #elsewhere: (ctx: Context, refusal: Error) => Promise<unknown>;
  readonly #places = new Map<string, Place>();
  readonly #gates = new Map<string, ActionGate>();
  /** Gates that were lent more, and their limit before. */
  readonly #lent = new Map<ActionGate, number>();
  /** What the action said of its concurrency, as JSON. */
  readonly #declared = new WeakMap<ActionGate, string>();

  constructor({
    stamp = new CallStamp(),
    elsewhere = (_, refusal) => Promise.reject(refusal),
  }: ConcurrencyLimitsOptions = {}) {
    this.#stamp = stamp;
    this.#elsewhere = elsewhere;
  }

  /** To be added before Moleculer's own: what waits here is inside the time-out, and what the cache answers waits not at all. */
  middleware(): Middleware {
    return {
      name: "ConcurrencyLimits",
      localAction: (next: Handler, action: ActionDefinition) => this.#guard(next, action),
    } as unknown as Middleware;
  }

  /** @param most null takes the limit away @returns what it was */
  set(service: string, most: number | null): number | null {
    const place = this.#placeOf(service);
    const before = place.most;
    place.most = most;
    if (most !== null && place.limit) place.limit.change(most);
    else if (most !== null) place.limit = new ConcurrencyLimit(most);
    else {
      place.limit?.change(Number.POSITIVE_INFINITY);
      place.limit = undefined;
    }
    return before;
  }

  /** Null where there is no limit. */
  of(service: string): number | null {
    return this.#places.get(service)?.most ?? null;
  }

  /** Of an action that was called here; undefined where there was none. */
  gate(action: string): ActionGate | undefined {
    return this.#gates.get(action);
  }

  /** Of all actions of this node. */
  get gates(): Iterable<ActionGate> {
    return this.#gates.values();
  }

  /** The caller of a call has given up. */
  abandon(ctx: Context): void {
    this.#gates.get(ctx.action?.name ?? "")?.abandon(ctx);
  }

  /** Refuses a call, or has another instance asked where the call was made here. */
  refuse(ctx: Context, refusal: Error): Promise<unknown> {
    return ctx.nodeID === ctx.broker.nodeID ? this.#elsewhere(ctx, refusal) : Promise.reject(refusal);
  }

  /**
   * Lets more calls run at once where some wait, as long as this is said again and again; nobody's own bounds are changed,
   * and no ceiling is passed.
   * @param percent more than there could be; 0 gives back
   */
  lend(percent: number): void {
    if (percent === 0) {
      for (const { limit } of this.#lent.keys()) limit?.lend(0);
      this.#lent.clear();
      return;
    }
    for (const gate of this.#gates.values()) {
      if (!gate.limit) continue;
      // Of what it was when it was lent first: else it would grow with each time.
      if (gate.waiting > 0 && !this.#lent.has(gate)) this.#lent.set(gate, gate.limit.limit);
      const base = this.#lent.get(gate);
      if (base !== undefined) gate.limit.lend(Math.ceil((base * (100 + percent)) / 100));
    }
  }

  report(): ServedReport[] {
    return [...this.#gates.values()].flatMap((gate) => gate.report() ?? []);
  }

  #guard(next: Handler, action: ActionDefinition): Handler {
    const { fullName } = action.service;
    // A service under load has still to say how it is, and the node has still to obey.
    if (isUnguarded(action.name, fullName)) return next;
    const place = this.#placeOf(fullName);
    const gate = this.#gateOf(action);
    const enter: Handler = (ctx) => {
      const priority = priorityOf(ctx, gate.priority);
      if (gate.isOpen(priority) || this.#mustNotWait(ctx, gate)) return gate.run(ctx, next, this.#stamp.startOf(ctx));
      const answer = gate.wait(entrant(ctx, gate, priority, next));
      return ctx.nodeID === ctx.broker.nodeID ? this.#orElsewhere(ctx, answer) : answer;
    };
    return (ctx) => {
      const { limit } = place;
      // A call that the service makes of itself would wait for the one that it is part of.
      if (limit === undefined || ctx.caller === fullName || (ctx.action as unknown) === action) return enter(ctx);
      const data = { action: action.name, nodeID: ctx.broker.nodeID } as never;
      return limit.run({
        run: () => {
          this.#stamp.forget();
          return enter(ctx);
        },
        isLate: () => timeLeft(ctx) <= 0,
        refuse: (why) => (why === "full" ? new Errors.QueueIsFullError(data) : new Errors.RequestSkippedError(data)),
      });
    };
  }

  #orElsewhere(ctx: Context, answer: Promise<unknown>): Promise<unknown> {
    return answer.catch((error: Error & { type?: unknown; data?: { action?: unknown } }) => {
      if (error.type === "OVERLOADED" && error.data?.action === ctx.action?.name) return this.#elsewhere(ctx, error);
      throw error;
    });
  }

  #mustNotWait(ctx: Context, gate: ActionGate): boolean {
    return ctx.level > 1 && typeof ctx.requestID === "string" && gate.holdsCallerOf(ctx);
  }

  #gateOf(action: ActionDefinition): ActionGate {
    const { name: actionName, service } = action;
    const limit = declaredLimit(action);
    const known = this.#gates.get(actionName);
    const priority = priorityOfAction(action);
    const declared = JSON.stringify(limit);
    // A service that was loaded afresh may declare something else; else what an operator has set stays.
    if (known && known.priority === priority && (known.limit === undefined) === (limit === false)) {
      if (limit && this.#declared.get(known) !== declared) known.limit?.bound(boundsOf(limit));
      this.#declared.set(known, declared);
      return known;
    }
    const of = { action: actionName, service: service.fullName, priority };
    const gate = new ActionGate(of, this.#stamp.now, limit, undefined, this.turns);
    this.#declared.set(gate, declared);
    this.#gates.set(actionName, gate);
    return gate;
  }

  #placeOf(service: string): Place {
    let place = this.#places.get(service);
    if (!place) {
      place = { limit: undefined, most: null };
      this.#places.set(service, place);
    }
    return place;
  }
}

function entrant(ctx: Context, gate: ActionGate, priority: Priority, next: Handler) {
  return {
    priority,
    isPart: ctx.level > 1,
    run: () => gate.run(ctx, next),
    timeLeft: () => timeLeft(ctx),
    refusal: (why: "limit" | "overload" | "late", retryAfter: number) => refusalOf(ctx, gate, why, retryAfter),
  };
}
