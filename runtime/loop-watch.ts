/** What a watcher must know of itself: one that was away itself must not call the others late. */
export class LoopWatch {
  readonly #every: number;
  readonly #bound: number;
  readonly #calm: number;
  #last = Date.now();
  #lateUntil = 0;
  #timer: NodeJS.Timeout | undefined;
  /** The last time this process was late, and by how much. */
  lateness: { at: number; by: number } | undefined;

  /** @param bound delay from which the process counts as late, ms @param calm time for which it then stays so, ms */
  constructor(bound = 500, calm = 2000, every = 100) {
    this.#bound = bound;
    this.#calm = calm;
    this.#every = every;
  }

  start(): void {
    this.#last = Date.now();
    this.#timer = setInterval(() => this.tick(), this.#every);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  tick(now = Date.now()): void {
    const by = now - this.#last - this.#every;
    this.#last = now;
    if (by < this.#bound) return;
    this.lateness = { at: now, by };
    this.#lateUntil = now + this.#calm;
  }

  /** True while what was heard of others must not be held against them. */
  isLate(now = Date.now()): boolean {
    return now < this.#lateUntil || now - this.#last > this.#every + this.#bound;
  }
}
