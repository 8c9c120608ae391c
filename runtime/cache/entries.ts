import type { Context } from "moleculer";
import type { Clock } from "../clock.ts";
import type { ActionStats } from "./cache-stats.ts";
import { canBeShared, copyData, type DataCopy } from "./data-copy.ts";
import { areTags, type CachePolicy } from "./declaration.ts";
import type { FarHit } from "./far-value.ts";
import type { Flight } from "./flights.ts";
import { type Entry, entryBytes, type NearLevel } from "./near-level.ts";

/** An action whose answers are cached, on this node. */
export interface CachedAction {
  readonly policy: CachePolicy;
  readonly stats: ActionStats;
  readonly load: (ctx: Context) => Promise<unknown>;
}

export interface EntriesOptions {
  clock: Clock;
  near: NearLevel;
  warn(message: string): void;
}

/** Makes entries of what loads give. */
export class Entries {
  readonly #clock: Clock;
  readonly #near: NearLevel;
  readonly #warn: (message: string) => void;
  readonly #warned = new Set<string>();

  constructor({ clock, near, warn }: EntriesOptions) {
    this.#clock = clock;
    this.#near = near;
    this.#warn = warn;
  }

  /** Of a result: an entry, though perhaps one that is not kept. */
  of(
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
    const entry = this.make(action, flight, kind, value, copy.bytes, tags, loadTime);
    entry.isJson = copy.isJson && result !== undefined;
    return entry;
  }

  make(
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
      ghost: 0,
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

  ofFar(action: CachedAction, flight: Flight, hit: FarHit | undefined, background: boolean): Entry | undefined {
    if (!hit || (background && hit.freshFor <= 0)) return undefined;
    const { value, freshFor, keptFor, age, loadTime, tags } = hit;
    const kind = value === null && action.policy.negative !== null ? "none" : "value";
    const copy = copyData(value, this.#near.largest);
    const entry = this.make(action, flight, kind, value, copy?.bytes ?? this.#near.largest, tags, loadTime);
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
  tagsOf({ policy, stats }: CachedAction, ctx: Context, result: unknown): readonly string[] | null {
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

  #warnOnce(message: string): void {
    if (this.#warned.has(message) || this.#warned.size > 1000) return;
    this.#warned.add(message);
    this.#warn(message);
  }
}

/** Of what somebody has set by hand. @param ttl ms; 0: no end */
export function handmade(
  key: string,
  { value, bytes, isJson }: DataCopy,
  ttl: number,
  now: number,
  flags: Pick<Entry, "clone" | "stats" | "begun">,
): Entry {
  const until = ttl === 0 ? Number.POSITIVE_INFINITY : now + ttl;
  return {
    key,
    bytes: entryBytes(key, bytes, []),
    until,
    visited: false,
    isProven: false,
    ghost: 0,
    newer: null,
    older: null,
    kind: "value",
    value,
    isJson,
    tags: [],
    loadedAt: now,
    freshUntil: until,
    loadTime: 0,
    retryAt: 0,
    ...flags,
  };
}
