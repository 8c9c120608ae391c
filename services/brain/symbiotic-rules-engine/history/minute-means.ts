import type { Row } from "./frames.ts";

const MINUTE_MS = 60_000;

/** Makes one row of each minute: of each column the mean of what was known, and unknown where nothing was. */
export class MinuteMeans {
  #minute: number | undefined;
  #sums = new Float64Array(0);
  #counts = new Uint32Array(0);
  #last = 0;

  /** @returns the minute that has ended with this row, if one has; `at` is its end */
  add({ at, values }: Row): Row | undefined {
    const minute = Math.floor(at / MINUTE_MS);
    const ended = this.#minute !== undefined && minute !== this.#minute ? this.end() : undefined;
    this.#minute = minute;
    this.#last = at;
    if (values.length > this.#sums.length) this.#widen(values.length);
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if (Number.isNaN(value)) continue;
      this.#sums[i]! += value;
      this.#counts[i]!++;
    }
    return ended;
  }

  /** The minute under way, as far as it has come; the next row begins a new one. */
  end(): Row | undefined {
    if (this.#minute === undefined) return undefined;
    const values = this.#sums.map((sum, i) => sum / this.#counts[i]!);
    // A minute that was only begun ends with its last row.
    const at = Math.min((this.#minute + 1) * MINUTE_MS, this.#last + MINUTE_MS / 60);
    this.#minute = undefined;
    this.#sums.fill(0);
    this.#counts.fill(0);
    return { at, values };
  }

  #widen(length: number): void {
    const sums = new Float64Array(length);
    const counts = new Uint32Array(length);
    sums.set(this.#sums);
    counts.set(this.#counts);
    this.#sums = sums;
    this.#counts = counts;
  }
}
