import { Worker } from "node:worker_threads";
import type { ServiceAnalysis } from "../../../../models/performance-views.ts";
import type { Clock } from "../../../../runtime/clock.ts";
import { AzoraError } from "../../../../runtime/errors.ts";
import type { AnalysisReport, AnalysisRequest } from "./analysis-worker.ts";
import type { ServiceFacts } from "./service-facts.ts";

export interface AnalystOptions {
  clock: Clock;
  /** Longest that it may take, ms. @default 10_000 */
  patience?: number;
  start?: () => Worker;
}

interface Waiting {
  resolve(analyses: ServiceAnalysis[]): void;
  reject(error: Error): void;
  cancel(): void;
}

/** Analyses asked for at once; each holds the figures of its services. */
const MOST_WAITING = 64;

/** Has services analysed in a thread, which is started at the first question and again after it has ended. */
export class Analyst {
  readonly #options: Required<AnalystOptions>;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #number = 0;
  /** Why the newest analysis, or a part of it, failed; nothing where none did. */
  failure: string | undefined;

  constructor({ clock, patience = 10_000, start = startWorker }: AnalystOptions) {
    this.#options = { clock, patience, start };
  }

  /** @throws AzoraError SERVICE_UNAVAILABLE where the thread does not answer */
  analyze(services: ServiceFacts[]): Promise<ServiceAnalysis[]> {
    if (services.length === 0) return Promise.resolve([]);
    if (this.#waiting.size >= MOST_WAITING) {
      return Promise.reject(unavailable(`${MOST_WAITING} analyses are being waited for`));
    }
    const { clock, patience } = this.#options;
    return new Promise((resolve, reject) => {
      const number = ++this.#number;
      const cancel = clock.after(patience, () => {
        this.#fail(`it took more than ${patience} ms`);
        void this.#worker?.terminate();
      });
      this.#waiting.set(number, { resolve, reject, cancel });
      this.#worker ??= this.#started();
      this.#worker.postMessage({ number, services } satisfies AnalysisRequest);
    });
  }

  async stop(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    this.#fail("the optimizer stops");
    await worker?.terminate();
  }

  #started(): Worker {
    const worker = this.#options.start();
    worker.unref();
    worker.on("message", (report: AnalysisReport) => {
      const waiting = this.#waiting.get(report.number);
      this.#waiting.delete(report.number);
      const [failed] = report.failed;
      this.failure = failed && `${failed.service}: ${failed.why}`;
      waiting?.cancel();
      waiting?.resolve(report.analyses);
    });
    worker.on("error", (error) => {
      this.failure = (error as Error).message;
    });
    worker.on("exit", () => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      this.#fail(this.failure ?? "its thread has ended");
    });
    return worker;
  }

  #fail(why: string): void {
    if (this.#waiting.size > 0) this.failure = why;
    for (const { reject, cancel } of this.#waiting.values()) {
      cancel();
      reject(unavailable(why));
    }
    this.#waiting.clear();
  }
}

function startWorker(): Worker {
  return new Worker(new URL("./analysis-worker.ts", import.meta.url));
}

function unavailable(why: string): AzoraError {
  return new AzoraError("SERVICE_UNAVAILABLE", `the analysis: ${why}`);
}
