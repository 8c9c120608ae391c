/** What the cache keeps under a key. `visited`, `newer` and `older` belong to the Sieve. */
export interface SieveNode {
  readonly key: string;
  /** Counted against the budget, its key and its links included. */
  readonly bytes: number;
  /** From then on it is no longer given out: ms of the Sieve's clock. */
  readonly until: number;
  visited: boolean;
  newer: SieveNode | null;
  older: SieveNode | null;
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

/**
 * SIEVE eviction: Zhang et al., "SIEVE is Simpler than LRU", NSDI 2024. A hit sets one mark and moves nothing. A hand goes
 * from the oldest node to the newest: it takes the mark of those that were used since it came by, and evicts the first
 * that was not; what comes in new is put before the newest.
 *
 * Beside that: nodes differ in size, and have an end that hits do not put off. `bytes` never exceeds the budget, and
 * `size` never `maxEntries`, also for a moment.
 */
export class Sieve<N extends SieveNode> {
  readonly #nodes = new Map<string, N>();
  readonly #options: SieveOptions<N>;
  readonly #maxEntries: number;
  #maxBytes: number;
  #bytes = 0;
  #newest: N | null = null;
  #oldest: N | null = null;
  #hand: N | null = null;
  /** Where the next sweep goes on. */
  #broom: N | null = null;

  constructor(options: SieveOptions<N>) {
    this.#options = options;
    this.#maxBytes = options.maxBytes;
    this.#maxEntries = options.maxEntries ?? 250_000;
  }

  get size(): number {
    return this.#nodes.size;
  }

  get bytes(): number {
    return this.#bytes;
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
    // Its new value is used as much as the old one was.
    node.visited = before?.visited ?? false;
    if (before) this.#remove(before, "replaced");
    if (node.bytes > this.#maxBytes || this.#maxEntries < 1) return false;
    const now = this.#options.now();
    while (this.#bytes + node.bytes > this.#maxBytes || this.#nodes.size >= this.#maxEntries) this.#evict(now);
    this.#nodes.set(node.key, node);
    this.#bytes += node.bytes;
    node.newer = null;
    node.older = this.#newest;
    if (this.#newest) this.#newest.newer = node;
    else this.#oldest = node;
    this.#newest = node;
    return true;
  }

  drop(node: N): void {
    if (this.#nodes.get(node.key) === node) this.#remove(node, "dropped");
  }

  /** Evicts what no longer fits. */
  setBudget(maxBytes: number): void {
    this.#maxBytes = maxBytes;
    const now = this.#options.now();
    while (this.#bytes > maxBytes) this.#evict(now);
  }

  /** Looks at so many nodes whether they are past their end; the next time at those that follow. */
  sweep(count: number): void {
    const now = this.#options.now();
    let node = this.#broom ?? this.#oldest;
    for (let i = 0; node && i < count; i++) {
      const next = node.newer as N | null;
      if (node.until <= now) this.#remove(node, "expired");
      node = next;
    }
    this.#broom = node;
  }

  values(): IterableIterator<N> {
    return this.#nodes.values();
  }

  #evict(now: number): void {
    let node = this.#hand ?? this.#oldest!;
    while (node.visited && node.until > now) {
      node.visited = false;
      node = (node.newer as N | null) ?? this.#oldest!;
    }
    this.#hand = node;
    this.#remove(node, node.until > now ? "evicted" : "expired");
  }

  #remove(node: N, why: Removal): void {
    this.#nodes.delete(node.key);
    this.#bytes -= node.bytes;
    const newer = node.newer as N | null;
    const older = node.older as N | null;
    if (this.#hand === node) this.#hand = newer;
    if (this.#broom === node) this.#broom = newer;
    if (newer) newer.older = older;
    else this.#newest = older;
    if (older) older.newer = newer;
    else this.#oldest = newer;
    node.newer = null;
    node.older = null;
    this.#options.removed?.(node, why);
  }
}
