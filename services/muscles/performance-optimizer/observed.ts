import type { PerformanceReport } from "../../../models/performance.ts";
import type { Clock } from "../../../runtime/clock.ts";
import type { VitalsReport } from "../../../runtime/vitals/node-vitals.ts";
import { Measurements } from "./measurements/measurements.ts";
import { RecentMap } from "./measurements/recent-map.ts";
import { MemoryGrowth } from "./memory/growth.ts";

const MOST_NODES = 1000;
/** A node tells of its memory and its loop every second: one that is silent for so long is gone, ms. */
const SILENT_MS = 120_000;

/** What nodes tell, by their reports and by their vitals; without those that have gone. */
export class Observed {
  readonly measurements: Measurements;
  readonly memory = new MemoryGrowth();
  /** Monotonic. */
  readonly #clock: Clock;
  /** Delays of nodes' event loops, ms. */
  readonly #loopDelays = new RecentMap<{ p99: number }>(MOST_NODES, () => {});
  readonly #since: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#since = clock.now();
    this.measurements = new Measurements({ now: clock.now });
  }

  /** When it began; monotonic, ms. */
  get since(): number {
    return this.#since;
  }

  /** ms since a report came, or since it began. */
  get silence(): number {
    return this.#clock.now() - (this.measurements.lastReport ?? this.#since);
  }

  /** @returns what of it is possible, and whether a new life of its node has begun */
  report(given: unknown): { report: PerformanceReport; isNew: boolean } | undefined {
    const taken = this.measurements.take(given);
    if (!taken) return undefined;
    const { node, instanceId, heapAfterGc } = taken.report;
    this.memory.heap(node, instanceId, heapAfterGc, this.#clock.now());
    return taken;
  }

  vitals({ node, instanceId, memory, heapLimit, loopDelay }: VitalsReport): void {
    if (typeof node !== "string") return;
    const now = this.#clock.now();
    this.memory.resident(node, instanceId, memory, heapLimit, now);
    if (!Number.isFinite(loopDelay?.p99)) return;
    const delay = this.#loopDelays.hear(node, now, () => ({ p99: 0 }));
    if (delay) delay.p99 = loopDelay.p99;
  }

  /** ms; undefined where it is not known. */
  loopDelayOf(node: string): number | undefined {
    return this.#loopDelays.get(node)?.p99;
  }

  nodeDown(node: string): void {
    this.measurements.nodeDown(node);
    this.memory.nodeDown(node);
    this.#loopDelays.delete(node);
  }

  /** Forgets what has gone. To be called once a minute. */
  tidy(): void {
    this.measurements.tidy();
    const silent = this.#clock.now() - SILENT_MS;
    this.memory.forget(silent);
    this.#loopDelays.forget(silent);
  }
}
