import { METRICS, ORGANISM, ORGANISM_METRICS } from "../../../models/metrics.ts";
import type { Comparison, MetricOperand, Operator } from "../../../models/rules.ts";
import { DEFAULT_STRETCH } from "../limits.ts";
import type { Constraint } from "./linear-system.ts";

/**
 * Where a rule holds. `enters`: when it was not active before. `holds`: at most, when it was, so that a clear value counts
 * in place of the value.
 */
export type Reach = "enters" | "holds";

/** What each metric is multiplied by before it is compared: what an action has made of it meanwhile. */
export type Factors = ReadonlyMap<string, number>;

/** Variable of a comparison: `brain.load`, or `brain.load/60000` for its rate over a minute. */
export function variableOf({ system, metric, operator, over = DEFAULT_STRETCH }: Comparison): string {
  return isRate(operator) ? `${system}.${metric}/${over}` : `${system}.${metric}`;
}

export function isRate(operator: Operator): boolean {
  return operator === "increasingFasterThan" || operator === "decreasingFasterThan";
}

/**
 * A comparison as constraints: one of the lists has to hold.
 * @param wanted what is to come of it; a comparison that is to be false has to be known to be so
 */
export function alternativesOf(
  comparison: Comparison,
  wanted: boolean,
  reach: Reach,
  factors: Factors,
): Constraint[][] {
  const side = new Side(comparison, factors);
  // Under a `not` the widest reach is that of a comparison that was never true.
  const bound = reach === "holds" && wanted ? (comparison.clearValue ?? comparison.value) : comparison.value;
  const { above, below } = side;
  switch (comparison.operator) {
    case "greaterThan":
    case "increasingFasterThan":
      return [wanted ? [above(bound, true)] : [below(bound, false)]];
    case "greaterOrEqual":
      return [wanted ? [above(bound, false)] : [below(bound, true)]];
    case "lessThan":
      return [wanted ? [below(bound, true)] : [above(bound, false)]];
    case "lessOrEqual":
      return [wanted ? [below(bound, false)] : [above(bound, true)]];
    case "decreasingFasterThan": {
      const down = -(bound as number);
      return [wanted ? [below(down, true)] : [above(down, false)]];
    }
    case "equals":
    case "notEquals":
      return (comparison.operator === "equals") === wanted
        ? [[above(bound, false), below(bound, false)]]
        : [[above(bound, true)], [below(bound, true)]];
    case "between":
    case "outside": {
      const [low, high] = bound as [number, number];
      return (comparison.operator === "between") === wanted
        ? [[above(low, false), below(high, false)]]
        : [[below(low, true)], [above(high, true)]];
    }
  }
}

/** The comparison that holds surely no more: for one that was true, its clear value is passed. */
export function endOf(comparison: Comparison): Comparison {
  return comparison.clearValue === undefined ? comparison : { ...comparison, value: comparison.clearValue };
}

class Side {
  readonly #variable: string;
  readonly #factors: Factors;

  constructor(comparison: Comparison, factors: Factors) {
    this.#variable = variableOf(comparison);
    this.#factors = factors;
  }

  readonly above = (bound: Comparison["value"], strict: boolean): Constraint => this.#compare(-1, bound, strict);
  readonly below = (bound: Comparison["value"], strict: boolean): Constraint => this.#compare(1, bound, strict);

  #compare(sign: 1 | -1, bound: Comparison["value"], strict: boolean): Constraint {
    const own = [this.#variable, sign * this.#factor(this.#variable)] as const;
    if (typeof bound === "number") return { terms: [own], bound: sign * bound + 0, strict };
    const { system, metric, times = 1 } = bound as MetricOperand;
    const other = `${system}.${metric}`;
    return { terms: [own, [other, -sign * times * this.#factor(other)]], bound: 0, strict };
  }

  #factor(variable: string): number {
    return this.#factors.get(variable) ?? 1;
  }
}

/** Between which values a variable can lie; own metrics have no bounds. */
export function domainOf(variable: string): Constraint[] {
  const [name, over] = variable.split("/") as [string, string?];
  const dot = name.indexOf(".");
  const table: Record<string, { min: number; max: number }> =
    name.slice(0, dot) === ORGANISM ? ORGANISM_METRICS : METRICS;
  const metric = name.slice(dot + 1);
  if (!Object.hasOwn(table, metric)) return [];
  const { min, max } = table[metric]!;
  // A rate is known from half of its stretch on.
  const fastest = over === undefined ? undefined : ((max - min) / (Number(over) / 2)) * 1000;
  const [low, high] = fastest === undefined ? [min, max] : [-fastest, fastest];
  return [
    { terms: [[variable, -1]], bound: -low + 0, strict: false },
    { terms: [[variable, 1]], bound: high, strict: false },
  ];
}

/** Metrics of one system of which the first is never above the second. */
const NEVER_ABOVE = [
  ["cpu", "load"],
  ["latencyP50", "latencyP95"],
] as const;

/** What holds between variables because of what they are. */
export function betweenVariables(constraints: readonly Constraint[]): Constraint[] {
  const variables = new Set<string>();
  for (const { terms } of constraints) for (const [variable] of terms) variables.add(variable);
  const found: Constraint[] = [];
  for (const variable of variables)
    for (const [lower, upper] of NEVER_ABOVE) {
      if (!variable.endsWith(`.${lower}`)) continue;
      const other = `${variable.slice(0, -lower.length)}${upper}`;
      if (!variables.has(other)) continue;
      const terms = [
        [variable, 1],
        [other, -1],
      ] as const;
      found.push({ terms, bound: 0, strict: false });
    }
  return found;
}
