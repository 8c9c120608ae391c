import type { Columns } from "../../../../runtime/rules/columns.ts";

/** Values of the last ticks of every column, so that there is something to compare with. */
export class RecentValues {
  readonly #columns: Columns;
  readonly #rows: Float64Array[];
  #next = 0;
  #taken = 0;

  /** @param ticks how many are kept */
  constructor(columns: Columns, ticks: number) {
    this.#columns = columns;
    this.#rows = Array.from({ length: ticks }, () => new Float64Array(0));
  }

  take(): void {
    const { values } = this.#columns;
    let row = this.#rows[this.#next]!;
    if (row.length !== values.length) row = this.#rows[this.#next] = new Float64Array(values.length);
    row.set(values);
    this.#next = (this.#next + 1) % this.#rows.length;
    this.#taken = Math.min(this.#taken + 1, this.#rows.length);
  }

  /** Known values of the column with this key, oldest first. */
  of(key: string): number[] {
    const column = this.#columns.find(key);
    if (column === undefined) return [];
    const values: number[] = [];
    for (let back = this.#taken; back >= 1; back--) {
      const value = this.#rows[(this.#next - back + this.#rows.length) % this.#rows.length]![column];
      if (value !== undefined && !Number.isNaN(value)) values.push(value);
    }
    return values;
  }

  /** The value now; null where it is not known. */
  now(key: string): number | null {
    const column = this.#columns.find(key);
    const value = column === undefined ? Number.NaN : this.#columns.values[column]!;
    return Number.isNaN(value) ? null : value;
  }
}
