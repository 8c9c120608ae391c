import { randomUUID } from "node:crypto";
import type { OptimizationRecord } from "../../../../models/performance.ts";
import type { ServiceQueries, ShapeRuns } from "../../../../models/query-facts.ts";
import { type Clock, monotonicClock, sleep } from "../../../../runtime/clock.ts";
import { AzoraError } from "../../../../runtime/errors.ts";
import type { Undoing } from "../tuning/knob.ts";
import type { Advice, Change } from "./advice.ts";
import type { AdvisorOptions } from "./advisor.ts";
import { carryOut, undo } from "./carry-out.ts";
import { totalTime } from "./facts.ts";
import { GivenAdvice } from "./given-advice.ts";
import type { QueryNodes } from "./query-nodes.ts";
import { QueryTrial } from "./trial.ts";

export interface QueryOptimizerOptions extends AdvisorOptions {
  nodes: QueryNodes;
  /** Keeps a record, durably, before anything is done and with each change of its status. */
  record(record: OptimizationRecord, undoing: Undoing): Promise<void>;
  /** Whether somebody else is trying something on the service. */
  isTaken?(service: string): boolean;
  /** Monotonic: a clock that is set must not end a trial. @default performance.now */
  clock?: Clock;
  /** ms since the epoch, for what is read. @default Date.now */
  wall?: () => number;
  /** How long queries are watched before a change, ms. @default 10_000 */
  watch?: number;
  /** When a trial without a result is ended, ms. @default 600_000 */
  maxTrial?: number;
}

interface Trial {
  record: OptimizationRecord;
  advice: Advice;
  carriers: string[];
  trial: QueryTrial;
  /** When it was made, by the optimizer's clock. */
  began: number;
  /** With the verdict: what is left to be done. */
  ending?: Ending;
  done(record: OptimizationRecord): void;
  ended: Promise<OptimizationRecord>;
}

interface Ending {
  /** As it will be stored. */
  record: OptimizationRecord;
  mustUndo: boolean;
  tries: number;
  next: number;
  busy: boolean;
}

const WATCH = 10_000;
const STEP = 1000;
/** Trials under way at once. */
const MAX_TRIALS = 20;
/** What cannot be undone or stored is tried again after so many ms, and so often. */
const AGAIN = 10_000;
const MOST_TRIES = 30;

/** Gives advice on the queries of all services, carries it out, and takes back what did not help. */
export class QueryOptimizer {
  readonly #nodes: QueryNodes;
  readonly #options: QueryOptimizerOptions;
  readonly #clock: Clock;
  readonly #wall: () => number;
  readonly #given: GivenAdvice;
  readonly #trials = new Map<string, Trial>();
  /** Services on which an advice is being followed, from its watching on. */
  readonly #busy = new Set<string>();

  constructor(options: QueryOptimizerOptions) {
    this.#options = options;
    this.#nodes = options.nodes;
    this.#clock = options.clock ?? monotonicClock;
    this.#wall = options.wall ?? Date.now;
    this.#given = new GivenAdvice(options.nodes, options, this.#clock);
  }

  /** Services on which an advice is being followed. */
  get busy(): string[] {
    return [...this.#busy];
  }

  isBusy(service: string): boolean {
    return this.#busy.has(service);
  }

  /** Changes that are still in force though they should not be. */
  get waitingToUndo(): string[] {
    return [...this.#trials.values()].filter(({ ending }) => ending?.mustUndo).map(({ record }) => record.change);
  }

  /** Measured queries, the same service on several nodes as one. */
  async queries(service?: string): Promise<ServiceQueries[]> {
    return [...(await this.#given.carried(service)).values()].map(({ facts }) => facts);
  }

  /** All advice, best first. */
  advice(service?: string): Promise<Advice[]> {
    return this.#given.give(service);
  }

  /**
   * Watches the queries for some seconds, carries the advice out, and answers; `tick` then brings the verdict.
   * @throws AzoraError NOT_FOUND, ADVICE_REFUSED, OPTIMIZATION_REFUSED, CONFLICT
   */
  async applyAdvice(id: string, by = "operator"): Promise<OptimizationRecord> {
    const { advice, facts } = await this.#given.fresh(id);
    if (!advice.applicable) {
      throw new AzoraError("ADVICE_REFUSED", `This is for whoever writes ${advice.service}: ${advice.what}`, { id });
    }
    const { service } = advice;
    if (this.#busy.has(service) || this.#options.isTaken?.(service)) {
      const detail = `Something is being tried on ${service} already; two changes at once could not be told apart`;
      throw new AzoraError("OPTIMIZATION_REFUSED", detail, { service });
    }
    if (this.#busy.size >= MAX_TRIALS) {
      throw new AzoraError("CONFLICT", `${MAX_TRIALS} changes of queries are being tried; wait for their verdicts`, {
        allowed: MAX_TRIALS,
      });
    }
    this.#busy.add(service);
    try {
      return await this.#try(advice, facts, by);
    } catch (error) {
      // What could not be undone at once keeps others away until it is.
      if (![...this.#trials.values()].some((trial) => trial.advice.service === service)) this.#busy.delete(service);
      throw error;
    }
  }

  async #try(advice: Advice, facts: ServiceQueries, by: string): Promise<OptimizationRecord> {
    const { service, what, changes } = advice;
    const carriers = await this.#carriers(service);
    const trial = new QueryTrial({
      shape: watched(advice, facts),
      writes: writers(advice, facts),
      isDrop: changes.every((change) => change.do === "drop"),
      ...(this.#options.maxTrial === undefined ? {} : { maxTime: this.#options.maxTrial }),
    });
    for (let left = this.#options.watch ?? WATCH; ; left -= STEP) {
      await this.#poll(service, carriers, trial, "before");
      if (left <= 0) break;
      await sleep(this.#clock, STEP);
    }
    let record: OptimizationRecord = {
      id: randomUUID(),
      at: new Date(this.#wall()).toISOString(),
      service,
      kind: changes.every((change) => change.do === "rewrite") ? "rewrite" : "index",
      change: what,
      reason: advice.evidence.join("; "),
      status: "measuring",
      by,
    };
    const undoing = { changes };
    await this.#options.record(record, undoing);
    const began = this.#clock.now();
    const { promise: ended, resolve: done } = Promise.withResolvers<OptimizationRecord>();
    const made: Trial = { record, advice, carriers, trial, began, done, ended };
    try {
      const { changed, sentence } = await carryOut(this.#nodes, service, carriers, changes);
      record = { ...record, outcome: sentence };
      made.record = record;
      if (!changed) return this.#end(made, { status: "inconclusive", outcome: `${sentence}: nothing was changed` });
    } catch (error) {
      // A node that did not answer may have made it all the same.
      await this.#end(made, { status: "failed", outcome: (error as Error).message }, true);
      throw error;
    }
    await this.#poll(service, carriers, trial, "between");
    trial.begin(this.#clock.now());
    this.#trials.set(record.id, made);
    return record;
  }

  /** Looks how the trials stand; about once a second. Returns the records that got their verdict. */
  async tick(): Promise<OptimizationRecord[]> {
    const judged: OptimizationRecord[] = [];
    for (const one of [...this.#trials.values()]) {
      const { record, advice, carriers, trial } = one;
      if (!one.ending) {
        await this.#poll(advice.service, carriers, trial, "after");
        const verdict = trial.verdict(this.#clock.now());
        // It may have been taken back meanwhile.
        if (!verdict || one.ending) continue;
        const outcome = record.outcome ? `${verdict.outcome}; ${record.outcome}` : verdict.outcome;
        await this.#end(one, { ...verdict, outcome }, verdict.status === "taken-back");
      } else {
        await this.#finish(one);
      }
      if (!this.#trials.has(record.id)) judged.push(await one.ended);
    }
    return judged;
  }

  /** The record with its verdict, as soon as there is one. */
  ended(recordId: string): Promise<OptimizationRecord> | undefined {
    return this.#trials.get(recordId)?.ended;
  }

  /** Undoes a change while it is tried. Changes of earlier times are undone by what was kept beside their record. */
  async takeBack(recordId: string, by = "operator"): Promise<OptimizationRecord | undefined> {
    const trial = this.#trials.get(recordId);
    if (!trial) return undefined;
    if (trial.ending) return trial.record;
    return this.#end(trial, { status: "taken-back", outcome: `Taken back by the ${by}` }, true);
  }

  /** Undoes what a record was kept for, by the `undoing` that was kept beside it. Undoing twice does no harm. */
  async undo(service: string, undoing: Undoing): Promise<void> {
    const carriers = await this.#carriers(service);
    await undo(this.#nodes, service, carriers, (undoing["changes"] ?? []) as Change[]);
  }

  async redo(service: string, undoing: Undoing): Promise<void> {
    const carriers = await this.#carriers(service);
    await carryOut(this.#nodes, service, carriers, (undoing["changes"] ?? []) as Change[]);
  }

  /** Ends a trial, at once or, where a node or the store does not answer, as soon as it can be. */
  async #end(
    trial: Trial,
    verdict: Partial<OptimizationRecord> & { outcome: string },
    mustUndo = false,
  ): Promise<OptimizationRecord> {
    const duration = Math.round(this.#clock.now() - trial.began);
    const record: OptimizationRecord = { ...trial.record, ...verdict, duration };
    trial.ending = { record, mustUndo, tries: 0, next: 0, busy: false };
    this.#trials.set(record.id, trial);
    await this.#finish(trial);
    return this.#trials.has(record.id) ? trial.record : record;
  }

  async #finish(trial: Trial): Promise<void> {
    const { advice, carriers } = trial;
    const ending = trial.ending!;
    if (ending.busy || this.#clock.now() < ending.next) return;
    ending.busy = true;
    const isLast = ++ending.tries >= MOST_TRIES;
    try {
      if (ending.mustUndo) await undo(this.#nodes, advice.service, carriers, advice.changes);
      ending.mustUndo = false;
    } catch (error) {
      const why = `could not be taken back: ${(error as Error).message}`;
      trial.record = { ...trial.record, outcome: `${ending.record.outcome}; it ${why}; it is tried again` };
      if (isLast)
        ending.record = { ...ending.record, status: "failed", outcome: `${ending.record.outcome}; it ${why}` };
    }
    try {
      if (ending.mustUndo && !isLast) return;
      await this.#options.record(ending.record, {});
    } catch {
      if (!isLast) return;
    } finally {
      ending.busy = false;
      ending.next = this.#clock.now() + AGAIN;
    }
    this.#trials.delete(ending.record.id);
    this.#busy.delete(advice.service);
    this.#given.forget(advice.id);
    trial.done(ending.record);
  }

  async #poll(
    service: string,
    carriers: readonly string[],
    trial: QueryTrial,
    side: "before" | "between" | "after",
  ): Promise<void> {
    for (const node of carriers) {
      const runs = this.#nodes.call<Record<string, ShapeRuns>>(node, "queryRuns", { service, shapes: trial.shapes });
      // A node that is away for a moment has runs to tell later.
      const seen = await runs.catch(() => undefined);
      if (seen) trial[side](node, seen);
    }
  }

  /** @throws AzoraError SERVICE_UNAVAILABLE: done on no node, a change would be taken for made or undone */
  async #carriers(service: string): Promise<string[]> {
    const carriers = (await this.#given.carried(service)).get(service)?.carriers ?? [];
    if (carriers.length > 0) return carriers;
    throw new AzoraError("SERVICE_UNAVAILABLE", `No node answers for the queries of ${service}`, { service });
  }
}

/** The query that takes most time of those that the advice is for; of a dropped index those that use it. */
function watched({ shapes }: Advice, facts: ServiceQueries): string | undefined {
  const ofAdvice = facts.shapes.filter(({ id }) => shapes.includes(id));
  return ofAdvice.sort((a, b) => totalTime(b) - totalTime(a))[0]?.id;
}

function writers({ changes }: Advice, facts: ServiceQueries): string[] {
  const collections = new Set(changes.flatMap((change) => ("wish" in change ? [change.wish.collection] : [])));
  return facts.shapes.flatMap(({ id, shape }) =>
    collections.has(shape.collection) && ["insert", "update"].includes(shape.kind) ? [id] : [],
  );
}
