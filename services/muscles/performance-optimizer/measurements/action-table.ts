import type { Buckets, PathReport, ServedReport } from "../../../../models/performance.ts";
import type { Histogram } from "../../../../runtime/vitals/histogram.ts";
import { LatencySeconds } from "./latency-seconds.ts";
import { RecentMap } from "./recent-map.ts";
import { Ring } from "./ring.ts";
import { SECOND_SLOTS, WINDOW_MS } from "./windows.ts";

/** An action on a node. Sums of the last minute; µs. */
export interface ActionFigures {
  node: string;
  service: string;
  action: string;
  calls: number;
  failures: number;
  sum: number;
  served: number;
  servedSum: number;
  queueSum: number;
  refused: number;
  limit: number | null;
  running: number;
}

/** Calls as their callers saw them, or as the service did. */
export type Seen = "called" | "served";

export interface ActionTableOptions {
  /** Monotonic, ms. */
  now: () => number;
  /** Actions on nodes. */
  most: number;
  /** Numbers that the latencies of single seconds hold. */
  room: number;
  onFull: () => void;
}

const COLUMN = { calls: 0, failures: 1, sum: 2, served: 3, servedSum: 4, queueSum: 5, refused: 6 } as const;

interface ActionState {
  /** Of its latencies. */
  key: string;
  node: string;
  service: string;
  action: string;
  ring: Ring;
  limit: number | null;
  running: number;
}

/** Every action on every node: the last minute of its calls, and their latencies second by second. */
export class ActionTable {
  readonly latencies: LatencySeconds;
  readonly #now: () => number;
  readonly #actions: RecentMap<ActionState>;

  constructor({ now, most, room, onFull }: ActionTableOptions) {
    this.#now = now;
    this.#actions = new RecentMap(most, onFull);
    this.latencies = new LatencySeconds({ room, maxSeries: 2 * most });
  }

  /** What its service tells of it. Says whether there is room for it. */
  served(node: string, served: ServedReport, refused: number): boolean {
    const now = this.#now();
    const state = this.#of(node, served, now);
    if (!state) return false;
    state.ring.add(now, COLUMN.served, served.calls);
    state.ring.add(now, COLUMN.servedSum, served.sum);
    state.ring.add(now, COLUMN.queueSum, served.queueSum);
    state.ring.add(now, COLUMN.refused, refused);
    state.limit = served.limit;
    state.running = served.running;
    this.latencies.add(seriesOf("served", state), now, served.buckets);
    return true;
  }

  /** What a caller tells of it. Says whether there is room for it. */
  called(path: PathReport): boolean {
    const now = this.#now();
    const state = this.#of(path.node, path, now);
    if (!state) return false;
    state.ring.add(now, COLUMN.calls, path.calls);
    state.ring.add(now, COLUMN.failures, path.failures);
    state.ring.add(now, COLUMN.sum, path.sum);
    this.latencies.add(seriesOf("called", state), now, path.buckets);
    return true;
  }

  figures(service?: string): ActionFigures[] {
    const now = this.#now();
    return this.#actions
      .values()
      .filter((one) => service === undefined || one.service === service)
      .map(({ node, service, action, ring, limit, running }) => {
        const sums = Object.fromEntries(
          Object.entries(COLUMN).map(([name, column]) => [name, ring.sum(now, column, WINDOW_MS)]),
        ) as Record<keyof typeof COLUMN, number>;
        return { node, service, action, limit, running, ...sums };
      });
  }

  /** Latencies second by second, oldest first. @param from @param to left out; ms, monotonic */
  seconds(actions: readonly string[], node: string | undefined, seen: Seen, from: number, to: number): Buckets[] {
    return this.latencies.between(this.#series(actions, node, seen), from, to);
  }

  /** Latencies of the last minute, of all nodes. */
  histogram(actions: readonly string[], seen: Seen): Histogram {
    const now = this.#now();
    return this.latencies.histogram(this.#series(actions, undefined, seen), now - WINDOW_MS, now + 1);
  }

  /** What it did stays in the figures of the minute; nothing runs there any more. */
  nodeDown(node: string): void {
    for (const state of this.#actions.values()) {
      if (state.node !== node) continue;
      state.limit = null;
      state.running = 0;
    }
  }

  forget(before: number): void {
    this.#actions.forget(before);
  }

  #of(node: string, { service, action }: { service: string; action: string }, now: number): ActionState | undefined {
    const name = action.startsWith(`${service}.`) ? action : `${service}.${action}`;
    const key = `${node}\u0000${name}`;
    return this.#actions.hear(key, now, () => {
      const ring = new Ring(Object.keys(COLUMN).length, ...SECOND_SLOTS);
      return { key, node, service, action: name, ring, limit: null, running: 0 };
    });
  }

  #series(actions: readonly string[], node: string | undefined, seen: Seen): string[] {
    return this.#actions
      .values()
      .filter((one) => actions.includes(one.action) && (node === undefined || one.node === node))
      .map((one) => seriesOf(seen, one));
  }
}

const seriesOf = (seen: Seen, { key }: ActionState) => `${seen}|${key}`;
