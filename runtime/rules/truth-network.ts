import type { Program } from "./compile-rules.ts";
import { TRUE, TRUTHS, truthOfSum, UNKNOWN, WEIGHT_FALSE, WEIGHT_UNKNOWN, weightOf } from "./truth.ts";

const UNREACHED = -1;

/**
 * Truth of every comparison, group and rule, kept up as values change. Of a group the sum of its parts' weights is kept: a
 * part that turns changes the sum, and goes on upwards only where the group turns by that.
 */
export class TruthNetwork {
  readonly program: Program;
  /** By column; what is not known is NaN. */
  readonly values: Float64Array;
  /** By comparison without a threshold. */
  readonly #weight: Int32Array;
  readonly #low: Float64Array;
  readonly #high: Float64Array;
  /** By column: the first comparison whose threshold is above the value; UNREACHED where that is not known. */
  readonly #reached: Int32Array;
  /** By gate. */
  readonly #sum: Int32Array;
  /** Rules of which something turned, each once, and how many they are. */
  readonly #touched: Int32Array;
  readonly #isTouched: Uint8Array;
  #touchedCount = 0;
  /** By rule: its truth when it was last taken. */
  readonly #taken: Uint8Array;
  /** By truth: rules that turned to it. */
  readonly #turned: readonly Int32Array[];
  readonly #turnedCount = new Int32Array(TRUTHS.length);
  readonly #rules: number;

  constructor(program: Program) {
    const rules = program.firstWritten.length - 1;
    this.program = program;
    this.values = new Float64Array(program.width).fill(Number.NaN);
    this.#weight = new Int32Array(program.low.length).fill(WEIGHT_UNKNOWN);
    this.#low = program.low.slice();
    this.#high = program.high.slice();
    this.#sum = program.parts.map((parts) => parts * WEIGHT_UNKNOWN);
    this.#reached = new Int32Array(program.width).fill(UNREACHED);
    this.#touched = new Int32Array(rules + 1);
    this.#isTouched = new Uint8Array(rules);
    this.#taken = new Uint8Array(rules).fill(UNKNOWN);
    this.#turned = TRUTHS.map(() => new Int32Array(rules + 1));
    this.#rules = rules;
  }

  /** Of a rule. */
  truth(rule: number): number {
    return truthOfSum(this.#sum[rule]!);
  }

  /** Of a comparison, by its number as written; without the `not`s around it. */
  truthWritten(written: number): number {
    const { place, turnedRound } = this.program;
    const truth = truthOfSum(this.#weightOf(place[written]!));
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
    const { start, others } = this.program;
    const first = start[column]!;
    const other = others[column]!;
    const end = start[column + 1]!;
    const known = !Number.isNaN(value);
    if (first < other) {
      if (known && this.#reached[column] !== UNREACHED) this.#reach(column, value, first, other);
      else this.#turnKnown(column, value, first, other);
    }
    for (let at = other; at < end; at++) this.#compare(at, value, known);
  }

  /** Passes the thresholds between the value before and this one. */
  #reach(column: number, value: number, first: number, end: number): void {
    const { threshold } = this.program;
    const before = this.#reached[column]!;
    let reached = before;
    while (reached < end && threshold[reached]! <= value) reached++;
    while (reached > first && threshold[reached - 1]! > value) reached--;
    if (reached === before) return;
    this.#reached[column] = reached;
    if (reached > before) this.#pass(before, reached, 1);
    else this.#pass(reached, before, -1);
  }

  /** @param sign 1 upwards, -1 downwards */
  #pass(from: number, to: number, sign: 1 | -1): void {
    const { gateOf, inside } = this.program;
    const sum = this.#sum;
    const touched = this.#touched;
    const isTouched = this.#isTouched;
    const rules = this.#rules;
    let count = this.#touchedCount;
    for (let at = from; at < to; at++) {
      const gate = gateOf[at]!;
      const step = sign * (2 * inside[at]! - WEIGHT_FALSE);
      if (gate < rules) {
        sum[gate]! += step;
        // There is room for one more, so that what is there already can be written and not counted.
        touched[count] = gate;
        count += 1 - isTouched[gate]!;
        isTouched[gate] = 1;
      } else {
        this.#touchedCount = count;
        this.#add(gate, step);
        count = this.#touchedCount;
      }
    }
    this.#touchedCount = count;
  }

  /** The value becomes known, or unknown. */
  #turnKnown(column: number, value: number, first: number, end: number): void {
    const { gateOf, threshold } = this.program;
    const before = Array.from({ length: end - first }, (_, i) => this.#weightOf(first + i));
    let reached = Number.isNaN(value) ? UNREACHED : first;
    while (reached !== UNREACHED && reached < end && threshold[reached]! <= value) reached++;
    this.#reached[column] = reached;
    for (let at = first; at < end; at++) this.#add(gateOf[at]!, this.#weightOf(at) - before[at - first]!);
  }

  #compare(at: number, value: number, known: boolean): void {
    const { inside, clears, gateOf } = this.program;
    const apart = value >= this.#low[at]! && value <= this.#high[at]! ? 0 : WEIGHT_FALSE;
    const weight = known ? apart ^ inside[at]! : WEIGHT_UNKNOWN;
    const before = this.#weight[at]!;
    if (weight === before) return;
    this.#weight[at] = weight;
    if (known && clears[at] === 1) this.#setBounds(at, weight);
    this.#add(gateOf[at]!, weight - before);
  }

  #weightOf(at: number): number {
    const { columnOf, others, inside } = this.program;
    const column = columnOf[at]!;
    if (at >= others[column]!) return this.#weight[at]!;
    const reached = this.#reached[column]!;
    if (reached === UNREACHED) return WEIGHT_UNKNOWN;
    return at < reached ? inside[at]! : inside[at]! ^ WEIGHT_FALSE;
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

  /**
   * Finds the rules whose truth is another one than when this was last asked; then `turned` tells them. Each is written to
   * every list and counted in one: no branch, since it would be guessed wrong half of the time.
   */
  takeTurned(): void {
    const [toFalse, toUnknown, toTrue] = this.#turned as [Int32Array, Int32Array, Int32Array];
    const touched = this.#touched;
    const isTouched = this.#isTouched;
    const taken = this.#taken;
    const sum = this.#sum;
    const end = this.#touchedCount;
    let [falses, unknowns, trues] = [0, 0, 0];
    for (let i = 0; i < end; i++) {
      const rule = touched[i]!;
      isTouched[rule] = 0;
      const truth = truthOfSum(sum[rule]!);
      const other = truth ^ taken[rule]!;
      const turned = (other | (other >> 1)) & 1;
      taken[rule] = truth;
      toFalse[falses] = rule;
      toUnknown[unknowns] = rule;
      toTrue[trues] = rule;
      trues += turned & (truth >> 1);
      unknowns += turned & truth;
      falses += turned & ~(truth | (truth >> 1));
    }
    this.#touchedCount = 0;
    this.#turnedCount.set([falses, unknowns, trues]);
  }

  /** Rules that turned to this truth; a view that is good until they are taken again. */
  turned(truth: number): Int32Array {
    return this.#turned[truth]!.subarray(0, this.#turnedCount[truth]!);
  }

  #add(gate: number, weight: number): void {
    const before = truthOfSum(this.#sum[gate]!);
    this.#sum[gate]! += weight;
    if (gate < this.#rules) this.#touch(gate);
    else if (before !== truthOfSum(this.#sum[gate]!)) this.#turn(gate, before);
  }

  #touch(rule: number): void {
    if (this.#isTouched[rule] === 1) return;
    this.#isTouched[rule] = 1;
    this.#touched[this.#touchedCount++] = rule;
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
