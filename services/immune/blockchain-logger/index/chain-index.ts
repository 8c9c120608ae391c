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
}

/** Searches that may wait at once. */
const MOST_SEARCHES = 256;

interface Waiter<T> {
  resolve(value: T): void;
  reject(error: Error): void;
}

/**
 * Finds positions in the log. It is made from the log's files and never the authority: entries are always read from the
 * log. Writing and searching happen in a thread of its own; `idOf` on the caller's.
 */
export class ChainIndex {
  readonly #worker: Worker;
  readonly #file: string;
  readonly #searches = new Map<number, Waiter<never>>();
  #advances: (Waiter<void> & { size: number })[] = [];
  #ids: IdLookup | undefined;
  #position = 0;
  #numbers = 0;
  #ended: Error | undefined;
  /** Why it does not get on, where it does not. */
  failure: string | undefined;
  /** How often it was made anew since it was opened. */
  rebuilds = 0;

  /** @throws Error where the file can be neither opened nor made */
  static async open(options: ChainIndexOptions): Promise<ChainIndex> {
    const workerData: IndexWorkerData = { file: options.file, logFolder: options.logFolder };
    const worker = new Worker(new URL("./index-worker.ts", import.meta.url), { workerData });
    const index = new ChainIndex(worker, options);
    await index.#opened(worker);
    return index;
  }

  private constructor(worker: Worker, { file, logger }: ChainIndexOptions) {
    this.#worker = worker;
    this.#file = file;
    worker.on("message", (report: IndexReport) => this.#report(report, logger));
    worker.on("error", (error) => this.#end(error as Error));
    worker.on("exit", () => this.#end(new Error("the index was closed")));
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
      if (this.#ended) return reject(this.#ended);
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
      throw new AzoraError("CHAIN_UNAVAILABLE", `the index of the audit chain cannot be read: ${why}`);
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
    if (this.#ended) return;
    const gone = new Promise((resolve) => this.#worker.once("exit", resolve));
    this.#send({ what: "close" });
    await gone;
  }

  #ask<T>(request: (number: number) => IndexRequest): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#ended) return reject(this.#ended);
      if (this.#searches.size >= MOST_SEARCHES)
        return reject(new AzoraError("CHAIN_BUSY", `${MOST_SEARCHES} searches wait already; try again`));
      const number = ++this.#numbers;
      this.#searches.set(number, { resolve, reject } as Waiter<never>);
      this.#send(request(number));
    });
  }

  #send(request: IndexRequest): void {
    if (!this.#ended) this.#worker.postMessage(request);
  }

  #report(report: IndexReport, logger: ChainIndexOptions["logger"]): void {
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
        for (const { reject } of this.#advances.splice(0)) reject(new AzoraError("CHAIN_UNAVAILABLE", report.why));
        return;
      case "answer":
        this.#take(report.number)?.resolve(report.answer as never);
        return;
      case "failed":
        this.#take(report.number)?.reject(new AzoraError("CHAIN_UNAVAILABLE", report.why));
    }
  }

  #stand(position: number): void {
    this.#position = position;
    this.#ids ??= new IdLookup(this.#file);
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

  #opened(worker: Worker): Promise<void> {
    return new Promise((resolve, reject) => {
      worker.on("message", (report: IndexReport) => {
        if (report.what === "opened") resolve();
      });
      worker.once("error", reject);
      worker.once("exit", () => reject(new Error("the index's thread ended before it began")));
    });
  }

  #end(error: Error): void {
    this.#ended ??= new AzoraError("CHAIN_UNAVAILABLE", `the index of the audit chain: ${error.message}`);
    this.failure ??= error.message;
    for (const { reject } of this.#advances.splice(0)) reject(this.#ended);
    for (const { reject } of this.#searches.values()) reject(this.#ended);
    this.#searches.clear();
  }
}
