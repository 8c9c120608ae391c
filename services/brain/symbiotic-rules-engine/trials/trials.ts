import { Worker } from "node:worker_threads";
import type { Clock } from "../../../../runtime/clock.ts";
import { AzoraError } from "../../../../runtime/errors.ts";
import type { Trial, TrialOutcome } from "./tried.ts";

export interface TrialsOptions {
  clock: Clock;
  /** Longest that one may take, ms. @default 50_000 */
  patience?: number;
  start?: (trial: Trial) => Worker;
}

const MOST_WAITING = 8;

/** Tries rules in threads, one after the other: each has a thread of its own, so that none can spoil the next. */
export class Trials {
  readonly #options: Required<TrialsOptions>;
  readonly #threads = new Set<Worker>();
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #isStopped = false;

  constructor({ clock, patience = 50_000, start = startThread }: TrialsOptions) {
    this.#options = { clock, patience, start };
  }

  /**
   * @param within longest that its outcome is waited for, its turn included, ms: one that nobody waits for any more is not begun
   * @throws AzoraError RATE_LIMITED where too many wait; SERVICE_UNAVAILABLE where it fails or takes too long
   */
  run(trial: Trial, within = 55_000): Promise<TrialOutcome> {
    if (this.#waiting >= MOST_WAITING) {
      return Promise.reject(
        new AzoraError("RATE_LIMITED", `${MOST_WAITING} trials of rules are being waited for; ask again in a while`),
      );
    }
    this.#waiting++;
    const { promise, reject, resolve } = Promise.withResolvers<TrialOutcome>();
    let isLate = false;
    const cancel = this.#options.clock.after(within, () => {
      isLate = true;
      reject(failure(`others are being tried, and it took more than ${within / 1000} s; ask again in a while`));
    });
    const tried = this.#last.then(() => {
      if (!isLate) return this.#inThread(trial).then(resolve, reject);
      return undefined;
    });
    this.#last = tried.finally(() => {
      cancel();
      this.#waiting--;
    });
    return promise;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all([...this.#threads].map((thread) => thread.terminate()));
  }

  #inThread(trial: Trial): Promise<TrialOutcome> {
    const { clock, patience, start } = this.#options;
    return new Promise((resolve, reject) => {
      const fail = (why: string) => reject(failure(why));
      if (this.#isStopped) return fail("the engine stops");
      const thread = start(trial);
      this.#threads.add(thread);
      const cancel = clock.after(patience, () => {
        fail(`it took more than ${patience / 1000} s; try fewer rules, or a shorter stretch`);
        void thread.terminate();
      });
      thread.once("message", (outcome: TrialOutcome) => resolve(outcome));
      thread.once("error", (error) => fail((error as Error).message));
      thread.once("exit", () => {
        cancel();
        this.#threads.delete(thread);
        fail("its thread has ended");
      });
    });
  }
}

function startThread(trial: Trial): Worker {
  return new Worker(new URL("./trial-worker.ts", import.meta.url), { workerData: trial });
}

function failure(why: string): AzoraError {
  return new AzoraError("SERVICE_UNAVAILABLE", `rules could not be tried: ${why}`);
}
