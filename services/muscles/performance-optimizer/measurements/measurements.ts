import type { CacheReport, PerformanceReport, PoolReport, ServedReport } from "../../../../models/performance.ts";
import { ActionTable } from "./action-table.ts";
import { Lives } from "./lives.ts";
import { NodeLoads } from "./node-loads.ts";
import { NodeParts } from "./node-parts.ts";
import { RecentMap } from "./recent-map.ts";
import { checkReport } from "./report-check.ts";
import { MINUTES_KEPT, ServiceSeries } from "./service-series.ts";
import { Waits } from "./waits.ts";
import { WINDOW_MS } from "./windows.ts";

export interface MeasurementsOptions {
  /** Monotonic, ms. */
  now: () => number;
  /** Services, actions on nodes, and pairs of caller and callee; further ones are counted and left out. */
  maxServices?: number;
  maxActions?: number;
  maxPairs?: number;
  /** Numbers that the latencies of single seconds hold. */
  room?: number;
}

const CACHE = ["near", "far", "stale", "negative", "misses", "joined", "evicted", "ageSum", "savedSum"] as const;
const POOL = ["uses", "useSum", "waitSum", "refused"] as const;
/** What nobody has told of for so long is not there any longer. */
const GONE_MS = 30 * 60_000;
/** A node tells every second: one that is silent for so long is gone, also where nobody says so. */
const SILENT_MS = 2 * WINDOW_MS;

/** Everything that nodes have told lately: bounded, whatever comes. */
export class Measurements {
  readonly services: RecentMap<ServiceSeries>;
  readonly actions: ActionTable;
  readonly waits: Waits;
  readonly nodes: NodeLoads;
  /** What was left out: reports, parts of reports, and what came when there was no more room. */
  readonly refused = { reports: 0, late: 0, parts: 0, room: 0 };
  lastReport: number | undefined;
  readonly #now: () => number;
  readonly #lives = new Lives();
  readonly #caches: NodeParts<CacheReport, (typeof CACHE)[number]>;
  readonly #pools: NodeParts<PoolReport, (typeof POOL)[number]>;

  constructor({ now, maxServices = 500, maxActions = 5000, maxPairs = 5000, room = 2_000_000 }: MeasurementsOptions) {
    const onFull = () => void this.refused.room++;
    const parts = { now, most: maxActions, onFull };
    this.#now = now;
    this.services = new RecentMap(maxServices, onFull);
    this.actions = new ActionTable({ ...parts, room });
    this.waits = new Waits(now, maxPairs, onFull);
    this.nodes = new NodeLoads(now, maxActions, onFull);
    this.#caches = new NodeParts({ ...parts, columns: CACHE, countsOf: (cache) => ({ ...cache, ...cache.hits }) });
    this.#pools = new NodeParts({ ...parts, columns: POOL, countsOf: (pool) => pool });
  }

  /** Takes a report, whatever it is. @returns what of it is possible, and whether a new life of its node has begun */
  take(given: unknown): { report: PerformanceReport; isNew: boolean } | undefined {
    const checked = checkReport(given);
    if (!checked) {
      this.refused.reports++;
      return undefined;
    }
    const { report, refused } = checked;
    this.refused.parts += refused;
    const standing = this.#lives.take(report.node, report.instanceId, report.seq, this.#now());
    if (standing === "late") {
      this.refused.late++;
      return undefined;
    }
    if (standing === "too many") {
      this.refused.room++;
      return undefined;
    }
    this.lastReport = this.#now();
    this.#add(report);
    return { report, isNew: standing === "new" };
  }

  lifeOf(node: string): string | undefined {
    return this.#lives.of(node);
  }

  /** @param at when it went down; monotonic, ms */
  nodeDown(node: string, at: number = this.#now()): void {
    this.#lives.down(node, at);
    for (const all of [this.nodes, this.actions, this.#caches, this.#pools]) all.nodeDown(node);
    for (const { nodes } of this.services.values()) nodes.delete(node);
  }

  /** Forgets what has gone. To be called once a minute. */
  tidy(): void {
    const now = this.#now();
    for (const all of [this.actions, this.waits, this.#caches, this.#pools]) all.forget(now - GONE_MS);
    for (const node of this.nodes.forget(now - SILENT_MS)) this.nodeDown(node, now - SILENT_MS);
    for (const series of this.services.values()) {
      series.closeMinute(now);
      for (const [node, at] of series.nodes) if (at < now - SILENT_MS) series.nodes.delete(node);
    }
    // Minutes of a service that is only quiet are kept for as long as they are shown.
    this.services.forget(now - MINUTES_KEPT * 60_000);
  }

  /** The state now, with the counts of the last minute. */
  caches(): (CacheReport & { node: string })[] {
    return this.#caches.all().map(({ node, newest, counts: { near, far, ...counts } }) => {
      return { ...newest, ...counts, hits: { near, far }, node };
    });
  }

  /** As `caches`. */
  pools(): (PoolReport & { node: string })[] {
    return this.#pools.all().map(({ node, newest, counts }) => ({ ...newest, ...counts, node }));
  }

  #add(report: PerformanceReport): void {
    const now = this.#now();
    const { node } = report;
    this.nodes.add(report);
    const gc = gcShares(report);
    for (const served of report.served) this.#addServed(node, served, gc(served), now);
    for (const path of report.paths) {
      const service = this.#service(path.service, now);
      if (!service || !this.actions.called(path)) continue;
      service.add(now, "calls", path.calls);
      service.add(now, "failures", path.failures);
      service.add(now, "sum", path.sum);
      service.latencies(now, path.buckets);
      this.waits.add(path.caller, path);
    }
    for (const { service, count, sum } of report.queries) {
      const series = this.#service(service, now);
      series?.add(now, "queries", count);
      series?.add(now, "querySum", sum);
    }
    for (const cache of report.caches) {
      if (!this.#caches.add(node, cache.action, cache)) continue;
      const dot = cache.action.lastIndexOf(".");
      const service = dot > 0 ? this.#service(cache.action.slice(0, dot), now) : undefined;
      service?.add(now, "hits", cache.hits.near + cache.hits.far);
      service?.add(now, "misses", cache.misses);
    }
    for (const pool of report.pools) this.#pools.add(node, pool.name, pool);
  }

  #addServed(node: string, served: ServedReport, gcSum: number, now: number): void {
    const service = this.#service(served.service, now);
    const { limit, overload, late, shed = 0 } = served.refused;
    const refused = limit + overload + late + (Number.isFinite(shed) ? Math.max(0, shed) : 0);
    if (!service || !this.actions.served(node, served, refused)) return;
    service.nodes.set(node, now);
    service.add(now, "served", served.calls);
    service.add(now, "servedFailures", served.failures);
    service.add(now, "servedSum", served.sum);
    service.add(now, "queueSum", served.queueSum);
    service.add(now, "refused", refused);
    service.add(now, "gcSum", gcSum);
  }

  #service(name: string, now: number): ServiceSeries | undefined {
    return this.services.hear(name, now, () => new ServiceSeries());
  }
}

/** A collection stops whatever runs: a call meets it as often as it is under way while one comes. */
function gcShares({ gc, span }: PerformanceReport): (one: ServedReport) => number {
  return (one) => Math.min(one.sum, span > 0 ? gc.sum * (one.sum / (span * 1000)) : 0);
}
