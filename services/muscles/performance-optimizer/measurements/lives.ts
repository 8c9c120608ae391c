/** Dead lives of a node that are remembered, so that a late report of one is told from a new life. */
const DEAD = 16;
const MOST_NODES = 1000;
/** What was on its way when a node went down comes within this time, ms; who reports later was only out of reach. */
const LATE_MS = 5000;

interface Life {
  instanceId: string;
  seq: number;
  /** Lives before it. */
  dead: string[];
  /** Monotonic ms: the node is down since then. */
  downAt?: number;
}

export type Standing = "new" | "next" | "late" | "too many";

/** Which life of each node reports, and how far it has come. */
export class Lives {
  readonly #nodes = new Map<string, Life>();

  /** `new`: a first report of a life; `late`: out of order, twice, or of a dead life. @param now monotonic, ms */
  take(node: string, instanceId: string, seq: number, now: number): Standing {
    const known = this.#nodes.get(node);
    if (!known) {
      if (this.#nodes.size >= MOST_NODES && !this.#makeRoom()) return "too many";
      this.#nodes.set(node, { instanceId, seq, dead: [] });
      return "new";
    }
    if (known.instanceId === instanceId) {
      if (seq <= known.seq || now - (known.downAt ?? Number.NEGATIVE_INFINITY) < LATE_MS) return "late";
      known.seq = seq;
      delete known.downAt;
      return "next";
    }
    if (known.dead.includes(instanceId)) return "late";
    this.#nodes.set(node, { instanceId, seq, dead: [known.instanceId, ...known.dead].slice(0, DEAD) });
    return "new";
  }

  /** The life of a node that is not down. */
  of(node: string): string | undefined {
    const known = this.#nodes.get(node);
    return known?.downAt === undefined ? known?.instanceId : undefined;
  }

  /** The node is down, or cannot be reached; it may come again. @param now monotonic, ms */
  down(node: string, now: number): void {
    const known = this.#nodes.get(node);
    if (known) known.downAt = now;
  }

  /** Forgets the node that is down for longest. Says whether there is one. */
  #makeRoom(): boolean {
    let oldest: [string, number] | undefined;
    for (const [node, { downAt }] of this.#nodes)
      if (downAt !== undefined && downAt < (oldest?.[1] ?? Number.POSITIVE_INFINITY)) oldest = [node, downAt];
    return oldest !== undefined && this.#nodes.delete(oldest[0]);
  }
}
