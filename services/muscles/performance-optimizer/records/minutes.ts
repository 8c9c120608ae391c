import type { StoreMethods } from "../../../../mixins/store/store.ts";
import { type CacheEntry, cacheEntryModel } from "../../../../models/cache-entry.model.ts";
import type { Model } from "../../../../models/model.ts";
import type { CacheReport } from "../../../../models/performance.ts";
import { type MinuteMetrics, performanceMetricsModel } from "../../../../models/performance-metrics.model.ts";
import type { PoolStatus, ServicePerformance } from "../../../../models/performance-views.ts";
import { type ResourcePool, resourcePoolModel } from "../../../../models/resource-pool.model.ts";

const DAY_MS = 24 * 3_600_000;
/** What says nothing for so long has gone. */
const STATE_KEPT_MS = 3_600_000;
/** More than this would hold up the loop; the rest goes the next minute. */
const MOST_ERASED = 2000;
/** Documents of one transaction: between two of them others have a turn. */
const AT_ONCE = 100;

export interface Minute {
  at: Date;
  services: readonly ServicePerformance[];
  caches: readonly (CacheReport & { node: string })[];
  pools: readonly PoolStatus[];
}

/** Keeps each minute of each service for a day, and how caches and pools stand now. */
export class Minutes {
  readonly #store: StoreMethods;

  constructor(store: StoreMethods) {
    this.#store = store;
  }

  async put({ at, services, caches, pools }: Minute): Promise<void> {
    const time = at.toISOString();
    const called = services.filter(({ calls }) => calls > 0).map((service) => minuteOf(time, service));
    for (const part of parts(called)) await this.#store.collection(performanceMetricsModel).insertMany(part);
    await this.#state(
      cacheEntryModel,
      caches.map((cache) => [`${cache.action}@${cache.node}`, cacheOf(time, cache)] as const),
    );
    await this.#state(
      resourcePoolModel,
      pools.map((pool) => [`${pool.name}@${pool.node}`, poolOf(time, pool)] as const),
    );
    await this.#erase(performanceMetricsModel, at.getTime() - DAY_MS);
    await this.#erase(cacheEntryModel, at.getTime() - STATE_KEPT_MS);
    await this.#erase(resourcePoolModel, at.getTime() - STATE_KEPT_MS);
  }

  async #state<T extends object>(model: Model<T>, all: (readonly [string, T])[]): Promise<void> {
    for (const part of parts(all)) {
      await this.#store.transaction((tx) => {
        const documents = tx.collection(model);
        for (const [id, fields] of part) {
          if (documents.findById(id)) documents.update(id, fields as never);
          else documents.insert({ ...fields, _id: id });
        }
      });
    }
  }

  #erase<T extends { at: string }>(model: Model<T>, before: number): Promise<void> {
    return this.#store.transaction((tx) => {
      const documents = tx.collection(model);
      const old = documents.find({ at: { $lt: new Date(before).toISOString() } }, { sort: "at", limit: MOST_ERASED });
      if (old.length > 0) documents.erase(old.map(({ _id }) => _id));
    });
  }
}

function* parts<T>(all: readonly T[]): Generator<T[]> {
  for (let from = 0; from < all.length; from += AT_ONCE) yield all.slice(from, from + AT_ONCE);
}

function minuteOf(at: string, service: ServicePerformance): MinuteMetrics {
  const { time, latency, cacheHitRatio } = service;
  return {
    at,
    service: service.service,
    nodes: service.nodes.length,
    calls: service.calls,
    errorRate: service.errorRate,
    refused: service.refused,
    ...latency,
    own: time.own,
    waiting: time.waiting.reduce((sum, wait) => sum + wait.time, 0),
    queueing: time.queueing,
    database: time.database,
    gc: time.gc,
    ...(cacheHitRatio === null ? {} : { cacheHitRatio }),
  };
}

function cacheOf(
  at: string,
  { action, node, hits, misses, ageSum, savedSum, entries, bytes }: Minute["caches"][number],
): CacheEntry {
  const found = hits.near + hits.far;
  return {
    at,
    service: action.slice(0, Math.max(1, action.lastIndexOf("."))),
    action,
    node,
    ...(found + misses === 0 ? {} : { hitRatio: found / (found + misses) }),
    age: found === 0 ? 0 : ageSum / found / 1000,
    saved: savedSum / 1000,
    entries,
    bytes,
  };
}

function poolOf(at: string, pool: PoolStatus): ResourcePool {
  const { node, name, kind, service, min, max, size, inUse, waiting, uses, refused, wait, utilisation } = pool;
  const own = service === undefined ? {} : { service };
  return { at, node, name, kind, ...own, min, max, size, inUse, waiting, uses, refused, wait, utilisation };
}
