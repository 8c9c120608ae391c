import type { CacheReport } from "../../../../models/performance.ts";
import type { Knob, Proposal, Undoing } from "../tuning/knob.ts";

/** Calls an action of a node. */
export type CallNode = (node: string, action: string, params: Record<string, unknown>) => Promise<unknown>;

/** Answers that were pushed out of the cache in a minute, from which on it is taken for too small. */
const PUSHED_OUT = 20;
/** Below this share of hits there is something to gain. */
const MOST_HITS = 0.95;
const STEP = 2;
const LARGEST_BYTES = 512 * 1024 * 1024;

/** More memory for cached answers on a node that pushes out what is asked for again. */
export class CacheBudgetKnob implements Knob {
  readonly kind = "cache-budget";
  readonly #caches: () => (CacheReport & { node: string })[];
  readonly #call: CallNode;

  /** @param caches counts of the last minute */
  constructor(caches: () => (CacheReport & { node: string })[], call: CallNode) {
    this.#caches = caches;
    this.#call = call;
  }

  async propose(service: string): Promise<Proposal[]> {
    const own = this.#caches().filter(({ action }) => action.startsWith(`${service}.`));
    const proposals: Proposal[] = [];
    for (const [node, caches] of Map.groupBy(own, ({ node }) => node)) {
      const evicted = caches.reduce((sum, one) => sum + one.evicted, 0);
      const hits = caches.reduce((sum, { hits }) => sum + hits.near + hits.far, 0);
      const misses = caches.reduce((sum, one) => sum + one.misses, 0);
      if (evicted < PUSHED_OUT || hits + misses === 0 || hits / (hits + misses) > MOST_HITS) continue;
      const budget = await this.#budget(node);
      if (budget === undefined || budget * STEP > LARGEST_BYTES) continue;
      const undoing = { before: budget, after: budget * STEP };
      const share = misses / (hits + misses);
      proposals.push({
        change: `Give cached answers on ${node} ${megabytes(undoing.after)} instead of ${megabytes(budget)}`,
        reason: `${evicted} answers were pushed out in the last minute, and ${Math.round(share * 100)} % of those asked for were not there`,
        node,
        actions: caches.map(({ action }) => action),
        expectedGain: Math.min(share, evicted / Math.max(evicted, misses)) / 2,
        undoing,
        fleeting: true,
        ...this.revive(service, node, undoing),
      });
    }
    return proposals;
  }

  revive(_service: string, node: string | undefined, { before, after }: Undoing): Pick<Proposal, "apply" | "undo"> {
    const set = async (bytes: unknown) => {
      if (node !== undefined) await this.#call(node, "node-performance.setCacheBudget", { bytes });
    };
    return { apply: () => set(after), undo: () => set(before) };
  }

  async #budget(node: string): Promise<number | undefined> {
    const info = (await this.#call(node, "node-performance.cacheInfo", {})) as { maxBytes?: unknown; budget?: unknown };
    const budget = info.maxBytes ?? info.budget;
    return typeof budget === "number" && budget > 0 ? Math.round(budget) : undefined;
  }
}

const megabytes = (bytes: number) => `${Math.round(bytes / 1024 / 102.4) / 10} MB`;
