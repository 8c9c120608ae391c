import type { Context, Middleware } from "moleculer";
import { outcomeOf } from "../breaker/outcome.ts";
import { CallStamp } from "../load/call-stamp.ts";
import { currentRequestId, withRequestId } from "../request-scope.ts";
import { Histogram } from "./histogram.ts";

/** What is counted of one action on this node. */
export class ActionVitals {
  readonly service: string;
  /** Its declaration says `timeout: 0`: it lasts as long as what it waits for, and that says nothing of how this node is. */
  readonly isUntimed: boolean;
  readonly #action: string;
  inFlight = 0;
  errors = 0;
  /** Errors that are the action's own: neither its caller's mistake, nor that of a service which it called. */
  faults = 0;
  /** Type and message of the newest of them. */
  lastFault = "";
  readonly latency = new Histogram();

  constructor(service: string, action: string, isUntimed: boolean) {
    this.service = service;
    this.isUntimed = isUntimed;
    this.#action = action;
  }

  failed(error: unknown): void {
    this.errors++;
    const outcome = outcomeOf(error, this.#action);
    if (outcome !== "broke" && outcome !== "silent") return;
    const { type, name, message } = (error ?? {}) as Record<string, unknown>;
    this.faults++;
    this.lastFault = `${type ?? name ?? "Error"}: ${message ?? error}`.slice(0, LONGEST_FAULT);
  }
}

const LONGEST_FAULT = 200;

/** Counts of every action on this node, by the action's name. */
export class VitalsRegistry {
  readonly actions = new Map<string, ActionVitals>();

  of(action: string, service: string, isUntimed: boolean): ActionVitals {
    let vitals = this.actions.get(action);
    if (!vitals) {
      vitals = new ActionVitals(service, action, isUntimed);
      this.actions.set(action, vitals);
    }
    return vitals;
  }

  /** Calls of a service that run now. */
  inFlight(service: string): number {
    let sum = 0;
    for (const vitals of this.actions.values()) if (vitals.service === service) sum += vitals.inFlight;
    return sum;
  }
}

/** The services of the node itself are not counted: their commands would keep a drain from ever ending. */
const UNCOUNTED = /^(\$|node-host$|node-accounting$|node-performance$)/;

type Handler = (ctx: Context) => Promise<unknown>;
interface ActionDefinition {
  name: string;
  timeout?: number;
  service: { fullName: string };
}

/** A foreign middleware may throw instead of giving a promise; the call has then ended all the same. */
function called(next: Handler, ctx: Context): Promise<unknown> {
  try {
    return next(ctx);
  } catch (error) {
    return Promise.reject(error);
  }
}

export interface VitalsOptions {
  /** @default of its own */
  stamp?: CallStamp;
}

/** Measures each local call, from its arrival to its answer. */
export function vitalsMiddleware(
  registry: VitalsRegistry,
  { stamp = new CallStamp() }: VitalsOptions = {},
): Middleware {
  return {
    name: "Vitals",
    localAction(this: unknown, next: Handler, action: ActionDefinition): Handler {
      const service = action.service.fullName;
      if (UNCOUNTED.test(service)) return next;
      const vitals = registry.of(action.name, service, action.timeout === 0);
      return (ctx) => {
        const start = stamp.begin(ctx);
        vitals.inFlight++;
        const { requestID } = ctx;
        // Moleculer gives each root call its own id as request id: nobody looks for that, and a scope costs 0.2 µs.
        const inScope = requestID === ctx.id || !requestID || requestID === currentRequestId();
        const result = inScope ? called(next, ctx) : withRequestId(requestID, called, next, ctx);
        // Hooks and caches may make it wait until it begins.
        stamp.forget();
        // The caller gets the promise itself: listening to it costs him neither a promise nor a turn of the queue.
        result.then(
          () => {
            vitals.inFlight--;
            vitals.latency.record((stamp.endOf(ctx) - start) * 1000);
          },
          (error: unknown) => {
            vitals.inFlight--;
            vitals.failed(error);
            vitals.latency.record((stamp.endOf(ctx) - start) * 1000);
          },
        );
        return result;
      };
    },
  } as unknown as Middleware;
}
