/** Sums of several columns in slots of equal time; only so many slots are kept. Time that goes backwards stands still. */
export class Ring {
  readonly slots: number;
  /** Of a slot, ms. */
  readonly span: number;
  readonly #columns: number;
  readonly #values: Float64Array;
  /** Number of the newest slot, counted from time 0; none at first. */
  #newest: number | undefined;

  constructor(columns: number, slots: number, span: number) {
    this.#columns = columns;
    this.slots = slots;
    this.span = span;
    this.#values = new Float64Array(columns * slots);
  }

  add(now: number, column: number, value: number): void {
    const slot = this.#turnTo(now);
    this.#values[(slot % this.slots) * this.#columns + column]! += value;
  }

  /** Also in a slot that has ended, as long as it is kept. */
  set(at: number, column: number, value: number): void {
    const slot = Math.max(0, Math.floor(at / this.span));
    if (this.#newest === undefined || slot > this.#newest) this.#turnTo(at);
    if (slot > this.#newest! - this.slots) this.#values[(slot % this.slots) * this.#columns + column] = value;
  }

  /** Over the slots that began in the `ms` before now, this one included. */
  sum(now: number, column: number, ms: number): number {
    this.#turnTo(now);
    const count = Math.min(this.slots, Math.round(ms / this.span));
    let sum = 0;
    for (let back = 0; back < count; back++) sum += this.#at(this.#newest! - back, column);
    return sum;
  }

  /** Oldest first; as many slots as there have been, the one that is under way left out. */
  column(now: number, column: number, most: number = this.slots): Float64Array {
    this.#turnTo(now);
    const length = Math.max(0, Math.min(most, this.slots - 1));
    return Float64Array.from({ length }, (_, i) => this.#at(this.#newest! - length + i, column));
  }

  #at(slot: number, column: number): number {
    if (slot < 0 || slot <= this.#newest! - this.slots) return 0;
    return this.#values[(slot % this.slots) * this.#columns + column]!;
  }

  #turnTo(now: number): number {
    const slot = Math.max(0, Math.floor(now / this.span));
    if (this.#newest === undefined) this.#newest = slot;
    if (slot <= this.#newest) return this.#newest;
    for (let next = Math.max(this.#newest + 1, slot - this.slots + 1); next <= slot; next++) {
      const from = (next % this.slots) * this.#columns;
      this.#values.fill(0, from, from + this.#columns);
    }
    this.#newest = slot;
    return slot;
  }
}
