import type { PerformanceReport } from "../../../../models/performance.ts";
import { RecentMap } from "./recent-map.ts";
import { Ring } from "./ring.ts";
import { TENTH_SLOTS, WINDOW_MS } from "./windows.ts";

export interface NodeFigures {
  node: string;
  /** Share of one core, 0 to …; of the last minute. */
  cpu: number;
  gcShare: number;
  heapAfterGc: number;
}

const COLUMN = { span: 0, cpu: 1, gc: 2 } as const;

/** What each node computes and collects. */
export class NodeLoads {
  readonly #now: () => number;
  readonly #nodes: RecentMap<{ node: string; ring: Ring; heapAfterGc: number }>;

  /** @param now monotonic, ms */
  constructor(now: () => number, most: number, onFull: () => void) {
    this.#now = now;
    this.#nodes = new RecentMap(most, onFull);
  }

  get size(): number {
    return this.#nodes.size;
  }

  add({ node, span, cpu, gc, heapAfterGc }: PerformanceReport): void {
    const now = this.#now();
    const state = this.#nodes.hear(node, now, () => {
      return { node, ring: new Ring(Object.keys(COLUMN).length, ...TENTH_SLOTS), heapAfterGc };
    });
    if (!state) return;
    state.ring.add(now, COLUMN.span, span);
    state.ring.add(now, COLUMN.cpu, cpu.user + cpu.system);
    state.ring.add(now, COLUMN.gc, gc.sum);
    state.heapAfterGc = heapAfterGc;
  }

  figures(): NodeFigures[] {
    const now = this.#now();
    return this.#nodes.values().map(({ node, ring, heapAfterGc }) => {
      const span = Math.max(1, ring.sum(now, COLUMN.span, WINDOW_MS));
      const share = (column: number) => ring.sum(now, column, WINDOW_MS) / (span * 1000);
      return { node, cpu: share(COLUMN.cpu), gcShare: share(COLUMN.gc), heapAfterGc };
    });
  }

  nodeDown(node: string): void {
    this.#nodes.delete(node);
  }

  /** @returns nodes that have told nothing since then */
  forget(before: number): string[] {
    return this.#nodes.forget(before);
  }
}
