import type { PerformanceMetrics, ServicePerformance } from "../../../models/performance-views.ts";
import { ApiClient } from "../../api-client.ts";
import type { Command } from "../../command.ts";
import { paint } from "../../paint.ts";
import { table } from "../../table.ts";
import { percent, rate, time } from "./figures.ts";

export const metrics: Command = {
  name: "metrics",
  usage: "[service]",
  summary: "shows calls, latency and refusals of the last minute, and where the time goes",
  arity: [0, 1],
  async run({ settings, args, options, out }) {
    const query = args[0] === undefined ? "" : `?service=${encodeURIComponent(args[0])}`;
    const answer = await new ApiClient(settings).get<PerformanceMetrics>(`/api/performance/metrics${query}`);
    if (options["json"]) {
      out(JSON.stringify(answer));
      return 0;
    }
    const { services, organism, window } = answer;
    const { throughput, latency, errorRate, refused, cacheHitRatio } = organism;
    if (args[0] === undefined)
      out(
        `${rate(throughput)} calls a second over ${Math.round(window)} s; p50 ${time(latency.p50)}, p99 ${time(latency.p99)}; ` +
          `errors ${percent(errorRate)}; refused ${refused}; from the cache ${percent(cacheHitRatio)}\n`,
      );
    out(table(COLUMNS, services.toSorted(byTime).map(row)));
    return 0;
  },
};

const COLUMNS = [
  { title: "SERVICE" },
  { title: "CALLS/S", align: "right" as const },
  { title: "P50", align: "right" as const },
  { title: "P95", align: "right" as const },
  { title: "P99", align: "right" as const },
  { title: "ERRORS", align: "right" as const },
  { title: "REFUSED", align: "right" as const },
  { title: "CACHE", align: "right" as const },
  { title: "TREND" },
  { title: "SPENDS ITS TIME ON", flexible: true },
];

/** Those that take most time of all come first. */
function byTime(one: ServicePerformance, other: ServicePerformance): number {
  return other.throughput * other.latency.mean - one.throughput * one.latency.mean;
}

function row({
  service,
  calls,
  throughput,
  latency,
  errorRate,
  refused,
  cacheHitRatio,
  trend,
  time: spent,
}: ServicePerformance) {
  const ms = (value: number) => (calls > 0 ? time(value) : "-");
  const bad = (text: string, isBad: boolean) => (isBad ? paint("red", text) : text);
  return [
    service,
    rate(throughput),
    ms(latency.p50),
    ms(latency.p95),
    ms(latency.p99),
    calls > 0 ? bad(percent(errorRate), errorRate > 0.01) : "-",
    bad(String(refused), refused > 0),
    percent(cacheHitRatio),
    trend === "rising" ? paint("yellow", trend) : trend === "steady" ? paint("dim", trend) : trend,
    throughput === 0 ? paint("dim", "-") : spends(spent),
  ];
}

/** `own work 40 %, ledger 35 %, database 20 %`: what takes a twentieth or more, the longest first. */
export function spends({ own, waiting, queueing, database, gc }: ServicePerformance["time"]): string {
  const parts = [
    { what: "own work", ms: own },
    ...waiting.map(({ service, time: ms }) => ({ what: service, ms })),
    { what: "its turn", ms: queueing },
    { what: "database", ms: database },
    { what: "garbage collection", ms: gc },
  ];
  const whole = parts.reduce((sum, { ms }) => sum + ms, 0);
  if (whole === 0) return "-";
  return parts
    .filter(({ ms }) => ms / whole >= 0.05)
    .sort((one, other) => other.ms - one.ms)
    .map(({ what, ms }) => `${what} ${percent(ms / whole)}`)
    .join(", ");
}
