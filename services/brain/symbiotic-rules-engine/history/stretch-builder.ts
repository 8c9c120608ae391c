import type { Stretch } from "../../../../models/organism-state.ts";
import { AzoraError } from "../../../../runtime/errors.ts";
import type { Row } from "./frames.ts";

/** An hour of nearly three hundred columns. */
const MOST_VALUES = 1_000_000;

/** Puts rows of several files together, whose columns have other numbers. */
export class StretchBuilder {
  readonly #step: number;
  readonly #all: boolean;
  readonly #columns: string[];
  readonly #numbers: Map<string, number>;
  readonly #rows = new Map<number, (number | null)[]>();

  /** @param columns all where they are left out */
  constructor(step: number, columns: readonly string[] | undefined) {
    this.#step = step;
    this.#all = columns === undefined;
    this.#columns = [...new Set(columns ?? [])];
    this.#numbers = new Map(this.#columns.map((key, number) => [key, number]));
  }

  /** Of two rows of one moment the later one stands: it was written again. */
  add(keys: readonly string[], rows: readonly Row[]): void {
    const numbers = keys.map((key) => this.#numberOf(key));
    for (const { at, values } of rows) {
      const row = new Array<number | null>(this.#columns.length).fill(null);
      for (let i = 0; i < values.length; i++) {
        const number = numbers[i];
        if (number !== undefined && !Number.isNaN(values[i]!)) row[number] = values[i]!;
      }
      this.#rows.set(at, row);
      if (this.#rows.size * this.#columns.length > MOST_VALUES) throw tooMuch(this.#rows.size, this.#columns.length);
    }
  }

  build(): Stretch {
    const rows = [...this.#rows].sort(([a], [b]) => a - b).map(([at, values]) => ({ at, values }));
    for (const { values } of rows) while (values.length < this.#columns.length) values.push(null);
    return { step: this.#step, columns: this.#columns, rows };
  }

  #numberOf(key: string): number | undefined {
    let number = this.#numbers.get(key);
    if (number === undefined && this.#all) {
      number = this.#columns.length;
      this.#columns.push(key);
      this.#numbers.set(key, number);
    }
    return number;
  }
}

function tooMuch(rows: number, columns: number): AzoraError {
  return new AzoraError(
    "VALIDATION_ERROR",
    `${rows} rows of ${columns} columns are more than the ${MOST_VALUES} values of one answer: ask for a shorter time, for fewer columns, or for minutes`,
    { rows, columns, most: MOST_VALUES },
  );
}
