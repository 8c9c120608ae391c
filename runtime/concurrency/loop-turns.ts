/** From so much on the calls of a turn have held the loop for long enough, ms: others wait for it too. */
const LONG_MS = 50;
/** Most calls that begin in one turn: nobody knows of those that begin now how long they will hold the loop. */
const MOST = 32;

/**
 * Has calls that compute take turns with everything else in this process. Messages come in chunks, and all calls of a chunk
 * begin in one turn of the event loop: some that take 100 ms each would together keep the node silent for seconds, and it would
 * be taken for hung. So what comes after the first 50 ms begins in a later turn, in the order in which it came. Calls that
 * begin to compute only after all have begun are found out by the turn: the next one begins half as many.
 */
export class LoopTurns {
  readonly #nextTurn: (run: () => void) => void;
  #waiting: (() => void)[] = [];
  #isArmed = false;
  #start = 0;
  #isLong = false;
  #begun = 0;
  #most = MOST;

  /** @param nextTurn calls back in the next turn of the loop. @default setImmediate */
  constructor(nextTurn: (run: () => void) => void = (run) => void setImmediate(run)) {
    this.#nextTurn = nextTurn;
  }

  /** A call begins. @param now monotonic, ms */
  began(now: number): void {
    this.#begun++;
    this.at(now);
  }

  /** A call ends, or is looked at. @param now monotonic, ms */
  at(now: number): void {
    if (!this.#isArmed) {
      this.#start = now;
      this.#arm();
    } else if (now - this.#start >= LONG_MS) this.#isLong = true;
  }

  /** Whether no more calls should begin in this turn. */
  get isFull(): boolean {
    return this.#isLong || this.#begun >= this.#most;
  }

  /** Whether what comes now has to wait: else it would overtake what waits already. */
  get isBusy(): boolean {
    return this.isFull || this.#waiting.length > 0;
  }

  /** Runs it in the next turn, or a later one where what waits before it takes long too. */
  later(run: () => void): void {
    this.#waiting.push(run);
    if (!this.#isArmed) this.#arm();
  }

  #arm(): void {
    this.#isArmed = true;
    this.#nextTurn(() => this.#turn());
  }

  #turn(): void {
    if (this.#isLong) this.#most = Math.max(1, this.#begun >> 1);
    else if (this.isFull) this.#most = Math.min(MOST, this.#most * 2);
    this.#isArmed = false;
    this.#isLong = false;
    this.#begun = 0;
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    let taken = 0;
    while (taken < waiting.length && !this.isFull) waiting[taken++]!();
    // What those that have begun put off came later.
    if (taken < waiting.length) this.#waiting = [...waiting.slice(taken), ...this.#waiting];
    if (this.#waiting.length > 0 && !this.#isArmed) this.#arm();
  }
}
