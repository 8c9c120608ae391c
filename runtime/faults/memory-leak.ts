import type { Clock } from "../clock.ts";

const STEP_MS = 100;
/** Numbers of 8 bytes that make 1 MB on the heap. */
const PER_MB = 131_072;

/** Holds more and more of the heap, up to a limit. */
export class MemoryLeak {
  #held: number[][] = [];
  #owed = 0;
  #cancel: () => void;
  readonly #limit: number;
  readonly #perStep: number;

  constructor(clock: Clock, mbPerSecond: number, limitMB: number) {
    this.#limit = limitMB;
    this.#perStep = (mbPerSecond * STEP_MS) / 1000;
    const step = () => {
      this.grow();
      this.#cancel = clock.after(STEP_MS, step);
    };
    this.#cancel = clock.after(STEP_MS, step);
  }

  get heldMB(): number {
    return this.#held.length;
  }

  grow(): void {
    this.#owed += this.#perStep;
    while (this.#owed >= 1 && this.#held.length < this.#limit) {
      this.#held.push(new Array<number>(PER_MB).fill(this.#held.length + 0.5));
      this.#owed--;
    }
    this.#owed = Math.min(this.#owed, 1);
  }

  release(): void {
    this.#cancel();
    this.#held = [];
  }
}
