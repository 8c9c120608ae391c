import { type Context, Errors } from "moleculer";
import { outcomeOf } from "../breaker/outcome.ts";
import type { Clock } from "../clock.ts";
import type { ActionStats } from "./cache-stats.ts";
import { canBeShared, cloneData, copyData } from "./data-copy.ts";
import { areTags, type CachePolicy } from "./declaration.ts";
import type { FarLevel, FarToken } from "./far-level.ts";
import type { Flight, Flights, Outcome } from "./flights.ts";
import { type Entry, entryBytes, type NearLevel } from "./near-level.ts";

/** An action whose answers are cached, on this node. */
export interface CachedAction {
  readonly policy: CachePolicy;
  readonly stats: ActionStats;
  readonly load: (ctx: Context) => Promise<unknown>;
}

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
  readonly #warn: (message: string) => void;
  readonly #warned = new Set<string>();

  constructor(options: AnswersOptions) {
    this.#clock = options.clock;
    this.#near = options.near;
    this.#flights = options.flights;
    this.#far = options.far;
    this.#assurance = options.assurance;
    this.#nodeID = options.nodeID;
    this.#random = options.random ?? Math.random;
    this.#warn = options.warn ?? (() => {});
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
        const entry = found?.hit && this.#entryOfFar(action, flight, found.hit, background);
        if (entry) return await this.#gotFar(action, ctx, flight, entry);
      }
      if (!background) stats.misses++;
      else stats.refreshed++;
      const began = this.#clock.now();
      const result = await action.load(ctx);
      const loadTime = this.#clock.now() - began;
      const tags = this.#tagsOf(action, ctx, result);
      const entry = this.#entryOf(action, flight, result, tags, loadTime);
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
      const entry: Entry = this.#newEntry(action, flight, "failure", error, ERROR_BYTES, tags, now - flight.at);
      this.#near.keep(entry);
    } else if (code === 404) this.#forget(flight);
    return { is: "failed", error };
  }

  /** What was there before the load is known to be no longer so. */
  #forget(flight: Flight): void {
    const before = this.#near.peek(flight.key, this.#clock.now());
    if (before && before.begun < flight.begun) this.#near.drop(before);
  }

  /** Of a result: an entry, though perhaps one that is not kept. */
  #entryOf(
    action: CachedAction,
    flight: Flight,
    result: unknown,
    tags: readonly string[] | null,
    loadTime: number,
  ): Entry | "alone" | "unfit" {
    if (!canBeShared(result)) return "alone";
    if (tags === null) return "unfit";
    const { clone } = action.policy;
    const copy = copyData(result, this.#near.largest);
    if (!copy) return "unfit";
    const value = clone === true ? copy.value : clone === false ? result : clone(result);
    const kind = result === undefined || (result === null && action.policy.negative !== null) ? "none" : "value";
    const entry = this.#newEntry(action, flight, kind, value, copy.bytes, tags, loadTime);
    entry.isJson = copy.isJson && result !== undefined;
    return entry;
  }

  #newEntry(
    { policy, stats }: CachedAction,
    flight: Flight,
    kind: Entry["kind"],
    value: unknown,
    bytes: number,
    tags: readonly string[],
    loadTime: number,
  ): Entry {
    const now = this.#clock.now();
    const isMissing = (value as { code?: unknown } | null | undefined)?.code === 404;
    const fresh =
      kind === "value" ? policy.fresh : kind === "none" || isMissing ? (policy.negative ?? 0) : policy.failure;
    return {
      key: flight.key,
      bytes: entryBytes(flight.key, bytes, tags),
      until: now + fresh + (kind === "value" ? policy.stale : 0),
      visited: false,
      isProven: false,
      newer: null,
      older: null,
      kind,
      value,
      clone: policy.clone,
      isJson: false,
      tags,
      stats,
      loadedAt: now,
      freshUntil: now + fresh,
      loadTime,
      begun: flight.begun,
      retryAt: 0,
    };
  }

  #entryOfFar(
    action: CachedAction,
    flight: Flight,
    hit: NonNullable<Awaited<ReturnType<FarLevel["read"]>>>["hit"],
    background: boolean,
  ): Entry | undefined {
    if (!hit || (background && hit.freshFor <= 0)) return undefined;
    const { value, freshFor, keptFor, age, loadTime, tags } = hit;
    const kind = value === null && action.policy.negative !== null ? "none" : "value";
    const copy = copyData(value, this.#near.largest);
    const entry = this.#newEntry(action, flight, kind, value, copy?.bytes ?? this.#near.largest, tags, loadTime);
    const now = this.#clock.now();
    // What another node has declared, or this one after a change of its code: the shorter time counts.
    const until = Math.min(entry.until, now + keptFor);
    return {
      ...entry,
      isJson: true,
      loadedAt: now - age,
      until,
      freshUntil: Math.min(entry.freshUntil - age, now + freshFor, until),
    };
  }

  /** Null where they are none that could be kept. */
  #tagsOf({ policy, stats }: CachedAction, ctx: Context, result: unknown): readonly string[] | null {
    if (typeof policy.tags !== "function") return policy.tags;
    try {
      const tags = policy.tags(ctx.params, result, ctx) as unknown;
      if (Array.isArray(tags) && areTags(tags)) return tags.length === 0 ? [] : [...new Set(tags)];
      this.#warnOnce(`${stats.action}: cache.tags gave no list of at most 64 names; such answers are not kept`);
    } catch (error) {
      this.#warnOnce(`${stats.action}: cache.tags failed, such answers are not kept: ${(error as Error).message}`);
    }
    return null;
  }

  #unfit({ policy, stats }: CachedAction, flight: Flight, value: unknown): void {
    stats.unfit++;
    this.#forget(flight);
    // Who loaded it may change it before the others get theirs.
    const isShared = flight.waiting > 0 && policy.clone !== false;
    this.#flights.end(flight, { is: "value", value: isShared ? copyOf(value) : value });
  }

  #warnOnce(message: string): void {
    if (this.#warned.has(message) || this.#warned.size > 1000) return;
    this.#warned.add(message);
    this.#warn(message);
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
