/** Dead lives of a node that are remembered, so that a late report of one is told from a new life. */
const DEAD = 8;
/** Reports in a row. */
const BELIEVED_AFTER = 5;

/** Which life of a node reports, and how far each kind of its reports has come. */
export class NodeLife {
  instanceId: string;
  /** The newest first. */
  #dead: string[] = [];
  #isUp = true;
  readonly #seqs = new Map<string, number>();
  /** Late ones in a row, each later than the one before. */
  readonly #late = new Map<string, { seq: number; count: number }>();

  constructor(instanceId: string) {
    this.instanceId = instanceId;
  }

  /** `late`: it came before, out of order, or from a dead life. */
  take(kind: string, instanceId: string, seq: number): "next" | "reborn" | "late" {
    if (instanceId === this.instanceId) {
      if (seq <= (this.#seqs.get(kind) ?? -1) && !this.#goesOn(kind, seq)) return "late";
      this.#late.delete(kind);
      this.#seqs.set(kind, seq);
      return "next";
    }
    if (this.#isUp && this.instanceId === "" && this.#dead[0] === instanceId) {
      this.#dead.shift();
      this.instanceId = instanceId;
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

  /** A number that was absurdly high must not silence the node for good: who goes on counting is believed again. */
  #goesOn(kind: string, seq: number): boolean {
    const before = this.#late.get(kind);
    const count = before && seq > before.seq ? before.count + 1 : 1;
    this.#late.set(kind, { seq, count });
    return count >= BELIEVED_AFTER;
  }

  /** The node is up. One that was only out of reach is back in the same life, unless another one has begun. */
  up(): void {
    this.#isUp = true;
  }

  /** The node is down: this life is over. */
  end(): void {
    if (this.instanceId === "") return;
    this.#isUp = false;
    this.#dead = [this.instanceId, ...this.#dead].slice(0, DEAD);
    this.instanceId = "";
    this.#seqs.clear();
  }
}
