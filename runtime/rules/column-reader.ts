import type { Truth } from "../../models/rule-results.ts";
import type { Comparison } from "../../models/rules.ts";
import type { Columns } from "./columns.ts";
import type { Read } from "./comparison-text.ts";
import { intervalOf } from "./interval.ts";
import { DEFAULT_STRETCH } from "./limits.ts";
import type { ConditionSource } from "./read-conditions.ts";
import { TRUTHS } from "./truth.ts";
import type { TruthNetwork } from "./truth-network.ts";

/** Reads the values that conditions ask for, with their age, and what the comparisons over them are. */
export class ColumnReader {
  readonly #columns: Columns;
  readonly #network: TruthNetwork;

  constructor(columns: Columns, network: TruthNetwork) {
    this.#columns = columns;
    this.#network = network;
  }

  /** As the last tick has it, with hysteresis: of the rule of this number. */
  stateful(rule: number, now: number): ConditionSource {
    const first = this.#network.program.firstWritten[rule]!;
    return {
      truth: (_, written) => TRUTHS[this.#network.truthWritten(first + written)]!,
      read: (system, metric) => this.#read(system, metric, now),
      rate: (comparison) => this.#lastRate(comparison),
    };
  }

  /** From the columns alone. A rate is known where some loaded rule has it measured. */
  stateless(now: number): ConditionSource {
    return {
      truth: (comparison) => this.#compare(comparison, now),
      read: (system, metric) => this.#read(system, metric, now),
      rate: (comparison) => this.#rateNow(comparison, now),
    };
  }

  #read(system: string, metric: string, now: number): Read {
    const column = this.#columns.find(`${system}.${metric}`);
    if (column === undefined) return { system, metric, value: null, age: null };
    const value = this.#columns.values[column]!;
    return { system, metric, value: Number.isNaN(value) ? null : value, age: this.#columns.age(column, now) };
  }

  #compare(comparison: Comparison, now: number): Truth {
    const { system, metric, operator, value } = comparison;
    const known = (name: string, of: string) => this.#read(name, of, now).value ?? Number.NaN;
    let compared = known(system, metric);
    if (isRate(operator)) compared = this.#rateNow(comparison, now);
    else if (typeof value === "object" && !Array.isArray(value)) {
      compared -= known(value.system, value.metric) * (value.times ?? 1);
    }
    if (Number.isNaN(compared)) return "unknown";
    const { low, high, negated } = intervalOf(comparison);
    return (compared >= low && compared <= high) !== negated ? "true" : "false";
  }

  #rateNow(comparison: Comparison, now: number): number {
    const { column, window } = this.#windowOf(comparison);
    if (column === undefined || window === undefined) return Number.NaN;
    return this.#network.program.rates.rate(window, this.#columns.values[column]!, now);
  }

  #lastRate(comparison: Comparison): number {
    const { window } = this.#windowOf(comparison);
    return window === undefined ? Number.NaN : this.#network.values[this.#network.program.firstRate + window]!;
  }

  #windowOf({ system, metric, over = DEFAULT_STRETCH }: Comparison) {
    const column = this.#columns.find(`${system}.${metric}`);
    const window = column === undefined ? undefined : this.#network.program.rates.find(column, over);
    return { column, window };
  }
}

function isRate(operator: Comparison["operator"]): boolean {
  return operator === "increasingFasterThan" || operator === "decreasingFasterThan";
}
