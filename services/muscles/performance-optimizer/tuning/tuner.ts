import { randomUUID } from "node:crypto";
import type { OptimizationRecord } from "../../../../models/performance.ts";
import type { Clock } from "../../../../runtime/clock.ts";
import { AzoraError } from "../../../../runtime/errors.ts";
import { type Book, type Entry, recordOf } from "../records/book.ts";
import { Experiment, type ExperimentTimes, type Outcome, TIMES } from "./experiment.ts";
import type { Knob, Proposal } from "./knob.ts";
import { CALM_MS, type Traffic } from "./traffic.ts";

export interface TunerOptions {
  /** Monotonic. */
  clock: Clock;
  /** ms since the epoch. */
  wall: () => number;
  knobs: Knob[];
  traffic: Traffic;
  book: Pick<Book, "put" | "get" | "measuring" | "fleetingOf" | "of">;
  /** Puts a step on durable record. It is not taken before that is done. */
  onRecord(step: string, record: OptimizationRecord): Promise<void>;
  logger: { info(text: string): void; warn(text: string): void };
  /** Whether somebody else is trying something on the service. */
  isTaken?(service: string): boolean;
  times?: Partial<ExperimentTimes>;
}

/** Services on which something is tried at once. */
const MOST_AT_ONCE = 8;
/** Changes that one order may try, one after the other. */
const MOST_IN_TURN = 4;
/** What did not help is not tried again for so long, ms. */
const REST_MS = 24 * 3_600_000;
/** A knob that does not answer must not hold up the others, ms. */
const PATIENCE_MS = 20_000;
const UNDO_AGAIN_MS = 10_000;
const MOST_UNDOING = 30;

interface Run {
  service: string;
  by: string;
  /** In the order in which they were made. */
  records: OptimizationRecord[];
  tried: Set<string>;
  /** Nothing while a proposal is looked for or is being made. */
  current?: {
    entry: Entry;
    proposal: Proposal;
    experiment: Experiment;
    began: number;
    isEnding: boolean;
    trouble?: string;
  };
  ended: Promise<OptimizationRecord[]>;
  done(records: OptimizationRecord[]): void;
}

interface Undoing {
  entry: Entry;
  undo(): Promise<void>;
  status: OptimizationRecord["status"];
  why: string;
  tries: number;
  next: number;
  busy: boolean;
}

/** Tries changes on live traffic, one at a time on each service, keeps what helps and takes back what does not. */
export class Tuner {
  readonly #options: TunerOptions;
  readonly #times: ExperimentTimes;
  readonly #runs = new Map<string, Run>();
  /** What must be taken back, and could not be yet. */
  readonly #undoing = new Map<string, Undoing>();
  #stopped = false;

  constructor(options: TunerOptions) {
    this.#options = options;
    this.#times = { ...TIMES, ...options.times };
  }

  /** Services on which something is being tried. */
  get busy(): string[] {
    return [...this.#runs.keys()];
  }

  /** Changes that are still in force though they should not be. */
  get waitingToUndo(): string[] {
    return [...this.#undoing.values()].map(({ entry }) => entry.change);
  }

  isBusy(service: string): boolean {
    if (this.#runs.has(service)) return true;
    return [...this.#undoing.values()].some(({ entry }) => entry.service === service);
  }

  /** Takes back what a former process was measuring when it ended: nobody knows what happened in between. It is done by `tick`. */
  async resume(): Promise<void> {
    for (const entry of await this.#options.book.measuring()) {
      const knob = this.#options.knobs.find(({ kind }) => kind === entry.kind);
      const why = "the optimizer ended while it was being measured";
      if (!knob) {
        await this.#close(entry, "failed", `${why}, and nothing here can undo a change of kind ${entry.kind}`);
        continue;
      }
      const { undo } = knob.revive(entry.service, entry.node, entry.undoing);
      this.#undo(entry, undo, "taken-back", why);
    }
  }

  /**
   * Tries what promises most, then the next best, until nothing is left. Answers when the first change is made, or with
   * `wait` when all have their verdicts; empty where there is nothing to try.
   * @throws AzoraError OPTIMIZATION_REFUSED
   */
  async optimize(service: string, by: string, wait = false): Promise<OptimizationRecord[]> {
    const known = this.#runs.get(service);
    if (known && wait) return known.ended;
    this.#checkFree(service);
    let done = (_records: OptimizationRecord[]) => {};
    const ended = new Promise<OptimizationRecord[]>((resolve) => {
      done = resolve;
    });
    const run: Run = { service, by, records: [], tried: new Set(), ended, done };
    this.#runs.set(service, run);
    await this.#next(run);
    return wait ? ended : [...run.records];
  }

  /** Judges what is being tried. To be called about once a second. */
  async tick(): Promise<void> {
    if (this.#stopped) return;
    await this.#undoAll();
    for (const run of [...this.#runs.values()]) {
      const { current } = run;
      if (!current || current.isEnding) continue;
      const outcome = current.experiment.judge(this.#options.clock.now());
      if (outcome.decision === "continue") continue;
      current.isEnding = true;
      try {
        await this.#conclude(run, current, outcome);
      } catch (error) {
        // It stands until its verdict can be stored; without that nobody would ever end it.
        current.isEnding = false;
        const { message } = error as Error;
        if (current.trouble !== message)
          this.#options.logger.warn(`${current.entry.change}: no verdict yet: ${message}`);
        current.trouble = message;
      }
    }
  }

  /** @throws AzoraError NOT_FOUND, OPTIMIZATION_REFUSED */
  async takeBack(id: string, by: string): Promise<OptimizationRecord> {
    const running = [...this.#runs.values()].find(({ current }) => current?.entry.id === id);
    if (running?.current && !running.current.isEnding) {
      const { current } = running;
      current.isEnding = true;
      running.tried.add("*");
      return this.#conclude(running, current, { decision: "void", why: `${by} took it back` }, "taken-back");
    }
    const entry = await this.#options.book.get(id);
    if (!entry) throw new AzoraError("NOT_FOUND", `There is no optimization ${id}`, { id });
    if (entry.status !== "kept") {
      throw new AzoraError(
        "OPTIMIZATION_REFUSED",
        `${entry.change}: it is ${entry.status}, so there is nothing to take back`,
        {
          id,
          status: entry.status,
        },
      );
    }
    this.#checkFree(entry.service);
    const knob = this.#options.knobs.find(({ kind }) => kind === entry.kind);
    if (!knob) {
      throw new AzoraError("OPTIMIZATION_REFUSED", `Nothing here can undo a change of kind ${entry.kind}`, { id });
    }
    const { undo } = knob.revive(entry.service, entry.node, entry.undoing);
    await this.#options.onRecord("taking-back", recordOf(entry));
    this.#undo(entry, undo, "taken-back", `${by} took it back`);
    await this.#undoAll();
    return recordOf((await this.#options.book.get(id)) ?? entry);
  }

  /** A node is there in a new life: what was set in the memory of the last one is made again. */
  async nodeCame(node: string): Promise<void> {
    for (const entry of await this.#options.book.fleetingOf(node)) {
      const knob = this.#options.knobs.find(({ kind }) => kind === entry.kind);
      if (!knob) continue;
      try {
        await this.#options.onRecord("made-again", recordOf(entry));
        await bounded(knob.revive(entry.service, entry.node, entry.undoing).apply(), this.#options.clock);
      } catch (error) {
        this.#options.logger.warn(
          `${node} is back, and could not be told to ${entry.change}: ${(error as Error).message}`,
        );
      }
    }
  }

  stop(): void {
    this.#stopped = true;
    for (const run of this.#runs.values()) run.done(run.records);
  }

  #checkFree(service: string): void {
    const refuse = (why: string): never => {
      throw new AzoraError("OPTIMIZATION_REFUSED", why, { service });
    };
    if (this.#stopped) refuse("the optimizer stops");
    if (this.isBusy(service) || this.#options.isTaken?.(service)) {
      refuse(`Something is being tried on ${service} already; two changes at once could not be told apart`);
    }
    if (this.#runs.size >= MOST_AT_ONCE) {
      refuse(`Something is being tried on ${MOST_AT_ONCE} services already: ${this.busy.join(", ")}`);
    }
    const { clock, traffic } = this.#options;
    const disturbance = traffic.disturbance(service, clock.now() - CALM_MS);
    if (disturbance) refuse(`${service} is not as usual: ${disturbance}`);
  }

  /** Makes the next change of a run, or ends it. */
  async #next(run: Run): Promise<void> {
    try {
      while (!this.#stopped && run.records.length < MOST_IN_TURN && !run.tried.has("*")) {
        const found = await this.#best(run);
        if (!found) break;
        run.tried.add(keyOf(found.knob.kind, found.proposal));
        if (await this.#try(run, found.knob, found.proposal)) return;
      }
    } catch (error) {
      this.#finish(run);
      throw error;
    }
    this.#finish(run);
  }

  #finish(run: Run): void {
    this.#runs.delete(run.service);
    run.done(run.records);
  }

  /** Says whether it is being measured now. */
  async #try(run: Run, knob: Knob, proposal: Proposal): Promise<boolean> {
    const { clock, wall, traffic, book, onRecord } = this.#options;
    const experiment = new Experiment(run.service, proposal, traffic, this.#times);
    const entry: Entry = {
      id: randomUUID(),
      at: new Date(wall()).toISOString(),
      service: run.service,
      ...(proposal.node === undefined ? {} : { node: proposal.node }),
      kind: knob.kind,
      change: proposal.change,
      reason: proposal.reason,
      status: "measuring",
      by: run.by,
      actions: proposal.actions,
      undoing: proposal.undoing,
      fleeting: proposal.fleeting ?? false,
    };
    const hindrance = experiment.look(clock.now());
    if (hindrance) {
      const ended: Entry = {
        ...entry,
        status: "inconclusive",
        outcome: `${hindrance}; nothing was changed`,
        duration: 0,
      };
      await book.put(ended);
      run.records.push(recordOf(ended));
      return false;
    }
    // In the store before on record, and on record before it is made: after a crash it is undone, made or not.
    await book.put(entry);
    run.records.push(recordOf(entry));
    const began = clock.now();
    try {
      await onRecord("begun", recordOf(entry));
    } catch (error) {
      this.#told(
        run,
        await this.#close(
          entry,
          "failed",
          `it could not be put on record, so it was not made: ${(error as Error).message}`,
        ),
      );
      return false;
    }
    try {
      await bounded(proposal.apply(), clock);
    } catch (error) {
      this.#undo(entry, () => proposal.undo(), "failed", `it could not be made: ${(error as Error).message}`);
      await this.#undoAll();
      const now = await book.get(entry.id);
      if (now) this.#told(run, recordOf(now));
      return false;
    }
    experiment.begin(clock.now());
    run.current = { entry, proposal, experiment, began, isEnding: false };
    this.#options.logger.info(`${entry.change}: made, and being measured`);
    return true;
  }

  async #conclude(
    run: Run,
    current: NonNullable<Run["current"]>,
    outcome: Exclude<Outcome, { decision: "continue" }>,
    status: OptimizationRecord["status"] = outcome.decision === "void" ? "inconclusive" : "taken-back",
  ): Promise<OptimizationRecord> {
    const { clock, book, onRecord } = this.#options;
    const { entry, proposal, began } = current;
    const { effect } = outcome;
    const cost = "cost" in outcome ? outcome.cost : undefined;
    const judged: Entry = {
      ...entry,
      ...(effect ? { effect } : {}),
      ...(cost ? { cost } : {}),
      duration: Math.round(clock.now() - began),
    };
    let record: OptimizationRecord;
    if (outcome.decision === "keep") {
      record = await this.#close(judged, "kept", outcome.why);
    } else {
      // What cannot be put on record is taken back all the same: the record says that it was made.
      await onRecord("taking-back", { ...recordOf(judged), outcome: outcome.why }).catch((error: Error) => {
        this.#options.logger.warn(`${entry.change}: that it is taken back is not on record: ${error.message}`);
      });
      this.#undo(judged, () => proposal.undo(), status, outcome.why);
      await this.#undoAll();
      record = recordOf((await book.get(entry.id).catch(() => undefined)) ?? judged);
    }
    this.#told(run, record);
    delete run.current;
    void this.#next(run).catch((error: Error) => this.#options.logger.warn(`${run.service}: ${error.message}`));
    return record;
  }

  #told(run: Run, record: OptimizationRecord): void {
    const at = run.records.findIndex(({ id }) => id === record.id);
    run.records[at < 0 ? run.records.length : at] = record;
  }

  async #best(run: Run): Promise<{ knob: Knob; proposal: Proposal } | undefined> {
    const { knobs, clock, book, wall, logger } = this.#options;
    const rested = new Set(
      (await book.of(run.service, 200))
        // One without a verdict was taken back for another reason, such as a restart.
        .filter(({ status, at, effect }) => status === "taken-back" && effect && wall() - Date.parse(at) < REST_MS)
        .map(({ kind, change }) => `${kind} ${change}`),
    );
    const all = await Promise.all(
      knobs.map(async (knob) => {
        try {
          const proposals = await bounded(knob.propose(run.service), clock);
          return proposals.map((proposal) => ({ knob, proposal }));
        } catch (error) {
          logger.warn(`${run.service}: no proposal of kind ${knob.kind}: ${(error as Error).message}`);
          return [];
        }
      }),
    );
    return all
      .flat()
      .filter(({ knob, proposal }) => {
        const key = keyOf(knob.kind, proposal);
        return !run.tried.has(key) && !rested.has(key) && proposal.actions.length > 0;
      })
      .sort((a, b) => b.proposal.expectedGain - a.proposal.expectedGain)[0];
  }

  #undo(entry: Entry, undo: () => Promise<void>, status: OptimizationRecord["status"], why: string): void {
    this.#undoing.set(entry.id, { entry, undo, status, why, tries: 0, next: 0, busy: false });
  }

  /** Tries again what could not be undone; gives up in the end, and says that it is in force. */
  async #undoAll(): Promise<void> {
    const { clock } = this.#options;
    for (const one of [...this.#undoing.values()]) {
      if (one.busy || clock.now() < one.next) continue;
      one.busy = true;
      try {
        await bounded(one.undo(), clock);
        await this.#close(one.entry, one.status, one.why);
        this.#undoing.delete(one.entry.id);
      } catch (error) {
        one.tries++;
        one.next = clock.now() + UNDO_AGAIN_MS;
        const why = `${one.why}; it could not be taken back yet: ${(error as Error).message}`;
        const isGivenUp = one.tries >= MOST_UNDOING;
        if (isGivenUp) this.#undoing.delete(one.entry.id);
        await this.#close(one.entry, isGivenUp ? "failed" : "measuring", why).catch(() => {});
      } finally {
        one.busy = false;
      }
    }
  }

  async #close(entry: Entry, status: OptimizationRecord["status"], outcome: string): Promise<OptimizationRecord> {
    const closed: Entry = { ...entry, status, outcome };
    await this.#options.book.put(closed);
    const record = recordOf(closed);
    if (status !== "measuring") {
      this.#options.logger.info(`${entry.change}: ${status}; ${outcome}`);
      await this.#options.onRecord("ended", record).catch(() => {});
    }
    return record;
  }
}

const keyOf = (kind: string, { change }: Proposal) => `${kind} ${change}`;

/** @throws what it throws, or that it took too long */
function bounded<T>(work: Promise<T>, clock: Clock): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(PATIENCE_MS, () => reject(new Error(`no answer within ${PATIENCE_MS / 1000} s`)));
    work.then(resolve, reject).finally(cancel);
  });
}
