/** Failures of one action without a success between them. */
export interface Streak {
  action: string;
  failed: number;
  /** First and newest failure, ms. */
  since: number;
  last: number;
}

const MOST_ACTIONS = 1000;

/** Which actions of a service do nothing but fail, however seldom they are called. */
export class Streaks {
  readonly #streaks = new Map<string, Streak>();

  /** @param count calls that ended @param failed those of them that failed */
  add(action: string, count: number, failed: number, now: number): void {
    if (count === 0) return;
    if (failed < count) {
      this.#streaks.delete(action);
      return;
    }
    const known = this.#streaks.get(action);
    if (!known && this.#streaks.size >= MOST_ACTIONS) return;
    this.#streaks.set(action, { action, failed: failed + (known?.failed ?? 0), since: known?.since ?? now, last: now });
  }

  forget(): void {
    this.#streaks.clear();
  }

  /** The longest one whose newest failure is not older than `since`. */
  longest(since: number): Streak | undefined {
    return [...this.#streaks.values()].filter(({ last }) => last >= since).sort((a, b) => b.failed - a.failed)[0];
  }
}
