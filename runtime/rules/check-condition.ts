import type { RuleSystem } from "../../models/metrics.ts";
import { type Comparison, type Condition, type MetricOperand, OPERATORS, type Operator } from "../../models/rules.ts";
import { checkMetric, RULE_SYSTEMS, rangeOf } from "./check-metric.ts";
import type { KnownNames } from "./check-rules.ts";
import type { Faults } from "./faults.ts";
import { choiceField, type Fields, isFields, listField, numberField, onlyFields } from "./fields.ts";
import { DEEPEST_CONDITION, LONGEST_STRETCH, MOST_COMPARISONS, SHORTEST_STRETCH } from "./limits.ts";

const COMPARISON_FIELDS = ["system", "metric", "operator", "value", "clearValue", "over"];
const GROUPS = ["all", "any", "not"] as const;
/** Numbers that own metrics and rates may be compared with. */
const FARTHEST = 1e12;

interface Range {
  min: number;
  max: number;
  unit: string;
}

/** Comparisons of one rule so far: all its conditions share the bound. */
export interface Tally {
  comparisons: number;
}

/** One condition and those in it; undefined after a fault. */
export function checkCondition(
  faults: Faults,
  path: string,
  input: unknown,
  known: KnownNames,
  tally: Tally,
  depth = 1,
): Condition | undefined {
  if (!isFields(input)) return faults.wrong(path, input, "an object: a comparison, or all, any or not");
  const groups = GROUPS.filter((name) => Object.hasOwn(input, name));
  if (groups.length === 0) return checkComparison(faults, path, input, known, tally);
  const [group] = groups;
  if (groups.length > 1 || Object.keys(input).length > 1) {
    return faults.add(path, `${path} has ${Object.keys(input).join(", ")}, but ${group} must stand alone`);
  }
  if (depth >= DEEPEST_CONDITION) {
    return faults.add(`${path}.${group}`, `${path}.${group} is nested deeper than ${DEEPEST_CONDITION} levels`);
  }
  const inside = (value: unknown, at: string) => checkCondition(faults, at, value, known, tally, depth + 1);
  if (group === "not") {
    const not = inside(input["not"], `${path}.not`);
    return not && { not };
  }
  const list = listField(faults, `${path}.${group}`, input[group!], { most: MOST_COMPARISONS, of: "conditions" });
  const checked = list?.map((one, i) => inside(one, `${path}.${group}[${i}]`)).filter((one) => one !== undefined);
  if (checked?.length !== list?.length || !checked) return undefined;
  return group === "all" ? { all: checked } : { any: checked };
}

function checkComparison(
  faults: Faults,
  path: string,
  input: Fields,
  known: KnownNames,
  tally: Tally,
): Comparison | undefined {
  tally.comparisons += 1;
  if (tally.comparisons > MOST_COMPARISONS) {
    if (tally.comparisons > MOST_COMPARISONS + 1) return undefined;
    return faults.add(
      path,
      `${path} is comparison ${MOST_COMPARISONS + 1}, but a rule has at most ${MOST_COMPARISONS}`,
    );
  }
  const before = faults.list.length;
  onlyFields(faults, path, input, COMPARISON_FIELDS);
  const system = choiceField(faults, `${path}.system`, input["system"], RULE_SYSTEMS);
  const metric = checkMetric(faults, `${path}.metric`, input["metric"], system, known);
  const operator = choiceField(faults, `${path}.operator`, input["operator"], OPERATORS);
  if (!operator) return undefined;
  const range = isRate(operator) ? { min: 0, max: FARTHEST, unit: "a second" } : boundsOf(system, metric);
  const value = checkValue(faults, `${path}.value`, input["value"], operator, range, known);
  const clearValue = checkClearValue(faults, `${path}.clearValue`, input["clearValue"], operator, value, range);
  const over = checkOver(faults, `${path}.over`, input["over"], operator);
  if (faults.list.length > before || !system || !metric || value === undefined) return undefined;
  return {
    system,
    metric,
    operator,
    value,
    ...(clearValue === undefined ? {} : { clearValue }),
    ...(over === undefined ? {} : { over }),
  };
}

/** A bound outside of what the metric can be could never be passed. */
function boundsOf(system: RuleSystem | undefined, metric: string | undefined): Range {
  const range = metric === undefined ? undefined : rangeOf(system ?? "", metric);
  return range ?? { min: -FARTHEST, max: FARTHEST, unit: "" };
}

function checkValue(
  faults: Faults,
  path: string,
  input: unknown,
  operator: Operator,
  range: Range,
  known: KnownNames,
): Comparison["value"] | undefined {
  if (operator === "between" || operator === "outside") {
    if (!Array.isArray(input) || input.length !== 2) return faults.wrong(path, input, `[low, high] for ${operator}`);
    const low = numberField(faults, `${path}[0]`, input[0], range);
    const high = numberField(faults, `${path}[1]`, input[1], range);
    if (low === undefined || high === undefined) return undefined;
    return low <= high ? [low, high] : faults.wrong(path, input, "[low, high] with low not above high");
  }
  if (!isFields(input)) return numberField(faults, path, input, range);
  if (isRate(operator)) return faults.wrong(path, input, `a number for ${operator}`);
  return checkOperand(faults, path, input, known);
}

function checkOperand(faults: Faults, path: string, input: Fields, known: KnownNames): MetricOperand | undefined {
  const before = faults.list.length;
  onlyFields(faults, path, input, ["system", "metric", "times"]);
  const system = choiceField(faults, `${path}.system`, input["system"], RULE_SYSTEMS);
  const metric = checkMetric(faults, `${path}.metric`, input["metric"], system, known);
  const times =
    input["times"] === undefined
      ? undefined
      : numberField(faults, `${path}.times`, input["times"], { min: -1e6, max: 1e6 });
  if (faults.list.length > before || !system || !metric) return undefined;
  return { system, metric, ...(times === undefined ? {} : { times }) };
}

/** Once it holds it is compared with the clear value instead, which must therefore be easier to pass. */
function checkClearValue(
  faults: Faults,
  path: string,
  input: unknown,
  operator: Operator,
  value: Comparison["value"] | undefined,
  range: Range,
): number | undefined {
  if (input === undefined) return undefined;
  const upward = isUpward(operator);
  if (upward === undefined) {
    return faults.add(path, `${path} does not go with ${operator}; it goes with ${WITH_CLEAR_VALUE.join(", ")}`);
  }
  const clear = numberField(faults, path, input, range);
  if (clear === undefined || value === undefined) return clear;
  if (typeof value !== "number") return faults.wrong(path, input, "left out where the value is another metric");
  if (upward ? clear <= value : clear >= value) return clear;
  return faults.wrong(path, input, `${upward ? "at most" : "at least"} the value ${value}`);
}

function checkOver(faults: Faults, path: string, input: unknown, operator: Operator): number | undefined {
  if (input === undefined) return undefined;
  const range = { min: SHORTEST_STRETCH, max: LONGEST_STRETCH, unit: "ms" };
  if (isRate(operator)) return numberField(faults, path, input, range);
  return faults.add(path, `${path} goes only with increasingFasterThan and decreasingFasterThan`);
}

function isRate(operator: Operator): boolean {
  return operator === "increasingFasterThan" || operator === "decreasingFasterThan";
}

const UPWARD: readonly Operator[] = ["greaterThan", "greaterOrEqual", "increasingFasterThan", "decreasingFasterThan"];
const WITH_CLEAR_VALUE: readonly Operator[] = ["lessThan", "lessOrEqual", ...UPWARD];

/** undefined: the operator holds inside a stretch, and has no side to clear on. */
function isUpward(operator: Operator): boolean | undefined {
  return WITH_CLEAR_VALUE.includes(operator) ? UPWARD.includes(operator) : undefined;
}
