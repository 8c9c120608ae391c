import type { RuleSystem } from "../../models/metrics.ts";

/** Most columns: seven systems with thirteen metrics each, the organism's, and what services publish. */
export const MOST_COLUMNS = 4096;

/**
 * Every metric of every system as one column of a typed table: what is measured is written here, and rules read it. A value
 * that is not known (missing, stale, absurd) is NaN. Columns are never removed, so that a number of one stays good.
 */
export class Columns {
  readonly #numbers = new Map<string, number>();
  readonly #keys: string[] = [];
  #values = new Float64Array(128).fill(Number.NaN);
  #measuredAt = new Float64Array(128).fill(Number.NaN);
  #changed: number[] = [];
  #isChanged = new Uint8Array(128);

  get size(): number {
    return this.#keys.length;
  }

  /** By number of the column; taken anew after a column was added. */
  get values(): Float64Array {
    return this.#values;
  }

  /** As `brain.load`, by number of the column. */
  get keys(): readonly string[] {
    return this.#keys;
  }

  /** Number of the column, which is made where there is none; undefined when there are too many. */
  column(system: RuleSystem, metric: string): number | undefined {
    const key = `${system}.${metric}`;
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    if (this.#keys.length >= MOST_COLUMNS) return undefined;
    const number = this.#keys.length;
    if (number === this.#values.length) this.#grow();
    this.#keys.push(key);
    this.#numbers.set(key, number);
    return number;
  }

  /** Number of the column with this key, as `brain.load`. */
  find(key: string): number | undefined {
    return this.#numbers.get(key);
  }

  /** @param at monotonic, ms: when it was measured */
  set(column: number, value: number, at: number): void {
    const known = Number.isFinite(value);
    if (known) this.#measuredAt[column] = at;
    const before = this.#values[column]!;
    const same = known ? before === value : Number.isNaN(before);
    if (same) return;
    this.#values[column] = known ? value : Number.NaN;
    if (this.#isChanged[column]) return;
    this.#isChanged[column] = 1;
    this.#changed.push(column);
  }

  /** ms since the last known value was measured; null where there never was one. */
  age(column: number, now: number): number | null {
    const at = this.#measuredAt[column];
    return at === undefined || Number.isNaN(at) ? null : Math.max(0, now - at);
  }

  /** Columns whose value is another one than when this was last asked. For one reader. */
  takeChanged(): number[] {
    const changed = this.#changed;
    for (const column of changed) this.#isChanged[column] = 0;
    this.#changed = [];
    return changed;
  }

  #grow(): void {
    const length = this.#values.length * 2;
    const longer = (from: Float64Array) => {
      const to = new Float64Array(length).fill(Number.NaN);
      to.set(from);
      return to;
    };
    this.#values = longer(this.#values);
    this.#measuredAt = longer(this.#measuredAt);
    const flags = new Uint8Array(length);
    flags.set(this.#isChanged);
    this.#isChanged = flags;
  }
}
