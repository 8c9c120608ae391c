import { constants, type PerformanceEntry, PerformanceObserver } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";

/** What the garbage collector did since it was last asked for. */
export interface GcReport {
  /** Runs, all kinds, and the time that they took of the event loop, µs. */
  gc: { count: number; sum: number; longest: number };
  /** Used heap after the last full collection, bytes; until there was one, after the last collection of any kind. */
  heapAfterGc: number;
}

/** Counts the garbage collections of this process. Only full ones say how much memory is really needed. */
export class GcWatch {
  #observer: PerformanceObserver | undefined;
  #count = 0;
  #sum = 0;
  #longest = 0;
  #heapAfter = 0;
  #hadFull = false;

  start(): void {
    if (this.#observer) return;
    this.#observer = new PerformanceObserver((list) => {
      let isFull = false;
      for (const entry of list.getEntries()) {
        const { duration, detail } = entry as PerformanceEntry & { detail?: { kind?: number } };
        this.#count++;
        this.#sum += duration * 1000;
        this.#longest = Math.max(this.#longest, duration * 1000);
        isFull ||= detail?.kind === constants.NODE_PERFORMANCE_GC_MAJOR;
      }
      if (isFull || !this.#hadFull) this.#heapAfter = getHeapStatistics().used_heap_size;
      this.#hadFull ||= isFull;
    });
    this.#observer.observe({ entryTypes: ["gc"] });
  }

  stop(): void {
    this.#observer?.disconnect();
    this.#observer = undefined;
  }

  take(): GcReport {
    const gc = { count: this.#count, sum: Math.round(this.#sum), longest: Math.round(this.#longest) };
    this.#count = this.#sum = this.#longest = 0;
    return { gc, heapAfterGc: this.#heapAfter };
  }
}
