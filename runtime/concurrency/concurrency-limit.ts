/** A piece of work, and the errors with which it is turned away. */
export interface Work<T> {
  run(): Promise<T>;
  /** Whether nobody waits for it any longer; it then never begins. @default never */
  isLate?(): boolean;
  /** `full`: too many wait already; `late`: its turn came too late. */
  refuse(why: "full" | "late"): Error;
}

/** Lets at most so many pieces of work run at once; further ones wait in order of arrival, and beyond that are refused. */
export class ConcurrencyLimit {
  readonly #maxQueue: number;
  readonly #queue: (() => void)[] = [];
  #most: number;
  #running = 0;
  /** Refused because too many waited. */
  refused = 0;

  /** @param most at least 1; infinite is no limit @param maxQueue most that may wait. @default 1000 */
  constructor(most: number, maxQueue = 1000) {
    this.#most = most;
    this.#maxQueue = maxQueue;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /** What runs goes on; what waits begins as far as the new limit lets it. */
  change(most: number): void {
    this.#most = most;
    this.#next();
  }

  run<T>(work: Work<T>): Promise<T> {
    if (this.#running < this.#most) return this.#start(work);
    if (this.#queue.length >= this.#maxQueue) {
      this.refused++;
      return Promise.reject(work.refuse("full"));
    }
    return new Promise<T>((resolve, reject) => {
      this.#queue.push(() => {
        if (work.isLate?.()) reject(work.refuse("late"));
        else this.#start(work).then(resolve, reject);
      });
    });
  }

  #start<T>(work: Work<T>): Promise<T> {
    this.#running++;
    const ended = () => {
      this.#running--;
      this.#next();
    };
    let result: Promise<T>;
    try {
      result = work.run();
    } catch (error) {
      ended();
      return Promise.reject(error);
    }
    result.then(ended, ended);
    return result;
  }

  /** A late one takes no place, so as many begin as there are places. */
  #next(): void {
    while (this.#running < this.#most && this.#queue.length > 0) this.#queue.shift()!();
  }
}
