import type { Comparison, Condition } from "../../models/rules.ts";
import { rangeOf } from "./check-metric.ts";
import { isRate, variableOf } from "./conflicts/constraints.ts";
import { after, before, clearIntervalOf, intervalOf } from "./interval.ts";
import { DEFAULT_STRETCH } from "./limits.ts";

/** A comparison where it stands; `wanted` is false inside of an odd number of `not`s: there it must not hold. */
export interface PlacedComparison {
  path: string;
  comparison: Comparison;
  wanted: boolean;
}

/** Numbers from the first to the second, both included. */
export type Span = readonly [low: number, high: number];

/** Steps of the search for values, and of those that find out which comparisons are to blame. Rules that people write take a handful. */
const MOST_STEPS = 1000;
const MOST_BLAMING_STEPS = 2000;
const ANYTHING: Span = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
/** Rates are quotients, which are rounded. */
const ROUNDING = 1 + 1e-9;

export function placedComparisons(conditions: readonly Condition[]): PlacedComparison[] {
  const visit = (condition: Condition, path: string, wanted: boolean): PlacedComparison[] => {
    if ("not" in condition) return visit(condition.not, `${path}.not`, !wanted);
    if ("all" in condition) return condition.all.flatMap((one, i) => visit(one, `${path}.all[${i}]`, wanted));
    if ("any" in condition) return condition.any.flatMap((one, i) => visit(one, `${path}.any[${i}]`, wanted));
    return [{ path, comparison: condition, wanted }];
  };
  return conditions.flatMap((one, i) => visit(one, `conditions[${i}]`, true));
}

/** Whether a comparison alone can come to be what its rule needs of it, whatever its metric is. */
export function canBe({ comparison, wanted }: PlacedComparison): boolean {
  const spans = spansOf(comparison, wanted, false);
  return spans === undefined || spans.some((span) => overlap(span, domainOf(comparison)) !== undefined);
}

/**
 * Comparisons that rule each other out, as few as say it: whatever the values are, the conditions never hold all. Empty where
 * they may, and where that was not found out. What is asked of one metric is weighed exactly; a comparison with another metric is
 * taken for one that may hold.
 */
export function contradiction(conditions: readonly Condition[]): PlacedComparison[] {
  if (new Search(MOST_STEPS).mayHold(conditions)) return [];
  const blame = new Search(MOST_BLAMING_STEPS);
  return placedComparisons(conditions).filter(({ comparison }) => {
    blame.ignored.add(comparison);
    const isNeeded = blame.mayHold(conditions);
    if (isNeeded) blame.ignored.delete(comparison);
    return isNeeded;
  });
}

/** Between what the value lies, or its rate. Own metrics may be anything. */
export function domainOf({ system, metric, operator, over = DEFAULT_STRETCH }: Comparison): Span {
  const range = rangeOf(system, metric);
  if (!range) return ANYTHING;
  if (!isRate(operator)) return [range.min, range.max];
  // A rate is known from half of its stretch on.
  const fastest = ((range.max - range.min) / (over / 2)) * 1000 * ROUNDING;
  return [-fastest, fastest];
}

/** Where the comparison is as wanted, in one or two spans; undefined where that is not a matter of one metric. */
function spansOf(comparison: Comparison, wanted: boolean, heldBefore: boolean): Span[] | undefined {
  const { value } = comparison;
  if (typeof value === "object" && !Array.isArray(value)) return undefined;
  const { low, high, negated } = wanted && heldBefore ? clearIntervalOf(comparison) : intervalOf(comparison);
  if (wanted !== negated) return [[low, high]];
  const outside: Span[] = [];
  if (low > Number.NEGATIVE_INFINITY) outside.push([Number.NEGATIVE_INFINITY, before(low)]);
  if (high < Number.POSITIVE_INFINITY) outside.push([after(high), Number.POSITIVE_INFINITY]);
  return outside;
}

function overlap(one: Span, other: Span): Span | undefined {
  const low = Math.max(one[0], other[0]);
  const high = Math.min(one[1], other[1]);
  return low <= high ? [low, high] : undefined;
}

/** What is still to hold, one after the other. */
interface Open {
  condition: Condition;
  wanted: boolean;
  next: Open | undefined;
}
type Spans = ReadonlyMap<string, Span>;

/** Looks for a span of values of each metric in which conditions hold, depth first through `any`. */
class Search {
  readonly ignored = new Set<Comparison>();
  #stepsLeft: number;

  constructor(steps: number) {
    this.#stepsLeft = steps;
  }

  /** True also where there are no steps left to find out. */
  mayHold(conditions: readonly Condition[]): boolean {
    return this.#from(each(conditions, true, undefined), new Map());
  }

  #from(open: Open | undefined, spans: Spans): boolean {
    if (!open || this.#stepsLeft <= 0) return true;
    this.#stepsLeft -= 1;
    const { condition, wanted, next } = open;
    if ("not" in condition) return this.#from({ condition: condition.not, wanted: !wanted, next }, spans);
    if ("all" in condition || "any" in condition) {
      const parts = "all" in condition ? condition.all : condition.any;
      if ("all" in condition === wanted) return this.#from(each(parts, wanted, next), spans);
      return parts.some((one) => this.#from({ condition: one, wanted, next }, spans));
    }
    // What held before holds up to its clear value.
    const ways = this.ignored.has(condition) ? undefined : spansOf(condition, wanted, true);
    if (!ways) return this.#from(next, spans);
    const variable = variableOf(condition);
    const known = spans.get(variable) ?? domainOf(condition);
    return ways.some((way) => {
      const left = overlap(way, known);
      return left !== undefined && this.#from(next, new Map(spans).set(variable, left));
    });
  }
}

/** Comparisons first: they cut short what groups would try. */
function each(conditions: readonly Condition[], wanted: boolean, next: Open | undefined): Open | undefined {
  const groups = conditions.filter((one) => !("operator" in one));
  const comparisons = conditions.filter((one) => "operator" in one);
  return [...comparisons, ...groups].reduceRight<Open | undefined>(
    (rest, condition) => ({ condition, wanted, next: rest }),
    next,
  );
}
