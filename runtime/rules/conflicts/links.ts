import { METRICS, type Metric } from "../../../models/metrics.ts";
import type { Comparison, CompleteRule, Condition, MetricOperand } from "../../../models/rules.ts";
import { isRate } from "./constraints.ts";
import { ALL, type Effect, SHARE } from "./effects.ts";
import type { RuleFacts } from "./rule-facts.ts";

/** A metric, and which way it goes: `brain.load up`. */
export type Turn = `${string} ${"up" | "down"}`;

export function opposite(turn: Turn): Turn {
  const [metric, way] = turn.split(" ") as [string, "up" | "down"];
  return `${metric} ${way === "up" ? "down" : "up"}`;
}

/** What a rule's actions turn, and leave so when it ends; what it holds comes back with its end, by nobody knows how much. */
export function turnsOf(effects: readonly Effect[]): Set<Turn> {
  const turns = new Set<Turn>();
  for (const { held, metrics, direction } of effects)
    for (const metric of held ? [] : metrics) {
      if (direction >= 0) turns.add(`${metric} down`);
      if (direction <= 0) turns.add(`${metric} up`);
    }
  return turns;
}

/** What can make conditions hold that did not. */
export function turnedBy({ conditions }: Pick<CompleteRule, "conditions">): Set<Turn> {
  return new Set(conditions.flatMap((condition) => turning(condition, true)));
}

function turning(condition: Condition, wanted: boolean): Turn[] {
  if ("not" in condition) return turning(condition.not, !wanted);
  if ("all" in condition) return condition.all.flatMap((one) => turning(one, wanted));
  if ("any" in condition) return condition.any.flatMap((one) => turning(one, wanted));
  return compared(condition, wanted);
}

const UPWARDS = ["greaterThan", "greaterOrEqual"];
const DOWNWARDS = ["lessThan", "lessOrEqual"];

function compared({ system, metric, operator, value }: Comparison, wanted: boolean): Turn[] {
  if (isRate(operator)) return [];
  const isUp = !DOWNWARDS.includes(operator);
  const isDown = !UPWARDS.includes(operator);
  const of = (key: string, up: boolean, down: boolean): Turn[] => [
    ...(up ? [`${key} up` as const] : []),
    ...(down ? [`${key} down` as const] : []),
  ];
  const [up, down] = wanted ? [isUp, isDown] : [isDown, isUp];
  const own = of(`${system}.${metric}`, up, down);
  if (typeof value === "number" || Array.isArray(value)) return own;
  const { times = 1, ...other } = value as MetricOperand;
  return [...own, ...of(`${other.system}.${other.metric}`, times > 0 ? down : up, times > 0 ? up : down)];
}

/**
 * Whether a firing of `one` can make `other` hold, as far as boxes tell: where one held and acted, each metric has to come into
 * the range of the other. Necessary, not sufficient.
 */
export function reaches(one: RuleFacts, other: RuleFacts): boolean {
  for (const [variable, [low, high]] of other.box) {
    const from = one.box.get(variable);
    if (!from) continue;
    const factors = one.factors.get(variable);
    const [least, most] = factors ? [Math.max(0, from[0]) * factors[0], from[1] * factors[1]] : from;
    // A metric that is full may stand for any amount of work.
    const isFull = factors !== undefined && from[1] >= fullOf(variable);
    if ((!isFull && most < low - ROUNDING) || least > high + ROUNDING) return false;
  }
  return true;
}

const ROUNDING = 1e-6;

function fullOf(variable: string): number {
  const metric = variable.slice(variable.indexOf(".") + 1);
  return Object.hasOwn(METRICS, metric) ? METRICS[metric as Metric].max : Number.POSITIVE_INFINITY;
}

/** What one firing makes of each metric that it moves, at least and at most, whatever was done before. */
export function factorsOf(effects: readonly Effect[]): Map<string, [least: number, most: number]> {
  const factors = new Map<string, [number, number]>();
  for (const effect of effects) {
    if (effect.held || effect.metrics.length === 0) continue;
    const ratios = amountsOf(effect).map((amount) => amount / effect.next(amount));
    const [least, most] = [Math.min(1, ...ratios), Math.max(1, ...ratios)];
    for (const metric of effect.metrics) {
      const before = factors.get(metric) ?? [1, 1];
      factors.set(metric, [before[0] * least, before[1] * most]);
    }
  }
  return factors;
}

/** Amounts of a lever among which those are from which a step is greatest. */
function amountsOf({ lever, next }: Effect): number[] {
  if (lever === "instances") return NODES;
  // A step of processor time is greatest where it begins or ends with the least there can be.
  return lever === "cpu-share" ? [SHARE.min, SHARE.min + Math.max(0, ALL - next(ALL))] : [ALL];
}

const NODES = Array.from({ length: 64 }, (_, i) => i + 1);
