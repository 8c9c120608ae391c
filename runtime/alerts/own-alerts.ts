import { METRICS, ORGANISM, ORGANISM_METRICS, type RuleSystem, SYSTEMS } from "../../models/metrics.ts";
import { checkMetricKey } from "../rules/check-metric.ts";
import type { Faults } from "../rules/faults.ts";
import type { AlertDefinition } from "./definition.ts";

/** Own metrics beyond it are not taken. */
const MOST_VALUE = 1e15;
/** So long an own alert must be seen to have ended where it says nothing else, ms. */
const KEEP_MS = 30_000;

/**
 * An own alert but for its id and levels.
 * @param metric as `heart.user-management.signups`, `brain.load` or `organism.harmony`
 */
export function ownDefinition(metric: string, bad: AlertDefinition["bad"], summary: string): AlertDefinition {
  const { system, name } = partsOf(metric);
  const unit = standardOf(metric)?.unit;
  return {
    id: "",
    metric,
    measures: unit ? `${metric}, ${unit}` : metric,
    range: rangeOf(metric),
    bad,
    levels: [],
    keepFor: KEEP_MS,
    duringLaunch: false,
    query: `azora_organism_metric{system="${system}",metric="${name}"}`,
    summary,
    advice: "azora organism",
  };
}

/** What a metric can be; of an own one, and of none, what nobody publishes more of. */
export function rangeOf(metric: string | undefined): AlertDefinition["range"] {
  const { min, max } = (metric !== undefined && standardOf(metric)) || { min: -MOST_VALUE, max: MOST_VALUE };
  return { min, max };
}

/** `heart.user-management.signups` → `{ system: "heart", name: "user-management.signups" }` */
export function partsOf(metric: string): { system: RuleSystem; name: string } {
  const dot = metric.indexOf(".");
  return { system: metric.slice(0, dot) as RuleSystem, name: metric.slice(dot + 1) };
}

/** A metric with its system; undefined after a fault. */
export function checkMetric(faults: Faults, input: unknown, own: readonly string[]): string | undefined {
  const before = faults.list.length;
  const whole = typeof input === "string" ? own.find((key) => key.endsWith(`.${input}`)) : undefined;
  const isWhole = typeof input === "string" && [...SYSTEMS, ORGANISM].some((system) => input.startsWith(`${system}.`));
  if (whole !== undefined && !isWhole)
    return faults.wrong("metric", input, `a metric with its system; did you mean ${whole}?`);
  checkMetricKey(faults, "metric", input, { own, targets: [] });
  return faults.list.length === before ? (input as string) : undefined;
}

function standardOf(metric: string): { unit: string; min: number; max: number } | undefined {
  const { system, name } = partsOf(metric);
  const standard: Record<string, { unit: string; min: number; max: number }> =
    system === ORGANISM ? ORGANISM_METRICS : METRICS;
  return Object.hasOwn(standard, name) ? standard[name] : undefined;
}

/** `{{` first, so that of `{{value}}` only the outer braces are seen. */
const MARKS = /\{\{|\{value\}/g;

/** What an own alert says of a value: `{value}` is where it stands. */
export function summaryOf(summary: string, value: string): string {
  return summary.replaceAll(MARKS, (mark) => (mark === "{{" ? mark : value));
}

/** The same in Prometheus' template language, in which two braces mean something. */
export function templateOf(summary: string): string {
  return summary.replaceAll(MARKS, (mark) => (mark === "{{" ? '{{ "{{" }}' : "{{ $value }}"));
}

/** A text in Prometheus' template language that stands for nothing but itself. */
export function literalOf(text: string): string {
  return text.replaceAll("{{", '{{ "{{" }}');
}
