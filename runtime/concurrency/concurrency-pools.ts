import type { PoolReport } from "../../models/performance.ts";
import type { PoolSource } from "../pools/node-pools.ts";
import type { ConcurrencyLimits } from "./concurrency-limits.ts";

/** The places of each service's calls, as pools that are told of; their sizes follow latency, and nobody else's wish. */
export function concurrencyPools(limits: ConcurrencyLimits): PoolSource {
  return {
    states() {
      const pools = new Map<string, PoolReport>();
      for (const { service, running, waiting, limit, totals } of limits.gates) {
        let pool = pools.get(service);
        if (!pool) {
          pool = {
            name: `concurrency:${service}`,
            kind: "concurrency",
            service,
            min: 0,
            max: 0,
            size: 0,
            inUse: 0,
            waiting: 0,
            uses: 0,
            useSum: 0,
            waitSum: 0,
            refused: 0,
          };
          pools.set(service, pool);
        }
        pool.min += limit?.bounds.floor ?? 0;
        pool.max += limit?.bounds.ceiling ?? 0;
        pool.size += limit?.limit ?? 0;
        pool.inUse += running;
        pool.waiting += waiting;
        pool.uses += totals.calls;
        pool.useSum += totals.sum;
        pool.waitSum += totals.queueSum;
        pool.refused += totals.refused;
      }
      for (const [service, pool] of pools) {
        const set = limits.of(service);
        if (set !== null) pool.size = Math.min(pool.size || set, set);
      }
      return [...pools.values()].filter(({ uses, inUse, waiting, refused }) => uses + inUse + waiting + refused > 0);
    },
  };
}
