import type { OptimizationRecord } from "../../../../models/performance.ts";
import type { ServiceQueries } from "../../../../models/query-facts.ts";
import { type Clock, monotonicClock } from "../../../../runtime/clock.ts";
import { AzoraError } from "../../../../runtime/errors.ts";
import type { Undoing } from "../tuning/knob.ts";
import type { Advice, Change } from "./advice.ts";
import { AdviceTrial } from "./advice-trial.ts";
import type { AdvisorOptions } from "./advisor.ts";
import { carryOut, undo } from "./carry-out.ts";
import { GivenAdvice } from "./given-advice.ts";
import type { QueryNodes } from "./query-nodes.ts";

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

const WATCH = 10_000;
/** Trials under way at once. */
const MAX_TRIALS = 20;

/** Gives advice on the queries of all services, has it tried, and makes and undoes what others try. */
export class QueryOptimizer {
  readonly #options: QueryOptimizerOptions & { clock: Clock };
  readonly #given: GivenAdvice;
  /** Services on which an advice is being followed, from its watching on; nothing while its nodes are looked for. */
  readonly #trials = new Map<string, AdviceTrial | undefined>();
  #isStopped = false;

  constructor(options: QueryOptimizerOptions) {
    this.#options = { ...options, clock: options.clock ?? monotonicClock };
    this.#given = new GivenAdvice(options.nodes, options, this.#options.clock);
  }

  /** Services on which an advice is being followed. */
  get busy(): string[] {
    return [...this.#trials.keys()];
  }

  isBusy(service: string): boolean {
    return this.#trials.has(service);
  }

  /** Changes that are still in force though they should not be. */
  get waitingToUndo(): string[] {
    return this.#open.filter((trial) => trial.mustBeUndone).map(({ record }) => record.change);
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
   * @throws AzoraError NOT_FOUND, ADVICE_REFUSED, OPTIMIZATION_REFUSED, CONFLICT, SERVICE_UNAVAILABLE
   */
  async applyAdvice(id: string, by = "operator"): Promise<OptimizationRecord> {
    const { advice, facts } = await this.#given.fresh(id);
    const { service } = advice;
    this.#checkFree(advice);
    this.#trials.set(service, undefined);
    let trial: AdviceTrial | undefined;
    try {
      const { wall = Date.now, watch = WATCH } = this.#options;
      const isStopped = () => this.#isStopped;
      const carriers = await this.#carriers(service);
      trial = new AdviceTrial(advice, facts, carriers, by, { ...this.#options, wall, watch, isStopped });
      this.#trials.set(service, trial);
      return await trial.begin();
    } finally {
      this.#release(service, trial);
    }
  }

  /** Looks how the trials stand; about once a second. Returns the records that got their verdict. */
  async tick(): Promise<OptimizationRecord[]> {
    const judged: OptimizationRecord[] = [];
    for (const trial of this.#open) {
      const record = await trial.tick();
      this.#release(trial.advice.service, trial);
      if (record) judged.push(record);
    }
    return judged;
  }

  /** Undoes a change while it is tried. Changes of earlier times are undone by what was kept beside their record. */
  async takeBack(recordId: string, by = "operator"): Promise<OptimizationRecord | undefined> {
    const trial = this.#open.find(({ record }) => record.id === recordId);
    if (!trial) return undefined;
    const record = await trial.takeBack(by);
    this.#release(trial.advice.service, trial);
    return record;
  }

  /** Makes what a record was kept for, by the `undoing` that was kept beside it. */
  async redo(service: string, undoing: Undoing): Promise<void> {
    await carryOut(this.#options.nodes, service, await this.#carriers(service), changesOf(undoing));
  }

  /** Undoing twice does no harm. */
  async undo(service: string, undoing: Undoing): Promise<void> {
    await undo(this.#options.nodes, service, await this.#carriers(service), changesOf(undoing));
  }

  /** Nothing is made any more. What is tried now stays in force, and is undone by whoever finds its record. */
  stop(): void {
    this.#isStopped = true;
  }

  get #open(): AdviceTrial[] {
    return [...this.#trials.values()].filter((trial) => trial !== undefined).filter(({ isOpen }) => isOpen);
  }

  #checkFree({ id, service, applicable, what }: Advice): void {
    if (this.#isStopped) throw new AzoraError("SERVICE_UNAVAILABLE", "the optimizer stops");
    if (!applicable) throw new AzoraError("ADVICE_REFUSED", `This is for whoever writes ${service}: ${what}`, { id });
    if (this.isBusy(service) || this.#options.isTaken?.(service)) {
      const detail = `Something is being tried on ${service} already; two changes at once could not be told apart`;
      throw new AzoraError("OPTIMIZATION_REFUSED", detail, { service });
    }
    if (this.#trials.size >= MAX_TRIALS) {
      const detail = `${MAX_TRIALS} changes of queries are being tried; wait for their verdicts`;
      throw new AzoraError("CONFLICT", detail, { allowed: MAX_TRIALS });
    }
  }

  /** Lets others try something on the service, unless what is tried now still has to be judged or undone. */
  #release(service: string, trial: AdviceTrial | undefined): void {
    // Another one may have begun since it was released.
    if (trial?.isOpen || this.#trials.get(service) !== trial) return;
    this.#trials.delete(service);
    if (trial?.hasEnded) this.#given.forget(trial.advice.id);
  }

  /** @throws AzoraError SERVICE_UNAVAILABLE: done on no node, a change would be taken for made or undone */
  async #carriers(service: string): Promise<string[]> {
    const carriers = (await this.#given.carried(service)).get(service)?.carriers ?? [];
    if (carriers.length > 0) return carriers;
    throw new AzoraError("SERVICE_UNAVAILABLE", `No node answers for the queries of ${service}`, { service });
  }
}

const changesOf = (undoing: Undoing) => (undoing["changes"] ?? []) as Change[];
