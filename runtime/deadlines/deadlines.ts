import { Stream } from "node:stream";
import { type Context, Errors, type ServiceBroker } from "moleculer";
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
  registeredHooks: Record<string, Handle[]>;
}
type Handle = (next: Handler, action: ActionDefinition) => Handler;

/** Of Moleculer's metrics; a project may count by it. */
const TIMED_OUT = "moleculer.request.timeout.total";

/** A call whose time is running. */
class Deadline implements Due {
  readonly at: number;
  /** Absent once the call has ended: an entry may stand in the list for longer, and must not keep what it was about. */
  #ctx: Context | undefined;
  #reject: ((error: unknown) => void) | undefined;
  readonly #expired: ((ctx: Context) => void) | undefined;
  isOver = false;
  isSettled = false;

  constructor(at: number, ctx: Context, reject: (error: unknown) => void, expired?: (ctx: Context) => void) {
    this.at = at;
    this.#ctx = ctx;
    this.#reject = reject;
    this.#expired = expired;
  }

  release(): void {
    this.#ctx = undefined;
    this.#reject = undefined;
  }

  expire(): void {
    const ctx = this.#ctx!;
    const reject = this.#reject!;
    this.release();
    try {
      reject(timedOut(ctx));
    } catch (error) {
      reject(error);
    }
    this.#expired?.(ctx);
  }
}

export interface DeadlinesOptions extends DueListOptions {
  /** Told of each call of this node that was not answered in time. @default nobody is */
  expired?: (ctx: Context) => void;
}

/**
 * The time-outs of calls, as Moleculer's own: the caller's `timeout`, else the action's, else `requestTimeout`; a call
 * made on behalf of another has what is left of its time. It stands in place of Moleculer's: what lies outside that, as
 * retries, fallbacks and what forgets the pending request, has to see a time-out.
 */
export class Deadlines {
  readonly #dues: DueList;
  readonly #stamp: CallStamp;
  readonly #expired: (ctx: Context) => void;

  constructor(stamp: CallStamp, { expired = () => {}, ...options }: DeadlinesOptions = {}) {
    this.#stamp = stamp;
    this.#expired = expired;
    this.#dues = new DueList(options);
  }

  /** To be called after Moleculer's own middlewares were added, and before any service is registered. */
  replaceOwn(broker: ServiceBroker): void {
    const byDefault = broker.options.requestTimeout ?? 0;
    const local: Handle = (next, action) => this.#guard(next, action, byDefault, true);
    const remote: Handle = (next, action) => this.#guard(next, action, byDefault, false);
    const { middlewares } = broker as unknown as { middlewares: Middlewares & { add(middleware: object): void } };
    const middleware = { name: "Deadlines", localAction: local, remoteAction: remote };
    if (!replace(middlewares, middleware)) middlewares.add(middleware);
  }

  #guard(next: Handler, action: ActionDefinition, byDefault: number, isLocal: boolean): Handler {
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
      return this.#race(next(ctx), ctx, start + timeout, start, isLocal);
    };
  }

  #race(result: Promise<unknown>, ctx: Context, at: number, now: number, isLocal: boolean): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const deadline = new Deadline(at, ctx, reject, isLocal ? this.#expired : undefined);
      this.#dues.add(deadline, now);
      result.then(
        (value) => {
          deadline.release();
          this.#dues.done(deadline);
          resolve(value);
        },
        (error) => {
          deadline.release();
          this.#dues.done(deadline);
          reject(error);
        },
      );
    });
  }
}

/** Says so to all who have to know. @returns the error */
function timedOut(ctx: Context): Error {
  const { broker, action, nodeID, options, params, requestID } = ctx as Context & { options: { timeout: number } };
  const { name, service } = action as { name: string; service?: { fullName: string } };
  const { timeout } = options;
  broker.logger.warn(`Request '${name}' is timed out.`, { requestID, nodeID, timeout });
  // Moleculer's transit ends the stream on this.
  if ((params as unknown) instanceof Stream)
    (params as unknown as Stream).emit("moleculer-timeout-middleware", timeout);
  broker.metrics.increment(TIMED_OUT, { service: service?.fullName ?? null, action: name });
  return new Errors.RequestTimeoutError({ action: name, nodeID: nodeID! } as never);
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

/** Puts it in the place of Moleculer's time-out. False where a project has none of Moleculer's middlewares. */
function replace({ list, registeredHooks }: Middlewares, by: Record<string, unknown>): boolean {
  const index = list.findLastIndex(({ name, localAction }) => name === "Timeout" && isMoleculers(localAction));
  const middleware = list[index];
  if (!middleware) return false;
  for (const hook of ["localAction", "remoteAction"]) {
    const before = list.slice(0, index).filter((other) => typeof other[hook] === "function").length;
    registeredHooks[hook]![before] = by[hook] as Handle;
  }
  list[index] = by;
  return true;
}

/** A project's own middleware may have the same name. */
const isMoleculers = (hook: unknown) => typeof hook === "function" && hook.name === "wrapTimeoutMiddleware";
