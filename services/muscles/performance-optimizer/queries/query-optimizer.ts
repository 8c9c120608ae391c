import { randomUUID } from "node:crypto";
import type { OptimizationRecord } from "../../../../models/performance.ts";
import type { ServiceQueries, ShapeRuns } from "../../../../models/query-facts.ts";
import { type Clock, sleep, systemClock } from "../../../../runtime/clock.ts";
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
  clock?: Clock;
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
  done(record: OptimizationRecord): void;
  ended: Promise<OptimizationRecord>;
}

const WATCH = 10_000;
const STEP = 1000;
/** Trials under way at once. */
const MAX_TRIALS = 20;

/** Gives advice on the queries of all services, carries it out, and takes back what did not help. */
export class QueryOptimizer {
  readonly #nodes: QueryNodes;
  readonly #options: QueryOptimizerOptions;
  readonly #clock: Clock;
  readonly #given: GivenAdvice;
  readonly #trials = new Map<string, Trial>();
  readonly #busy = new Set<string>();

  constructor(options: QueryOptimizerOptions) {
    this.#options = options;
    this.#nodes = options.nodes;
    this.#clock = options.clock ?? systemClock;
    this.#given = new GivenAdvice(options.nodes, options, this.#clock);
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
   * @throws AzoraError NOT_FOUND, ADVICE_REFUSED, CONFLICT
   */
  async applyAdvice(id: string, by = "operator"): Promise<OptimizationRecord> {
    const { advice, facts } = await this.#given.fresh(id);
    if (!advice.applicable) {
      throw new AzoraError("ADVICE_REFUSED", `This is for whoever writes ${advice.service}: ${advice.what}`, { id });
    }
    if (this.#busy.has(id)) throw new AzoraError("CONFLICT", `The advice ${id} is being tried already`, { id });
    if (this.#busy.size >= MAX_TRIALS) {
      throw new AzoraError("CONFLICT", `${MAX_TRIALS} changes of queries are being tried; wait for their verdicts`, {
        allowed: MAX_TRIALS,
      });
    }
    this.#busy.add(id);
    try {
      return await this.#try(advice, facts, by);
    } catch (error) {
      this.#busy.delete(id);
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
      at: new Date(this.#clock.now()).toISOString(),
      service,
      kind: changes.every((change) => change.do === "rewrite") ? "rewrite" : "index",
      change: what,
      reason: advice.evidence.join("; "),
      status: "measuring",
      by,
    };
    const undoing = { changes };
    await this.#options.record(record, undoing);
    try {
      const done = await carryOut(this.#nodes, service, carriers, changes);
      record = { ...record, outcome: done.sentence };
      if (!done.changed)
        return await this.#end(record, advice, "inconclusive", `${done.sentence}: nothing was changed`);
    } catch (error) {
      await this.#end(record, advice, "failed", (error as Error).message);
      throw error;
    }
    await this.#poll(service, carriers, trial, "between");
    trial.begin(this.#clock.now());
    const { promise: ended, resolve: done } = Promise.withResolvers<OptimizationRecord>();
    this.#trials.set(record.id, { record, advice, carriers, trial, done, ended });
    return record;
  }

  /** Looks how the trials stand; about once a second. Returns the records that got their verdict. */
  async tick(): Promise<OptimizationRecord[]> {
    const judged: OptimizationRecord[] = [];
    for (const trial of [...this.#trials.values()]) {
      const { record, advice, carriers } = trial;
      await this.#poll(advice.service, carriers, trial.trial, "after");
      const verdict = trial.trial.verdict(this.#clock.now());
      if (!verdict || !this.#trials.delete(record.id)) continue;
      let { status } = verdict as { status: OptimizationRecord["status"] };
      let outcome = record.outcome ? `${verdict.outcome}; ${record.outcome}` : verdict.outcome;
      if (status === "taken-back") {
        try {
          await undo(this.#nodes, advice.service, carriers, advice.changes);
        } catch (error) {
          status = "failed";
          outcome = `${outcome}; it could not be taken back: ${(error as Error).message}`;
        }
      }
      const { effect, cost } = verdict;
      const full = { ...record, ...(effect ? { effect } : {}), ...(cost ? { cost } : {}) };
      const ended = await this.#end(full, advice, status, outcome);
      trial.done(ended);
      judged.push(ended);
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
    this.#trials.delete(recordId);
    await undo(this.#nodes, trial.advice.service, trial.carriers, trial.advice.changes);
    const ended = await this.#end(trial.record, trial.advice, "taken-back", `Taken back by the ${by}`);
    trial.done(ended);
    return ended;
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

  async #end(
    record: OptimizationRecord,
    { id }: Advice,
    status: OptimizationRecord["status"],
    outcome: string,
  ): Promise<OptimizationRecord> {
    this.#busy.delete(id);
    this.#given.forget(id);
    const duration = this.#clock.now() - Date.parse(record.at);
    const ended = { ...record, status, outcome, duration };
    await this.#options.record(ended, {});
    return ended;
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
