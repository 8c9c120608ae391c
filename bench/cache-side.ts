/**
 * One side of the bench of the cache, in a process of its own. Arguments: what is measured, the side, the trace.
 * `store`: prints millions of look-ups per second on a trace, each miss stored. `call`: µs per call that is answered from
 * the cache. `herd`: loads that 1,000 callers of one missing key cause, where the load succeeds and where it fails.
 */
import { createRequire } from "node:module";
import { type BrokerOptions, ServiceBroker } from "moleculer";
import { AzoraCacher } from "../runtime/cache/cacher.ts";
import { Sieve, type SieveNode } from "../runtime/cache/sieve.ts";
import { ENTRIES, LENGTH, traces } from "./cache-traces.ts";

export interface Store {
  get(key: string): unknown;
  set(key: string, value: unknown): unknown;
}

/** Of the version that Moleculer uses. */
const { LRUCache } = createRequire(createRequire(import.meta.url).resolve("moleculer"))("lru-cache") as {
  LRUCache: new (options: object) => Store;
};

export const STORES: Record<string, () => Store> = {
  "lru-cache": () => new LRUCache({ max: ENTRIES }),
  "lru-cache, ttl and size": () =>
    new LRUCache({ max: ENTRIES, maxSize: 100 * ENTRIES, sizeCalculation: () => 1, ttl: 3_600_000 }),
  azora: () => {
    const sieve = new Sieve<SieveNode>({ maxBytes: ENTRIES, now: coarseNow });
    return {
      get: (key) => sieve.get(key),
      set(key, value) {
        const end = 3_600_000;
        const node = {
          key,
          bytes: 1,
          until: end,
          visited: false,
          isProven: false,
          ghost: 0,
          newer: null,
          older: null,
          value,
        };
        return sieve.put(node);
      },
    };
  },
};

let now = 0;
/** To the millisecond, as lru-cache's own: else reading the clock would be most of what is measured. */
function coarseNow(): number {
  if (now === 0) {
    now = performance.now();
    setTimeout(() => {
      now = 0;
    }, 1).unref();
  }
  return now;
}

const CACHERS: Record<string, () => unknown> = {
  "no cache": () => null,
  "moleculer's MemoryLRU": () => ({ type: "MemoryLRU", options: { max: ENTRIES, ttl: 3600 } }),
  "MemoryLRU, clone": () => ({ type: "MemoryLRU", options: { max: ENTRIES, ttl: 3600, clone: true } }),
  "MemoryLRU, lock": () => ({ type: "MemoryLRU", options: { max: ENTRIES, ttl: 3600 } }),
  azora: () => new AzoraCacher({ ttl: 3600 }),
  "azora, clone: false": () => new AzoraCacher({ ttl: 3600, clone: false }),
};

export function hitRatio(side: string, keys: readonly string[]): number {
  const store = STORES[side]!();
  let hits = 0;
  for (const key of keys) {
    if (store.get(key) !== undefined) hits++;
    else store.set(key, 1);
  }
  return (100 * hits) / keys.length;
}

function lookUps(side: string, name: string): number {
  const { keys } = traces(ENTRIES, LENGTH).find((trace) => trace.name === name)!;
  // The best of some, since the first are not compiled, and others work on this machine, too.
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 15; i++) {
    const start = performance.now();
    hitRatio(side, keys);
    least = Math.min(least, performance.now() - start);
  }
  return keys.length / least / 1000;
}

async function brokerOf(side: string, handler: () => unknown): Promise<ServiceBroker> {
  const broker = new ServiceBroker({ logger: false, cacher: CACHERS[side]!() as BrokerOptions["cacher"] });
  broker.createService({
    name: "posts",
    actions: { get: { cache: { keys: ["id"], lock: side.endsWith("lock") }, handler } },
  } as never);
  await broker.start();
  return broker;
}

async function call(side: string): Promise<number> {
  const post = {
    id: 1,
    title: "A title",
    author: { id: 7, name: "Somebody" },
    tags: ["a", "b"],
    votes: 12,
    open: true,
  };
  const broker = await brokerOf(side, () => post);
  const calls = 100_000;
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5; round++) {
    const start = performance.now();
    for (let i = 0; i < calls; i++) await broker.call("posts.get", { id: i & 1023 });
    least = Math.min(least, performance.now() - start);
  }
  await broker.stop();
  return (least * 1000) / calls;
}

async function herd(side: string): Promise<number[]> {
  const counts: number[] = [];
  for (const fails of [false, true]) {
    let loads = 0;
    const broker = await brokerOf(side, async () => {
      loads++;
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (fails) throw new Error("down");
      return 1;
    });
    await Promise.allSettled(Array.from({ length: 1000 }, () => broker.call("posts.get", { id: 1 })));
    counts.push(loads);
    await broker.stop();
  }
  return counts;
}

if (import.meta.main) {
  const [what, side, trace] = process.argv.slice(2) as [string, string, string];
  const measured = what === "store" ? lookUps(side, trace) : what === "call" ? await call(side) : await herd(side);
  console.log(JSON.stringify(measured));
}
