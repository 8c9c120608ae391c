import type { Comparison, Condition } from "../../models/rules.ts";
import { rangeOf } from "./check-metric.ts";
import { askedText, measureText, timeText } from "./comparison-text.ts";
import { isRate } from "./conflicts/constraints.ts";
import { type Faults, shown } from "./faults.ts";
import { DEFAULT_STRETCH } from "./limits.ts";
import { canBe, contradiction, domainOf, type PlacedComparison, placedComparisons } from "./reach.ts";

/** Comparisons that one fault names. */
const MOST_NAMED = 3;

/** Conditions that no organism will ever meet. Only what is sure is a fault. */
export function checkReach(faults: Faults, conditions: readonly Condition[]): void {
  const never = placedComparisons(conditions).filter((one) => !canBe(one));
  for (const { path, comparison, wanted } of never) {
    const asked = `${wanted ? "it never comes about" : "it is always so"} that ${askedText(comparison)}`;
    faults.add(`${path}.value`, `${path}.value is ${shown(comparison.value)}, but ${asked}: ${domainText(comparison)}`);
  }
  if (never.length > 0) return;
  const against = contradiction(conditions);
  if (against.length > 0)
    faults.add("conditions", `conditions can never hold all: ${namesOf(against)} rule each other out`);
}

function domainText(comparison: Comparison): string {
  const { system, metric, operator, over = DEFAULT_STRETCH } = comparison;
  const [low, high] = domainOf(comparison);
  if (isRate(operator)) return `it changes by at most ${measureText(high, metric)} a second over ${timeText(over)}`;
  const unit = rangeOf(system, metric)?.unit ?? "";
  return `it lies from ${low} to ${high}${unit === "" ? "" : ` ${unit}`}`;
}

function namesOf(placed: readonly PlacedComparison[]): string {
  const names = placed.slice(0, MOST_NAMED).map(({ path, comparison, wanted }) => {
    return `${path} (${wanted ? "" : "not: "}${askedText(comparison)})`;
  });
  const more = placed.length - names.length;
  return more > 0 ? `${names.join(", ")} and ${more} more` : names.join(" and ");
}
