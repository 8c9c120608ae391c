import type { ActionStats } from "./cache-stats.ts";
import { Sieve, type SieveNode } from "./sieve.ts";
import { isPattern, matches, ownerOf, type Targets } from "./targets.ts";

/** An answer in the process. Times are ms of the cache's clock. */
export interface Entry extends SieveNode {
  /** Of `failure` the value is the error. `none`: there is no such thing. */
  kind: "value" | "none" | "failure";
  value: unknown;
  /** How a caller gets it. */
  clone: boolean | ((value: unknown) => unknown);
  isJson: boolean;
  tags: readonly string[];
  stats: ActionStats;
  loadedAt: number;
  /** Until then it is given out without a thought; after that, until `until`, while a new one is loaded. */
  freshUntil: number;
  /** Time that its load took. */
  loadTime: number;
  /** Loads are numbered as they begin: a value of a load that began later is the newer one. */
  begun: number;
  /** Before that a refresh that failed is not tried again. */
  retryAt: number;
}

/** What an entry takes beside key and value: itself and its places in the indices, its ghost included. Measured. */
export const ENTRY_BYTES = 380;
/** Of a tag that no other entry has. */
const BYTES_PER_TAG = 320;
/** No answer may take more of the budget than this part of it. */
const LARGEST_PART = 16;
const SWEPT_AT_ONCE = 2000;

export interface NearLevelOptions {
  maxBytes: number;
  maxEntries?: number | undefined;
  now(): number;
}

/** First level: answers in the process, bounded in bytes, found by key, by the action that gave them, and by tag. */
export class NearLevel {
  readonly #sieve: Sieve<Entry>;
  readonly #byOwner = new Map<string, Set<Entry>>();
  readonly #byTag = new Map<string, Set<Entry>>();

  constructor({ maxBytes, maxEntries, now }: NearLevelOptions) {
    this.#sieve = new Sieve<Entry>({
      maxBytes,
      ...(maxEntries === undefined ? {} : { maxEntries }),
      now,
      removed: (entry, why) => {
        entry.stats.entries--;
        entry.stats.bytes -= entry.bytes;
        if (why === "evicted") entry.stats.evicted++;
        leave(this.#byOwner, ownerOf(entry.key), entry);
        for (const tag of entry.tags) leave(this.#byTag, tag, entry);
      },
    });
  }

  get size(): number {
    return this.#sieve.size;
  }

  get bytes(): number {
    return this.#sieve.bytes;
  }

  get maxBytes(): number {
    return this.#sieve.maxBytes;
  }

  /** Most bytes of one entry. */
  get largest(): number {
    return Math.floor(this.#sieve.maxBytes / LARGEST_PART);
  }

  setBudget(maxBytes: number): void {
    this.#sieve.setBudget(maxBytes);
  }

  get(key: string, now: number): Entry | undefined {
    return this.#sieve.get(key, now);
  }

  /** Without counting as a use. */
  peek(key: string, now: number): Entry | undefined {
    const entry = this.#sieve.peek(key);
    return entry && entry.until > now ? entry : undefined;
  }

  /** @returns false where a load that began later has been there already, or the entry is too large */
  keep(entry: Entry): boolean {
    const before = this.#sieve.peek(entry.key);
    if (before && before.begun > entry.begun) return false;
    if (entry.bytes > this.largest) {
      if (before) this.#sieve.drop(before);
      return false;
    }
    if (!this.#sieve.put(entry)) return false;
    entry.stats.entries++;
    entry.stats.bytes += entry.bytes;
    enter(this.#byOwner, ownerOf(entry.key), entry);
    for (const tag of entry.tags) enter(this.#byTag, tag, entry);
    return true;
  }

  drop(entry: Entry): void {
    this.#sieve.drop(entry);
  }

  /** @returns how many entries are gone */
  invalidate({ keys = [], patterns = [], tags = [] }: Targets): number {
    const before = this.#sieve.size;
    for (const key of keys) this.#dropKey(key);
    for (const tag of tags) for (const entry of this.#byTag.get(tag) ?? []) this.#sieve.drop(entry);
    for (const pattern of patterns) {
      if (!isPattern(pattern)) this.#dropKey(pattern);
      else this.#dropMatching(pattern);
    }
    return before - this.#sieve.size;
  }

  sweep(): void {
    this.#sieve.sweep(SWEPT_AT_ONCE);
  }

  *entries(now: number): IterableIterator<Entry> {
    for (const entry of this.#sieve.values()) if (entry.until > now) yield entry;
  }

  #dropKey(key: string): void {
    const entry = this.#sieve.peek(key);
    if (entry) this.#sieve.drop(entry);
  }

  /** Looks at the keys of those owners alone whose name the pattern allows: `posts.**` costs nothing for other services. */
  #dropMatching(pattern: string): void {
    const literal = pattern.slice(0, pattern.search(/[*?]/));
    for (const [owner, entries] of this.#byOwner) {
      const start = `${owner}:`;
      if (!(start.startsWith(literal) || literal.startsWith(start))) continue;
      for (const entry of entries) if (matches(entry.key, pattern)) this.#sieve.drop(entry);
    }
  }
}

export function entryBytes(key: string, valueBytes: number, tags: readonly string[]): number {
  let bytes = ENTRY_BYTES + 2 * key.length + valueBytes;
  for (const tag of tags) bytes += BYTES_PER_TAG + tag.length;
  return bytes;
}

function enter(index: Map<string, Set<Entry>>, name: string, entry: Entry): void {
  const found = index.get(name);
  if (found) found.add(entry);
  else index.set(name, new Set([entry]));
}

function leave(index: Map<string, Set<Entry>>, name: string, entry: Entry): void {
  const found = index.get(name);
  if (found?.delete(entry) && found.size === 0) index.delete(name);
}
