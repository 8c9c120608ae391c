import { performance } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";
import { type Clock, systemClock } from "../clock.ts";
import { type Collection, collectGarbage } from "./collect-garbage.ts";

export interface IdleCollectionOptions {
  /** Between two looks, ms. @default 1000 */
  every?: number;
  /** Share of time in which the event loop was busy since the last look, up to which the node counts as idle. @default 0.1 */
  idle?: number;
  /** Garbage that makes a collection worth its pause, bytes. @default 32 MB */
  worth?: number;
  /** @default the system's */
  clock?: Clock;
  utilisation?: () => number;
  heapUsed?: () => number;
  collect?: () => Collection;
}

/**
 * Collects garbage while the node has nothing to do, so that there is less to collect while it has. Off until it is
 * switched on: whether it helps is to be measured for each node.
 */
export class IdleCollection {
  readonly #options: Required<IdleCollectionOptions>;
  #cancel: (() => void) | undefined;
  /** Used heap after the last collection that was made here. */
  #floor = 0;
  runs = 0;

  constructor(options: IdleCollectionOptions = {}) {
    this.#options = {
      every: 1000,
      idle: 0.1,
      worth: 32 * 2 ** 20,
      clock: systemClock,
      utilisation: sinceLastAsked(),
      heapUsed: () => getHeapStatistics().used_heap_size,
      collect: collectGarbage,
      ...options,
    };
  }

  get on(): boolean {
    return this.#cancel !== undefined;
  }

  start(): void {
    if (this.on) return;
    this.#floor = this.#options.heapUsed();
    this.#options.utilisation();
    this.#again();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #again(): void {
    this.#cancel = this.#options.clock.after(this.#options.every, () => {
      this.#look();
      this.#again();
    });
  }

  #look(): void {
    const { utilisation, idle, heapUsed, worth, collect } = this.#options;
    const used = heapUsed();
    // V8 collects too: what is left after that is the new floor.
    this.#floor = Math.min(this.#floor, used);
    if (utilisation() > idle || used - this.#floor < worth) return;
    this.#floor = collect().after;
    this.runs++;
  }
}

function sinceLastAsked(): () => number {
  let last = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization;
  };
}
