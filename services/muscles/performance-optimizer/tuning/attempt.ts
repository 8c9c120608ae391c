import { randomUUID } from "node:crypto";
import type { OptimizationRecord } from "../../../../models/performance.ts";
import type { Clock } from "../../../../runtime/clock.ts";
import { type Book, type Entry, recordOf } from "../records/book.ts";
import { Experiment, type ExperimentTimes, type Outcome } from "./experiment.ts";
import type { Journal } from "./journal.ts";
import { Making } from "./making.ts";
import type { Candidate } from "./proposals.ts";
import type { Rollbacks } from "./rollbacks.ts";
import type { Traffic } from "./traffic.ts";

export interface AttemptOptions {
  /** Monotonic. */
  clock: Clock;
  /** ms since the epoch. */
  wall: () => number;
  traffic: Traffic;
  times: ExperimentTimes;
  book: Pick<Book, "put">;
  journal: Journal;
  rollbacks: Rollbacks;
  logger: { info(text: string): void; warn(text: string): void };
  /** Whether nothing may be made any more. */
  isStopped(): boolean;
}

type Ended = Exclude<Outcome, { decision: "continue" }>;

/** One change, from before it is made to its verdict: looked at, stored, on record, made, measured, kept or taken back. */
export class Attempt {
  readonly #options: AttemptOptions;
  readonly #candidate: Candidate;
  readonly #entry: Entry;
  readonly #experiment: Experiment;
  #began = 0;
  /** Its verdict is being carried out. */
  #isEnding = false;
  /** Why its verdict could not be stored the last time. */
  #trouble: string | undefined;

  constructor(candidate: Candidate, service: string, by: string, options: AttemptOptions) {
    const { traffic, times, wall } = options;
    this.#options = options;
    this.#candidate = candidate;
    this.#entry = entryOf(candidate, service, by, wall());
    this.#experiment = new Experiment(service, candidate.proposal, traffic, times);
  }

  get id(): string {
    return this.#entry.id;
  }

  /**
   * Makes the change.
   * @returns how it stands: where it is `isMeasured`, `judge` will end it, else it has ended
   * @throws where it cannot be stored, and so was not made
   */
  async begin(): Promise<{ record: OptimizationRecord; isMeasured: boolean }> {
    const { clock, book, journal, rollbacks, logger } = this.#options;
    const entry = this.#entry;
    const ended = (record: OptimizationRecord) => ({ record, isMeasured: false });
    const hindrance = this.#experiment.look(clock.now());
    if (hindrance) {
      const outcome = `${hindrance}; nothing was changed`;
      const untried: Entry = { ...entry, status: "inconclusive", outcome, duration: 0 };
      await book.put(untried);
      return ended(recordOf(untried));
    }
    this.#began = clock.now();
    const unrecorded = await journal.begin(entry);
    if (unrecorded !== undefined)
      return ended(await rollbacks.roll({ entry, undo: async () => {}, status: "failed", why: unrecorded }));
    const failure = await this.#make();
    if (failure) return ended(await rollbacks.roll({ entry, status: "failed", ...failure }));
    this.#experiment.begin(clock.now());
    logger.info(`${entry.change}: made, and being measured`);
    return { record: recordOf(entry), isMeasured: true };
  }

  /** Looks how it stands; about once a second. @returns its record when it has its verdict */
  async judge(): Promise<OptimizationRecord | undefined> {
    if (this.#isEnding) return undefined;
    const outcome = this.#experiment.judge(this.#options.clock.now());
    if (outcome.decision === "continue") return undefined;
    try {
      return await this.#end(outcome, outcome.decision === "void" ? "inconclusive" : "taken-back");
    } catch (error) {
      // It stands until its verdict can be stored; without that nobody would ever end it.
      this.#isEnding = false;
      const { message } = error as Error;
      if (this.#trouble !== message) this.#options.logger.warn(`${this.#entry.change}: no verdict yet: ${message}`);
      this.#trouble = message;
      return undefined;
    }
  }

  /** Ends it without a verdict. Nothing where its verdict is being carried out already. */
  takeBack(why: string): Promise<OptimizationRecord> | undefined {
    return this.#isEnding ? undefined : this.#end({ decision: "void", why }, "taken-back");
  }

  /** @returns why it is not made, and what makes sure of that; nothing where it is made */
  async #make(): Promise<{ why: string; undo(): Promise<void> } | undefined> {
    const { clock, isStopped } = this.#options;
    if (isStopped()) return { why: `it was not made: ${STOPS}`, undo: async () => {} };
    const making = new Making(this.#candidate.proposal);
    try {
      await making.made(clock);
      if (!isStopped()) return undefined;
      return { why: `it could not be measured: ${STOPS}`, undo: () => making.undo() };
    } catch (error) {
      return { why: `it could not be made: ${(error as Error).message}`, undo: () => making.undo() };
    }
  }

  /** @param status where it is taken back */
  async #end(outcome: Ended, status: OptimizationRecord["status"]): Promise<OptimizationRecord> {
    const { clock, journal, rollbacks, logger } = this.#options;
    this.#isEnding = true;
    const { effect, why } = outcome;
    const cost = "cost" in outcome ? outcome.cost : undefined;
    const entry: Entry = {
      ...this.#entry,
      ...(effect ? { effect } : {}),
      ...(cost ? { cost } : {}),
      duration: Math.round(clock.now() - this.#began),
    };
    if (outcome.decision === "keep") return journal.close(entry, "kept", why);
    // What cannot be put on record is taken back all the same: the record says that it was made.
    await journal.step("taking-back", { ...entry, outcome: why }).catch(({ message }: Error) => {
      logger.warn(`${entry.change}: that it is taken back is not on record: ${message}`);
    });
    return rollbacks.roll({ entry, undo: () => this.#candidate.proposal.undo(), status, why });
  }
}

const STOPS = "the optimizer stops";

/** As it is stored before it is made. */
function entryOf({ knob, proposal }: Candidate, service: string, by: string, wall: number): Entry {
  const { node, change, reason, actions, undoing, fleeting = false } = proposal;
  return {
    id: randomUUID(),
    at: new Date(wall).toISOString(),
    service,
    ...(node === undefined ? {} : { node }),
    kind: knob.kind,
    change,
    reason,
    status: "measuring",
    by,
    actions,
    undoing,
    fleeting,
  };
}
