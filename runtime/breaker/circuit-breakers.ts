import type { Context, Middleware, ServiceBroker } from "moleculer";
import type { BreakerState } from "../../models/healing.ts";
import { AzoraError } from "../errors.ts";
import { copyOf, INSTANCE_ERROR } from "../failover/failover.ts";
import { CallStamp } from "../load/call-stamp.ts";
import type { CallPath, Ending } from "../load/endpoint-load.ts";
import { type Callee, LoadModel } from "../load/load-model.ts";
import { LostCalls } from "../vitals/lost-calls.ts";
import { BreakerRegistry, type BreakerRegistryOptions, OTHERS } from "./breaker-registry.ts";
import type { CircuitBreaker } from "./circuit-breaker.ts";
import { otherInstances } from "./other-instances.ts";
import { type Outcome, outcomeOf } from "./outcome.ts";
import { isUnguarded } from "./unguarded.ts";

export interface CircuitBreakersOptions extends BreakerRegistryOptions {
  /** Where calls are counted that are lost for their caller. @default counted nowhere */
  lost?: LostCalls;
  /** What is known of the calls; each call is told to it. @default of its own */
  load?: LoadModel;
  /** By the clock of the model. @default of its own */
  stamp?: CallStamp;
}

/** Of an action's calls, by all callers of this node: from this share of failures on it is spared, in a row or not. */
const FAILURE_RATE = 0.5;
/** Fewer calls than these show no share. */
const LEAST_CALLS = 20;

type Handler = (ctx: Context) => Promise<unknown>;
interface ActionDefinition {
  name: string;
  service: Callee;
}

/** What one caller needs for a call of one action of one instance. */
interface Gate {
  /** Of the instance as a whole: it opens when no answers come. */
  instance: CircuitBreaker;
  /** Of this action alone: it opens when the action fails. One bad action must not take the others of a service away. */
  own: CircuitBreaker;
  caller: string;
  action: string;
  service: string;
  path: CallPath;
}

/**
 * The caller's side of each call: tells the load model how it went, and has circuit breakers for each caller and each
 * instance that it calls. One is for the instance, which opens when it is silent, and one for each of its actions, which
 * opens when that fails. Where one is open, its caller's calls go to another instance, else they fail at once.
 */
export class CircuitBreakers {
  readonly #options: CircuitBreakersOptions;
  readonly #lost: LostCalls;
  readonly #maxCallers: number;
  readonly #load: LoadModel;
  readonly #stamp: CallStamp;
  #broker!: ServiceBroker;
  #registry!: BreakerRegistry;
  #turn = 0;

  constructor(options: CircuitBreakersOptions = {}) {
    this.#options = options;
    this.#lost = options.lost ?? new LostCalls();
    this.#load = options.load ?? new LoadModel();
    this.#stamp = options.stamp ?? new CallStamp(this.#load.now);
    this.#maxCallers = options.maxCallers ?? 1000;
  }

  /** To be added after Moleculer's own middlewares: its time-out has to lie inside, or time-outs would not count. */
  middleware(broker: ServiceBroker): Middleware {
    this.#broker = broker;
    this.#load.attach(broker);
    this.#registry = new BreakerRegistry(broker, this.#options);
    // What was sent over a bus that was lost says nothing of who was to receive it.
    for (const event of ["$transporter.reconnecting", "$transporter.connected"])
      broker.localBus.on(event, () => this.#registry.resetRemote());
    return {
      name: "CircuitBreakers",
      localAction: (next: Handler, action: ActionDefinition) => this.#local(next, action),
      remoteAction: (next: Handler, action: ActionDefinition) => this.#remote(next, action),
    } as unknown as Middleware;
  }

  /** The breakers that are open or half-open. */
  states(): BreakerState[] {
    return this.#registry.states();
  }

  #local(next: Handler, action: ActionDefinition): Handler {
    if (isUnguarded(action.name, action.service.fullName)) return next;
    const self = this.#broker.nodeID;
    const gates = this.#gates(action);
    return (ctx) => {
      // A call from another node has passed its breaker there. A service's `this.actions` are its own affair.
      if (ctx.nodeID !== self || (ctx.action as unknown) === action) return next(ctx);
      const gate = gates(ctx.caller ?? self);
      if (!gate.instance.closed || !gate.own.closed) return this.#guarded(next, ctx, gate);
      return this.#followed(next, ctx, gate);
    };
  }

  #remote(next: Handler, action: ActionDefinition): Handler {
    if (isUnguarded(action.name, action.service.fullName)) return next;
    const self = this.#broker.nodeID;
    const gates = this.#gates(action);
    return (ctx) => {
      const gate = gates(ctx.caller ?? self);
      if (!gate.instance.closed || !gate.own.closed) return this.#guarded(next, ctx, gate);
      return this.#followed(next, ctx, gate);
    };
  }

  #followed(next: Handler, ctx: Context, gate: Gate): Promise<unknown> {
    const start = this.#stamp.startOf(ctx);
    gate.path.began(start);
    const result = called(next, ctx);
    result.then(
      () => {
        const own = instanceError(ctx);
        const end = this.#stamp.endOf(ctx);
        if (own === undefined) this.#answered(gate, start, end);
        else this.#count(gate, start, end, own);
      },
      (error) => {
        const own = instanceError(ctx);
        const end = this.#stamp.endOf(ctx);
        if (own === undefined) this.#failed(gate, start, end, error);
        else this.#count(gate, start, end, own);
      },
    );
    return result;
  }

  /** The gate of each caller of an action. Looked up on every call, so it costs one look into one map. */
  #gates(action: ActionDefinition): (caller: string) => Gate {
    const gates = new Map<string, Gate>();
    return (caller) => {
      const known = gates.get(caller);
      if (known) return known;
      const name = gates.size < this.#maxCallers ? caller : OTHERS;
      const gate = gates.get(name) ?? this.#gate(action, name);
      gates.set(name, gate);
      return gate;
    };
  }

  #gate({ name, service }: ActionDefinition, caller: string): Gate {
    return {
      instance: this.#registry.of(service, caller),
      own: this.#registry.of(service, caller, name),
      caller,
      action: name,
      service: service.fullName,
      path: this.#load.path(service, name, caller),
    };
  }

  #answered({ path, instance, own }: Gate, start: number, end: number): void {
    path.ended(start, end, "answered");
    instance.succeeded(end);
    own.succeeded(end);
  }

  #failed(gate: Gate, start: number, end: number, error: unknown): void {
    this.#lost.note(gate.service, gate.action, error);
    this.#count(gate, start, end, error);
  }

  #count(gate: Gate, start: number, end: number, error: unknown): void {
    const { instance, own, action, path } = gate;
    const outcome = outcomeOf(error, action);
    path.ended(start, end, ENDINGS[outcome]);
    if (outcome === "silent") {
      // Under load some calls are too late while others are answered.
      if (!instance.hasAnswered(start)) instance.failed(reasonOf(error, action));
      else if (!own.hasAnswered(start)) own.failed(reasonOf(error, action));
    } else if (outcome === "broke") {
      instance.succeeded(end);
      own.failed(reasonOf(error, action));
      const { failures } = path.endpoint;
      const rate = failures.rate(end);
      if (rate >= FAILURE_RATE && failures.calls(end) >= LEAST_CALLS) own.trip(rate, reasonOf(error, action));
    }
  }

  /** A call where a breaker is not closed: it is the probe, a call of another instance, or none. */
  #guarded(next: Handler, ctx: Context, gate: Gate): Promise<unknown> {
    const shut = [gate.instance, gate.own].filter(({ closed }) => !closed);
    const probes = shut.map((breaker) => breaker.probe());
    if (probes.every((probe) => probe !== undefined)) return this.#probed(next, ctx, gate);
    for (const probe of probes) probe?.dropped();
    // `nodeID` says that the caller wants this very instance.
    if (!(ctx.options as { nodeID?: string }).nodeID) {
      const others = otherInstances(this.#broker, gate.action, ctx.nodeID!).filter(
        ({ callee }) =>
          this.#registry.admits(callee, gate.caller) && this.#registry.admits(callee, gate.caller, gate.action),
      );
      const other = others[this.#turn++ % others.length];
      if (other) return other.endpoint.action.handler(copyOf(ctx, other.endpoint)) as Promise<unknown>;
    }
    const refusal = refusalOf(ctx, gate, shut);
    this.#lost.note(gate.service, gate.action, refusal);
    return this.#broker.Promise.reject(refusal);
  }

  /** Each breaker that is not closed has handed out its probe; the call decides for all of them. */
  #probed(next: Handler, ctx: Context, gate: Gate): Promise<unknown> {
    const { instance, own, action, path } = gate;
    const start = this.#stamp.startOf(ctx);
    path.began(start);
    const probes = { instance: instance.underProbe, own: own.underProbe };
    const ended = (error: unknown) => {
      const outcome = outcomeOf(error, action);
      const end = this.#stamp.endOf(ctx);
      if (outcome === "nothing") for (const probe of [probes.instance, probes.own]) probe?.dropped();
      else {
        if (outcome === "silent") probes.instance?.failed(reasonOf(error, action));
        else probes.instance?.answered();
        if (outcome === "answered" || outcome === "refused") probes.own?.answered();
        else probes.own?.failed(reasonOf(error, action));
      }
      if (!probes.instance || !probes.own) this.#count(gate, start, end, error);
      else path.ended(start, end, ENDINGS[outcome]);
    };
    const answered = () => {
      path.ended(start, this.#stamp.endOf(ctx), "answered");
      probes.instance?.answered();
      probes.own?.answered();
    };
    const result = called(next, ctx);
    result.then(
      () => {
        const failed = instanceError(ctx);
        if (failed === undefined) answered();
        else ended(failed);
      },
      (error) => {
        const failed = instanceError(ctx);
        if (failed === undefined) this.#lost.note(gate.service, gate.action, error);
        ended(failed ?? error);
      },
    );
    return result;
  }
}

/** A foreign middleware may throw instead of giving a promise; the call has then ended all the same. */
function called(next: Handler, ctx: Context): Promise<unknown> {
  try {
    return next(ctx);
  } catch (error) {
    return Promise.reject(error);
  }
}

const ENDINGS: Record<Outcome, Ending> = {
  // An answer that says no costs the callee what any other does.
  answered: "answered",
  refused: "refused",
  broke: "failed",
  silent: "failed",
  nothing: "nothing",
};

/** Why the call failed where it was sent first; another instance may have answered in its place. */
function instanceError(ctx: Context): unknown {
  return (ctx as unknown as Record<symbol, unknown>)[INSTANCE_ERROR];
}

function refusalOf(ctx: Context, { action, service, caller, own }: Gate, shut: CircuitBreaker[]): AzoraError {
  const breaker = shut.toSorted((one, other) => other.retryAfter - one.retryAfter)[0]!;
  const retryAfter = Math.max(1, Math.ceil(breaker.retryAfter / 1000));
  const what = breaker === own ? action : service;
  return new AzoraError(
    "CIRCUIT_OPEN",
    `${action} was not called on ${ctx.nodeID}: of the calls from ${caller} to ${what}, ${breaker.evidence}, the last with ${breaker.reason}`,
    { action, service, nodeID: ctx.nodeID, retryAfter },
  );
}

/** As "REQUEST_TIMEOUT of ledger.add" or "Error of ledger.add: no such account". */
function reasonOf(error: unknown, action: string): string {
  const { type, name, message } = (error ?? {}) as { type?: unknown; name?: unknown; message?: unknown };
  const text = type === "REQUEST_TIMEOUT" ? "" : `: ${String(message ?? error).slice(0, 200)}`;
  return `${typeof type === "string" && type ? type : String(name ?? "Error")} of ${action}${text}`;
}
