import { type Clock, sleep } from "../../../runtime/clock.ts";
import { AzoraError } from "../../../runtime/errors.ts";
import { nameOf, type Report } from "./report.ts";
import type { ReportStore } from "./report-store.ts";

/** What runs: an experiment, a suite or a check of dependencies. */
export interface Runnable {
  readonly report: Report;
  run(): Promise<Report>;
  stop(why: string): void;
}

/** Time for which the end of this process waits for the end of a run, ms. Its fault is undone by then. */
const CLOSE_WITHIN_MS = 3000;

/** The one place for a run, and the ids under which nodes may be told to break something. */
export class RunSlot {
  readonly #store: ReportStore;
  readonly #clock: Clock;
  readonly #log: (message: string) => void;
  readonly #underWay = new Set<string>();
  #current: Runnable | undefined;
  #ended: Promise<unknown> = Promise.resolve();

  constructor(store: ReportStore, clock: Clock, log: (message: string) => void) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
  }

  get report(): Report | undefined {
    return this.#current?.report;
  }

  isUnderWay(run: string): boolean {
    return this.#underWay.has(run);
  }

  /** @throws AzoraError CHAOS_REFUSED where something runs */
  refuseSecond(): void {
    if (!this.#current) return;
    const { report } = this.#current;
    throw new AzoraError("CHAOS_REFUSED", `${nameOf(report)} is running already (${report.id}); one at a time`, {
      running: report.id,
    });
  }

  /** Begins a run whose report can be kept, and keeps it when it is over. */
  async begin(runnable: Runnable): Promise<void> {
    this.refuseSecond();
    this.#current = runnable;
    try {
      await this.#store.save(runnable.report);
    } catch (error) {
      this.#current = undefined;
      throw error;
    }
    this.#ended = this.carryOut(runnable)
      .catch((error: Error) => this.#log(`a run failed: ${error.message}`))
      .finally(() => {
        this.#current = undefined;
      });
  }

  /** Also for the experiments within a suite. */
  async carryOut<R extends Runnable>(runnable: R): Promise<R["report"]> {
    const { report } = runnable;
    this.#underWay.add(report.id);
    try {
      return await runnable.run();
    } finally {
      this.#underWay.delete(report.id);
      await this.save(report);
    }
  }

  /** A disk that is still full must not end a run that is over. */
  async save(report: Report): Promise<void> {
    await this.#store.save(report).catch((error: Error) => {
      this.#log(`the report ${report.id} could not be kept: ${error.message}`);
    });
  }

  stop(why: string): string | null {
    this.#current?.stop(why);
    return this.#current?.report.id ?? null;
  }

  async close(): Promise<void> {
    this.stop("chaos-monkey is being stopped");
    await Promise.race([this.#ended, sleep(this.#clock, CLOSE_WITHIN_MS)]);
  }
}
