import type { OptimizationRecord } from "../../../../models/performance.ts";
import { type Clock, within } from "../../../../runtime/clock.ts";
import { AzoraError } from "../../../../runtime/errors.ts";
import type { Book, Entry } from "../records/book.ts";
import type { Journal } from "./journal.ts";
import type { Knob, Proposal } from "./knob.ts";
import { LATE, PATIENCE_MS } from "./making.ts";
import type { Rollbacks } from "./rollbacks.ts";

export interface PastChangesOptions {
  clock: Clock;
  knobs: readonly Knob[];
  book: Pick<Book, "get" | "measuring" | "fleetingOf">;
  journal: Journal;
  rollbacks: Rollbacks;
  logger: { warn(text: string): void };
}

/** Changes of which nothing is left but their entry in the book: knobs revive what is needed to make and to undo them. */
export class PastChanges {
  readonly #options: PastChangesOptions;
  /** Services of which a change that was kept is about to be taken back. */
  readonly #takingBack = new Set<string>();

  constructor(options: PastChangesOptions) {
    this.#options = options;
  }

  isTakingBack(service: string): boolean {
    return this.#takingBack.has(service);
  }

  /** Has what a former process was measuring when it ended undone: nobody knows what happened in between. */
  async resume(): Promise<void> {
    const { book, journal, rollbacks } = this.#options;
    const why = "the optimizer ended while it was being measured";
    for (const entry of await book.measuring()) {
      const revived = this.#revive(entry);
      if (revived) rollbacks.add({ entry, undo: revived.undo, status: "taken-back", why });
      else {
        const outcome = `${why}, and nothing here can undo a change of kind ${entry.kind}`;
        await journal.close(entry, "failed", outcome);
      }
    }
  }

  /**
   * Takes back what was kept.
   * @param mustBeFree throws where something else is being tried on the service
   * @throws AzoraError NOT_FOUND, OPTIMIZATION_REFUSED
   */
  async takeBack(id: string, why: string, mustBeFree: (service: string) => void): Promise<OptimizationRecord> {
    const { book, journal, rollbacks } = this.#options;
    const entry = await book.get(id);
    if (!entry) throw new AzoraError("NOT_FOUND", `There is no optimization ${id}`, { id });
    const { change, service, status, kind } = entry;
    if (status !== "kept") {
      const detail = `${change}: it is ${status}, so there is nothing to take back`;
      throw new AzoraError("OPTIMIZATION_REFUSED", detail, { id, status });
    }
    mustBeFree(service);
    const revived = this.#revive(entry);
    if (!revived)
      throw new AzoraError("OPTIMIZATION_REFUSED", `Nothing here can undo a change of kind ${kind}`, { id });
    this.#takingBack.add(service);
    try {
      await journal.step("taking-back", entry);
      return await rollbacks.roll({ entry, undo: revived.undo, status: "taken-back", why });
    } finally {
      this.#takingBack.delete(service);
    }
  }

  /** A node is there in a new life: what was set in the memory of the last one is made again. */
  async nodeCame(node: string): Promise<void> {
    const { book, clock, journal, logger } = this.#options;
    for (const entry of await book.fleetingOf(node)) {
      const revived = this.#revive(entry);
      if (!revived) continue;
      try {
        await journal.step("made-again", entry);
        // It may have been taken back meanwhile.
        if ((await book.get(entry.id))?.status !== "kept" || this.isTakingBack(entry.service)) continue;
        await within(clock, PATIENCE_MS, revived.apply(), LATE);
      } catch (error) {
        logger.warn(`${node} is back, and could not be told to ${entry.change}: ${(error as Error).message}`);
      }
    }
  }

  /** Nothing where there is no knob of its kind. */
  #revive({ kind, service, node, undoing }: Entry): Pick<Proposal, "apply" | "undo"> | undefined {
    return this.#options.knobs.find((knob) => knob.kind === kind)?.revive(service, node, undoing);
  }
}
