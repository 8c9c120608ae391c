import type { PerformanceReport } from "../../../../models/performance.ts";
import { PoolSizing, type SizeStep, type SizingOptions } from "./sizing.ts";

/** A step of one pool on one node. */
export interface PoolStep extends SizeStep {
  node: string;
  pool: string;
  /** Whose the pool is; the node's where it is left out. */
  service?: string;
}

export interface PoolSizerOptions extends Partial<SizingOptions> {
  /** Puts the step on record; it is not taken before that is done. */
  record(step: PoolStep): Promise<void> | void;
  /** Takes it on the node. @returns the sizes that were seen */
  resize(step: PoolStep): Promise<{ before: number; after: number }>;
  /** What came of it: the size that it has, or why it has not. */
  done(step: PoolStep, outcome: { after: number } | { error: Error }): void;
}

/** A node that told nothing for so long is gone, ms. */
const FORGET_MS = 60_000;

/** Follows the pools of all nodes, and has their sizes changed, one step of a pool at a time. */
export class PoolSizer {
  readonly #options: PoolSizerOptions;
  readonly #nodes = new Map<string, { instance: string; at: number; pools: Map<string, PoolSizing> }>();
  readonly #underWay = new Set<string>();

  constructor(options: PoolSizerOptions) {
    this.#options = options;
  }

  /** @param report of a node @param now ms, of the clock of whoever asks */
  observe(report: PerformanceReport, now: number): void {
    const { node, instanceId } = report;
    this.#forget(now);
    let known = this.#nodes.get(node);
    // A new life of the node has its configured sizes, and no past.
    if (known?.instance !== instanceId) known = { instance: instanceId, at: now, pools: new Map() };
    known.at = now;
    this.#nodes.set(node, known);
    const told = new Set<string>();
    for (const pool of report.pools) {
      told.add(pool.name);
      let sizing = known.pools.get(pool.name);
      if (!sizing) {
        sizing = new PoolSizing(this.#options);
        known.pools.set(pool.name, sizing);
      }
      const step = sizing.observe(pool, report.span, now);
      if (step) void this.#take({ ...step, node, pool: pool.name, ...(pool.service ? { service: pool.service } : {}) });
    }
    for (const name of known.pools.keys()) if (!told.has(name)) known.pools.delete(name);
  }

  async #take(step: PoolStep): Promise<void> {
    const key = `${step.node}\n${step.pool}`;
    if (this.#underWay.has(key)) return;
    this.#underWay.add(key);
    const { record, resize, done } = this.#options;
    try {
      await record(step);
      const { after } = await resize(step);
      done(step, { after });
    } catch (error) {
      done(step, { error: error as Error });
    } finally {
      this.#underWay.delete(key);
    }
  }

  #forget(now: number): void {
    for (const [node, { at }] of this.#nodes) if (now - at > FORGET_MS) this.#nodes.delete(node);
  }
}
