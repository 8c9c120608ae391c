import { AzoraError } from "../../../../runtime/errors.ts";
import type { Journal } from "../journal.ts";

/** Of all healers that ever signed on, only the last may act: two would undo each other's work. */
export class HealerLease {
  readonly #journal: Journal;
  /** Who it is: node and instance. */
  holder = "";

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  get epoch(): number {
    return this.#journal.state.healer;
  }

  /** A healer signs on. The one that was before it is fenced off from now on. */
  enlist(instance: string): number {
    const epoch = this.epoch + 1;
    this.holder = instance;
    this.#journal.append({ type: "healer", epoch, instance, at: new Date().toISOString() });
    return epoch;
  }

  /** Throws unless the healer is the one that signed on last. */
  check(epoch: number): void {
    if (epoch === this.epoch) return;
    const by = this.holder ? ` by that of ${this.holder}` : "";
    throw new AzoraError("STALE_EPOCH", `The healer's epoch ${epoch} was replaced by ${this.epoch}${by}`, {
      epoch,
      highestEpoch: this.epoch,
    });
  }
}
