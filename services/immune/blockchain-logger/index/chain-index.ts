import { Worker } from "node:worker_threads";
import { AzoraError } from "../../../../runtime/errors.ts";
import type { IncidentPart } from "./find-incident.ts";
import { IdLookup } from "./index-file.ts";
import type { IndexReport, IndexRequest, IndexWorkerData } from "./index-worker.ts";
import type { Page, QueryParams } from "./query-params.ts";

export interface ChainIndexOptions {
  /** The SQLite file; made where it is missing, and anew where it does not fit the log. */
  file: string;
  /** The log's folder, with `checkpoint` and `tile/`. */
  logFolder: string;
  logger: { info(...args: unknown[]): void; warn(...args: unknown[]): void };
  /** Starts the thread. @default index-worker.ts */
  start?(data: IndexWorkerData): Worker;
}

/** Searches that may wait at once. */
const MOST_SEARCHES = 256;
/** Before a thread that has died is started again, ms. */
const RESTART_MS = 1000;

interface Waiter<T> {
  resolve(value: T): void;
  reject(error: Error): void;
}

/**
 * Finds positions in the log. It is made from the log's files and never the authority: entries are always read from the
 * log. Writing and searching happen in a thread of its own; `idOf` on the caller's.
 */
export class ChainIndex {
  readonly #options: ChainIndexOptions;
  #worker: Worker;
  readonly #searches = new Map<number, Waiter<never>>();
  #advances: (Waiter<void> & { size: number })[] = [];
  #ids: IdLookup | undefined;
  #position = 0;
  #numbers = 0;
  #begun = false;
  #closed = false;
  #restart: NodeJS.Timeout | undefined;
  /** Why it does not get on, where it does not. */
  failure: string | undefined;
  /** How often it was made anew since it was opened. */
  rebuilds = 0;

  /** @throws Error where the file can be neither opened nor made */
  static async open(options: ChainIndexOptions): Promise<ChainIndex> {
    const index = new ChainIndex(options);
    try {
      await index.#opened();
      index.#begun = true;
      return index;
    } catch (error) {
      await index.close();
      throw error;
    }
  }

  private constructor(options: ChainIndexOptions) {
    this.#options = options;
    this.#worker = this.#started();
  }

  /**
   * Every entry before this index can be found. It falls to 0 when the file turns out to be damaged while it is used and is
   * made anew; what has to know all ids waits for `advance` then.
   */
  get position(): number {
    return this.#position;
  }

  /** Takes over what stands in the log's files before `size`, the end of a block. */
  advance(size: number): Promise<void> {
    if (this.#position >= size) return Promise.resolve();
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(unavailable("it is closed"));
      this.#advances.push({ size, resolve, reject });
      this.#send({ what: "advance", size });
    });
  }

  /**
   * Index of the entry with this id among those before `position`. Some microseconds, on the caller's thread.
   * @throws AzoraError CHAIN_UNAVAILABLE where the file is damaged and is being made anew: an id may be known or not
   */
  idOf(id: string): number | undefined {
    try {
      if (!this.#ids) throw new Error("it is being made anew");
      return this.#ids.find(id);
    } catch (error) {
      const why = (error as Error).message;
      if (this.#ids) {
        this.#closeIds();
        this.#send({ what: "rebuild", why: `it is damaged: ${why}` });
      }
      throw unavailable(`it cannot be read: ${why}`);
    }
  }

  /** One page of positions. */
  query(params: QueryParams): Promise<Page> {
    return this.#ask((number) => ({ what: "query", number, params }));
  }

  /** The entries of a request, and those that they led to, in order. Empty where nothing carries it. */
  incident(requestId: string): Promise<IncidentPart[]> {
    return this.#ask((number) => ({ what: "incident", number, requestId }));
  }

  async close(): Promise<void> {
    this.#closeIds();
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#restart);
    const worker = this.#worker;
    if (worker.threadId !== GONE) {
      const gone = new Promise((resolve) => worker.once("exit", resolve));
      this.#send({ what: "close" });
      await gone;
    }
    this.#giveUp("it is closed");
    for (const { reject } of this.#advances.splice(0)) reject(unavailable("it is closed"));
  }

  #ask<T>(request: (number: number) => IndexRequest): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#closed || this.#worker.threadId === GONE) return reject(unavailable(this.failure ?? "it is closed"));
      if (this.#searches.size >= MOST_SEARCHES)
        return reject(new AzoraError("CHAIN_BUSY", `${MOST_SEARCHES} searches wait already; try again`));
      const number = ++this.#numbers;
      this.#searches.set(number, { resolve, reject } as Waiter<never>);
      this.#send(request(number));
    });
  }

  #send(request: IndexRequest): void {
    this.#worker.postMessage(request);
  }

  #report(report: IndexReport): void {
    const { logger } = this.#options;
    switch (report.what) {
      case "opened":
      case "position":
        this.#stand(report.position);
        return;
      case "rebuilt":
        this.rebuilds++;
        logger.warn("The index of the audit chain is made anew from the log", { why: report.why });
        this.#closeIds();
        this.#stand(0);
        return;
      case "stuck":
        this.failure = report.why;
        logger.warn("The index of the audit chain does not get on", { why: report.why });
        for (const { reject } of this.#advances.splice(0)) reject(unavailable(report.why));
        return;
      case "answer":
        this.#take(report.number)?.resolve(report.answer as never);
        return;
      case "failed":
        this.#take(report.number)?.reject(unavailable(report.why));
    }
  }

  #stand(position: number): void {
    this.#position = position;
    this.#ids ??= new IdLookup(this.#options.file);
    this.failure = undefined;
    const there = this.#advances.filter(({ size }) => size <= position);
    this.#advances = this.#advances.filter(({ size }) => size > position);
    for (const { resolve } of there) resolve();
  }

  #take(number: number): Waiter<never> | undefined {
    const waiter = this.#searches.get(number);
    this.#searches.delete(number);
    return waiter;
  }

  #closeIds(): void {
    this.#ids?.close();
    this.#ids = undefined;
  }

  #started(): Worker {
    const { file, logFolder, start = startWorker } = this.#options;
    const worker = start({ file, logFolder });
    worker.on("message", (report: IndexReport) => this.#report(report));
    // It ends after that, which is where it is dealt with.
    worker.on("error", (error) => {
      this.failure = (error as Error).message;
    });
    worker.on("exit", () => this.#exited());
    return worker;
  }

  /** What was being searched is lost; what was to be taken over is so by the next thread. */
  #exited(): void {
    this.failure ??= "its thread has ended";
    this.#giveUp(this.failure);
    if (this.#closed || !this.#begun) return;
    this.#options.logger.warn("The thread of the audit chain's index has ended, and is started again", {
      why: this.failure,
    });
    this.#restart = setTimeout(() => {
      this.#worker = this.#started();
      const size = Math.max(0, ...this.#advances.map((one) => one.size));
      this.#send({ what: "advance", size });
    }, RESTART_MS);
  }

  #giveUp(why: string): void {
    for (const { reject } of this.#searches.values()) reject(unavailable(why));
    this.#searches.clear();
  }

  #opened(): Promise<void> {
    const worker = this.#worker;
    return new Promise((resolve, reject) => {
      worker.on("message", (report: IndexReport) => {
        if (report.what === "opened") resolve();
      });
      worker.once("error", reject);
      worker.once("exit", () => reject(unavailable("its thread ended before it began")));
    });
  }
}

/** A worker's threadId once it has ended. */
const GONE = -1;

function startWorker(workerData: IndexWorkerData): Worker {
  return new Worker(new URL("./index-worker.ts", import.meta.url), { workerData });
}

function unavailable(why: string): AzoraError {
  return new AzoraError("CHAIN_UNAVAILABLE", `the index of the audit chain: ${why}`);
}
