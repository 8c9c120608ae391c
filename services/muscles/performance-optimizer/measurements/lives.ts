/** Dead lives of a node that are remembered, so that a late report of one is told from a new life. */
const DEAD = 16;
const MOST_NODES = 1000;

interface Life {
  instanceId: string;
  seq: number;
  dead: string[];
}

export type Standing = "new" | "next" | "late" | "too many";

/** Which life of each node reports, and how far it has come. */
export class Lives {
  readonly #nodes = new Map<string, Life>();

  /** `new`: a first report of a life; `late`: out of order, twice, or of a dead life. */
  take(node: string, instanceId: string, seq: number): Standing {
    const known = this.#nodes.get(node);
    if (!known) {
      if (this.#nodes.size >= MOST_NODES) return "too many";
      this.#nodes.set(node, { instanceId, seq, dead: [] });
      return "new";
    }
    if (known.instanceId === instanceId) {
      if (seq <= known.seq) return "late";
      known.seq = seq;
      return "next";
    }
    if (known.dead.includes(instanceId)) return "late";
    this.#nodes.set(node, { instanceId, seq, dead: [known.instanceId, ...known.dead].slice(0, DEAD) });
    return "new";
  }

  of(node: string): string | undefined {
    return this.#nodes.get(node)?.instanceId;
  }

  /** The node is down; a new life may come. */
  forget(node: string): void {
    const known = this.#nodes.get(node);
    if (known)
      this.#nodes.set(node, { instanceId: "", seq: -1, dead: [known.instanceId, ...known.dead].slice(0, DEAD) });
  }

  drop(node: string): void {
    this.#nodes.delete(node);
  }
}
