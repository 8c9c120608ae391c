import { METRICS, type Metric } from "../../../models/metrics.ts";
import type { SystemState } from "../../../models/organism-state.ts";
import { plain } from "../../plain.ts";
import { type Column, table } from "../../table.ts";
import { rate, time } from "../optimizer/figures.ts";
import { look, type OrganismView, percent, SHOWN_COSTS, SMALL_COST } from "./picture.ts";

/** The organism for whoever reads it through a pipe: no bars, one fact a line. */
export function plainLines({ state, explanation, rules, alerts }: OrganismView): string {
  const { score, confidence, health, balance, flow, costs, unknown } = explanation;
  return [
    `harmony ${confidence > 0 ? figure(score) : "-"} of 100, ${look(explanation).words}, confidence ${Math.floor(confidence * 100)} %`,
    `health ${figure(health)}, balance ${figure(balance)}, flow ${figure(flow)}`,
    systemTable(state.systems),
    ...costs
      .filter(({ cost }) => cost >= SMALL_COST)
      .slice(0, SHOWN_COSTS)
      .map(({ cost, system, metric, why }) => `costs ${cost.toFixed(2)} ${system}.${metric}: ${plain(why)}`),
    ...(unknown.length > 0 ? [`not known: ${unknown.join(", ")}`] : []),
    ...rules.map(({ id, mode }) => `active ${id}${mode === "shadow" ? " (shadow)" : ""}`),
    ...alerts.map(({ id, alert, subject, severity, summary }) =>
      plain(`alert ${severity} ${alert} ${subject} ${id}: ${summary}`),
    ),
  ].join("\n");
}

const COLUMNS: { title: string; value(system: SystemState): string }[] = [
  { title: "HEALTH", value: ({ health, confidence }) => (confidence > 0 ? figure(health) : "-") },
  { title: "LOAD", value: ({ metrics }) => percent(metrics.load.value) },
  { title: "CPU", value: ({ metrics }) => percent(metrics.cpu.value) },
  { title: "MEMORY", value: ({ metrics }) => percent(metrics.memoryUsage.value) },
  { title: "LOOP", value: ({ metrics }) => shown("eventLoopDelay", metrics.eventLoopDelay.value) },
  { title: "CALLS/S", value: ({ metrics }) => shown("requestRate", metrics.requestRate.value) },
  { title: "ERRORS", value: ({ metrics }) => percent(metrics.errorRate.value) },
  { title: "P95", value: ({ metrics }) => shown("latencyP95", metrics.latencyP95.value) },
  { title: "QUEUE", value: ({ metrics }) => shown("queueDepth", metrics.queueDepth.value) },
];

function systemTable(systems: readonly SystemState[]): string {
  const columns: Column[] = [{ title: "SYSTEM" }, ...COLUMNS.map(({ title }) => ({ title, align: "right" as const }))];
  return table(
    columns,
    systems.map((one) => [one.system, ...COLUMNS.map(({ value }) => value(one))]),
  );
}

/** A value of a metric with its unit; a dash where it is not known. */
export function shown(metric: Metric, value: number | null): string {
  if (value === null) return "-";
  const { unit } = METRICS[metric];
  if (unit === "ms") return time(value);
  if (unit === "%") return percent(value);
  return unit === "calls/s" ? rate(value) : String(Math.round(value * 10) / 10);
}

/** 97, 91.5: one decimal where it says more. */
function figure(value: number): string {
  return String(Math.round(value * 10) / 10);
}
