/** First in, first out for each owner, and the owners in turn: one with a long queue delays the others by one step. */
export class FairQueue<T> {
  readonly #queues = new Map<string, T[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(owner: string, item: T): void {
    const queue = this.#queues.get(owner);
    if (queue) queue.push(item);
    else this.#queues.set(owner, [item]);
    this.#size++;
  }

  /** The next one of the owner whose turn it is. @param may leaves owners out that may have nothing now */
  shift(may?: (owner: string) => boolean): T | undefined {
    for (const [owner, queue] of this.#queues) {
      if (may && !may(owner)) continue;
      const item = queue.shift()!;
      this.#size--;
      // Behind the others, who had to wait for this one.
      this.#queues.delete(owner);
      if (queue.length > 0) this.#queues.set(owner, queue);
      return item;
    }
    return undefined;
  }

  /** Puts one back that was taken too early: it is the next. */
  unshift(owner: string, item: T): void {
    const others = [...this.#queues];
    const queue = [item, ...(this.#queues.get(owner) ?? [])];
    this.#queues.clear();
    this.#queues.set(owner, queue);
    for (const [other, its] of others) if (other !== owner) this.#queues.set(other, its);
    this.#size++;
  }

  /** Takes one out that no longer wants to wait. @returns whether it was still waiting */
  remove(owner: string, item: T): boolean {
    const queue = this.#queues.get(owner);
    const at = queue?.indexOf(item) ?? -1;
    if (at < 0) return false;
    queue!.splice(at, 1);
    this.#size--;
    if (queue!.length === 0) this.#queues.delete(owner);
    return true;
  }

  /** Takes all out for which it says so. */
  takeAll(which: (owner: string, item: T) => boolean): T[] {
    const taken: T[] = [];
    for (const [owner, queue] of [...this.#queues]) {
      const stay: T[] = [];
      for (const item of queue) (which(owner, item) ? taken : stay).push(item);
      if (stay.length === 0) this.#queues.delete(owner);
      else this.#queues.set(owner, stay);
    }
    this.#size -= taken.length;
    return taken;
  }
}
