import type { PerformanceReport } from "../../../models/performance.ts";
import { Lives } from "./lives.ts";
import type { Labels } from "./metric-families.ts";

/** One thing of one node that is measured. */
export interface Series {
  node: string;
  labels: Labels;
  /** Added up since the first report: calls, µs. */
  readonly sums: Record<string, number>;
  /** As the newest report told it. Empty when the node has begun a new life. */
  now: Record<string, number>;
}

/** Series of one kind; further ones are counted together. */
const MAX_SERIES = 5000;
export const OTHERS = "(others)";
/** A node that has not reported for so long is no longer shown as it is now, ms. */
const FORGET_NODE_MS = 15_000;

class SeriesTable {
  readonly #series = new Map<string, Series>();

  of(node: string, labels: Labels): Series {
    const key = `${node}\n${Object.values(labels).join("\n")}`;
    const known = this.#series.get(key);
    if (known) return known;
    if (this.#series.size >= MAX_SERIES && Object.values(labels).some((value) => value !== OTHERS))
      return this.of(node, Object.fromEntries(Object.keys(labels).map((name) => [name, OTHERS])));
    const series: Series = { node, labels, sums: {}, now: {} };
    this.#series.set(key, series);
    return series;
  }

  reborn(node: string): void {
    for (const series of this.#series.values()) if (series.node === node) series.now = {};
  }

  values(isShown: (node: string) => boolean): Series[] {
    return [...this.#series.values()].map((series) => (isShown(series.node) ? series : { ...series, now: {} }));
  }
}

export const SERIES_KINDS = ["paths", "served", "caches", "queries", "pools", "nodes"] as const;
export type SeriesKind = (typeof SERIES_KINDS)[number];

/** Adds up what the nodes tell of load, caches, queries and pools. */
export class PerformanceStore {
  readonly #lives = new Lives();
  readonly #seen = new Map<string, number>();
  readonly #tables = Object.fromEntries(SERIES_KINDS.map((kind) => [kind, new SeriesTable()])) as Record<
    SeriesKind,
    SeriesTable
  >;

  take(report: PerformanceReport, now = Date.now()): void {
    const arrival = this.#lives.arrival(report);
    if (!arrival) return;
    const { node } = report;
    if (arrival.isReborn) for (const table of Object.values(this.#tables)) table.reborn(node);
    if (arrival.isNewest) this.#seen.set(node, now);
    for (const { kind, labels, sums, now: told } of seriesOf(report)) {
      const series = this.#tables[kind].of(node, labels);
      for (const [name, more] of Object.entries(sums)) series.sums[name] = (series.sums[name] ?? 0) + more;
      if (arrival.isNewest) series.now = told;
    }
  }

  series(kind: SeriesKind, now = Date.now()): Series[] {
    return this.#tables[kind].values((node) => now - (this.#seen.get(node) ?? 0) < FORGET_NODE_MS);
  }
}

interface Told {
  kind: SeriesKind;
  labels: Labels;
  sums: Record<string, number>;
  now: Record<string, number>;
}

/** A report as series. What a node of an older version does not tell is left out. */
function* seriesOf(report: PerformanceReport): Generator<Told> {
  const { paths = [], served = [], caches = [], queries = [], pools = [], gc, heapAfterGc, uncounted } = report;
  for (const { caller, service, action, node, calls, failures, refusals, sum, inFlight, latency, weight } of paths)
    yield {
      kind: "paths",
      labels: { caller, service, action, callee_node: node },
      sums: { calls, failures, refusals, sum },
      now: { inFlight, latency, weight },
    };
  for (const { service, action, refused, running, waiting, limit, ...counts } of served)
    yield {
      kind: "served",
      labels: { service, action },
      sums: {
        calls: counts.calls,
        failures: counts.failures,
        sum: counts.sum,
        queued: counts.queued,
        queueSum: counts.queueSum,
        ...refused,
      },
      now: { running, waiting, ...(limit === null ? {} : { limit }) },
    };
  for (const { action, hits, entries, bytes, ...counts } of caches)
    yield { kind: "caches", labels: { action }, sums: { ...hits, ...counts }, now: { entries, bytes } };
  for (const { service, count, sum } of queries)
    yield { kind: "queries", labels: { service }, sums: { count, sum }, now: {} };
  for (const { name, kind, min, max, size, inUse, waiting, uses, useSum, waitSum, refused } of pools)
    yield {
      kind: "pools",
      labels: { pool: name, kind },
      sums: { uses, useSum, waitSum, refused },
      now: { min, max, size, inUse, waiting },
    };
  yield {
    kind: "nodes",
    labels: {},
    sums: { gcCount: gc?.count ?? 0, gcSum: gc?.sum ?? 0, uncounted: uncounted ?? 0 },
    now: { gcLongest: gc?.longest ?? 0, heapAfterGc: heapAfterGc ?? 0 },
  };
}
