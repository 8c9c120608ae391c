import { METRICS, ORGANISM_METRICS } from "../../models/metrics.ts";
import type { RuleWhy, Truth } from "../../models/rule-results.ts";
import type { Comparison, MetricOperand, Operator } from "../../models/rules.ts";
import { intervalOf } from "./interval.ts";
import { DEFAULT_STRETCH } from "./limits.ts";

export type Read = RuleWhy["conditions"][number]["read"][number];

const WORDS: Record<Operator, string> = {
  greaterThan: "greater than",
  lessThan: "less than",
  greaterOrEqual: "at least",
  lessOrEqual: "at most",
  equals: "equal to",
  notEquals: "other than",
  between: "between",
  outside: "outside of",
  increasingFasterThan: "rising faster than",
  decreasingFasterThan: "falling faster than",
};
const UNITS: Record<string, { unit: string }> = { ...METRICS, ...ORGANISM_METRICS };

/** What a comparison asks, and what it found: both as one clause. */
export function comparisonText(
  comparison: Comparison,
  truth: Truth,
  read: readonly Read[],
  rate: () => number,
): { text: string; found: string } {
  return { text: askedText(comparison), found: foundText(comparison, truth, read, rate) };
}

/** What a comparison asks, as `brain.load is greater than 85 %`. */
export function askedText(comparison: Comparison): string {
  const over = isRate(comparison.operator) ? ` over ${timeText(comparison.over ?? DEFAULT_STRETCH)}` : "";
  return `${nameOf(comparison)} is ${askedBound(comparison)}${over}`;
}

const nameOf = ({ system, metric }: Comparison) => `${system}.${metric}`;
const askedBound = (comparison: Comparison) => `${WORDS[comparison.operator]} ${boundText(comparison)}`;

function foundText(comparison: Comparison, truth: Truth, read: readonly Read[], rate: () => number): string {
  const [name, bound] = [nameOf(comparison), askedBound(comparison)];
  const missing = read.filter(({ value }) => value === null);
  if (missing.length > 0) return missing.map(unknownText).join(" and ");
  const fast = isRate(comparison.operator) ? rate() : undefined;
  if (fast !== undefined && Number.isNaN(fast)) {
    const over = timeText(comparison.over ?? DEFAULT_STRETCH);
    return `how fast ${name} changes over ${over} is not known yet`;
  }
  const value = read[0]!.value!;
  const is =
    fast === undefined
      ? `${name} is ${measureText(value, comparison.metric)}`
      : `${name} ${changeText(fast, comparison)} over ${timeText(comparison.over ?? DEFAULT_STRETCH)}`;
  const other = read[1] ? ` (${measureText(read[1].value!, read[1].metric)})` : "";
  if (truth === "false") return `${is}, not ${bound}${other}`;
  const passed = read[1] !== undefined || truth === "unknown" || isInside(comparison, fast ?? value);
  if (passed) return `${is}, ${fast === undefined ? bound : bound.replace(/^(ris|fall)ing /, "")}${other}`;
  const clear = measureText(comparison.clearValue!, comparison.metric);
  return `${is} and was ${bound}; it has yet to pass ${clear}${fast === undefined ? "" : " a second"}`;
}

function isInside(comparison: Comparison, value: number): boolean {
  const { low, high, negated } = intervalOf(comparison);
  return (value >= low && value <= high) !== negated;
}

function unknownText({ system, metric, age }: Read): string {
  const last = age === null ? "never measured" : `last measured ${timeText(age)} ago`;
  return `${system}.${metric} is unknown (${last})`;
}

function boundText(comparison: Comparison): string {
  const { value, metric, operator } = comparison;
  if (Array.isArray(value)) {
    return `${numberText(value[0])} and ${measureText(value[1], metric)}`;
  }
  if (typeof value === "object") return operandText(value);
  return `${measureText(value, metric)}${isRate(operator) ? " a second" : ""}`;
}

function operandText({ system, metric, times = 1 }: MetricOperand): string {
  return `${times === 1 ? "" : `${numberText(times)} times `}${system}.${metric}`;
}

function changeText(rate: number, { metric }: Comparison): string {
  if (rate === 0) return "does not change";
  return `${rate > 0 ? "rises" : "falls"} by ${measureText(Math.abs(rate), metric)} a second`;
}

function isRate(operator: Operator): boolean {
  return operator === "increasingFasterThan" || operator === "decreasingFasterThan";
}

/** With the metric's unit. */
export function measureText(value: number, metric: string): string {
  const unit = Object.hasOwn(UNITS, metric) ? UNITS[metric]!.unit : "";
  return unit === "" ? numberText(value) : `${numberText(value)} ${unit}`;
}

/** At most four digits that count. */
function numberText(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
}

/** `250 ms`, `12 s`, `3 min 20 s`, `2 h` */
export function timeText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${Number((ms / 1000).toFixed(1))} s`;
  const seconds = Math.round(ms / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  if (hours > 0) return minutes > 0 ? `${hours} h ${minutes} min` : `${hours} h`;
  const rest = seconds % 60;
  if (minutes === 0) return `${rest} s`;
  return rest > 0 ? `${minutes} min ${rest} s` : `${minutes} min`;
}
