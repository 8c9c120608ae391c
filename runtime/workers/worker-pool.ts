import { Errors } from "moleculer";
import type { PoolReport } from "../../models/performance.ts";
import { type Backoff, restartDelay } from "../backoff.ts";
import { AzoraError } from "../errors.ts";
import { FairQueue } from "../pools/fair-queue.ts";
import type { Job } from "./job.ts";
import type { ThreadData } from "./messages.ts";
import { Thread, type ThreadOptions } from "./thread.ts";

export interface WorkerPoolOptions {
  start: ThreadData;
  /** Most threads, at least 1. */
  threads: number;
  /** Most jobs under way at once, those included that wait for calls. */
  jobs: number;
  /** Heap of a thread, MB. */
  memory: number;
  /** Most jobs that wait. @default 1000 */
  maxWaiting?: number;
  /** After this time without a job a thread is ended, ms. @default 30_000 */
  idle?: number;
  /** Time that a job may go on past its deadline before its thread is ended, ms. @default 1000 */
  grace?: number;
  /** Waits before new threads after so many crashes in a row. */
  backoff?: Backoff;
  onLog: ThreadOptions["onLog"];
  /** A thread ended on its own. */
  onCrash(why: string): void;
}

const BACKOFF: Backoff = { backoff: [100, 200, 500, 1000, 2000, 5000, 10_000, 30_000], jitter: 0.25 };
/** A thread that does not answer for so long computes, and can be stopped by nothing but its end, ms. */
const PING_MS = 200;
/** Time that the other jobs of a thread get when one of them is past its deadline, ms. */
const LINGER_MS = 5000;
const NEWEST = 0.1;

/**
 * The worker threads of a node and the jobs before them. A thread computes for one job at a time; while that one waits
 * for a call, another may begin. So a job that calls an action which needs a thread too cannot wait for itself.
 */
export class WorkerPool {
  readonly #options: Required<WorkerPoolOptions>;
  readonly #threads = new Set<Thread>();
  readonly #queue = new FairQueue<Job>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #size: number;
  #crashes = 0;
  #restUntil = 0;
  #closed = false;
  #idleTimer: NodeJS.Timeout | undefined;
  #uses = 0;
  #useSum = 0;
  #waitSum = 0;
  #refused = 0;
  #meanUse = 0;

  constructor(options: WorkerPoolOptions) {
    this.#options = { maxWaiting: 1000, idle: 30_000, grace: 1000, backoff: BACKOFF, ...options };
    this.#size = options.threads;
  }

  get threads(): number {
    return this.#threads.size;
  }

  run(job: Job): Promise<unknown> {
    const { maxWaiting } = this.#options;
    if (this.#closed) job.fail(this.#lost(job, "the node stops"));
    else if (this.#queue.size > 0 && !this.#isNested(job)) this.#enqueue(job, maxWaiting);
    else if (!this.#begin(job)) this.#enqueue(job, maxWaiting);
    return job.result;
  }

  /** @returns the size that it has now, within its bounds */
  resize(size: number): number {
    this.#size = Math.min(Math.max(Math.round(size), 1), this.#options.threads);
    for (const thread of [...this.#threads].slice(this.#size)) this.#retire(thread, "there are fewer threads now");
    this.#next();
    return this.#size;
  }

  /** Counts and sums are of all its life. */
  state(): PoolReport {
    let inUse = 0;
    for (const thread of this.#threads) for (const { calls } of thread.jobs.values()) if (calls === 0) inUse++;
    return {
      name: "worker",
      kind: "worker",
      min: 1,
      max: this.#options.threads,
      size: this.#size,
      inUse,
      waiting: this.#queue.size,
      uses: this.#uses,
      useSum: Math.round(this.#useSum),
      waitSum: Math.round(this.#waitSum),
      refused: this.#refused,
    };
  }

  /** A service has stopped: threads that have its code end after their jobs, and its own jobs get a moment more. */
  forget(service: number): void {
    const stopped = "its service was stopped";
    for (const job of this.#queue.takeAll((_, job) => job.service.id === service)) job.fail(this.#lost(job, stopped));
    for (const thread of this.#threads) {
      if (!thread.services.has(service)) continue;
      this.#retire(thread, stopped);
      if (![...thread.jobs.values()].some((job) => job.service.id === service)) continue;
      this.#later(this.#options.grace, () => void thread.end(stopped));
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#idleTimer);
    for (const timer of this.#timers) clearTimeout(timer);
    for (const job of this.#queue.takeAll(() => true)) job.fail(this.#lost(job, "the node stops"));
    await Promise.all([...this.#threads].map((thread) => thread.end("the node stops")));
  }

  #enqueue(job: Job, most: number): void {
    if (this.#queue.size >= most) {
      this.#refused++;
      job.fail(this.#full(job));
      return;
    }
    this.#queue.push(job.service.fullName, job);
  }

  /** A job that another one waits for: to let it wait would be to let both wait. */
  #isNested({ parentId }: Job): boolean {
    if (parentId === null) return false;
    for (const { jobs } of this.#threads.values()) for (const { id } of jobs.values()) if (id === parentId) return true;
    return false;
  }

  /** @returns false where there is no room for it now */
  #begin(job: Job): boolean {
    const left = job.timeLeft();
    if (left <= 0) {
      const { action, service } = job;
      job.fail(new Errors.RequestSkippedError({ action, service: service.fullName } as never));
      return true;
    }
    const thread = this.#roomFor(job);
    if (!thread) return false;
    try {
      thread.run(job);
    } catch (error) {
      job.fail(error as Error);
      this.#watchIdle();
      return true;
    }
    this.#waitSum += (job.begun - job.since) * 1000;
    // What takes longer than a timer can count waits for nobody.
    if (left < 2 ** 31 - 1) {
      const cancel = this.#later(left + this.#options.grace, () => void this.#overdue(thread, job));
      job.result.then(cancel, cancel);
    }
    const ended = () => this.#ended(job);
    job.result.then(() => {
      this.#crashes = 0;
      ended();
    }, ended);
    return true;
  }

  #roomFor(job: Job): Thread | undefined {
    let underWay = 0;
    let free: Thread | undefined;
    for (const thread of this.#threads) {
      underWay += thread.jobs.size;
      if (!thread.retired && !thread.busy && betterFor(job, thread, free)) free = thread;
    }
    if (underWay >= this.#options.jobs && !this.#isNested(job)) return undefined;
    // An empty thread costs less than a new one, and a new one delays nobody.
    if (free && free.jobs.size === 0) return free;
    return this.#start() ?? free;
  }

  #start(): Thread | undefined {
    // Those that are about to end have memory still, so they count.
    if (this.#threads.size >= this.#size) return undefined;
    const rest = this.#restUntil - performance.now();
    if (rest > 0) {
      this.#later(rest, () => this.#next());
      return undefined;
    }
    const { start, memory, onLog } = this.#options;
    const thread = new Thread({
      start,
      memory,
      onLog,
      onRoom: (one) => this.#room(one),
      onEnd: (one, crashed, why) => this.#gone(one, crashed, why),
      lost: (job, why) => this.#lost(job, why),
    });
    this.#threads.add(thread);
    return thread;
  }

  #room(thread: Thread): void {
    if (thread.retired && thread.jobs.size === 0) void thread.end("it was replaced");
    this.#next();
    if (this.#queue.size === 0 && thread.jobs.size === 0) this.#watchIdle();
  }

  #next(): void {
    while (this.#queue.size > 0 && !this.#closed) {
      const job = this.#queue.shift()!;
      if (this.#begin(job)) continue;
      // Its owner's turn is kept: it goes back to the front of what he has waiting.
      this.#queue.unshift(job.service.fullName, job);
      return;
    }
  }

  #ended(job: Job): void {
    const took = (performance.now() - job.begun) * 1000;
    this.#uses++;
    this.#useSum += took;
    this.#meanUse += (took - this.#meanUse) * NEWEST;
  }

  #gone(thread: Thread, crashed: boolean, why: string): void {
    this.#threads.delete(thread);
    if (crashed && !this.#closed) {
      this.#crashes++;
      this.#restUntil = performance.now() + restartDelay(this.#crashes, 1, Math.random(), this.#options.backoff);
      this.#options.onCrash(why);
    }
    this.#next();
  }

  #retire(thread: Thread, why: string): void {
    thread.retired = true;
    if (thread.jobs.size === 0) void thread.end(why);
  }

  /** Nothing else stops what computes; what only waits may have ended by now, or be let go by its neighbours' leave. */
  async #overdue(thread: Thread, job: Job): Promise<void> {
    if (job.over) return;
    const why = `${job.action} went on past its deadline`;
    thread.retired = true;
    const turns = await thread.answers(PING_MS);
    if (turns && thread.jobs.size > 1) this.#later(LINGER_MS, () => void thread.end(why));
    else await thread.end(why);
  }

  #watchIdle(): void {
    if (this.#idleTimer || this.#closed) return;
    this.#idleTimer = setTimeout(() => {
      this.#idleTimer = undefined;
      const since = performance.now() - this.#options.idle;
      for (const thread of this.#threads)
        if (thread.jobs.size === 0 && thread.idleSince <= since + 1) this.#retire(thread, "it had nothing to do");
      if ([...this.#threads].some(({ retired }) => !retired)) this.#watchIdle();
    }, this.#options.idle);
    this.#idleTimer.unref();
  }

  #later(ms: number, run: () => void): () => void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, ms);
    timer.unref();
    this.#timers.add(timer);
    return () => {
      clearTimeout(timer);
      this.#timers.delete(timer);
    };
  }

  #lost({ action, service }: Job, why: string): AzoraError {
    const detail = `The worker thread of ${action} ended: ${why}`;
    return new AzoraError("WORKER_LOST", detail, { action, service: service.fullName });
  }

  #full({ action, service }: Job): AzoraError {
    const seconds = ((this.#queue.size + 1) * this.#meanUse) / this.#size / 1e6;
    return new AzoraError(
      "POOL_EXHAUSTED",
      `All ${this.#size} worker threads are busy, and ${this.#queue.size} calls wait`,
      {
        pool: "worker",
        action,
        service: service.fullName,
        retryAfter: Math.min(Math.max(1, Math.ceil(seconds)), 60),
      },
    );
  }
}

/** An empty thread before one whose job waits, and one that has the code before one that has to load it. */
function betterFor(job: Job, one: Thread, other: Thread | undefined): boolean {
  if (!other) return true;
  if ((one.jobs.size === 0) !== (other.jobs.size === 0)) return one.jobs.size === 0;
  return one.services.has(job.service.id) && !other.services.has(job.service.id);
}
