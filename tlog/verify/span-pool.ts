/** Verifies spans in worker threads, or here where there are none. */
import { Worker } from "node:worker_threads";
import type { BundleFiles } from "./bundle.ts";
import { LogFiles } from "./log-files.ts";
import { type SpanResult, type SpanTask, verifySpan } from "./span.ts";

/** Nearly everything that a thread makes is short-lived: more room for it would only be held, not used. */
const YOUNG_MB = 16;

interface Waiting {
  task: SpanTask;
  resolve(result: SpanResult): void;
  reject(error: unknown): void;
}

export class SpanPool {
  readonly #files: BundleFiles;
  readonly #idle: Worker[];
  readonly #all: Worker[];
  readonly #running = new Map<Worker, Waiting>();
  readonly #queue: Waiting[] = [];

  /** @param threads 0: verify in the calling thread */
  constructor(folder: string, threads: number) {
    this.#files = { files: new LogFiles(folder), bundles: new LogFiles(folder) };
    this.#all = Array.from({ length: threads }, () => this.#begin(folder));
    this.#idle = [...this.#all];
  }

  run(task: SpanTask): Promise<SpanResult> {
    if (this.#all.length === 0) return new Promise((resolve) => resolve(verifySpan(task, this.#files)));
    return new Promise((resolve, reject) => {
      this.#queue.push({ task, resolve, reject });
      this.#next();
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map((worker) => worker.terminate()));
  }

  #begin(folder: string): Worker {
    const worker = new Worker(new URL("./span-worker.ts", import.meta.url), {
      workerData: folder,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    });
    worker.on("message", (result: SpanResult) => {
      const done = this.#running.get(worker)!;
      this.#running.delete(worker);
      this.#idle.push(worker);
      this.#next();
      done.resolve(result);
    });
    const failed = (error: unknown) => {
      for (const waiting of [...this.#running.values(), ...this.#queue.splice(0)]) waiting.reject(error);
      this.#running.clear();
    };
    worker.on("error", failed);
    worker.on("exit", () => failed(new Error("A thread of the verifier ended early")));
    return worker;
  }

  #next(): void {
    while (this.#idle.length > 0 && this.#queue.length > 0) {
      const worker = this.#idle.pop()!;
      const waiting = this.#queue.shift()!;
      this.#running.set(worker, waiting);
      worker.postMessage(waiting.task);
    }
  }
}
