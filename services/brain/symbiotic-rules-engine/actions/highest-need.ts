/**
 * The highest value of a window, so that something shrinks only to what was needed lately. An unknown value may have been
 * any: while one is in the window, nothing may shrink.
 */
export class HighestNeed {
  readonly #window: number;
  /** Values that no later one exceeds: the first one is the highest. */
  #values: { at: number; value: number }[] = [];
  #since: number | undefined;

  /** @param window ms */
  constructor(window: number) {
    this.#window = window;
  }

  add(now: number, value: number | null): void {
    this.#since ??= now;
    const need = value ?? Number.POSITIVE_INFINITY;
    this.#values = this.#values.filter((one) => one.value > need && now - one.at <= this.#window);
    this.#values.push({ at: now, value: need });
  }

  /** Infinite until a whole window was seen. @param now monotonic, ms */
  highest(now: number): number {
    if (this.#since === undefined || now - this.#since < this.#window) return Number.POSITIVE_INFINITY;
    return this.#values.find(({ at }) => now - at <= this.#window)?.value ?? Number.POSITIVE_INFINITY;
  }

  /** What was seen before a change says nothing about the time after it. */
  reset(): void {
    this.#values = [];
    this.#since = undefined;
  }
}
