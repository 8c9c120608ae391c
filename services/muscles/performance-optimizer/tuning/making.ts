import { type Clock, within } from "../../../../runtime/clock.ts";
import type { Proposal } from "./knob.ts";

/** A change that is not made after so long is given up, ms: an index may take a minute to build. */
export const PATIENCE_MS = 65_000;
export const LATE = `no answer within ${PATIENCE_MS / 1000} s`;

/** A change that is being made. One that nobody waits for any longer may be made all the same, and is not left behind. */
export class Making {
  readonly #proposal: Proposal;
  readonly #made: Promise<void>;
  #isUnderWay = true;

  constructor(proposal: Proposal) {
    this.#proposal = proposal;
    this.#made = proposal.apply().finally(() => {
      this.#isUnderWay = false;
    });
  }

  /** @throws why it was not made, or that it took too long */
  made(clock: Clock): Promise<void> {
    return within(clock, PATIENCE_MS, this.#made, LATE);
  }

  /** @throws where it cannot be undone now, or is still being made: then it has to be undone again */
  async undo(): Promise<void> {
    const wasUnderWay = this.#isUnderWay;
    await this.#proposal.undo();
    if (wasUnderWay) throw new Error("it is still being made");
  }
}
