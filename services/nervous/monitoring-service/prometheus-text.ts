import { bucketValue } from "../../../runtime/vitals/histogram.ts";
import type { VitalsStore } from "./vitals-store.ts";

/** Upper bounds of the exported latency buckets, s. */
const BOUNDS_S = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10] as const;

/** The organism's vitals in Prometheus' text format, version 0.0.4. */
export function prometheusText(store: VitalsStore): string {
  const lines: string[] = [];
  const family = (name: string, type: string, help: string, samples: string[]) => {
    if (samples.length > 0) lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...samples);
  };
  const nodes = store.nodes();
  const gauge = (name: string, help: string, value: (report: (typeof nodes)[number]["report"]) => number) =>
    family(
      name,
      "gauge",
      help,
      nodes.map(({ node, report }) => `${name}{${labels({ node })}} ${value(report)}`),
    );

  gauge("azora_node_cpu_ratio", "Share of one core that the node uses.", ({ cpu }) => cpu / 100);
  gauge("azora_node_memory_bytes", "Resident memory of the node's process.", ({ memory }) => memory);
  gauge("azora_node_heap_used_bytes", "JavaScript heap in use.", ({ heapUsed }) => heapUsed);
  gauge(
    "azora_node_event_loop_delay_p99_seconds",
    "99th percentile of the event-loop delay in the last second.",
    ({ loopDelay }) => loopDelay.p99 / 1000,
  );
  gauge(
    "azora_node_event_loop_utilisation_ratio",
    "Share of time in which the event loop was busy.",
    ({ utilisation }) => utilisation,
  );
  gauge("azora_node_uptime_seconds", "Age of the node's process.", ({ uptime }) => uptime);

  const actions = store.actions();
  const perAction = (name: string, type: string, help: string, value: (series: (typeof actions)[number]) => number) =>
    family(
      name,
      type,
      help,
      actions.map((series) => `${name}{${labels(series)}} ${value(series)}`),
    );
  perAction("azora_action_errors_total", "counter", "Calls that ended in an error.", ({ errors }) => errors);
  perAction("azora_action_in_flight", "gauge", "Calls that run now.", ({ inFlight }) => inFlight);

  const name = "azora_action_duration_seconds";
  family(
    name,
    "histogram",
    "Duration of calls, from their arrival to their answer.",
    actions.flatMap((series) => {
      const { counts, count, sum } = series.latency;
      const upTo = cumulative(counts);
      const buckets = BOUNDS_S.map((bound) => `${name}_bucket{${labels(series)},le="${bound}"} ${upTo(bound * 1e6)}`);
      return [
        ...buckets,
        `${name}_bucket{${labels(series)},le="+Inf"} ${count}`,
        `${name}_sum{${labels(series)}} ${sum / 1e6}`,
        `${name}_count{${labels(series)}} ${count}`,
      ];
    }),
  );
  return `${lines.join("\n")}\n`;
}

/** How many values lie at or below a bound, µs. */
function cumulative(counts: Float64Array): (bound: number) => number {
  return (bound) => {
    let sum = 0;
    for (let i = 0; i < counts.length && bucketValue(i) <= bound; i++) sum += counts[i]!;
    return sum;
  };
}

function labels(of: { node: string; service?: string; action?: string }): string {
  return Object.entries({ node: of.node, service: of.service, action: of.action })
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}="${escapeLabel(value!)}"`)
    .join(",");
}

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
