import type { Point } from "./trend.ts";

/** Minima of what a process uses, one for each step: garbage that waits for its collection is not in them. */
export class MemorySeries {
  readonly #step: number;
  readonly #kept: number;
  #points: Point[] = [];
  #current: Point | undefined;

  /** @param step ms @param kept ms */
  constructor(step: number, kept: number) {
    this.#step = step;
    this.#kept = kept;
  }

  add(bytes: number, now: number): void {
    if (this.#current && now - this.#current.at >= this.#step) {
      this.#points.push(this.#current);
      this.#current = undefined;
      while (this.#points.length > 0 && this.#points[0]!.at <= now - this.#kept) this.#points.shift();
    }
    if (!this.#current) this.#current = { at: now, value: bytes };
    else this.#current.value = Math.min(this.#current.value, bytes);
  }

  /** Whole steps, oldest first. */
  points(since: number): Point[] {
    return this.#points.filter(({ at }) => at >= since);
  }

  /** First moment that is kept. */
  get since(): number | undefined {
    return this.#points[0]?.at;
  }
}
