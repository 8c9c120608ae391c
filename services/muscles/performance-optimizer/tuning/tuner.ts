import type { OptimizationRecord } from "../../../../models/performance.ts";
import type { Clock } from "../../../../runtime/clock.ts";
import { AzoraError } from "../../../../runtime/errors.ts";
import type { Book } from "../records/book.ts";
import { Attempt, type AttemptOptions } from "./attempt.ts";
import { type ExperimentTimes, TIMES } from "./experiment.ts";
import { Journal } from "./journal.ts";
import type { Knob } from "./knob.ts";
import { PastChanges } from "./past-changes.ts";
import { bestOf, type Candidate, candidatesOf } from "./proposals.ts";
import { Rollbacks } from "./rollbacks.ts";
import { Run } from "./run.ts";
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
/** Past changes of a service that are looked at for what is not to be tried again. */
const PAST = 200;

/** Tries changes on live traffic, one at a time on each service, keeps what helps and takes back what does not. */
export class Tuner {
  readonly #options: TunerOptions;
  readonly #rollbacks: Rollbacks;
  readonly #runs = new Map<string, Run>();
  readonly #past: PastChanges;
  readonly #attempt: AttemptOptions;
  #isStopped = false;

  constructor(options: TunerOptions) {
    this.#options = options;
    const journal = new Journal(options);
    this.#rollbacks = new Rollbacks({
      clock: options.clock,
      close: (entry, status, outcome) => journal.close(entry, status, outcome),
    });
    const shared = { journal, rollbacks: this.#rollbacks };
    this.#past = new PastChanges({ ...options, ...shared });
    const times = { ...TIMES, ...options.times };
    this.#attempt = { ...options, ...shared, times, isStopped: () => this.#isStopped };
  }

  /** Services on which something is being tried. */
  get busy(): string[] {
    return [...this.#runs.keys()];
  }

  /** Changes that are still in force though they should not be. */
  get waitingToUndo(): string[] {
    return this.#rollbacks.changes;
  }

  isBusy(service: string): boolean {
    return this.#runs.has(service) || this.#past.isTakingBack(service) || this.#rollbacks.holds(service);
  }

  /** What a former process was measuring when it ended is taken back by `tick`. */
  resume(): Promise<void> {
    return this.#past.resume();
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
    const run = new Run(service, by);
    this.#runs.set(service, run);
    await this.#next(run);
    return wait ? run.ended : run.records;
  }

  /** Judges what is being tried. To be called about once a second. */
  async tick(): Promise<void> {
    if (this.#isStopped) return;
    await this.#rollbacks.tick();
    for (const run of [...this.#runs.values()]) {
      const record = await run.measured?.judge();
      if (record) this.#ended(run, record);
    }
  }

  /** @throws AzoraError NOT_FOUND, OPTIMIZATION_REFUSED */
  async takeBack(id: string, by: string): Promise<OptimizationRecord> {
    const why = `${by} took it back`;
    const run = [...this.#runs.values()].find(({ measured }) => measured?.id === id);
    const ending = run?.measured?.takeBack(why);
    if (run && ending) {
      run.callOff();
      const record = await ending;
      this.#ended(run, record);
      return record;
    }
    return this.#past.takeBack(id, why, (service) => this.#checkFree(service));
  }

  /** A node is there in a new life: what was set in the memory of the last one is made again. */
  nodeCame(node: string): Promise<void> {
    return this.#past.nodeCame(node);
  }

  /** What is measured now stays in force, and is taken back by whoever resumes. */
  stop(): void {
    this.#isStopped = true;
    for (const run of this.#runs.values()) run.end();
  }

  #checkFree(service: string): void {
    const refuse = (why: string): never => {
      throw new AzoraError("OPTIMIZATION_REFUSED", why, { service });
    };
    if (this.#isStopped) refuse("the optimizer stops");
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
    let isMeasured = false;
    try {
      // Nothing is tried on top of what could not be undone yet.
      while (!isMeasured && !this.#isStopped && run.mayGoOn && !this.#rollbacks.holds(run.service)) {
        const best = await this.#best(run);
        if (!best) break;
        run.tried.add(best.key);
        const attempt = new Attempt(best, run.service, run.by, this.#attempt);
        const begun = await attempt.begin();
        run.told(begun.record);
        isMeasured = begun.isMeasured;
        if (isMeasured) run.measured = attempt;
      }
    } finally {
      if (!isMeasured) {
        this.#runs.delete(run.service);
        run.end();
      }
    }
  }

  async #best(run: Run): Promise<Candidate | undefined> {
    const past = await this.#options.book.of(run.service, PAST);
    const candidates = await candidatesOf(run.service, this.#options);
    return bestOf(candidates, past, run.tried, this.#options.wall());
  }

  #ended(run: Run, record: OptimizationRecord): void {
    run.told(record);
    run.measured = undefined;
    void this.#next(run).catch((error: Error) => this.#options.logger.warn(`${run.service}: ${error.message}`));
  }
}
