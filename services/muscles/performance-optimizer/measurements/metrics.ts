import type { PerformanceMetrics, ServicePerformance, Trend } from "../../../../models/performance-views.ts";
import { Histogram } from "../../../../runtime/vitals/histogram.ts";
import type { Measurements } from "./measurements.ts";
import { SECOND, type ServiceSeries } from "./service-series.ts";
import { timeSpent } from "./time-spent.ts";
import { WINDOW_MS } from "./windows.ts";

export interface MetricsOptions {
  measurements: Measurements;
  /** Monotonic, ms. */
  now: number;
  /** Since when it is measured, monotonic. */
  since: number;
  at: Date;
  service?: string | undefined;
  trendOf(service: string): Trend;
  /** Nodes that carry each service now; one that is not in it is taken for where it was last called. */
  carriers: ReadonlyMap<string, readonly string[]>;
}

/** What every service did in the last minute. */
export function performanceMetrics({
  measurements,
  now,
  since,
  at,
  service,
  trendOf,
  carriers,
}: MetricsOptions): PerformanceMetrics {
  const window = Math.max(1, Math.min(WINDOW_MS, now - since) / 1000);
  const names = measurements.services
    .keys()
    .filter((name) => !name.startsWith("$") && (service === undefined || name === service))
    .sort();
  const actionsOf = Map.groupBy(measurements.actions.figures(), (action) => action.service);
  const all = new Histogram();
  const sums = { calls: 0, failures: 0, sum: 0, refused: 0, hits: 0, misses: 0 };
  const services = names.map((name): ServicePerformance => {
    const series = measurements.services.get(name)!;
    const over = (column: keyof typeof SECOND) => series.seconds.sum(now, SECOND[column], WINDOW_MS);
    const asSeen = over("calls") >= over("served") ? "called" : "served";
    const actions = [...new Set((actionsOf.get(name) ?? []).map(({ action }) => action))];
    const latency = measurements.actions.histogram(actions, asSeen);
    const seen = calls(series, now);
    const own = { hits: over("hits"), misses: over("misses") };
    all.add(pairs(latency), 0);
    sums.calls += seen.calls;
    sums.failures += seen.failures;
    sums.sum += over("sum");
    sums.refused += over("refused");
    sums.hits += own.hits;
    sums.misses += own.misses;
    return {
      service: name,
      nodes: [...(carriers.get(name) ?? series.nodes.keys())].sort(),
      calls: seen.calls,
      errorRate: ratio(seen.failures, seen.calls),
      throughput: seen.calls / window,
      latency: { ...quantiles(latency), mean: ratio(seen.sum, seen.calls) / 1000 },
      time: timeSpent({
        served: over("served"),
        servedSum: over("servedSum"),
        queueSum: over("queueSum"),
        querySum: over("querySum"),
        gcSum: over("gcSum"),
        waits: measurements.waits.of(name),
      }),
      refused: over("refused"),
      cacheHitRatio: hitRatio(own),
      trend: trendOf(name),
    };
  });
  return {
    at: at.toISOString(),
    window: Math.round(window),
    services,
    organism: {
      nodes: measurements.nodes.size,
      calls: sums.calls,
      throughput: sums.calls / window,
      errorRate: ratio(sums.failures, sums.calls),
      refused: sums.refused,
      latency: { ...quantiles(all), mean: ratio(sums.sum, sums.calls) / 1000 },
      cacheHitRatio: hitRatio(sums),
    },
  };
}

/** As its callers saw it; where no caller tells, as a program outside, as the service saw it. */
function calls(series: ServiceSeries, now: number): { calls: number; failures: number; sum: number } {
  const over = (column: keyof typeof SECOND) => series.seconds.sum(now, SECOND[column], WINDOW_MS);
  if (over("calls") >= over("served")) return { calls: over("calls"), failures: over("failures"), sum: over("sum") };
  return { calls: over("served"), failures: over("servedFailures"), sum: over("servedSum") + over("queueSum") };
}

const ratio = (part: number, whole: number) => (whole === 0 ? 0 : part / whole);

function hitRatio({ hits, misses }: { hits: number; misses: number }): number | null {
  return hits + misses === 0 ? null : hits / (hits + misses);
}

function quantiles(latency: Histogram): { p50: number; p95: number; p99: number } {
  const at = (q: number) => latency.quantile(q) / 1000;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

function pairs({ counts }: Histogram): number[] {
  const found: number[] = [];
  counts.forEach((count, bucket) => {
    if (count > 0) found.push(bucket, count);
  });
  return found;
}
