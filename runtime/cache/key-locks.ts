/** Locks by name within the process, given in the order in which they were asked for. */
export class KeyLocks {
  readonly #queues = new Map<string, (() => void)[]>();

  isLocked(key: string): boolean {
    return this.#queues.has(key);
  }

  /** @returns what gives it back; a second time it does nothing */
  async lock(key: string): Promise<() => void> {
    const queue = this.#queues.get(key);
    if (queue) await new Promise<void>((resolve) => queue.push(resolve));
    else this.#queues.set(key, []);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      const next = this.#queues.get(key)!.shift();
      if (next) next();
      else this.#queues.delete(key);
    };
  }
}
