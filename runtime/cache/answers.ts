import { type Context, Errors } from "moleculer";
import { outcomeOf } from "../breaker/outcome.ts";
import type { Clock } from "../clock.ts";
import { cloneData } from "./data-copy.ts";
import { type CachedAction, Entries } from "./entries.ts";
import type { FarLevel, FarToken } from "./far-level.ts";
import type { Flight, Flights, Outcome } from "./flights.ts";
import type { Entry, NearLevel } from "./near-level.ts";

/** Whether what this node knows is as new as what other nodes have been told; see lease.ts. */
export interface Assurance {
  holds(now: number): boolean;
  /** Resolves when that has been asked again, or after a moment. */
  soon(): Promise<void>;
}

export interface AnswersOptions {
  clock: Clock;
  near: NearLevel;
  flights: Flights;
  far?: FarLevel | undefined;
  assurance: Assurance;
  nodeID: string;
  random?: () => number;
  warn?: (message: string) => void;
}

/** Patience with a load whose caller has none of its own, ms. */
const NO_TIMEOUT_MS = 60_000;
/** A refresh that failed is not tried again for so long, ms. */
const RETRY_MS = 1000;
/** Loads that a caller may wait for, whose own callers gave up one after the other. */
const MAX_WAITS = 3;
/** How near to its caller's end a time-out counts as the caller's own, ms. */
const AT_ITS_END_MS = 50;
const ERROR_BYTES = 2000;

/** Gives out what is kept, and sees to it that what is not kept is loaded once, however many ask. */
export class Answers {
  readonly #clock: Clock;
  readonly #near: NearLevel;
  readonly #flights: Flights;
  readonly #far: FarLevel | undefined;
  readonly #assurance: Assurance;
  readonly #nodeID: string;
  readonly #random: () => number;
  readonly #entries: Entries;

  constructor(options: AnswersOptions) {
    this.#clock = options.clock;
    this.#near = options.near;
    this.#flights = options.flights;
    this.#far = options.far;
    this.#assurance = options.assurance;
    this.#nodeID = options.nodeID;
    this.#random = options.random ?? Math.random;
    const { clock, near, warn = () => {} } = options;
    this.#entries = new Entries({ clock, near, warn });
  }

  answer(action: CachedAction, ctx: Context, key: string): Promise<unknown> {
    const now = this.#clock.now();
    const entry = this.#assurance.holds(now) ? this.#near.get(key, now) : undefined;
    return entry === undefined ? this.#missed(action, ctx, key, now) : this.#hit(action, ctx, entry, now);
  }

  #hit(action: CachedAction, ctx: Context, entry: Entry, now: number): Promise<unknown> {
    const { stats } = action;
    if (entry.freshUntil <= now) {
      stats.stale++;
      this.#refresh(action, ctx, entry, now);
    } else if (action.policy.stale > 0 && this.#isDue(entry, now)) this.#refresh(action, ctx, entry, now);
    stats.near++;
    stats.ageSum += now - entry.loadedAt;
    stats.savedSum += entry.loadTime;
    return this.#give(ctx, entry);
  }

  /** Vattani et al., "Optimal Probabilistic Cache Stampede Prevention", VLDB 2015: the sooner, the longer a load takes. */
  #isDue(entry: Entry, now: number): boolean {
    const left = entry.freshUntil - now;
    return left < 10 * entry.loadTime && -entry.loadTime * Math.log(this.#random()) >= left;
  }

  #give(ctx: Context, entry: Entry): Promise<unknown> {
    ctx.cachedResult = true;
    if (entry.kind !== "value") {
      entry.stats.negative++;
      if (entry.kind === "failure") return Promise.reject(entry.value);
    }
    return Promise.resolve(this.#own(ctx, entry.value, entry.clone));
  }

  /** What goes to another node is packed and not changed any more; who is in the same process gets a copy of its own. */
  #own(ctx: Context, value: unknown, clone: Entry["clone"]): unknown {
    if (typeof value !== "object" || value === null || clone === false || ctx.nodeID !== this.#nodeID) return value;
    return clone === true ? cloneData(value) : clone(value);
  }

  async #missed(action: CachedAction, ctx: Context, key: string, arrived: number): Promise<unknown> {
    if (!this.#assurance.holds(arrived)) {
      await this.#assurance.soon();
      const now = this.#clock.now();
      const entry = this.#assurance.holds(now) ? this.#near.get(key, now) : undefined;
      if (entry) return this.#hit(action, ctx, entry, now);
    }
    let joined = false;
    for (let waits = 0; ; ) {
      const flight = this.#flights.get(key);
      if (!flight) return this.#lead(action, ctx, key);
      // What it has read already may be older than what other nodes have been told: only later loads are good enough.
      const mayBeOld = flight.at < arrived && !this.#assurance.holds(this.#clock.now());
      if (!joined) action.stats.joined++;
      joined = true;
      flight.waiting++;
      const outcome = await flight.outcome;
      if (mayBeOld) continue;
      switch (outcome.is) {
        case "entry":
          action.stats.savedSum += outcome.entry.loadTime;
          return this.#give(ctx, outcome.entry);
        case "value":
          ctx.cachedResult = true;
          return action.policy.clone === false ? outcome.value : copyOf(outcome.value);
        case "failed":
          throw outcome.error;
        case "alone":
          return action.load(ctx);
      }
      const now = this.#clock.now();
      if (++waits > MAX_WAITS || now - arrived >= patienceOf(ctx)) throw outcome.error ?? tooLate(action, this.#nodeID);
      const entry = this.#assurance.holds(now) ? this.#near.get(key, now) : undefined;
      if (entry) return this.#hit(action, ctx, entry, now);
    }
  }

  async #lead(action: CachedAction, ctx: Context, key: string, background = false): Promise<unknown> {
    const { policy, stats } = action;
    const patience = patienceOf(ctx);
    const flight = this.#flights.begin(key, policy.tags, patience);
    let token: FarToken | undefined;
    try {
      if (this.#far?.isUsable && this.#assurance.holds(flight.at)) {
        const found = await this.#far.read(key, policy.lock === null ? 0 : Math.min(policy.lock, patience));
        token = found?.token;
        const entry = found?.hit && this.#entries.ofFar(action, flight, found.hit, background);
        if (entry) return await this.#gotFar(action, ctx, flight, entry);
      }
      if (!background) stats.misses++;
      else stats.refreshed++;
      const began = this.#clock.now();
      const result = await action.load(ctx);
      const loadTime = this.#clock.now() - began;
      const tags = this.#entries.tagsOf(action, ctx, result);
      const entry = this.#entries.of(action, flight, result, tags, loadTime);
      if (typeof entry === "string" && token?.locked) this.#far!.unlock(key, token);
      if (entry === "alone") this.#flights.end(flight, { is: "alone" });
      else if (entry === "unfit") this.#unfit(action, flight, result);
      else this.#keep(action, flight, entry, token);
      return result;
    } catch (error) {
      stats.failures++;
      if (token?.locked) this.#far!.unlock(key, token);
      this.#flights.end(flight, this.#failed(action, flight, error, patience));
      throw error;
    }
  }

  #gotFar(action: CachedAction, ctx: Context, flight: Flight, entry: Entry): Promise<unknown> {
    const { stats } = action;
    const now = this.#clock.now();
    stats.far++;
    stats.ageSum += now - entry.loadedAt;
    stats.savedSum += entry.loadTime;
    if (this.#flights.end(flight, { is: "entry", entry }, entry.tags)) this.#near.keep(entry);
    else stats.fenced++;
    if (entry.freshUntil <= now) {
      stats.stale++;
      this.#refresh(action, ctx, entry, now);
    }
    return this.#give(ctx, entry);
  }

  #keep(action: CachedAction, flight: Flight, entry: Entry, token: FarToken | undefined): void {
    const isCurrent = this.#flights.end(flight, { is: "entry", entry }, entry.tags);
    const { stats } = action;
    const isKept = entry.until > entry.loadedAt;
    if (!isCurrent) stats.fenced++;
    else if (!isKept) this.#forget(flight);
    else if (!this.#near.keep(entry) && entry.bytes > this.#near.largest) stats.unfit++;
    const goesFar = isKept && isCurrent && entry.isJson && entry.kind !== "failure";
    if (token && goesFar) this.#far!.write(entry, token);
    else if (token?.locked) this.#far!.unlock(entry.key, token);
  }

  #refresh(action: CachedAction, ctx: Context, entry: Entry, now: number): void {
    if (entry.retryAt > now || this.#flights.get(entry.key)) return;
    entry.retryAt = now + RETRY_MS;
    this.#lead(action, inBackground(ctx), entry.key, true).catch(() => {});
  }

  #failed(action: CachedAction, flight: Flight, error: unknown, patience: number): Outcome {
    const now = this.#clock.now();
    const { type, code } = (error ?? {}) as { type?: unknown; code?: unknown };
    const isAtItsEnd = now - flight.at >= patience - AT_ITS_END_MS;
    const outcome = outcomeOf(error, action.stats.action);
    // A refusal may be for this caller's priority, or its want of time.
    if (type === "REQUEST_SKIPPED" || outcome === "refused" || (type === "REQUEST_TIMEOUT" && isAtItsEnd))
      return { is: "given up", error };
    const { negative, failure } = action.policy;
    const time = code === 404 ? (negative ?? 0) : outcome === "broke" ? failure : 0;
    if (time > 0 && !flight.isFenced) {
      const tags = typeof action.policy.tags === "function" ? [] : action.policy.tags;
      const entry: Entry = this.#entries.make(action, flight, "failure", error, ERROR_BYTES, tags, now - flight.at);
      this.#near.keep(entry);
    } else if (code === 404) this.#forget(flight);
    return { is: "failed", error };
  }

  /** What was there before the load is known to be no longer so. */
  #forget(flight: Flight): void {
    const before = this.#near.peek(flight.key, this.#clock.now());
    if (before && before.begun < flight.begun) this.#near.drop(before);
  }

  #unfit({ policy, stats }: CachedAction, flight: Flight, value: unknown): void {
    stats.unfit++;
    this.#forget(flight);
    // Who loaded it may change it before the others get theirs.
    const isShared = flight.waiting > 0 && policy.clone !== false;
    this.#flights.end(flight, { is: "value", value: isShared ? copyOf(value) : value });
  }
}

function patienceOf({ options }: Context): number {
  return (options as { timeout?: number | null }).timeout || NO_TIMEOUT_MS;
}

function tooLate({ stats }: CachedAction, nodeID: string): Error {
  return new Errors.RequestSkippedError({ action: stats.action, nodeID });
}

/** For what is too large or too deep to be kept. */
function copyOf(value: unknown): unknown {
  try {
    return structuredClone(value);
  } catch {
    return value;
  }
}

/** The same call, with its time beginning anew: its caller has an answer already, and gets none of what it changes. */
function inBackground(ctx: Context): Context {
  const copy = ctx.copy((ctx as { endpoint?: unknown }).endpoint as never) as Context & { startHrTime?: unknown };
  copy.meta = { ...ctx.meta };
  copy.options = { ...ctx.options };
  copy.locals = { ...ctx.locals };
  (copy as { responseHeaders?: object }).responseHeaders = {};
  copy.startHrTime = process.hrtime();
  return copy;
}
