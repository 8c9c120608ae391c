import type { Context } from "moleculer";
import { AzoraError } from "../errors.ts";
import { nearest } from "../nearest.ts";

/** How answers of an action are cached, as it stands in the action: `cache: { keys: ["id"], ttl: 60, tags: [...] }`. */
export interface CacheDeclaration {
  /** Or a function of the context. @default true */
  enabled?: boolean | ((ctx: Context) => boolean);
  /** Paths in the parameters; `#` before one in the meta, `@` before one in the headers. @default all parameters */
  keys?: string[];
  keygen?: (action: unknown, options: CacheDeclaration, ctx: Context) => string;
  /** Age up to which an answer is given out, s; 0: until it is evicted or invalidated. @default the cacher's */
  ttl?: number | null;
  /** After `ttl`, s for which the old answer is still given out while a new one is loaded. @default 0 */
  staleTtl?: number;
  /** Keeps "there is none", s: null, undefined, and errors with code 404. @default null is kept for ttl, the others are not */
  negativeTtl?: number;
  /** Keeps other failures of the service, s; no refusals, as those with a code of 4xx, or for want of room. @default 0 */
  failureTtl?: number;
  /** Names under which answers can be invalidated together. */
  tags?: string[] | ((params: never, result: never, ctx: Context) => string[]);
  /** Each caller gets a copy of its own; a function makes it; false: all get the same object. @default the cacher's, true */
  clone?: boolean | ((value: unknown) => unknown);
  /** With Redis: only one node loads a missing answer, the others wait for it, `ttl` ms at most. @default false */
  lock?: boolean | { enabled?: boolean; ttl?: number /** s before the end of `ttl` */; staleTime?: number };
}

/** The same, checked; times in ms. */
export interface CachePolicy {
  enabled: true | ((ctx: Context) => boolean);
  keys: readonly string[] | undefined;
  keygen: CacheDeclaration["keygen"];
  fresh: number;
  stale: number;
  /** Null: a null is an answer as others are, and errors are not kept. */
  negative: number | null;
  failure: number;
  tags: readonly string[] | ((params: unknown, result: unknown, ctx: Context) => readonly string[]);
  clone: boolean | ((value: unknown) => unknown);
  lock: number | null;
}

export interface Defaults {
  /** s; 0 or null: for ever */
  ttl?: number | null | undefined;
  clone?: boolean | ((value: unknown) => unknown) | undefined;
}

const KNOWN = [
  "enabled",
  "keys",
  "keygen",
  "ttl",
  "staleTtl",
  "negativeTtl",
  "failureTtl",
  "tags",
  "clone",
  "lock",
] as const;
const MAX_SECONDS = 10 * 365 * 86_400;
const LOCK_MS = 15_000;
export const MAX_TAGS = 64;
export const MAX_TAG_LENGTH = 200;

/**
 * Null where the action is not cached.
 * @param warn told of fields that mean nothing
 * @throws AzoraError VALIDATION_ERROR with action, field, value and what is allowed
 */
export function readDeclaration(
  action: string,
  declared: unknown,
  defaults: Defaults,
  warn: (message: string) => void = () => {},
): CachePolicy | null {
  if (declared === undefined || declared === null || declared === false) return null;
  const wrong = (field: string, value: unknown, allowed: string) =>
    new AzoraError("VALIDATION_ERROR", `${action} declares ${field} as ${shown(value)}, but it must be ${allowed}`, {
      field,
      value: shown(value),
      allowed,
    });
  if (declared !== true && !isObject(declared)) throw wrong("cache", declared, "true, false or an object");
  const given: Record<string, unknown> = declared === true ? {} : { ...(declared as object) };
  for (const name of Object.keys(given)) {
    if ((KNOWN as readonly string[]).includes(name)) continue;
    const meant = nearest(name, KNOWN);
    warn(`${action} declares cache.${name}, which means nothing${meant ? `; cache.${meant} is meant perhaps` : ""}`);
  }
  const seconds = (name: string, value: unknown, least: string): number => {
    if (typeof value === "number" && value >= 0 && value <= MAX_SECONDS) return value * 1000;
    throw wrong(`cache.${name}`, value, `a number of seconds from ${least} to ${MAX_SECONDS}`);
  };
  const { enabled = true, keys, keygen, tags = [], clone = defaults.clone ?? true } = given as CacheDeclaration;
  if (typeof enabled !== "boolean" && typeof enabled !== "function")
    throw wrong("cache.enabled", enabled, "true, false or a function of the context");
  if (enabled === false) return null;
  if (keys !== undefined && keys !== null && !isTexts(keys))
    throw wrong(
      "cache.keys",
      keys,
      "a list of parameters' names, # before one of the meta, @ before one of the headers",
    );
  if (keygen !== undefined && keygen !== null && typeof keygen !== "function")
    throw wrong("cache.keygen", keygen, "a function");
  if (typeof tags !== "function" && !(isTexts(tags) && areTags(tags)))
    throw wrong("cache.tags", tags, `at most ${MAX_TAGS} names of 1 to ${MAX_TAG_LENGTH} characters, or a function`);
  if (typeof clone !== "boolean" && typeof clone !== "function")
    throw wrong("cache.clone", clone, "true, false or a function");

  const ttl = seconds("ttl", given["ttl"] ?? defaults.ttl ?? 0, "0");
  let fresh = ttl === 0 ? Number.POSITIVE_INFINITY : ttl;
  let stale = seconds("staleTtl", given["staleTtl"] ?? 0, "0");
  const { hold, staleTime } = readLock(given["lock"], wrong);
  if (staleTime > 0) {
    if (stale > 0)
      throw wrong("cache.lock.staleTime", staleTime / 1000, "left out where cache.staleTtl says the same another way");
    if (staleTime >= fresh) throw wrong("cache.lock.staleTime", staleTime / 1000, "less than cache.ttl, in seconds");
    // In Moleculer's sense: the last part of the time to live. Without one there is no last part.
    if (fresh !== Number.POSITIVE_INFINITY) {
      fresh -= staleTime;
      stale = staleTime;
    }
  }
  return {
    enabled,
    keys: keys ?? undefined,
    keygen: keygen ?? undefined,
    fresh,
    stale,
    negative: given["negativeTtl"] == null ? null : seconds("negativeTtl", given["negativeTtl"], "0"),
    failure: seconds("failureTtl", given["failureTtl"] ?? 0, "0"),
    tags: tags as CachePolicy["tags"],
    clone,
    lock: hold,
  };
}

type Wrong = (field: string, value: unknown, allowed: string) => AzoraError;

function readLock(lock: unknown, wrong: Wrong): { hold: number | null; staleTime: number } {
  if (lock === undefined || lock === null || lock === false) return { hold: null, staleTime: 0 };
  if (lock === true) return { hold: LOCK_MS, staleTime: 0 };
  if (!isObject(lock)) throw wrong("cache.lock", lock, "true, false or { enabled, ttl, staleTime }");
  const {
    enabled = true,
    ttl = LOCK_MS,
    staleTime = 0,
  } = lock as Exclude<CacheDeclaration["lock"], boolean | undefined>;
  if (typeof enabled !== "boolean") throw wrong("cache.lock.enabled", enabled, "true or false");
  if (!enabled) return { hold: null, staleTime: 0 };
  if (typeof ttl !== "number" || !(ttl >= 1 && ttl <= 600_000))
    throw wrong("cache.lock.ttl", ttl, "a number of milliseconds from 1 to 600000");
  if (typeof staleTime !== "number" || !(staleTime >= 0 && staleTime <= MAX_SECONDS))
    throw wrong("cache.lock.staleTime", staleTime, `a number of seconds from 0 to ${MAX_SECONDS}`);
  return { hold: ttl, staleTime: staleTime * 1000 };
}

/** Whether a list of tags is one that can be kept. */
export function areTags(tags: readonly unknown[]): tags is string[] {
  if (tags.length > MAX_TAGS) return false;
  return tags.every((tag) => typeof tag === "string" && tag.length > 0 && tag.length <= MAX_TAG_LENGTH);
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string {
  if (typeof value === "function") return "a function";
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
