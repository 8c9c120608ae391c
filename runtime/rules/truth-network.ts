import type { Program } from "./compile-rules.ts";
import { TRUE, truthOfSum, WEIGHT_FALSE, WEIGHT_UNKNOWN, weightOf } from "./truth.ts";

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
  /** By gate. */
  readonly #sum: Int32Array;
  readonly #turned: Int32Array;
  readonly #isTurned: Uint8Array;
  #turnedCount = 0;

  constructor(program: Program) {
    const rules = program.firstWritten.length - 1;
    this.program = program;
    this.values = new Float64Array(program.width).fill(Number.NaN);
    this.#weight = new Int32Array(program.low.length).fill(WEIGHT_UNKNOWN);
    this.#low = program.low.slice();
    this.#high = program.high.slice();
    this.#sum = program.parts.map((parts) => parts * WEIGHT_UNKNOWN);
    this.#turned = new Int32Array(rules);
    this.#isTurned = new Uint8Array(rules);
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
    const { start, inside, gateOf, clears } = this.program;
    const end = start[column + 1]!;
    const weight = this.#weight;
    const low = this.#low;
    const high = this.#high;
    const unknown = Number.isNaN(value);
    for (let at = start[column]!; at < end; at++) {
      const before = weight[at]!;
      const apart = value >= low[at]! && value <= high[at]! ? 0 : WEIGHT_FALSE;
      const now = unknown ? WEIGHT_UNKNOWN : apart ^ inside[at]!;
      if (now === before) continue;
      weight[at] = now;
      if (clears[at] === 1 && !unknown) this.#setBounds(at, now);
      const gate = gateOf[at]!;
      const sumBefore = this.#sum[gate]!;
      const sum = sumBefore + now - before;
      this.#sum[gate] = sum;
      if (truthOfSum(sumBefore) !== truthOfSum(sum)) this.#turn(gate, truthOfSum(sumBefore));
    }
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

  /** Rules whose truth turned since this was last asked, each once; a view that is good until the next turn. */
  takeTurned(): Int32Array {
    const turned = this.#turned.subarray(0, this.#turnedCount);
    for (const rule of turned) this.#isTurned[rule] = 0;
    this.#turnedCount = 0;
    return turned;
  }

  /** Hysteresis: what holds goes on holding up to its clear bounds. */
  #setBounds(at: number, weight: number): void {
    const { inside, low, high, clearLow, clearHigh } = this.program;
    const holds = weight === inside[at];
    this.#low[at] = (holds ? clearLow : low)[at]!;
    this.#high[at] = (holds ? clearHigh : high)[at]!;
  }

  /** The gate was `before` and is not any more. */
  #turn(from: number, before: number): void {
    const { parent, opposite } = this.program;
    let gate = from;
    let was = before;
    for (let up = parent[gate]!; up >= 0; up = parent[gate]!) {
      const turned = opposite[gate] === 1;
      const truth = truthOfSum(this.#sum[gate]!);
      const sumBefore = this.#sum[up]!;
      const sum = sumBefore + weightOf(truth, turned) - weightOf(was, turned);
      this.#sum[up] = sum;
      was = truthOfSum(sumBefore);
      if (was === truthOfSum(sum)) return;
      gate = up;
    }
    if (this.#isTurned[gate] === 1) return;
    this.#isTurned[gate] = 1;
    this.#turned[this.#turnedCount++] = gate;
  }
}
