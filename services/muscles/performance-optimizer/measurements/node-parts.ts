import { RecentMap } from "./recent-map.ts";
import { Ring } from "./ring.ts";
import { TENTH_SLOTS, WINDOW_MS } from "./windows.ts";

export interface NodePartsOptions<T, C extends string> {
  /** Monotonic, ms. */
  now: () => number;
  /** Names of what is counted since the last report. */
  columns: readonly C[];
  countsOf(part: T): Record<C, number>;
  most: number;
  onFull: () => void;
}

/** Things of which each node has several, as caches and pools: how each stands now, with the counts of its last minute. */
export class NodeParts<T, C extends string> {
  readonly #options: NodePartsOptions<T, C>;
  readonly #parts: RecentMap<{ node: string; newest: T; ring: Ring }>;

  constructor(options: NodePartsOptions<T, C>) {
    this.#options = options;
    this.#parts = new RecentMap(options.most, options.onFull);
  }

  /** Says whether there is room for it. */
  add(node: string, name: string, newest: T): boolean {
    const { columns, countsOf } = this.#options;
    const now = this.#options.now();
    const part = this.#parts.hear(`${node}\u0000${name}`, now, () => {
      return { node, newest, ring: new Ring(columns.length, ...TENTH_SLOTS) };
    });
    if (!part) return false;
    part.newest = newest;
    const counts = countsOf(newest);
    columns.forEach((column, at) => {
      part.ring.add(now, at, counts[column]);
    });
    return true;
  }

  all(): { node: string; newest: T; counts: Record<C, number> }[] {
    const now = this.#options.now();
    return this.#parts.values().map(({ node, newest, ring }) => {
      const counts = this.#options.columns.map((column, at) => [column, ring.sum(now, at, WINDOW_MS)]);
      return { node, newest, counts: Object.fromEntries(counts) as Record<C, number> };
    });
  }

  nodeDown(node: string): void {
    this.#parts.deleteWhere((part) => part.node === node);
  }

  forget(before: number): void {
    this.#parts.forget(before);
  }
}
