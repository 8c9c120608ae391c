import { Worker } from "node:worker_threads";
import { ownModule } from "../node-executable.ts";
import type { Job } from "./job.ts";
import type { FromThread, ThreadData, ToThread } from "./messages.ts";

export interface ThreadOptions {
  start: ThreadData;
  /** Heap, MB. */
  memory: number;
  /** A job has ended, or waits for a call: perhaps there is room. */
  onRoom(thread: Thread): void;
  /** The thread is over; its jobs have failed. @param crashed whether nobody wanted that */
  onEnd(thread: Thread, crashed: boolean, why: string): void;
  onLog(message: Extract<FromThread, { what: "log" | "dropped" }>, job: Job | undefined): void;
  /** The error for a job whose thread ended. */
  lost(job: Job, why: string): Error;
}

/** One worker thread, seen from the node: which jobs it has, and what becomes of them when it ends. */
export class Thread {
  readonly jobs = new Map<number, Job>();
  /** Ids of the services that it has loaded. */
  readonly services = new Set<number>();
  /** When it had no job any longer, of `performance.now`. */
  idleSince = performance.now();
  /** It gets no further jobs, and is ended after its last one. */
  retired = false;
  readonly #options: ThreadOptions;
  readonly #worker: Worker;
  #why: string | undefined;
  #ended = false;
  readonly #pinged = new Set<() => void>();

  constructor(options: ThreadOptions) {
    this.#options = options;
    this.#worker = new Worker(ownModule("runtime/workers/worker-thread"), {
      name: "azora worker",
      workerData: options.start,
      resourceLimits: { maxOldGenerationSizeMb: options.memory },
    });
    let failure: string | undefined;
    this.#worker.on("message", (message: FromThread) => this.#take(message));
    this.#worker.on("messageerror", () => void this.end("it sent what cannot be read"));
    this.#worker.on("error", (error: Error & { code?: string }) => {
      const isMemory = error.code === "ERR_WORKER_OUT_OF_MEMORY";
      failure = isMemory ? `it needed more than ${options.memory} MB of heap (AZORA_WORKER_MEMORY)` : error.message;
    });
    this.#worker.on("exit", (code) => this.#over(failure ?? (code === 0 ? "it ended" : `it ended with code ${code}`)));
    // An idle thread must keep no process alive.
    this.#worker.unref();
  }

  /** Whether it computes for a job now; one that waits for a call leaves it free. */
  get busy(): boolean {
    for (const { calls } of this.jobs.values()) if (calls === 0) return true;
    return false;
  }

  /** @throws AzoraError WORKER_UNSUPPORTED where something of the job cannot be copied; the thread is as before then */
  run(job: Job): void {
    job.begun = performance.now();
    job.send(this.#post);
    this.jobs.set(job.number, job);
    this.services.add(job.service.id);
    if (this.jobs.size === 1) this.#worker.ref();
  }

  /** Whether its event loop still turns. */
  answers(within: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#pinged.delete(heard);
        resolve(false);
      }, within);
      const heard = () => {
        clearTimeout(timer);
        this.#pinged.delete(heard);
        resolve(true);
      };
      this.#pinged.add(heard);
      this.#post({ what: "ping" });
    });
  }

  /** Ends it now. @param why as it is told to those whose jobs it had */
  async end(why: string): Promise<void> {
    if (this.#ended) return;
    this.#why ??= why;
    await this.#worker.terminate();
  }

  readonly #post = (message: ToThread, list: ArrayBuffer[] = []): void => this.#worker.postMessage(message, list);

  #take(message: FromThread): void {
    if (message.what === "pong") {
      for (const heard of this.#pinged) heard();
      return;
    }
    if (message.what === "dropped") {
      this.#options.onLog(message, undefined);
      return;
    }
    const job = message.job === undefined ? undefined : this.jobs.get(message.job);
    if (message.what === "log") {
      this.#options.onLog(message, job);
      return;
    }
    if (!job) return;
    if (message.what === "call") {
      job.calls++;
      void job.carry(message, (reply, list) => {
        job.calls--;
        if (!this.#ended) this.#post(reply, list);
      });
      if (!this.busy) this.#options.onRoom(this);
      return;
    }
    this.jobs.delete(job.number);
    job.settle(message);
    if (this.jobs.size === 0) {
      this.idleSince = performance.now();
      this.#worker.unref();
    }
    this.#options.onRoom(this);
  }

  #over(failure: string): void {
    this.#ended = true;
    const why = this.#why ?? failure;
    for (const job of this.jobs.values()) job.fail(this.#options.lost(job, why));
    this.#options.onEnd(this, this.#why === undefined, why);
    this.jobs.clear();
  }
}
