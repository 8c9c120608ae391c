/** Which of `size` numbered things is due next: a binary heap with at most one entry for each. */
export class DueList {
  readonly #heap: Int32Array;
  /** Where a thing is in the heap, plus one; 0: it is not. */
  readonly #place: Int32Array;
  readonly #due: Float64Array;
  #count = 0;

  constructor(size: number) {
    this.#heap = new Int32Array(size);
    this.#place = new Int32Array(size);
    this.#due = new Float64Array(size);
  }

  get count(): number {
    return this.#count;
  }

  /**
   * Due at this time, or at the one said before if that is earlier: then it is taken too early, and whoever takes it says anew
   * when it is due. What turns to and fro so costs nothing here.
   */
  atLatest(thing: number, due: number): void {
    if (due === Number.POSITIVE_INFINITY) return;
    const place = this.#place[thing]!;
    if (place > 0 && this.#due[thing]! <= due) return;
    this.#due[thing] = due;
    const index = place > 0 ? place - 1 : this.#count++;
    this.#put(thing, index);
    this.#up(index);
  }

  /** Takes one that is due at `now`; -1 where there is none. */
  take(now: number): number {
    if (this.#count === 0) return -1;
    const thing = this.#heap[0]!;
    if (this.#due[thing]! > now) return -1;
    this.#place[thing] = 0;
    this.#count -= 1;
    if (this.#count > 0) {
      this.#put(this.#heap[this.#count]!, 0);
      this.#down(0);
    }
    return thing;
  }

  #put(thing: number, index: number): void {
    this.#heap[index] = thing;
    this.#place[thing] = index + 1;
  }

  #up(from: number): void {
    let index = from;
    const thing = this.#heap[index]!;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = this.#heap[parent]!;
      if (this.#due[above]! <= this.#due[thing]!) break;
      this.#put(above, index);
      index = parent;
    }
    this.#put(thing, index);
  }

  #down(from: number): void {
    let index = from;
    const thing = this.#heap[index]!;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= this.#count) break;
      if (child + 1 < this.#count && this.#due[this.#heap[child + 1]!]! < this.#due[this.#heap[child]!]!) child += 1;
      const below = this.#heap[child]!;
      if (this.#due[below]! >= this.#due[thing]!) break;
      this.#put(below, index);
      index = child;
    }
    this.#put(thing, index);
  }
}
