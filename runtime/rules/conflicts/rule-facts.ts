import type { Comparison, CompleteRule, Condition } from "../../../models/rules.ts";
import { alternativesOf, isRate, variableOf } from "./constraints.ts";
import { type Effect, effectsOf } from "./effects.ts";
import { factorsOf, type Turn, turnedBy, turnsOf } from "./links.ts";

/** What is worked out once of each rule, since it is compared with many. */
export interface RuleFacts {
  rule: CompleteRule;
  effects: Effect[];
  /** As `brain.load`. */
  reads: Set<string>;
  /** Between what each variable has to lie for the rule to hold, if it held before: necessary, not sufficient. */
  box: Map<string, [low: number, high: number]>;
  /** Which metrics its actions turn for good, and which turns of metrics can make it hold. */
  turns: Set<Turn>;
  turnedBy: Set<Turn>;
  /** What one firing makes of each metric that it moves. */
  factors: Map<string, [least: number, most: number]>;
  hasClearValue: boolean;
  hasRate: boolean;
}

export function factsOf(rule: CompleteRule): RuleFacts {
  const comparisons = rule.conditions.flatMap(comparisonsOf);
  const effects = effectsOf(rule);
  return {
    rule,
    effects,
    reads: new Set(comparisons.flatMap(readBy)),
    box: boxOf(rule.conditions),
    turns: turnsOf(effects),
    turnedBy: turnedBy(rule),
    factors: factorsOf(effects),
    hasClearValue: comparisons.some(({ clearValue }) => clearValue !== undefined),
    hasRate: comparisons.some(({ operator }) => isRate(operator)),
  };
}

/** Whether both may hold at once, as far as boxes tell; most pairs of a large set end here. */
export function boxesMeet(one: RuleFacts, other: RuleFacts): boolean {
  for (const [variable, [low, high]] of one.box) {
    const range = other.box.get(variable);
    if (range && (range[0] > high || range[1] < low)) return false;
  }
  return true;
}

export function comparisonsOf(condition: Condition): Comparison[] {
  if ("not" in condition) return comparisonsOf(condition.not);
  if ("all" in condition) return condition.all.flatMap(comparisonsOf);
  return "any" in condition ? condition.any.flatMap(comparisonsOf) : [condition];
}

function readBy({ system, metric, value }: Comparison): string[] {
  const own = `${system}.${metric}`;
  return typeof value === "object" && !Array.isArray(value) ? [own, `${value.system}.${value.metric}`] : [own];
}

function boxOf(conditions: readonly Condition[]): RuleFacts["box"] {
  const box: RuleFacts["box"] = new Map();
  const none = new Map<string, number>();
  for (const condition of conditions) {
    if (!("operator" in condition)) continue;
    const ways = alternativesOf(condition, true, "holds", none);
    if (ways.length !== 1) continue;
    const variable = variableOf(condition);
    const range = box.get(variable) ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (const { terms, bound } of ways[0]!) {
      if (terms.length !== 1) continue;
      if (terms[0]![1] > 0) range[1] = Math.min(range[1], bound);
      else range[0] = Math.max(range[0], -bound);
    }
    box.set(variable, range);
  }
  return box;
}

/** What the rules read, as `brain.load`, each once. */
export function columnsReadBy(rules: readonly Pick<CompleteRule, "conditions">[]): string[] {
  const read = rules
    .flatMap(({ conditions }) => conditions.flatMap(comparisonsOf))
    .flatMap(({ system, metric, value }) => [
      `${system}.${metric}`,
      ...(typeof value === "object" && !Array.isArray(value) ? [`${value.system}.${value.metric}`] : []),
    ]);
  return [...new Set(read)];
}
