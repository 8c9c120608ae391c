/** Dead lives of a node that are remembered, so that a late report of one is told from a new life. */
const DEAD = 8;

/** Which life of a node reports, and how far each kind of its reports has come. */
export class NodeLife {
  instanceId: string;
  #dead: string[] = [];
  readonly #seqs = new Map<string, number>();

  constructor(instanceId: string) {
    this.instanceId = instanceId;
  }

  /** `late`: it came before, out of order, or from a dead life. */
  take(kind: string, instanceId: string, seq: number): "next" | "reborn" | "late" {
    if (instanceId === this.instanceId) {
      if (seq <= (this.#seqs.get(kind) ?? -1)) return "late";
      this.#seqs.set(kind, seq);
      return "next";
    }
    if (this.#dead.includes(instanceId)) return "late";
    this.#dead = [this.instanceId, ...this.#dead].slice(0, DEAD);
    this.instanceId = instanceId;
    this.#seqs.clear();
    this.#seqs.set(kind, seq);
    return "reborn";
  }

  /** The node is down: this life is over. */
  end(): void {
    this.#dead = [this.instanceId, ...this.#dead].slice(0, DEAD);
    this.instanceId = "";
    this.#seqs.clear();
  }
}
