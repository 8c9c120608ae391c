import { randomUUID } from "node:crypto";
import type { OptimizationRecord } from "../../../../models/performance.ts";
import type { ServiceQueries, ShapeRuns } from "../../../../models/query-facts.ts";
import { type Clock, sleep } from "../../../../runtime/clock.ts";
import { AzoraError } from "../../../../runtime/errors.ts";
import type { Undoing } from "../tuning/knob.ts";
import type { Advice } from "./advice.ts";
import { carryOut, undo } from "./carry-out.ts";
import { Ending } from "./ending.ts";
import { totalTime } from "./facts.ts";
import type { QueryNodes } from "./query-nodes.ts";
import { QueryTrial } from "./trial.ts";

export interface AdviceTrialOptions {
  nodes: QueryNodes;
  /** Keeps a record, durably, before anything is done and with each change of its status. */
  record(record: OptimizationRecord, undoing: Undoing): Promise<void>;
  /** Monotonic. */
  clock: Clock;
  /** ms since the epoch. */
  wall: () => number;
  /** How long queries are watched before the change, ms. */
  watch: number;
  /** When it is ended without a result, ms. */
  maxTrial?: number | undefined;
  /** Whether nothing may be made any more. */
  isStopped(): boolean;
}

type Verdict = Partial<OptimizationRecord> & { outcome: string };

const STEP = 1000;

/** An advice that is followed: its queries are watched, it is carried out, compared on live runs, and kept or taken back. */
export class AdviceTrial {
  readonly advice: Advice;
  readonly #options: AdviceTrialOptions;
  /** Nodes that carry the service. */
  readonly #carriers: readonly string[];
  readonly #runs: QueryTrial;
  #record: OptimizationRecord;
  #began = 0;
  #isMeasured = false;
  #ending: Ending | undefined;
  #hasEnded = false;

  constructor(
    advice: Advice,
    facts: ServiceQueries,
    carriers: readonly string[],
    by: string,
    options: AdviceTrialOptions,
  ) {
    const { service, what, changes, evidence } = advice;
    this.advice = advice;
    this.#options = options;
    this.#carriers = carriers;
    this.#runs = new QueryTrial({
      shape: watched(advice, facts),
      writes: writers(advice, facts),
      isDrop: changes.every((change) => change.do === "drop"),
      ...(options.maxTrial === undefined ? {} : { maxTime: options.maxTrial }),
    });
    this.#record = {
      id: randomUUID(),
      at: new Date(options.wall()).toISOString(),
      service,
      kind: changes.every((change) => change.do === "rewrite") ? "rewrite" : "index",
      change: what,
      reason: evidence.join("; "),
      status: "measuring",
      by,
    };
  }

  /** As it stands. */
  get record(): OptimizationRecord {
    const trouble = this.#hasEnded ? undefined : this.#ending?.trouble;
    return trouble === undefined ? this.#record : { ...this.#record, outcome: trouble };
  }

  /** Its verdict is stored. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** It may be in force, and has no verdict that is stored. */
  get isOpen(): boolean {
    return !this.#hasEnded && (this.#isMeasured || this.#ending !== undefined);
  }

  /** It is still in force though it should not be. */
  get mustBeUndone(): boolean {
    return !this.#hasEnded && this.#ending?.mustUndo === true;
  }

  /** Watches the queries, and makes the change. @throws why it was not made; where it `isOpen` then, `tick` undoes it */
  async begin(): Promise<OptimizationRecord> {
    const { clock, wall, nodes, record, watch, isStopped } = this.#options;
    const { service, changes } = this.advice;
    for (let left = watch; ; left -= STEP) {
      await this.#poll("before");
      if (isStopped()) throw stops();
      if (left <= 0) break;
      await sleep(clock, STEP);
    }
    this.#record = { ...this.#record, at: new Date(wall()).toISOString() };
    await record(this.#record, { changes });
    this.#began = clock.now();
    try {
      if (isStopped()) throw stops();
      const { changed, sentence } = await carryOut(nodes, service, this.#carriers, changes);
      this.#record = { ...this.#record, outcome: sentence };
      if (!changed)
        return await this.#end({ status: "inconclusive", outcome: `${sentence}: nothing was changed` }, false);
      await this.#poll("between");
      if (isStopped()) throw stops();
    } catch (error) {
      // A node that did not answer may have made it all the same.
      await this.#end({ status: "failed", outcome: (error as Error).message }, true);
      throw error;
    }
    this.#runs.begin(clock.now());
    this.#isMeasured = true;
    return this.#record;
  }

  /** Looks how it stands; about once a second. @returns its record when it has ended */
  async tick(): Promise<OptimizationRecord | undefined> {
    if (!this.#ending) {
      await this.#poll("after");
      const verdict = this.#runs.verdict(this.#options.clock.now());
      // It may have been taken back meanwhile.
      if (!verdict || this.#ending) return undefined;
      const { outcome } = this.#record;
      await this.#end(
        { ...verdict, outcome: outcome ? `${verdict.outcome}; ${outcome}` : verdict.outcome },
        verdict.status === "taken-back",
      );
    } else await this.#finish(this.#ending);
    return this.#hasEnded ? this.#record : undefined;
  }

  async takeBack(by: string): Promise<OptimizationRecord> {
    if (this.#ending) return this.record;
    return this.#end({ status: "taken-back", outcome: `Taken back by the ${by}` }, true);
  }

  /** Ends it, at once or, where a node or the store does not answer, as soon as it can be. */
  async #end(verdict: Verdict, mustUndo: boolean): Promise<OptimizationRecord> {
    const { clock, nodes, record } = this.#options;
    const { service, changes } = this.advice;
    const duration = Math.round(clock.now() - this.#began);
    this.#ending = new Ending(
      { ...this.#record, ...verdict, duration },
      {
        clock,
        undo: mustUndo ? () => undo(nodes, service, this.#carriers, changes) : undefined,
        store: (ended) => record(ended, {}),
      },
    );
    await this.#finish(this.#ending);
    return this.record;
  }

  async #finish(ending: Ending): Promise<void> {
    const ended = await ending.attempt();
    if (!ended) return;
    this.#record = ended;
    this.#hasEnded = true;
  }

  async #poll(side: "before" | "between" | "after"): Promise<void> {
    const params = { service: this.advice.service, shapes: this.#runs.shapes };
    for (const node of this.#carriers) {
      const runs = this.#options.nodes.call<Record<string, ShapeRuns>>(node, "queryRuns", params);
      // A node that is away for a moment has runs to tell later.
      const seen = await runs.catch(() => undefined);
      if (seen) this.#runs[side](node, seen);
    }
  }
}

const stops = () => new AzoraError("SERVICE_UNAVAILABLE", "the optimizer stops, so the advice was not followed");

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
