import { type Labels, MetricFamilies, type MetricType, sample } from "./metric-families.ts";
import type { PerformanceStore, Series, SeriesKind } from "./performance-store.ts";

const SECOND_US = 1e6;
const identity = (value: number) => value;
const seconds = (microseconds: number) => microseconds / SECOND_US;

/** What nodes tell of load, caches, queries and pools, in Prometheus' text format. Names: docs/performance-metrics.md. */
export function performanceText(store: PerformanceStore): string {
  const families = new MetricFamilies();
  const every = (kind: SeriesKind) => store.series(kind).map((series) => ({ ...series, of: withNode(series) }));

  /** One sum or state of each series; what a series does not tell is left out. */
  function each(
    kind: SeriesKind,
    type: "counter" | "gauge",
    name: string,
    help: string,
    field: string,
    scale = identity,
  ) {
    const told = (series: Series) => (type === "counter" ? series.sums : series.now)[field];
    const known = every(kind).filter((series) => told(series) !== undefined);
    families.add(
      name,
      type,
      help,
      known.map((series) => sample(name, series.of, scale(told(series)!))),
    );
  }

  /** Count and time of each series. */
  function timed(kind: SeriesKind, name: string, help: string, count: string, sum: string) {
    families.add(name, "summary", help, summaries(name, every(kind), count, sum));
  }

  /** The same of several causes, told apart by a label. */
  function by(kind: SeriesKind, name: string, help: string, label: string, fields: Record<string, string>) {
    const samples = every(kind).flatMap(({ sums, of }) =>
      Object.entries(fields).map(([field, value]) => sample(name, { ...of, [label]: value }, sums[field] ?? 0)),
    );
    families.add(name, "counter", help, samples);
  }

  const paths = joined(store.series("paths"));
  const path = (name: string, type: MetricType, help: string, value: (series: Series) => number | undefined) => {
    const known = paths.flatMap((series) => {
      const told = value(series);
      return told === undefined ? [] : [sample(name, withNode(series), told)];
    });
    families.add(name, type, help, known);
  };
  families.add(
    "azora_path_duration_seconds",
    "summary",
    "Calls from one service to another's instance, from the call to its answer.",
    summaries(
      "azora_path_duration_seconds",
      paths.map((series) => ({ ...series, of: withNode(series) })),
      "calls",
      "sum",
    ),
  );
  path(
    "azora_path_failures_total",
    "counter",
    "Calls whose callee broke or did not answer.",
    ({ sums }) => sums["failures"],
  );
  path("azora_path_refusals_total", "counter", "Calls that their callee refused.", ({ sums }) => sums["refusals"]);
  path("azora_path_in_flight", "gauge", "Calls that wait for their answer.", ({ now }) => now["inFlight"]);
  path(
    "azora_path_latency_seconds",
    "gauge",
    "Peak-sensitive average that the balancer goes by; of the slowest action.",
    ({ now }) => (now["latency"] === undefined ? undefined : seconds(now["latency"])),
  );
  path(
    "azora_path_weight_ratio",
    "gauge",
    "Share of its calls that an instance gets, new and ejected ones less.",
    ({ now }) => now["weight"],
  );

  timed("served", "azora_served_work_seconds", "Calls carried out, without their wait.", "calls", "sum");
  each("served", "counter", "azora_served_failures_total", "Calls that broke while they were carried out.", "failures");
  timed("served", "azora_served_queue_seconds", "Calls that waited for their turn.", "queued", "queueSum");
  by("served", "azora_served_refused_total", "Calls that were not carried out.", "reason", {
    limit: "limit",
    overload: "overload",
    late: "late",
    shed: "shed",
  });
  each("served", "gauge", "azora_served_running", "Calls that are being carried out.", "running");
  each("served", "gauge", "azora_served_waiting", "Calls that wait for their turn.", "waiting");
  each("served", "gauge", "azora_served_limit", "Calls that may be carried out at once.", "limit");

  by("caches", "azora_cache_hits_total", "Answers from the cache, in the process (near) or in Redis (far).", "level", {
    near: "near",
    far: "far",
  });
  each("caches", "counter", "azora_cache_misses_total", "Answers that had to be loaded.", "misses");
  each("caches", "counter", "azora_cache_stale_total", "Hits past their time, while a new value was loaded.", "stale");
  each("caches", "counter", "azora_cache_negative_total", "Hits that said that there is none.", "negative");
  each("caches", "counter", "azora_cache_joined_total", "Callers that waited for another one's load.", "joined");
  each("caches", "counter", "azora_cache_failures_total", "Loads that failed.", "failures");
  each("caches", "counter", "azora_cache_evicted_total", "Values that made room for others.", "evicted");
  each("caches", "counter", "azora_cache_fenced_total", "Loads not kept since something newer was known.", "fenced");
  each("caches", "counter", "azora_cache_age_seconds_total", "Age of what was served.", "ageSum", seconds);
  each(
    "caches",
    "counter",
    "azora_cache_saved_seconds_total",
    "Time of the loads that were spared.",
    "savedSum",
    seconds,
  );
  each("caches", "gauge", "azora_cache_entries", "Values in the process.", "entries");
  each("caches", "gauge", "azora_cache_bytes", "Their size.", "bytes");

  timed("queries", "azora_query_duration_seconds", "Store queries of a service.", "count", "sum");

  each("pools", "gauge", "azora_pool_min", "Least size of a pool; of memory in bytes.", "min");
  each("pools", "gauge", "azora_pool_max", "Greatest size of a pool; of memory in bytes.", "max");
  each("pools", "gauge", "azora_pool_size", "Size of a pool now; of memory in bytes.", "size");
  each("pools", "gauge", "azora_pool_in_use", "Taken of a pool now; of memory in bytes.", "inUse");
  each("pools", "gauge", "azora_pool_waiting", "Those who wait for a pool now.", "waiting");
  timed("pools", "azora_pool_use_seconds", "Uses of a pool, from taking to giving back.", "uses", "useSum");
  each("pools", "counter", "azora_pool_wait_seconds_total", "Time that a pool was waited for.", "waitSum", seconds);
  each("pools", "counter", "azora_pool_refused_total", "Those who got nothing of a pool.", "refused");

  timed("nodes", "azora_gc_duration_seconds", "Runs of the garbage collector.", "gcCount", "gcSum");
  each("nodes", "gauge", "azora_gc_longest_seconds", "Longest run in the last second.", "gcLongest", seconds);
  each("nodes", "gauge", "azora_heap_after_gc_bytes", "Heap that was left by the last collection.", "heapAfterGc");
  each("nodes", "counter", "azora_uncounted_calls_total", "Calls of too many names to count each.", "uncounted");
  return families.toString();
}

function withNode({ node, labels }: Series): Labels {
  return { node, ...labels };
}

function summaries(name: string, all: (Series & { of: Labels })[], count: string, sum: string): string[] {
  return all.flatMap(({ sums, of }) => [
    sample(`${name}_sum`, of, seconds(sums[sum] ?? 0)),
    sample(`${name}_count`, of, sums[count] ?? 0),
  ]);
}

/** Paths without their actions: caller × callee × action × node would be more series than anyone can keep. */
function joined(paths: Series[]): Series[] {
  const groups = Map.groupBy(paths, ({ node, labels }) =>
    [node, labels["caller"], labels["service"], labels["callee_node"]].join("\n"),
  );
  return [...groups.values()].map((all) => {
    const { node, labels } = all[0]!;
    const { action: _action, ...of } = labels;
    const sums: Record<string, number> = {};
    for (const one of all)
      for (const [field, value] of Object.entries(one.sums)) sums[field] = (sums[field] ?? 0) + value;
    const told = all.map(({ now }) => now).filter(({ inFlight }) => inFlight !== undefined) as {
      inFlight: number;
      latency: number;
      weight: number;
    }[];
    const now: Record<string, number> =
      told.length === 0
        ? {}
        : {
            inFlight: told.reduce((total, { inFlight }) => total + inFlight, 0),
            latency: Math.max(...told.map(({ latency }) => latency)),
            weight: Math.min(...told.map(({ weight }) => weight)),
          };
    return { node, labels: of, sums, now };
  });
}
