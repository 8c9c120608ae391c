/** From so much on the calls of a turn have held the loop for long enough, ms: others wait for it too. */
const LONG_MS = 50;

/**
 * Has calls that compute for long take turns with everything else in this process. Messages come in chunks, and all calls of a
 * chunk begin in one turn of the event loop: some that take 100 ms each would together keep the node silent for seconds, and it
 * would be taken for hung. What comes after the first 50 ms begins in the next turn.
 */
export class LoopTurns {
  readonly #nextTurn: (run: () => void) => void;
  #waiting: (() => void)[] = [];
  #isArmed = false;
  #start = 0;
  #isLong = false;

  /** @param nextTurn calls back in the next turn of the loop. @default setImmediate */
  constructor(nextTurn: (run: () => void) => void = (run) => void setImmediate(run)) {
    this.#nextTurn = nextTurn;
  }

  /** A call begins. @param now monotonic, ms */
  at(now: number): void {
    if (!this.#isArmed) {
      this.#start = now;
      this.#arm();
    } else if (now - this.#start >= LONG_MS) this.#isLong = true;
  }

  /** Whether calls have held the loop for long in this turn. */
  get isLong(): boolean {
    return this.#isLong;
  }

  /** Runs it in the next turn, or a later one where what waits before it takes long too. */
  later(run: () => void): void {
    this.#waiting.push(run);
  }

  #arm(): void {
    this.#isArmed = true;
    this.#nextTurn(() => this.#turn());
  }

  #turn(): void {
    this.#isArmed = false;
    this.#isLong = false;
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    let begun = 0;
    while (begun < waiting.length && !this.#isLong) waiting[begun++]!();
    // What has begun meanwhile may have been put off as well: it came later.
    if (begun < waiting.length) this.#waiting = [...waiting.slice(begun), ...this.#waiting];
    if (this.#waiting.length > 0 && !this.#isArmed) this.#arm();
  }
}
