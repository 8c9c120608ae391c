/** Samples of one window at most: 62 intervals of its stretch, and both ends. */
const SAMPLES = 64;
/** Windows in all: about 1 KB each. */
export const MOST_WINDOWS = 4096;

export interface RateSample {
  /** Monotonic, ms. */
  at: number;
  value: number;
}

interface RateWindow {
  column: number;
  /** ms */
  over: number;
  at: Float64Array;
  values: Float64Array;
  first: number;
  count: number;
}

/**
 * How fast columns change: the value now against the oldest one that is not older than the stretch. Not known until values
 * of half the stretch are there, nor while the value itself is not.
 */
export class RateWindows {
  readonly #windows: RateWindow[] = [];
  readonly #numbers = new Map<string, number>();

  get size(): number {
    return this.#windows.length;
  }

  /** Number of the window, which all comparisons over the same column and stretch share; undefined when there are too many. */
  window(column: number, over: number): number | undefined {
    const key = `${column}/${over}`;
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    if (this.#windows.length >= MOST_WINDOWS) return undefined;
    const at = new Float64Array(SAMPLES);
    this.#windows.push({ column, over, at, values: new Float64Array(SAMPLES), first: 0, count: 0 });
    this.#numbers.set(key, this.#windows.length - 1);
    return this.#windows.length - 1;
  }

  columnOf(number: number): number {
    return this.#windows[number]!.column;
  }

  find(column: number, over: number): number | undefined {
    return this.#numbers.get(`${column}/${over}`);
  }

  /** Takes over what the same windows have seen, when the rules were loaded anew. */
  inherit(from: RateWindows): void {
    for (const [key, number] of this.#numbers) {
      const known = from.#numbers.get(key);
      if (known !== undefined) this.#windows[number] = from.#windows[known]!;
    }
  }

  /** What each window has seen, the oldest first. */
  *windows(): Generator<{ column: number; over: number; samples: RateSample[] }> {
    for (const { column, over, at, values, first, count } of this.#windows) {
      const places = Array.from({ length: count }, (_, i) => (first + i) % SAMPLES);
      yield { column, over, samples: places.map((place) => ({ at: at[place]!, value: values[place]! })) };
    }
  }

  /** Gives a new window what the one before it has seen, the oldest first; nothing where there is no such window, or it is too much. */
  restore(column: number, over: number, samples: readonly RateSample[]): void {
    const window = this.#windows[this.find(column, over) ?? -1];
    if (!window || window.count > 0 || samples.length > SAMPLES) return;
    for (const [i, { at, value }] of samples.entries()) {
      window.at[i] = at;
      window.values[i] = value;
    }
    window.first = 0;
    window.count = samples.length;
  }

  /** Change per second; NaN where it is not known. */
  rate(number: number, value: number, now: number): number {
    const window = this.#windows[number]!;
    this.#forget(window, now);
    if (window.count === 0 || Number.isNaN(value)) return Number.NaN;
    const elapsed = now - window.at[window.first]!;
    return elapsed >= window.over / 2 ? ((value - window.values[window.first]!) / elapsed) * 1000 : Number.NaN;
  }

  /** Adds the value of every window's column. */
  sample(values: Float64Array, now: number): void {
    for (const window of this.#windows) {
      const value = values[window.column]!;
      if (Number.isNaN(value)) continue;
      this.#forget(window, now);
      const newest = window.at[(window.first + window.count - 1) % SAMPLES]!;
      if (window.count > 0 && now - newest < window.over / (SAMPLES - 2)) continue;
      const next = (window.first + window.count) % SAMPLES;
      window.at[next] = now;
      window.values[next] = value;
      window.count += 1;
    }
  }

  #forget(window: RateWindow, now: number): void {
    while (window.count > 0 && now - window.at[window.first]! > window.over) {
      window.first = (window.first + 1) % SAMPLES;
      window.count -= 1;
    }
  }
}
