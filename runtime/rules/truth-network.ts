import { FALSE, type Program, TRUE, UNKNOWN } from "./compile-rules.ts";

/**
 * Truth of every comparison, group and rule, kept up as values change. A group counts how many of its parts decide it and
 * how many are not known; a part that turns changes these counts, and goes on upwards only where the group turns as well.
 */
export class TruthNetwork {
  readonly program: Program;
  /** By column; what is not known is NaN. */
  readonly values: Float64Array;
  readonly #truth: Uint8Array;
  readonly #low: Float64Array;
  readonly #high: Float64Array;
  readonly #gateTruth: Uint8Array;
  readonly #deciding: Int32Array;
  readonly #unknown: Int32Array;
  readonly #turned: Int32Array;
  readonly #isTurned: Uint8Array;
  #turnedCount = 0;

  constructor(program: Program) {
    const gates = program.parent.length;
    const rules = program.firstWritten.length - 1;
    this.program = program;
    this.values = new Float64Array(program.width).fill(Number.NaN);
    this.#truth = new Uint8Array(program.low.length).fill(UNKNOWN);
    this.#low = program.low.slice();
    this.#high = program.high.slice();
    this.#gateTruth = new Uint8Array(gates).fill(UNKNOWN);
    this.#deciding = new Int32Array(gates);
    this.#unknown = program.parts.slice();
    this.#turned = new Int32Array(rules);
    this.#isTurned = new Uint8Array(rules);
  }

  /** Of a rule. */
  truth(rule: number): number {
    return this.#gateTruth[rule]!;
  }

  /** Of a comparison, by its number as written; without the `not`s around it. */
  truthWritten(written: number): number {
    const truth = this.#truth[this.program.place[written]!]!;
    return this.program.turnedRound[written] === 1 ? TRUE - truth : truth;
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
    const { start, negated } = this.program;
    const end = start[column + 1]!;
    const truth = this.#truth;
    if (Number.isNaN(value)) {
      for (let at = start[column]!; at < end; at++) if (truth[at] !== UNKNOWN) this.#turn(at, UNKNOWN);
      return;
    }
    const low = this.#low;
    const high = this.#high;
    for (let at = start[column]!; at < end; at++) {
      const inside = value >= low[at]! && value <= high[at]! ? 1 : 0;
      const now = (inside ^ negated[at]!) << 1;
      if (truth[at] !== now) this.#turn(at, now);
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

  #turn(at: number, truth: number): void {
    const { program } = this;
    const before = this.#truth[at]!;
    this.#truth[at] = truth;
    if (program.clears[at] === 1 && truth !== UNKNOWN) {
      const holds = (truth === TRUE ? 1 : 0) !== program.negated[at];
      this.#low[at] = (holds ? program.clearLow : program.low)[at]!;
      this.#high[at] = (holds ? program.clearHigh : program.high)[at]!;
    }
    this.#turnGate(program.gateOf[at]!, before, truth);
  }

  #turnGate(first: number, firstBefore: number, firstTruth: number): void {
    const { decider, parent } = this.program;
    let gate = first;
    let before = firstBefore;
    let truth = firstTruth;
    for (;;) {
      const decides = decider[gate]!;
      if (before === UNKNOWN) this.#unknown[gate]! -= 1;
      else if (before === decides) this.#deciding[gate]! -= 1;
      if (truth === UNKNOWN) this.#unknown[gate]! += 1;
      else if (truth === decides) this.#deciding[gate]! += 1;
      before = this.#gateTruth[gate]!;
      truth = this.#deciding[gate]! > 0 ? decides : this.#unknown[gate]! > 0 ? UNKNOWN : TRUE - decides;
      if (truth === before) return;
      this.#gateTruth[gate] = truth;
      if (parent[gate]! < 0) break;
      gate = parent[gate]!;
    }
    if (this.#isTurned[gate] === 1) return;
    this.#isTurned[gate] = 1;
    this.#turned[this.#turnedCount++] = gate;
  }
}

export const TRUTHS = { [FALSE]: "false", [UNKNOWN]: "unknown", [TRUE]: "true" } as const;
