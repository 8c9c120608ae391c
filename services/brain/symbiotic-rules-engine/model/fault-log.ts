/** Kinds of faults that are kept; further ones are counted together. */
const MOST = 500;
const OTHERS = "\n";

/** What was wrong with what came, by whom it came from. */
export class FaultLog {
  readonly #counts = new Map<string, { node: string; what: string; count: number }>();
  total = 0;

  note(node: string, what: string, count = 1): void {
    if (count <= 0) return;
    this.total += count;
    const key = `${node}\n${what}`;
    const known = this.#counts.get(key) ?? (this.#counts.size >= MOST ? this.#counts.get(OTHERS) : undefined);
    if (known) {
      known.count += count;
      return;
    }
    const isFull = this.#counts.size >= MOST;
    this.#counts.set(isFull ? OTHERS : key, isFull ? { node: "", what: "others", count } : { node, what, count });
  }

  /** The most frequent first. */
  list(): { node: string; what: string; count: number }[] {
    return [...this.#counts.values()].map((one) => ({ ...one })).sort((a, b) => b.count - a.count);
  }
}
