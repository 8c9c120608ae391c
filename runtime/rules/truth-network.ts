import type { Program } from "./compile-rules.ts";
import { TRUE, truthOfSum, UNKNOWN, WEIGHT_FALSE, WEIGHT_UNKNOWN, weightOf } from "./truth.ts";

/**
 * Truth of every comparison, group and rule, kept up as values change. Of a group the sum of its parts' weights is kept: a
 * part that turns changes the sum, and goes on upwards only where the group turns by that.
 */
export class TruthNetwork {
  readonly program: Program;
  /** By column; what is not known is NaN. */
  readonly values: Float64Array;
  /** By comparison. */
  readonly #weight: Int32Array;
  readonly #low: Float64Array;
  readonly #high: Float64Array;
  /** By column: the first comparison whose threshold is above the value; -1 where that is not known. */
  readonly #reached: Int32Array;
  /** By gate. */
  readonly #sum: Int32Array;
  /** Rules of which something turned, each once, and how many they are. */
  readonly #touched: Int32Array;
  readonly #isTouched: Uint8Array;
  #touchedCount = 0;
  /** By rule: its truth when it was last taken. */
  readonly #taken: Uint8Array;
  readonly #rules: number;

  constructor(program: Program) {
    const rules = program.firstWritten.length - 1;
    this.program = program;
    this.values = new Float64Array(program.width).fill(Number.NaN);
    this.#weight = new Int32Array(program.low.length).fill(WEIGHT_UNKNOWN);
    this.#low = program.low.slice();
    this.#high = program.high.slice();
    this.#sum = program.parts.map((parts) => parts * WEIGHT_UNKNOWN);
    this.#reached = new Int32Array(program.width).fill(-1);
    this.#touched = new Int32Array(rules + 1);
    this.#isTouched = new Uint8Array(rules);
    this.#taken = new Uint8Array(rules).fill(UNKNOWN);
    this.#rules = rules;
  }

  /** Of a rule. */
  truth(rule: number): number {
    return truthOfSum(this.#sum[rule]!);
  }

  /** Of a comparison, by its number as written; without the `not`s around it. */
  truthWritten(written: number): number {
    const { place, turnedRound } = this.program;
    const truth = truthOfSum(this.#weight[place[written]!]!);
    return turnedRound[written] === 1 ? TRUE - truth : truth;
  }

  /** Whether a comparison is at its clear bounds: it held when last known. */
  holding(written: number): boolean {
    const at = this.program.place[written]!;
    return this.#low[at] !== this.program.low[at] || this.#high[at] !== this.program.high[at];
  }

  hold(written: number): void {
    const at = this.program.place[written]!;
    this.#low[at] = this.program.clearLow[at]!;
    this.#high[at] = this.program.clearHigh[at]!;
  }

  set(column: number, value: number): void {
    this.values[column] = value;
    const { start, others, inside, clears } = this.program;
    const first = start[column]!;
    const other = others[column]!;
    const end = start[column + 1]!;
    if (Number.isNaN(value)) {
      for (let at = first; at < end; at++) this.#weigh(at, WEIGHT_UNKNOWN);
      this.#reached[column] = -1;
      return;
    }
    if (first < other) this.#reach(column, value, first, other);
    for (let at = other; at < end; at++) {
      const apart = value >= this.#low[at]! && value <= this.#high[at]! ? 0 : WEIGHT_FALSE;
      const weight = apart ^ inside[at]!;
      if (weight === this.#weight[at]) continue;
      if (clears[at] === 1) this.#setBounds(at, weight);
      this.#weigh(at, weight);
    }
  }

  /** Passes the thresholds between the value before and this one. */
  #reach(column: number, value: number, first: number, end: number): void {
    const { threshold, inside } = this.program;
    let at = this.#reached[column]!;
    if (at < 0) {
      for (at = end; at > first && threshold[at - 1]! > value; at--)
        this.#weigh(at - 1, inside[at - 1]! ^ WEIGHT_FALSE);
      for (let below = first; below < at; below++) this.#weigh(below, inside[below]!);
    } else {
      for (; at < end && threshold[at]! <= value; at++) this.#weigh(at, inside[at]!);
      for (; at > first && threshold[at - 1]! > value; at--) this.#weigh(at - 1, inside[at - 1]! ^ WEIGHT_FALSE);
    }
    this.#reached[column] = at;
  }

  /** Distances that read one of these columns. */
  setDistances(changed: readonly number[]): void {
    const { distances, distancesOf, firstDistance } = this.program;
    if (distances.length === 0) return;
    for (const column of changed) {
      for (const number of distancesOf.get(column) ?? []) {
        const { left, right, times } = distances[number]!;
        this.set(firstDistance + number, this.values[left]! - this.values[right]! * times);
      }
    }
  }

  /** Adds to the windows of rates what the columns are now. */
  setRates(now: number): void {
    const { rates, firstRate } = this.program;
    for (let number = 0; number < rates.size; number++) {
      const rate = rates.rate(number, this.values[rates.columnOf(number)]!, now);
      if (!Object.is(rate, this.values[firstRate + number])) this.set(firstRate + number, rate);
    }
    rates.sample(this.values, now);
  }

  /** Rules whose truth is another one than when this was last asked; a view that is good until a value is set. */
  takeTurned(): Int32Array {
    const touched = this.#touched;
    let turned = 0;
    for (let i = 0; i < this.#touchedCount; i++) {
      const rule = touched[i]!;
      this.#isTouched[rule] = 0;
      const truth = truthOfSum(this.#sum[rule]!);
      touched[turned] = rule;
      turned += truth === this.#taken[rule] ? 0 : 1;
      this.#taken[rule] = truth;
    }
    this.#touchedCount = 0;
    return touched.subarray(0, turned);
  }

  #weigh(at: number, weight: number): void {
    const gate = this.program.gateOf[at]!;
    const before = this.#sum[gate]!;
    this.#sum[gate] = before + weight - this.#weight[at]!;
    this.#weight[at] = weight;
    if (gate < this.#rules) this.#touch(gate);
    else if (truthOfSum(before) !== truthOfSum(this.#sum[gate]!)) this.#turn(gate, truthOfSum(before));
  }

  /** There is room for one more than there are rules, so that what is there already can be written and not counted. */
  #touch(rule: number): void {
    this.#touched[this.#touchedCount] = rule;
    this.#touchedCount += 1 - this.#isTouched[rule]!;
    this.#isTouched[rule] = 1;
  }

  /** Hysteresis: what holds goes on holding up to its clear bounds. */
  #setBounds(at: number, weight: number): void {
    const { inside, low, high, clearLow, clearHigh } = this.program;
    const holds = weight === inside[at];
    this.#low[at] = (holds ? clearLow : low)[at]!;
    this.#high[at] = (holds ? clearHigh : high)[at]!;
  }

  /** A group that is not a whole rule was `before` and is not any more. */
  #turn(from: number, before: number): void {
    const { parent, opposite } = this.program;
    let gate = from;
    let was = before;
    for (;;) {
      const up = parent[gate]!;
      const turned = opposite[gate] === 1;
      const truth = truthOfSum(this.#sum[gate]!);
      const sumBefore = this.#sum[up]!;
      this.#sum[up] = sumBefore + weightOf(truth, turned) - weightOf(was, turned);
      if (up < this.#rules) {
        this.#touch(up);
        return;
      }
      was = truthOfSum(sumBefore);
      if (was === truthOfSum(this.#sum[up]!)) return;
      gate = up;
    }
  }
}
