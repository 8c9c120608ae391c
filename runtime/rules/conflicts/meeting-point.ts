import type { Condition } from "../../../models/rules.ts";
import {
  alternativesOf,
  betweenVariables,
  domainOf,
  endOf,
  type Factors,
  type Reach,
  variableOf,
} from "./constraints.ts";
import { type Constraint, solve } from "./linear-system.ts";

/** What is to be true at one moment. */
export interface Goal {
  conditions: readonly Condition[];
  /** @default "enters" */
  reach?: Reach;
  /** `false`: they are not to hold all, even if they did before. @default true */
  wanted?: boolean;
  factors?: Factors;
}

interface Open {
  condition: Condition;
  wanted: boolean;
  reach: Reach | "ends";
  factors: Factors;
}

/** What a search may cost yet: comparisons in the systems that are solved, 1 to 2 µs each. */
export interface Effort {
  left: number;
}

/** Systems of constraints that are tried for one question; rules that people write take a handful. */
const MOST_TRIES = 2000;
const NO_FACTORS: Factors = new Map();

/**
 * Values of metrics at which all goals are met at once, as `brain.load` → 90; undefined where there are none, or where they
 * were not found within `MOST_TRIES` and the effort. A depth-first search through `any`, each branch cut as soon as its comparisons
 * contradict each other. What is not among the values may be unknown.
 */
export function meetingPoint(
  goals: readonly Goal[],
  effort: Effort = { left: Number.POSITIVE_INFINITY },
): Map<string, number> | undefined {
  const open = goals.map(({ conditions, reach = "enters", wanted = true, factors = NO_FACTORS }) => ({
    condition: { all: [...conditions] },
    wanted,
    reach: wanted ? reach : ("ends" as const),
    factors,
  }));
  return new Search(effort).from(open, []);
}

class Search {
  readonly #effort: Effort;
  #tries = 0;

  constructor(effort: Effort) {
    this.#effort = effort;
  }

  from(open: readonly Open[], constraints: readonly Constraint[]): Map<string, number> | undefined {
    const [goal, ...others] = open;
    if (!goal) return this.#solve(constraints);
    const { condition } = goal;
    if ("not" in condition)
      return this.from([{ ...goal, condition: condition.not, wanted: !goal.wanted }, ...others], constraints);
    if ("all" in condition || "any" in condition) {
      const inside = ("all" in condition ? condition.all : condition.any).map((one) => ({ ...goal, condition: one }));
      const needsEach = "all" in condition === goal.wanted;
      if (needsEach) return this.from([...inside, ...others], constraints);
      return this.#first(constraints, inside, (one) => this.from([one, ...others], constraints));
    }
    const compared = goal.reach === "ends" && !goal.wanted ? endOf(condition) : condition;
    const reach = goal.reach === "ends" ? "enters" : goal.reach;
    const domains = variablesOf(condition).flatMap(domainOf);
    const alternatives = alternativesOf(compared, goal.wanted, reach, goal.factors);
    return this.#first(constraints, alternatives, (alternative) =>
      this.from(others, [...constraints, ...alternative, ...domains]),
    );
  }

  /** What contradicts itself already is followed no further where ways part; where there is one way only, that shows at its end. */
  #first<T>(
    constraints: readonly Constraint[],
    ways: readonly T[],
    follow: (way: T) => Map<string, number> | undefined,
  ): Map<string, number> | undefined {
    if (ways.length > 1 && !this.#solve(constraints)) return undefined;
    for (const way of ways) {
      const found = follow(way);
      if (found || this.#isOver) return found;
    }
    return undefined;
  }

  get #isOver(): boolean {
    return this.#tries >= MOST_TRIES || this.#effort.left <= 0;
  }

  #solve(constraints: readonly Constraint[]): Map<string, number> | undefined {
    if (this.#isOver) return undefined;
    this.#tries += 1;
    this.#effort.left -= constraints.length;
    return solve([...constraints, ...betweenVariables(constraints)]);
  }
}

function variablesOf(condition: Parameters<typeof variableOf>[0]): string[] {
  const { value } = condition;
  const other = typeof value === "object" && !Array.isArray(value) ? [`${value.system}.${value.metric}`] : [];
  return [variableOf(condition), ...other];
}
