import { type Context, Errors, type Middleware } from "moleculer";
import { ConcurrencyLimit } from "./concurrency-limit.ts";

type Handler = (ctx: Context) => Promise<unknown>;
interface ActionDefinition {
  name: string;
  service: { fullName: string };
}

/** Where the limit of a service is, if it has one. Each of its actions looks here on every call. */
interface Place {
  limit: ConcurrencyLimit | undefined;
  most: number | null;
}

/** How many calls of a service may run at once on this node. They outlive a restart of the service in its node. */
export class ConcurrencyLimits {
  readonly #places = new Map<string, Place>();

  /** To be added before Moleculer's own: what waits here is inside the time-out, and what the cache answers waits not at all. */
  middleware(): Middleware {
    const limits = this;
    return {
      name: "ConcurrencyLimits",
      localAction(next: Handler, action: ActionDefinition): Handler {
        const { fullName } = action.service;
        // A service under load has still to say how it is.
        if (fullName.startsWith("$") || action.name === `${fullName}.health`) return next;
        const place = limits.#placeOf(fullName);
        return (ctx) => {
          const { limit } = place;
          // A call that the service makes of itself would wait for the one that it is part of.
          if (limit === undefined || ctx.caller === fullName || (ctx.action as unknown) === action) return next(ctx);
          const data = { action: action.name, nodeID: ctx.broker.nodeID } as never;
          return limit.run({
            run: () => next(ctx),
            isLate: () => isLate(ctx),
            refuse: (why) =>
              why === "full" ? new Errors.QueueIsFullError(data) : new Errors.RequestSkippedError(data),
          });
        };
      },
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

  #placeOf(service: string): Place {
    let place = this.#places.get(service);
    if (!place) {
      place = { limit: undefined, most: null };
      this.#places.set(service, place);
    }
    return place;
  }
}

/** Whether its time-out is over, which Moleculer counts from `startHrTime`. */
function isLate(ctx: Context): boolean {
  const { startHrTime, options } = ctx as unknown as { startHrTime?: [number, number]; options: { timeout?: number } };
  if (!startHrTime || !options.timeout) return false;
  const [seconds, nanoseconds] = process.hrtime(startHrTime);
  return seconds * 1000 + nanoseconds / 1e6 >= options.timeout;
}
