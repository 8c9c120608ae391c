import { bucketValue } from "../../../runtime/vitals/histogram.ts";
import { labels, MetricFamilies, type MetricType } from "./metric-families.ts";
import type { VitalsStore } from "./vitals-store.ts";

/** Upper bounds of the exported latency buckets, s. */
const BOUNDS_S = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10] as const;

/** The organism's vitals in Prometheus' text format. */
export function prometheusText(store: VitalsStore): string {
  const families = new MetricFamilies();
  const family = (name: string, type: MetricType, help: string, samples: string[]) =>
    families.add(name, type, help, samples);
  const nodes = store.nodes();
  type Report = (typeof nodes)[number]["report"];
  /** What a node does not know it does not tell. */
  const gauge = (name: string, help: string, value: (report: Report) => number | undefined) =>
    family(
      name,
      "gauge",
      help,
      nodes.flatMap(({ node, report }) => {
        const told = value(report);
        return told === undefined ? [] : [`${name}{${labels({ node })}} ${told}`];
      }),
    );

  gauge("azora_node_cpu_ratio", "Share of one core that the node uses.", ({ cpu }) => cpu / 100);
  gauge("azora_node_memory_bytes", "Resident memory of the node's process.", ({ memory }) => memory);
  gauge("azora_node_heap_used_bytes", "JavaScript heap in use.", ({ heapUsed }) => heapUsed);
  gauge("azora_heap_limit_bytes", "Most that the JavaScript heap may grow to.", ({ heapLimit }) => heapLimit);
  gauge("azora_open_files", "File descriptors that are open.", ({ files }) => files?.open);
  gauge("azora_open_files_limit", "File descriptors that may be open; 0 is no limit.", ({ files }) => files?.limit);
  gauge("azora_disk_free_bytes", "Left on the disk of the data folder.", ({ disk }) => disk?.free);
  gauge("azora_disk_total_bytes", "Size of the disk of the data folder.", ({ disk }) => disk?.total);
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

  gauge(
    "azora_audit_waiting_bytes",
    "Audit records that the chain has not acknowledged.",
    ({ record }) => record && record.waiting.outbox + record.waiting.memory,
  );
  const perGrade = (name: string, help: string, what: "recorded" | "dropped") =>
    family(
      name,
      "counter",
      help,
      nodes.flatMap(({ node, report: { record } }) =>
        record
          ? [
              `${name}{${labels({ node, grade: "durable" })}} ${record[what].durable}`,
              `${name}{${labels({ node, grade: "best-effort" })}} ${record[what].bestEffort}`,
            ]
          : [],
      ),
    );
  perGrade("azora_audit_recorded_total", "Audit records that the node has taken for the chain.", "recorded");
  perGrade("azora_audit_dropped_total", "Audit records that the node had no room for.", "dropped");

  const perTraces = (name: string, help: string, value: (traces: NonNullable<Report["traces"]>) => number) =>
    family(
      name,
      "counter",
      help,
      nodes.flatMap(({ node, report: { traces } }) =>
        traces ? [`${name}{${labels({ node })}} ${value(traces)}`] : [],
      ),
    );
  perTraces("azora_spans_exported_total", "Spans that the collector of traces has taken.", ({ exported }) => exported);
  perTraces("azora_spans_dropped_total", "Spans that did not reach the collector.", ({ dropped }) => dropped);

  const breakers = store.breakers();
  const between = (one: (typeof breakers)[number]) =>
    labels({ node: one.on, caller: one.caller, callee: one.callee, callee_node: one.node });
  family(
    "azora_breaker_open",
    "gauge",
    "Circuit breakers that are open (1) or let one call probe (0.5).",
    breakers.map((one) => `azora_breaker_open{${between(one)}} ${one.state === "open" ? 1 : 0.5}`),
  );
  const callers = store.callers();
  const perCaller = (name: string, help: string, value: (series: (typeof callers)[number]) => number) =>
    family(
      name,
      "counter",
      help,
      callers.map((series) => `${name}{${labels({ node: series.node })}} ${value(series)}`),
    );
  family(
    "azora_calls_lost_total",
    "counter",
    "Calls made on the node that ended without an answer of the service.",
    callers.flatMap(({ node, lost }) =>
      [...lost].map(([service, count]) => `azora_calls_lost_total{${labels({ node, service })}} ${count}`),
    ),
  );
  perCaller("azora_calls_retried_total", "Calls made on the node that were tried again.", ({ retries }) => retries);
  perCaller(
    "azora_holds_refused_total",
    "Calls that were not held for a restart because too many were.",
    ({ refusedHolds }) => refusedHolds,
  );
  perCaller("azora_log_lines_lost_total", "Log lines that could not be written.", ({ logLinesLost }) => logLinesLost);

  const actions = store.actions();
  const perAction = (
    name: string,
    type: MetricType,
    help: string,
    value: (series: (typeof actions)[number]) => number,
  ) =>
    family(
      name,
      type,
      help,
      actions.map((series) => `${name}{${labels(ofAction(series))}} ${value(series)}`),
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
      const of = labels(ofAction(series));
      return [
        ...BOUNDS_S.map((bound) => `${name}_bucket{${of},le="${bound}"} ${upTo(bound * 1e6)}`),
        `${name}_bucket{${of},le="+Inf"} ${count}`,
        `${name}_sum{${of}} ${sum / 1e6}`,
        `${name}_count{${of}} ${count}`,
      ];
    }),
  );
  return families.toString();
}

/** How many values lie at or below a bound, µs. */
function cumulative(counts: Float64Array): (bound: number) => number {
  return (bound) => {
    let sum = 0;
    for (let i = 0; i < counts.length && bucketValue(i) <= bound; i++) sum += counts[i]!;
    return sum;
  };
}

function ofAction({ node, service, action }: { node: string; service: string; action: string }) {
  return { node, service, action };
}
