import { Stream } from "node:stream";
import { type Context, Errors, type Middleware, type ServiceBroker } from "moleculer";
import type { CallStamp } from "../load/call-stamp.ts";
import { type Due, DueList, type DueListOptions } from "./due-list.ts";

type Handler = (ctx: Context) => Promise<unknown>;
interface ActionDefinition {
  name: string;
  timeout?: number;
}

/** Moleculer's own time-out costs half a microsecond a call; these are its parts that the replacement needs. */
interface Middlewares {
  list: Record<string, unknown>[];
  registeredHooks: Record<string, unknown[]>;
}

/** A call whose time is running. */
class Deadline implements Due {
  readonly at: number;
  #ctx: Context | undefined;
  #reject: ((error: Error) => void) | undefined;
  isOver = false;

  constructor(at: number, ctx: Context, reject: (error: Error) => void) {
    this.at = at;
    this.#ctx = ctx;
    this.#reject = reject;
  }

  /** The call has ended in time. The list may keep this for a moment longer, but not what hangs on it. */
  end(): void {
    this.isOver = true;
    this.#ctx = undefined;
    this.#reject = undefined;
  }

  expire(): void {
    const [ctx, reject] = [this.#ctx, this.#reject];
    if (!ctx || !reject) return;
    const { broker, action, nodeID, options, params, requestID } = ctx as Context & {
      options: { timeout: number };
    };
    const { timeout } = options;
    broker.logger.warn(`Request '${action!.name}' is timed out.`, { requestID, nodeID, timeout });
    // Moleculer's transit ends the stream on this.
    if ((params as unknown) instanceof Stream)
      (params as unknown as Stream).emit("moleculer-timeout-middleware", timeout);
    reject(new Errors.RequestTimeoutError({ action: action!.name!, nodeID: nodeID! } as never));
  }
}

/**
 * The time-outs of calls, as Moleculer's own: the caller's `timeout`, else the action's, else `requestTimeout`; a call
 * made on behalf of another has what is left of its time. It is given in place of Moleculer's.
 */
export class Deadlines {
  readonly #dues: DueList;
  readonly #stamp: CallStamp;

  constructor(stamp: CallStamp, options: DueListOptions = {}) {
    this.#stamp = stamp;
    this.#dues = new DueList(options);
  }

  /** To be called before any service is registered, and to be added after Moleculer's own middlewares. */
  middleware(broker: ServiceBroker): Middleware {
    takeOut((broker as unknown as { middlewares: Middlewares }).middlewares, "Timeout");
    const guard = (next: Handler, action: ActionDefinition) =>
      this.#guard(next, action, broker.options.requestTimeout ?? 0);
    return { name: "Deadlines", localAction: guard, remoteAction: guard } as unknown as Middleware;
  }

  #guard(next: Handler, action: ActionDefinition, byDefault: number): Handler {
    const ofAction = action.timeout ?? byDefault;
    return (ctx) => {
      const options = ctx.options as { timeout?: number | null };
      options.timeout ??= ofAction;
      const { timeout } = options;
      if (!(timeout > 0)) return next(ctx);
      const start = this.#stamp.startOf(ctx);
      const timed = ctx as unknown as { startHrTime: [number, number] | null };
      // For what is called on its behalf: Moleculer gives that the rest of the time.
      timed.startHrTime ??= hrTime(start);
      return this.#race(next(ctx), ctx, start + timeout, start);
    };
  }

  #race(result: Promise<unknown>, ctx: Context, at: number, now: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const deadline = new Deadline(at, ctx, reject);
      this.#dues.add(deadline, now);
      result.then(
        (value) => {
          deadline.end();
          resolve(value);
        },
        (error) => {
          deadline.end();
          reject(error);
        },
      );
    });
  }
}

/** `process.hrtime` counts from another moment than `performance.now`. */
const [SECONDS, NANOSECONDS] = process.hrtime();
const ORIGIN_MS = SECONDS * 1000 + NANOSECONDS / 1e6 - performance.now();

/** A time of `performance.now` as `process.hrtime` would have given it. */
function hrTime(now: number): [number, number] {
  const total = ORIGIN_MS + now;
  const seconds = Math.floor(total / 1000);
  return [seconds, Math.round((total - seconds * 1000) * 1e6)];
}

function takeOut({ list, registeredHooks }: Middlewares, name: string): void {
  const index = list.findIndex((middleware) => middleware["name"] === name);
  const middleware = list[index];
  if (!middleware) return;
  for (const [hook, handles] of Object.entries(registeredHooks)) {
    if (typeof middleware[hook] !== "function") continue;
    const before = list.slice(0, index).filter((other) => typeof other[hook] === "function").length;
    handles.splice(before, 1);
  }
  list.splice(index, 1);
}
