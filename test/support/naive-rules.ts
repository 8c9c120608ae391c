import type { Comparison, CompleteRule, Condition } from "../../models/rules.ts";

/** The rule language read literally, from everything that ever was: slow, and written apart from what it checks. */

type Truth = boolean | undefined;
/** Values by key of the column, as `brain.load`; those that are not there are unknown. */
export interface Row {
  at: number;
  values: Record<string, number>;
}

export function naiveFirings(rules: readonly CompleteRule[], rows: readonly Row[]) {
  const readers = rules.map((rule) => ({ rule, life: new NaiveLife(rule), memory: new Map<string, boolean>() }));
  return rows.map(({ at }, i) => {
    const seen = rows.slice(0, i + 1);
    const fired: string[] = [];
    const ended: string[] = [];
    const truths: Record<string, Truth> = {};
    for (const { rule, life, memory } of [...readers].sort((a, b) => b.rule.priority - a.rule.priority)) {
      const truth = every(rule.conditions.map((one, n) => naiveTruth(one, seen, memory, `${n}`)));
      truths[rule.id] = truth;
      const { fires, ends } = life.live(at, truth);
      if (fires) fired.push(rule.id);
      if (ends) ended.push(rule.id);
    }
    const active = readers.filter(({ life }) => life.active).map(({ rule }) => rule.id);
    return { fired, ended: ended.sort(), active: active.sort(), truths };
  });
}

function every(truths: Truth[]): Truth {
  if (truths.some((truth) => truth === false)) return false;
  return truths.some((truth) => truth === undefined) ? undefined : true;
}

function not(truth: Truth): Truth {
  return truth === undefined ? undefined : !truth;
}

export function naiveTruth(
  condition: Condition,
  rows: readonly Row[],
  memory: Map<string, boolean>,
  path: string,
): Truth {
  const inside = (list: Condition[], name: string) =>
    list.map((one, i) => naiveTruth(one, rows, memory, `${path}/${name}/${i}`));
  if ("not" in condition) return not(naiveTruth(condition.not, rows, memory, `${path}/not`));
  if ("all" in condition) return every(inside(condition.all, "all"));
  if ("any" in condition) return not(every(inside(condition.any, "any").map(not)));
  const held = memory.get(path) ?? false;
  const asked = held && condition.clearValue !== undefined ? { ...condition, value: condition.clearValue } : condition;
  const truth = compare(asked, rows);
  if (truth !== undefined) memory.set(path, truth);
  return truth;
}

function compare({ system, metric, operator, value, over = 60_000 }: Comparison, rows: readonly Row[]): Truth {
  const last = rows.at(-1)!;
  const x = last.values[`${system}.${metric}`];
  if (x === undefined) return undefined;
  if (operator === "increasingFasterThan" || operator === "decreasingFasterThan") {
    const earlier = rows
      .slice(0, -1)
      .filter(({ at, values }) => last.at - at <= over && values[`${system}.${metric}`] !== undefined)[0];
    if (!earlier || last.at - earlier.at < over / 2) return undefined;
    const rise = ((x - earlier.values[`${system}.${metric}`]!) / (last.at - earlier.at)) * 1000;
    return operator === "increasingFasterThan" ? rise > (value as number) : -rise > (value as number);
  }
  if (Array.isArray(value)) return (x >= value[0] && x <= value[1]) === (operator === "between");
  let other: number | undefined = typeof value === "number" ? value : last.values[`${value.system}.${value.metric}`];
  if (other === undefined) return undefined;
  if (typeof value !== "number") other *= value.times ?? 1;
  switch (operator) {
    case "greaterThan":
      return x > other;
    case "lessThan":
      return x < other;
    case "greaterOrEqual":
      return x >= other;
    case "lessOrEqual":
      return x <= other;
    case "equals":
      return x === other;
    default:
      return x !== other;
  }
}

/** Looks back over the whole log of truths each time, and keeps nothing but that and what it did. */
class NaiveLife {
  readonly #rule: CompleteRule;
  readonly #log: { at: number; truth: Truth }[] = [];
  #firedAt: number | undefined;
  #activeAt: number | undefined;

  constructor(rule: CompleteRule) {
    this.#rule = rule;
  }

  get active(): boolean {
    return this.#activeAt !== undefined;
  }

  live(at: number, truth: Truth): { fires: boolean; ends: boolean } {
    const rule = this.#rule;
    this.#log.push({ at, truth });
    let ends = false;
    if (!this.active && truth === true && this.#lasted(true) >= rule.for) this.#activeAt = at;
    else if (this.active && truth === false) {
      ends = this.#lasted(false) >= rule.keepFor && at - this.#activeAt! >= rule.minActive;
      if (ends) this.#activeAt = undefined;
    }
    const cool = this.#firedAt === undefined || at - this.#firedAt >= rule.cooldown;
    const fires = this.active && truth === true && cool;
    if (fires) this.#firedAt = at;
    return { fires, ends };
  }

  /** Time for which the truth was this since it was last the other one; time in which it was not known does not count. */
  #lasted(truth: boolean): number {
    const other = this.#log.findLastIndex((entry) => entry.truth === !truth);
    const run = this.#log.slice(other + 1);
    return run.reduce(
      (sum, entry, i) => sum + (entry.truth === truth ? (run[i + 1]?.at ?? entry.at) - entry.at : 0),
      0,
    );
  }
}
