import { Ghosts, ghostOf } from "./ghosts.ts";
import { type Linked, NodeList } from "./node-list.ts";

/** What the cache keeps under a key. `visited`, `isProven`, `ghost` and the links belong to the Sieve. */
export interface SieveNode extends Linked {
  readonly key: string;
  /** Counted against the budget, its key and its links included. */
  readonly bytes: number;
  /** From then on it is no longer given out: ms of the Sieve's clock. */
  readonly until: number;
  visited: boolean;
  /** In the main list; else on probation. */
  isProven: boolean;
  /** By which it is remembered when it is gone. */
  ghost: number;
}

export type Removal = "evicted" | "expired" | "replaced" | "dropped";

export interface SieveOptions<N extends SieveNode> {
  maxBytes: number;
  /** @default 250_000 */
  maxEntries?: number;
  /** ms; must not go back. */
  now(): number;
  /** Told of each node that is no longer kept, after it has gone. */
  removed?(node: N, why: Removal): void;
}

/** Part of all bytes that are on probation when something must go. Of S3-FIFO. */
const PROBATION = 0.1;

/**
 * SIEVE eviction: Zhang et al., "SIEVE is Simpler than LRU", NSDI 2024. A hit sets one mark and moves nothing. A hand goes
 * from the oldest node to the newest: it takes the mark of those that were used since it came by, and evicts the first
 * that was not.
 *
 * SIEVE alone forgets everything in a loop that does not fit, and is slow to see that other keys are the popular ones now.
 * Hence two additions. What comes in new is on probation in a small queue, and is proven if it is used there, or comes back
 * soon after it had to go: Yang et al., "FIFO Queues are All You Need for Cache Eviction", SOSP 2023. And of the proven ones
 * each second is put behind the hand, not before all others, so that the hand gets to the old ones sooner. Measured in
 * bench/cache.ts.
 *
 * Nodes differ in size, and have an end that hits do not put off. `bytes` never exceeds the budget, and `size` never
 * `maxEntries`, also for a moment.
 */
export class Sieve<N extends SieveNode> {
  readonly #nodes = new Map<string, N>();
  readonly #probation = new NodeList<N>();
  readonly #proven = new NodeList<N>();
  readonly #ghosts = new Ghosts();
  readonly #options: SieveOptions<N>;
  readonly #maxEntries: number;
  #maxBytes: number;
  /** The next that the hand looks at; null: the oldest. */
  #hand: N | null = null;
  #isSecond = false;
  #broom: IterableIterator<N> | undefined;

  constructor(options: SieveOptions<N>) {
    this.#options = options;
    this.#maxBytes = options.maxBytes;
    this.#maxEntries = options.maxEntries ?? 250_000;
  }

  get size(): number {
    return this.#nodes.size;
  }

  get bytes(): number {
    return this.#probation.bytes + this.#proven.bytes;
  }

  get maxBytes(): number {
    return this.#maxBytes;
  }

  get(key: string, now = this.#options.now()): N | undefined {
    const node = this.#nodes.get(key);
    if (node === undefined) return undefined;
    if (node.until <= now) {
      this.#remove(node, "expired");
      return undefined;
    }
    node.visited = true;
    return node;
  }

  /** Without counting as a use; also what is past its end, and not yet swept away. */
  peek(key: string): N | undefined {
    return this.#nodes.get(key);
  }

  /** Takes the place of what was under its key. @returns false where it alone would be above the budget: nothing is kept */
  put(node: N): boolean {
    const before = this.#nodes.get(node.key);
    if (before) this.#remove(before, "replaced");
    // Its new value is used as much as the old one was.
    node.visited = before?.visited ?? false;
    node.ghost = before?.ghost ?? ghostOf(node.key);
    const isKnown = this.#ghosts.take(node.ghost);
    if (node.bytes > this.#maxBytes || this.#maxEntries < 1) return false;
    const now = this.#options.now();
    while (this.bytes + node.bytes > this.#maxBytes || this.#nodes.size >= this.#maxEntries) this.#evict(now);
    this.#nodes.set(node.key, node);
    if (isKnown) this.#prove(node);
    else {
      node.isProven = false;
      this.#probation.insert(node);
    }
    return true;
  }

  drop(node: N): void {
    if (this.#nodes.get(node.key) === node) this.#remove(node, "dropped");
  }

  /** Evicts what no longer fits. */
  setBudget(maxBytes: number): void {
    this.#maxBytes = maxBytes;
    const now = this.#options.now();
    while (this.bytes > maxBytes) this.#evict(now);
  }

  /** Looks at so many nodes whether they are past their end; the next time at those that follow. */
  sweep(count: number): void {
    const now = this.#options.now();
    for (let i = 0; i < count; i++) {
      this.#broom ??= this.#nodes.values();
      const { done, value } = this.#broom.next();
      if (done) {
        this.#broom = undefined;
        return;
      }
      if (value.until <= now) this.#remove(value, "expired");
    }
  }

  values(): IterableIterator<N> {
    return this.#nodes.values();
  }

  #evict(now: number): void {
    const probation = this.#probation;
    while (this.#proven.size === 0 || probation.bytes > PROBATION * this.bytes) {
      const node = probation.oldest!;
      if (!node.visited || node.until <= now) {
        this.#remove(node, node.until > now ? "evicted" : "expired");
        return;
      }
      node.visited = false;
      probation.remove(node);
      this.#prove(node);
    }
    let node = this.#hand ?? this.#proven.oldest!;
    while (node.visited && node.until > now) {
      node.visited = false;
      node = (node.newer as N | null) ?? this.#proven.oldest!;
    }
    this.#hand = node;
    this.#remove(node, node.until > now ? "evicted" : "expired");
  }

  #prove(node: N): void {
    node.isProven = true;
    this.#isSecond = !this.#isSecond;
    this.#proven.insert(node, this.#isSecond ? null : this.#hand?.older ? this.#hand : null);
  }

  #remove(node: N, why: Removal): void {
    this.#nodes.delete(node.key);
    if (this.#hand === node) this.#hand = node.newer as N | null;
    (node.isProven ? this.#proven : this.#probation).remove(node);
    // What was in use and has only become old is no newcomer when it is there again.
    if (why === "evicted" ? !node.isProven : node.isProven || node.visited)
      this.#ghosts.add(node.ghost, this.#nodes.size + 1);
    this.#options.removed?.(node, why);
  }
}
