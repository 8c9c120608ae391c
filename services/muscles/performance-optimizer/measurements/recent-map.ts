/** By key, what is heard of again and again: bounded, and without what has not been heard of for long. */
export class RecentMap<V> {
  readonly #most: number;
  readonly #onFull: () => void;
  readonly #known = new Map<string, { value: V; lastAt: number }>();

  /** @param onFull called for each that finds no room */
  constructor(most: number, onFull: () => void) {
    this.#most = most;
    this.#onFull = onFull;
  }

  get size(): number {
    return this.#known.size;
  }

  /** The one of this key, which is heard of now; a new one where there is room. @param now monotonic, ms */
  hear(key: string, now: number, make: () => V): V | undefined {
    const known = this.#known.get(key);
    if (known) {
      known.lastAt = now;
      return known.value;
    }
    if (this.#known.size >= this.#most) {
      this.#onFull();
      return undefined;
    }
    const value = make();
    this.#known.set(key, { value, lastAt: now });
    return value;
  }

  has(key: string): boolean {
    return this.#known.has(key);
  }

  get(key: string): V | undefined {
    return this.#known.get(key)?.value;
  }

  keys(): string[] {
    return [...this.#known.keys()];
  }

  values(): V[] {
    return Array.from(this.#known.values(), ({ value }) => value);
  }

  delete(key: string): void {
    this.#known.delete(key);
  }

  deleteWhere(isGone: (value: V) => boolean): void {
    for (const [key, { value }] of this.#known) if (isGone(value)) this.#known.delete(key);
  }

  /** @returns keys of what was not heard of since then, and is forgotten */
  forget(before: number): string[] {
    const gone = [...this.#known].flatMap(([key, { lastAt }]) => (lastAt < before ? [key] : []));
    for (const key of gone) this.#known.delete(key);
    return gone;
  }
}
