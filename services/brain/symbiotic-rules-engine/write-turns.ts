/** One write at a time: who asks during one waits for the next, which has whatever came meanwhile. */
export class WriteTurns {
  readonly #write: () => Promise<void>;
  #writing: Promise<void> = Promise.resolve();
  /** The next write, which has not begun. */
  #next: Promise<void> | undefined;

  /** @param write never rejects */
  constructor(write: () => Promise<void>) {
    this.#write = write;
  }

  /** Resolves when a write that began after this was asked has ended. */
  take(): Promise<void> {
    this.#next ??= this.#writing.then(() => {
      this.#next = undefined;
      this.#writing = this.#write();
      return this.#writing;
    });
    return this.#next;
  }
}
