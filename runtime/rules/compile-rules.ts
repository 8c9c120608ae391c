import type { Comparison, CompleteRule, Condition } from "../../models/rules.ts";
import type { Columns } from "./columns.ts";
import { clearIntervalOf, intervalOf, thresholdOf } from "./interval.ts";
import { DEFAULT_STRETCH } from "./limits.ts";
import { RateWindows } from "./rate-windows.ts";
import { WEIGHT_FALSE, WEIGHT_TRUE } from "./truth.ts";

/**
 * Rules as typed tables. Comparisons of one column lie side by side: first those with one threshold, in the order of their
 * thresholds, so that a value that moves passes just those that turn; then the others.
 */
export interface Program {
  /** Columns of the table; behind them come distances, then rates, then one that is never known. */
  base: number;
  width: number;
  /** `left - times * right`, compared with 0 where a metric is compared with another one. */
  distances: { left: number; right: number; times: number }[];
  /** Those that read a column. */
  distancesOf: Map<number, number[]>;
  rates: RateWindows;
  /** Column of the first distance, and of the first rate. */
  firstDistance: number;
  firstRate: number;
  /** By column: where its comparisons begin. One more than there are columns. */
  start: Int32Array;
  /** By column: where those begin that have no single threshold. */
  others: Int32Array;
  /** By comparison; only those before `others` have one. */
  threshold: Float64Array;
  /** By comparison: where it holds, and where it goes on holding. */
  low: Float64Array;
  high: Float64Array;
  clearLow: Float64Array;
  clearHigh: Float64Array;
  /** What it weighs inside of its bounds, or from its threshold on; on the other side it is the opposite. */
  inside: Int32Array;
  /** Whether the clear bounds are other ones. */
  clears: Uint8Array;
  gateOf: Int32Array;
  columnOf: Int32Array;
  /** By gate: the one it is part of, -1 for that of a whole rule, whose number is that of the rule. */
  parent: Int32Array;
  /** Whether its opposite counts in the one around it. */
  opposite: Uint8Array;
  parts: Int32Array;
  /** By rule: its first comparison as written; one more than there are rules. */
  firstWritten: Int32Array;
  /** By comparison as written: its place in the tables, and whether the `not`s around it turn it. */
  place: Int32Array;
  turnedRound: Uint8Array;
}

interface Leaf extends Comparison {
  column: number;
  gate: number;
  negated: boolean;
}

export function compileRules(rules: readonly CompleteRule[], columns: Columns): Program {
  const draft = new Draft(rules.length);
  const firstWritten = new Int32Array(rules.length + 1);
  for (const [number, { conditions }] of rules.entries()) {
    draft.all(conditions, number, false);
    firstWritten[number + 1] = draft.leaves.length;
  }
  return { ...draft.tables(columns), firstWritten };
}

class Draft {
  readonly leaves: Omit<Leaf, "column">[] = [];
  readonly #parent: number[];
  readonly #opposite: number[];
  readonly #parts: number[];

  constructor(rules: number) {
    this.#parent = new Array(rules).fill(-1);
    this.#opposite = new Array(rules).fill(0);
    this.#parts = new Array(rules).fill(0);
  }

  /** Every gate wants all of its parts: `any(a, b)` is `not all(not a, not b)`, in three values too. */
  all(conditions: readonly Condition[], gate: number, negated: boolean): void {
    this.#parts[gate] = conditions.length;
    for (const condition of conditions) this.#part(condition, gate, negated);
  }

  #part(condition: Condition, gate: number, negated: boolean): void {
    if ("not" in condition) this.#part(condition.not, gate, !negated);
    else if ("all" in condition) this.all(condition.all, this.#gate(gate, negated), false);
    else if ("any" in condition) this.all(condition.any, this.#gate(gate, !negated), true);
    else this.leaves.push({ ...condition, gate, negated });
  }

  #gate(parent: number, opposite: boolean): number {
    this.#opposite.push(opposite ? 1 : 0);
    this.#parts.push(0);
    return this.#parent.push(parent) - 1;
  }

  tables(columns: Columns): Omit<Program, "firstWritten"> {
    const located = new Located(columns, this.leaves);
    const { width, columnOf } = located;
    const count = this.leaves.length;
    const shapes = this.leaves.map((leaf) => {
      const interval = intervalOf(leaf);
      return { interval, threshold: leaf.clearValue === undefined ? thresholdOf(interval) : undefined };
    });
    const rank = (written: number) => shapes[written]!.threshold ?? Number.POSITIVE_INFINITY;
    const order = this.leaves
      .map((_, written) => written)
      .sort((a, b) => columnOf[a]! - columnOf[b]! || (rank(a) < rank(b) ? -1 : rank(a) > rank(b) ? 1 : 0));
    const start = new Int32Array(width + 1);
    const others = new Int32Array(width);
    const place = new Int32Array(count);
    const [threshold, low, high, clearLow, clearHigh] = Array.from(
      { length: 5 },
      () => new Float64Array(count),
    ) as Five;
    const inside = new Int32Array(count);
    const clears = new Uint8Array(count);
    const gateOf = new Int32Array(count);
    const columnAt = new Int32Array(count);
    for (const [at, written] of order.entries()) {
      const leaf = this.leaves[written]!;
      const { interval, threshold: single } = shapes[written]!;
      const clear = clearIntervalOf(leaf);
      const holdsBelow = single !== undefined && interval.low === Number.NEGATIVE_INFINITY;
      start[columnOf[written]! + 1]! += 1;
      if (single !== undefined) others[columnOf[written]!]! += 1;
      place[written] = at;
      threshold[at] = single ?? Number.NaN;
      [low[at], high[at], clearLow[at], clearHigh[at]] = [interval.low, interval.high, clear.low, clear.high];
      inside[at] = (leaf.negated === interval.negated) !== holdsBelow ? WEIGHT_TRUE : WEIGHT_FALSE;
      clears[at] = leaf.clearValue === undefined ? 0 : 1;
      gateOf[at] = leaf.gate;
      columnAt[at] = columnOf[written]!;
    }
    for (let column = 0; column < width; column++) {
      start[column + 1]! += start[column];
      others[column]! += start[column];
    }
    return {
      ...located.program,
      start,
      others,
      threshold,
      low,
      high,
      clearLow,
      clearHigh,
      inside,
      clears,
      gateOf,
      columnOf: columnAt,
      parent: Int32Array.from(this.#parent),
      opposite: Uint8Array.from(this.#opposite),
      parts: Int32Array.from(this.#parts),
      place,
      turnedRound: Uint8Array.from(this.leaves, ({ negated }) => (negated ? 1 : 0)),
    };
  }
}

type Five = [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array];

/** Finds the column that each comparison reads: one of the table, a distance, or a rate. */
class Located {
  readonly columnOf: number[];
  readonly width: number;
  readonly program: Pick<
    Program,
    "base" | "width" | "distances" | "distancesOf" | "rates" | "firstDistance" | "firstRate"
  >;

  constructor(columns: Columns, leaves: readonly Comparison[]) {
    const rates = new RateWindows();
    const distances: Program["distances"] = [];
    const numbers = new Map<string, number>();
    const distance = (left: number, right: number, times: number) => {
      const key = `${left}/${right}/${times}`;
      const number = numbers.get(key) ?? distances.push({ left, right, times }) - 1;
      numbers.set(key, number);
      return number;
    };
    const found = leaves.map(({ system, metric, operator, value, over = DEFAULT_STRETCH }) => {
      const column = columns.column(system, metric);
      if (column === undefined) return undefined;
      if (operator === "increasingFasterThan" || operator === "decreasingFasterThan") {
        const number = rates.window(column, over);
        return number === undefined ? undefined : { kind: "rate" as const, number };
      }
      if (typeof value === "number" || Array.isArray(value)) return { kind: "column" as const, number: column };
      const right = columns.column(value.system, value.metric);
      if (right === undefined) return undefined;
      return { kind: "distance" as const, number: distance(column, right, value.times ?? 1) };
    });
    const base = columns.size;
    const firstRate = base + distances.length;
    const never = firstRate + rates.size;
    const first = { column: 0, distance: base, rate: firstRate };
    this.columnOf = found.map((one) => (one ? first[one.kind] + one.number : never));
    this.width = never + 1;
    const distancesOf = new Map<number, number[]>();
    for (const [number, { left, right }] of distances.entries()) {
      for (const column of new Set([left, right]))
        distancesOf.set(column, [...(distancesOf.get(column) ?? []), number]);
    }
    this.program = { base, width: this.width, distances, distancesOf, rates, firstDistance: base, firstRate };
  }
}
