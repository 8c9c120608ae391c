import type { MemoryStatus } from "../../../../models/performance-views.ts";
import { robustSlope } from "../analysis/trend.ts";
import { RecentMap } from "../measurements/recent-map.ts";

const MINUTE_MS = 60_000;
const MINUTES = 180;
/** What a process fills while it starts is no growth. */
const WARMING_MS = 3 * MINUTE_MS;
const MOST_NODES = 1000;
const LEAST_MINUTES = 10;
/** Below this it is not said that anything grows. */
const SURE = 0.95;
const HOURS = 60;

interface NodeMemory {
  node: string;
  instanceId: string;
  since: number;
  /** Lowest of each minute, oldest first: garbage that waits for its collection is not in it. Bytes. */
  heap: number[];
  resident: number[];
  minute: number;
  heapAfterGc: number;
  heapLimit: number;
}

/** How the memory of nodes grows. A new life of a node begins anew. */
export class MemoryGrowth {
  readonly #nodes = new RecentMap<NodeMemory>(MOST_NODES, () => {});

  /** @param now monotonic, ms @param heapAfterGc 0 where there was no collection yet */
  heap(node: string, instanceId: string, heapAfterGc: number, now: number): void {
    const memory = this.#of(node, instanceId, now);
    if (!memory || heapAfterGc <= 0) return;
    memory.heapAfterGc = heapAfterGc;
    this.#note(memory, "heap", heapAfterGc, now);
  }

  resident(node: string, instanceId: string, bytes: number, heapLimit: number, now: number): void {
    const memory = this.#of(node, instanceId, now);
    if (!memory || !(bytes > 0)) return;
    if (heapLimit > 0) memory.heapLimit = heapLimit;
    this.#note(memory, "resident", bytes, now);
  }

  nodeDown(node: string): void {
    this.#nodes.delete(node);
  }

  /** Forgets nodes that have told nothing since then. */
  forget(before: number): void {
    this.#nodes.forget(before);
  }

  status(): MemoryStatus[] {
    return this.#nodes
      .values()
      .sort((a, b) => a.node.localeCompare(b.node))
      .map(statusOf);
  }

  #of(node: string, instanceId: string, now: number): NodeMemory | undefined {
    if (this.#nodes.get(node)?.instanceId !== instanceId) this.#nodes.delete(node);
    return this.#nodes.hear(node, now, () => ({
      node,
      instanceId,
      since: now,
      heap: [],
      resident: [],
      minute: Math.floor(now / MINUTE_MS),
      heapAfterGc: 0,
      heapLimit: 0,
    }));
  }

  #note(memory: NodeMemory, which: "heap" | "resident", bytes: number, now: number): void {
    if (now - memory.since < WARMING_MS) return;
    const minute = Math.floor(now / MINUTE_MS);
    if (minute > memory.minute) {
      const passed = Math.min(MINUTES, minute - memory.minute);
      for (const series of [memory.heap, memory.resident]) {
        for (let i = 0; i < passed; i++) series.push(Number.NaN);
        series.splice(0, Math.max(0, series.length - MINUTES));
      }
      memory.minute = minute;
    }
    const series = memory[which];
    if (series.length === 0) series.push(Number.NaN);
    const last = series.length - 1;
    series[last] = Number.isNaN(series[last]!) ? bytes : Math.min(series[last]!, bytes);
  }
}

function statusOf({ node, heap, resident, heapAfterGc, heapLimit }: NodeMemory): MemoryStatus {
  const told = (series: readonly number[]) => series.filter((bytes) => !Number.isNaN(bytes)).length;
  // The heap that is left after a collection says most; a node that never collected has only its resident set.
  const series = told(heap) >= LEAST_MINUTES ? heap : resident;
  if (told(series) < LEAST_MINUTES) {
    return { node, growth: 0, confidence: 0, heapAfterGc, heapLimit, forecast: null };
  }
  const { perStep, confidence } = robustSlope(series);
  const growth = perStep * HOURS;
  const left = heapLimit - heapAfterGc;
  const grows = growth > 0 && confidence >= SURE && heapLimit > 0 && heapAfterGc > 0;
  return { node, growth, confidence, heapAfterGc, heapLimit, forecast: grows ? Math.max(0, left / growth) : null };
}
