import type { CacheReport, PerformanceReport, PoolReport, ServedReport } from "../../../../models/performance.ts";
import { LatencySeconds } from "./latency-seconds.ts";
import { Lives } from "./lives.ts";
import { checkReport } from "./report-check.ts";
import { Ring } from "./ring.ts";
import { ServiceSeries } from "./service-series.ts";

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

/** An action on a node. Sums of the last minute; µs. */
export interface ActionFigures {
  node: string;
  service: string;
  action: string;
  calls: number;
  failures: number;
  sum: number;
  served: number;
  servedSum: number;
  queueSum: number;
  refused: number;
  limit: number | null;
  running: number;
}

export interface NodeFigures {
  node: string;
  /** Share of one core, 0 to …; of the last minute. */
  cpu: number;
  gcShare: number;
  heapAfterGc: number;
  lastAt: number;
}

const ACTION = { calls: 0, failures: 1, sum: 2, served: 3, servedSum: 4, queueSum: 5, refused: 6 } as const;
const NODE = { span: 0, cpu: 1, gc: 2 } as const;
const PAIR = { calls: 0, sum: 1 } as const;
const CACHE = ["near", "far", "stale", "negative", "misses", "joined", "evicted", "ageSum", "savedSum"] as const;
const POOL = ["uses", "useSum", "waitSum", "refused"] as const;
const WINDOW_MS = 60_000;
/** Who has said nothing for so long is not there any longer. */
const GONE_MS = 30 * 60_000;
/** Slots of seconds for what is set against each other, of ten seconds for what is only looked at by the minute. */
const SECONDS = [61, 1000] as const;
const TENTHS = [7, 10_000] as const;

interface ActionState {
  node: string;
  service: string;
  action: string;
  ring: Ring;
  limit: number | null;
  running: number;
  lastAt: number;
}

interface Part<T> {
  node: string;
  newest: T;
  ring: Ring;
  lastAt: number;
}

/** Everything that nodes have told lately: bounded, whatever comes. */
export class Measurements {
  readonly services = new Map<string, ServiceSeries>();
  readonly latencies: LatencySeconds;
  /** What was left out: reports, parts of reports, and what came when there was no more room. */
  readonly refused = { reports: 0, late: 0, parts: 0, room: 0 };
  reports = 0;
  lastReport: number | undefined;
  readonly #now: () => number;
  readonly #limits: { services: number; actions: number; pairs: number };
  readonly #lives = new Lives();
  readonly #actions = new Map<string, ActionState>();
  readonly #pairs = new Map<string, { caller: string; service: string; ring: Ring; lastAt: number }>();
  readonly #nodes = new Map<string, { ring: Ring; heapAfterGc: number; lastAt: number }>();
  readonly #caches = new Map<string, Part<CacheReport>>();
  readonly #pools = new Map<string, Part<PoolReport>>();

  constructor({ now, maxServices = 500, maxActions = 5000, maxPairs = 5000, room = 2_000_000 }: MeasurementsOptions) {
    this.#now = now;
    this.#limits = { services: maxServices, actions: maxActions, pairs: maxPairs };
    this.latencies = new LatencySeconds({ room, maxSeries: 2 * maxActions });
  }

  /** Takes a report, whatever it is. Says whether a new life of its node has begun. */
  take(given: unknown): { node: string; isNew: boolean } | undefined {
    const checked = checkReport(given);
    if (!checked) {
      this.refused.reports++;
      return undefined;
    }
    const { report, refused } = checked;
    this.refused.parts += refused;
    const standing = this.#lives.take(report.node, report.instanceId, report.seq);
    if (standing === "late") {
      this.refused.late++;
      return undefined;
    }
    if (standing === "too many") {
      this.refused.room++;
      return undefined;
    }
    this.reports++;
    this.lastReport = this.#now();
    this.#add(report);
    return { node: report.node, isNew: standing === "new" };
  }

  lifeOf(node: string): string | undefined {
    return this.#lives.of(node);
  }

  nodeDown(node: string): void {
    this.#lives.forget(node);
    this.#nodes.delete(node);
    for (const parts of [this.#caches, this.#pools]) {
      for (const [key, part] of parts) if (part.node === node) parts.delete(key);
    }
    for (const { nodes } of this.services.values()) nodes.delete(node);
  }

  /** Forgets what has gone. To be called once a minute. */
  tidy(): void {
    const old = this.#now() - GONE_MS;
    for (const all of [this.#actions, this.#pairs, this.#caches, this.#pools, this.#nodes] as Map<
      string,
      { lastAt: number }
    >[]) {
      for (const [key, { lastAt }] of all) if (lastAt < old) all.delete(key);
    }
    for (const series of this.services.values()) {
      series.closeMinute(this.#now());
      for (const [node, at] of series.nodes) if (at < this.#now() - 2 * WINDOW_MS) series.nodes.delete(node);
    }
    // Minutes of a service that is only quiet are kept for as long as they are shown.
    for (const [name, { lastAt }] of this.services)
      if (lastAt < this.#now() - 6 * 3_600_000) this.services.delete(name);
  }

  actions(service?: string): ActionFigures[] {
    const now = this.#now();
    return [...this.#actions.values()]
      .filter((one) => service === undefined || one.service === service)
      .map(({ node, service, action, ring, limit, running }) => {
        const sums = Object.fromEntries(
          Object.entries(ACTION).map(([name, column]) => [name, ring.sum(now, column, WINDOW_MS)]),
        ) as Record<keyof typeof ACTION, number>;
        return { node, service, action, limit, running, ...sums };
      });
  }

  /** For whom a service waited in the last minute; µs. */
  waits(caller: string): { service: string; calls: number; sum: number }[] {
    const now = this.#now();
    return [...this.#pairs.values()]
      .filter((pair) => pair.caller === caller)
      .map(({ service, ring }) => ({
        service,
        calls: ring.sum(now, PAIR.calls, WINDOW_MS),
        sum: ring.sum(now, PAIR.sum, WINDOW_MS),
      }))
      .filter(({ calls }) => calls > 0);
  }

  nodes(): NodeFigures[] {
    const now = this.#now();
    return [...this.#nodes].map(([node, { ring, heapAfterGc, lastAt }]) => {
      const span = Math.max(1, ring.sum(now, NODE.span, WINDOW_MS));
      const share = (column: number) => ring.sum(now, column, WINDOW_MS) / (span * 1000);
      return { node, cpu: share(NODE.cpu), gcShare: share(NODE.gc), heapAfterGc, lastAt };
    });
  }

  /** The state now, with the counts of the last minute. */
  caches(): (CacheReport & { node: string })[] {
    const now = this.#now();
    return [...this.#caches.values()].map(({ node, newest, ring }) => {
      const sums = Object.fromEntries(CACHE.map((name, column) => [name, ring.sum(now, column, WINDOW_MS)]));
      const { near, far, ...rest } = sums as Record<(typeof CACHE)[number], number>;
      return { ...newest, ...rest, hits: { near, far }, node };
    });
  }

  pools(): (PoolReport & { node: string })[] {
    const now = this.#now();
    return [...this.#pools.values()].map(({ node, newest, ring }) => {
      const sums = Object.fromEntries(POOL.map((name, column) => [name, ring.sum(now, column, WINDOW_MS)]));
      return { ...newest, ...(sums as Pick<PoolReport, (typeof POOL)[number]>), node };
    });
  }

  /** Keys of the latencies of actions; as callers saw them, or as the service did. */
  keys(actions: readonly string[], node: string | undefined, seen: "called" | "served"): string[] {
    return [...this.#actions]
      .filter(([, one]) => actions.includes(one.action) && (node === undefined || one.node === node))
      .map(([key]) => `${seen}|${key}`);
  }

  #add(report: PerformanceReport): void {
    const now = this.#now();
    const { node } = report;
    this.#addNode(report, now);
    const gc = gcShares(report);
    for (const served of report.served) {
      const service = this.#service(served.service, now);
      const action = this.#action(node, served.service, fullName(served), now);
      if (!service || !action) continue;
      const { limit, overload, late, shed = 0 } = served.refused;
      const refused = limit + overload + late + (Number.isFinite(shed) ? Math.max(0, shed) : 0);
      service.nodes.set(node, now);
      service.add(now, "served", served.calls);
      service.add(now, "servedFailures", served.failures);
      service.add(now, "servedSum", served.sum);
      service.add(now, "queueSum", served.queueSum);
      service.add(now, "refused", refused);
      service.add(now, "gcSum", gc(served));
      action.ring.add(now, ACTION.served, served.calls);
      action.ring.add(now, ACTION.servedSum, served.sum);
      action.ring.add(now, ACTION.queueSum, served.queueSum);
      action.ring.add(now, ACTION.refused, refused);
      action.limit = served.limit;
      action.running = served.running;
      this.latencies.add(`served|${keyOf(node, fullName(served))}`, now, served.buckets);
    }
    for (const path of report.paths) {
      const service = this.#service(path.service, now);
      const action = this.#action(path.node, path.service, fullName(path), now);
      if (!service || !action) continue;
      service.add(now, "calls", path.calls);
      service.add(now, "failures", path.failures);
      service.add(now, "sum", path.sum);
      service.latencies(now, path.buckets);
      action.ring.add(now, ACTION.calls, path.calls);
      action.ring.add(now, ACTION.failures, path.failures);
      action.ring.add(now, ACTION.sum, path.sum);
      this.latencies.add(`called|${keyOf(path.node, fullName(path))}`, now, path.buckets);
      if (path.caller === path.service || path.calls === 0) continue;
      const pair = this.#pair(path.caller, path.service, now);
      pair?.ring.add(now, PAIR.calls, path.calls);
      pair?.ring.add(now, PAIR.sum, path.sum);
    }
    for (const { service, count, sum } of report.queries) {
      const series = this.#service(service, now);
      series?.add(now, "queries", count);
      series?.add(now, "querySum", sum);
    }
    for (const cache of report.caches) this.#addCache(node, cache, now);
    for (const pool of report.pools) this.#addPool(node, pool, now);
  }

  #addNode({ node, span, cpu, gc, heapAfterGc }: PerformanceReport, now: number): void {
    let state = this.#nodes.get(node);
    if (!state) {
      state = { ring: new Ring(3, ...TENTHS), heapAfterGc, lastAt: now };
      this.#nodes.set(node, state);
    }
    state.ring.add(now, NODE.span, span);
    state.ring.add(now, NODE.cpu, cpu.user + cpu.system);
    state.ring.add(now, NODE.gc, gc.sum);
    state.heapAfterGc = heapAfterGc;
    state.lastAt = now;
  }

  #addCache(node: string, cache: CacheReport, now: number): void {
    const part = this.#part(this.#caches, keyOf(node, cache.action), node, cache, CACHE.length, now);
    if (!part) return;
    const counts = { ...cache, ...cache.hits } as Record<(typeof CACHE)[number], number>;
    CACHE.forEach((name, column) => {
      part.ring.add(now, column, counts[name]);
    });
    const dot = cache.action.lastIndexOf(".");
    const service = dot > 0 ? this.#service(cache.action.slice(0, dot), now) : undefined;
    service?.add(now, "hits", cache.hits.near + cache.hits.far);
    service?.add(now, "misses", cache.misses);
  }

  #addPool(node: string, pool: PoolReport, now: number): void {
    const part = this.#part(this.#pools, keyOf(node, pool.name), node, pool, POOL.length, now);
    POOL.forEach((name, column) => {
      part?.ring.add(now, column, pool[name]);
    });
  }

  #part<T>(
    parts: Map<string, Part<T>>,
    key: string,
    node: string,
    newest: T,
    columns: number,
    now: number,
  ): Part<T> | undefined {
    let part = parts.get(key);
    if (!part) {
      if (!this.#hasRoom(parts.size, this.#limits.actions)) return undefined;
      part = { node, newest, ring: new Ring(columns, ...TENTHS), lastAt: now };
      parts.set(key, part);
    }
    part.newest = newest;
    part.lastAt = now;
    return part;
  }

  #service(name: string, now: number): ServiceSeries | undefined {
    let series = this.services.get(name);
    if (!series) {
      if (!this.#hasRoom(this.services.size, this.#limits.services)) return undefined;
      series = new ServiceSeries();
      this.services.set(name, series);
    }
    series.lastAt = now;
    return series;
  }

  #action(node: string, service: string, action: string, now: number): ActionState | undefined {
    const key = keyOf(node, action);
    let state = this.#actions.get(key);
    if (!state) {
      if (!this.#hasRoom(this.#actions.size, this.#limits.actions)) return undefined;
      const ring = new Ring(Object.keys(ACTION).length, ...SECONDS);
      state = { node, service, action, ring, limit: null, running: 0, lastAt: now };
      this.#actions.set(key, state);
    }
    state.lastAt = now;
    return state;
  }

  #pair(caller: string, service: string, now: number) {
    const key = keyOf(caller, service);
    let pair = this.#pairs.get(key);
    if (!pair) {
      if (!this.#hasRoom(this.#pairs.size, this.#limits.pairs)) return undefined;
      pair = { caller, service, ring: new Ring(2, ...SECONDS), lastAt: now };
      this.#pairs.set(key, pair);
    }
    pair.lastAt = now;
    return pair;
  }

  #hasRoom(size: number, most: number): boolean {
    if (size < most) return true;
    this.refused.room++;
    return false;
  }
}

/** A collection stops whatever runs: a call meets it as often as it is under way while one comes. */
function gcShares({ gc, span }: PerformanceReport): (one: ServedReport) => number {
  return (one) => Math.min(one.sum, span > 0 ? gc.sum * (one.sum / (span * 1000)) : 0);
}

function fullName({ service, action }: { service: string; action: string }): string {
  return action.startsWith(`${service}.`) ? action : `${service}.${action}`;
}

const keyOf = (one: string, other: string) => `${one}\u0000${other}`;
