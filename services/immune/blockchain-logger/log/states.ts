/** What is true of an entry, in this order. */
export const ENTRY_STATES = ["queued", "durable", "integrated", "checkpointed", "witnessed"] as const;
export type EntryState = (typeof ENTRY_STATES)[number];
/** What a caller can wait for. */
export type AwaitedState = Exclude<EntryState, "queued">;

interface Waiter {
  index: number;
  resolve(): void;
}

/** How far the log has come in each state, and who waits for it to come further. */
export class Progress {
  readonly #sizes: Record<AwaitedState, number>;
  readonly #waiters: Record<AwaitedState, Waiter[]> = { durable: [], integrated: [], checkpointed: [], witnessed: [] };

  constructor(size: number, witnessed: number) {
    this.#sizes = { durable: size, integrated: size, checkpointed: size, witnessed };
  }

  /** Number of entries that have this state. */
  size(state: AwaitedState): number {
    return this.#sizes[state];
  }

  reach(state: AwaitedState, size: number): void {
    if (size <= this.#sizes[state]) return;
    this.#sizes[state] = size;
    const waiters = this.#waiters[state];
    if (waiters.length === 0) return;
    this.#waiters[state] = waiters.filter(({ index }) => index >= size);
    for (const { index, resolve } of waiters) if (index < size) resolve();
  }

  /** Resolves once the entry has the state. */
  reached(index: number, state: AwaitedState): Promise<void> {
    if (index < this.#sizes[state]) return Promise.resolve();
    return new Promise((resolve) => this.#waiters[state].push({ index, resolve }));
  }

  stateOf(index: number): EntryState {
    return [...ENTRY_STATES].reverse().find((state) => state === "queued" || index < this.#sizes[state])!;
  }
}
