import type { Context } from "moleculer";
import type { ServedReport } from "../../models/performance.ts";
import { DecayingHistogram } from "../load/decaying-histogram.ts";
import { AdaptiveLimit, type AdaptiveLimitOptions } from "./adaptive-limit.ts";
import { AdmissionQueue } from "./admission-queue.ts";
import { LoopTurns } from "./loop-turns.ts";
import type { Priority } from "./priority.ts";

/** `shed`: rules let fewer calls in. */
export type Refusal = "limit" | "overload" | "late" | "shed";

/** A call that runs; a link in the list of those that do, so that finding one costs the calls nothing. */
interface Running {
  ctx: Context;
  start: number;
  before: Running | undefined;
  after: Running | undefined;
  isOpen: boolean;
}

/** A call that has to wait, and what is to be done with it. */
export interface Entrant {
  priority: Priority;
  /** Whether it is part of another call, which waits for it. */
  isPart: boolean;
  run(): Promise<unknown>;
  /** What is left of its caller's time, ms; 0 or less: it never begins. */
  timeLeft(): number;
  /** @param retryAfter s */
  refusal(why: Refusal, retryAfter: number): Error;
}

/** Half-life of what is known of its latency, ms. */
const HALF_LIFE_MS = 30_000;
/** Share of each call's time in the moving average. */
const AVERAGE_SHARE = 0.05;
/** By how much critical calls, and those without which nothing goes on, may go beyond the limit. */
const BEYOND = 2;
/** Time in which a call should end somewhere while others wait, ms; more where calls take long. */
const STALLED_MS = 100;
const STALLED_SHARE = 3;
/** The same, while nobody knows how long they take. */
const STALLED_UNKNOWN_MS = 1000;

/** Lets the calls of one action of this node in, and knows how long they take. */
export class ActionGate {
  readonly action: string;
  readonly service: string;
  readonly priority: Priority;
  readonly #now: () => number;
  readonly #after: (ms: number, run: () => void) => void;
  readonly #turns: LoopTurns;
  readonly limit: AdaptiveLimit | undefined;
  readonly #queue = new AdmissionQueue();
  readonly #latency = new DecayingHistogram();
  #first: Running | undefined;
  #running = 0;
  #calls = 0;
  #failures = 0;
  #queued = 0;
  #queueSum = 0;
  readonly #refused: Record<Refusal, number> = { limit: 0, overload: 0, late: 0, shed: 0 };
  #work = 0;
  #ended = 0;
  #isWatched = false;
  /** Who waits is let in by the next turn of the loop. */
  #isPostponed = false;
  /** Of all its life, up to the last report; sums in µs. */
  readonly totals = { calls: 0, sum: 0, queueSum: 0, refused: 0 };
  #reportedAt: number;

  /**
   * @param now ms, monotonic @param limit false where as many may run as come
   * @param after calls back once after `ms`. @default an unref'd setTimeout
   * @param turns of this process. @default of its own
   */
  constructor(
    of: { action: string; service: string; priority: Priority },
    now: () => number,
    limit: AdaptiveLimitOptions | false,
    after: (ms: number, run: () => void) => void = (ms, run) => void setTimeout(run, ms).unref(),
    turns = new LoopTurns(),
  ) {
    this.action = of.action;
    this.service = of.service;
    this.priority = of.priority;
    this.#now = now;
    this.#after = after;
    this.#turns = turns;
    this.limit = limit ? new AdaptiveLimit(limit) : undefined;
    this.#reportedAt = now();
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /** How long a call takes by itself, ms: that of a quiet time, else a moving average. */
  get work(): number {
    return this.limit?.quietLatency || this.#work;
  }

  /** Whether a call of this priority may begin at once. */
  isOpen(priority: Priority): boolean {
    const { limit } = this;
    if (limit === undefined) return true;
    if (this.#queue.length === 0 && this.#running < limit.limit) return true;
    return priority === "critical" && this.#running < limit.limit * BEYOND;
  }

  /** Runs a call that may begin. @param start ms */
  run(ctx: Context, next: (ctx: Context) => Promise<unknown>, start = this.#now()): Promise<unknown> {
    const call = this.#begin(ctx, start);
    this.#turns.began(start);
    const result = called(next, ctx);
    result.then(
      () => this.#end(call, 0),
      () => this.#end(call, 1),
    );
    return result;
  }

  /** Lets a call wait for its turn. */
  wait(call: Entrant): Promise<unknown> {
    const since = this.#now();
    return new Promise((resolve, reject) => {
      const waiting = {
        priority: call.priority,
        isPart: call.isPart,
        since,
        begin: () => {
          this.#queued++;
          this.#queueSum += (this.#now() - since) * 1000;
          call.run().then(resolve, reject);
        },
        refuse: (why: "late" | "full" | "standing") => {
          const kind = why === "late" ? "late" : "limit";
          this.#refused[kind]++;
          reject(call.refusal(kind, this.#retryAfter()));
        },
        isLate: () => call.timeLeft() <= 0,
        timeLeft: () => call.timeLeft(),
      };
      this.#queue.push(waiting, since, this.limit?.rate ?? 0, this.work);
      // Who was refused on that occasion may have made room.
      this.#admit(since);
      if (!this.#isWatched && this.#queue.length > 0) this.#watch();
    });
  }

  /**
   * Whether a call runs here on whose behalf this one may be: if it waited for a place, it might wait for itself. Calls of a
   * request that are made beside each other are on one level, and wait as others do.
   */
  holdsCallerOf({ requestID, level }: Context): boolean {
    for (let call = this.#first; call !== undefined; call = call.after)
      if (call.ctx.requestID === requestID && call.ctx.level < level) return true;
    return false;
  }

  /** Its caller has given up: its place is free, though nobody knows whether it still runs. */
  abandon(ctx: Context): void {
    let call = this.#first;
    while (call !== undefined && call.ctx !== ctx) call = call.after;
    if (call) this.#end(call, 1);
  }

  /** A call was refused before it came here. */
  refused(why: Refusal): void {
    this.#refused[why]++;
  }

  /** What happened since the last report; undefined where nothing did. */
  report(): ServedReport | undefined {
    const now = this.#now();
    const { shed, ...others } = this.#refused;
    const refused = shed > 0 ? { ...others, shed } : others;
    const turnedAway = others.limit + others.overload + others.late + shed;
    const isIdle = this.#calls + this.#running + this.#queue.length + turnedAway === 0;
    if (isIdle) return undefined;
    const report: ServedReport = {
      service: this.service,
      action: this.action,
      calls: this.#calls,
      failures: this.#failures,
      sum: Math.round(this.#latency.sum),
      buckets: this.#latency.close(0.5 ** ((now - this.#reportedAt) / HALF_LIFE_MS)),
      queued: this.#queued,
      queueSum: Math.round(this.#queueSum),
      refused,
      running: this.#running,
      waiting: this.#queue.length,
      limit: this.limit?.limit ?? null,
    };
    this.totals.calls += report.calls;
    this.totals.sum += report.sum;
    this.totals.queueSum += report.queueSum;
    this.totals.refused += turnedAway;
    this.#reportedAt = now;
    this.#calls = 0;
    this.#failures = 0;
    this.#queued = 0;
    this.#queueSum = 0;
    Object.assign(this.#refused, { limit: 0, overload: 0, late: 0, shed: 0 });
    return report;
  }

  #begin(ctx: Context, start: number): Running {
    const call: Running = { ctx, start, before: undefined, after: this.#first, isOpen: true };
    if (this.#first) this.#first.before = call;
    this.#first = call;
    this.#running++;
    this.limit?.began(this.#running);
    return call;
  }

  #end(call: Running, failures: 0 | 1): void {
    if (!call.isOpen) return;
    call.isOpen = false;
    if (call.before) call.before.after = call.after;
    else this.#first = call.after;
    if (call.after) call.after.before = call.before;
    const now = this.#now();
    this.#turns.at(now);
    const took = now - call.start;
    this.#ended++;
    this.#running--;
    this.#calls++;
    this.#failures += failures;
    this.#latency.record(took * 1000);
    this.#work = this.#work === 0 ? took : this.#work + (took - this.#work) * AVERAGE_SHARE;
    this.limit?.ended(took, this.#running, this.#queue.length, now);
    if (this.#queue.length > 0) this.#admit(now);
  }

  #admit(now: number): void {
    const { limit } = this;
    while (this.#queue.length > 0 && (limit === undefined || this.#running < limit.limit)) {
      if (this.#turns.isFull) {
        this.#admitLater();
        return;
      }
      if (!this.#queue.next(now, this.work)) return;
    }
  }

  #admitLater(): void {
    if (this.#isPostponed) return;
    this.#isPostponed = true;
    this.#turns.later(() => {
      this.#isPostponed = false;
      this.#admit(this.#now());
    });
  }

  /**
   * Calls of two actions that call each other may all wait for those that wait for them. Where nothing ends while others
   * wait, some of those are let in without which another call cannot end.
   */
  #watch(): void {
    this.#isWatched = true;
    const ended = this.#ended;
    const pause = this.work === 0 ? STALLED_UNKNOWN_MS : Math.max(STALLED_MS, this.work * STALLED_SHARE);
    this.#after(pause, () => {
      this.#isWatched = false;
      const most = (this.limit?.limit ?? 0) * BEYOND;
      if (this.#ended === ended) while (this.#running < most && this.#queue.nextPart());
      if (this.#queue.length > 0) this.#watch();
    });
  }

  /** Until what waits now has had its turn, s. */
  #retryAfter(): number {
    const rate = this.limit?.rate ?? 0;
    return rate === 0 ? 1 : Math.min(60, Math.max(1, Math.ceil(this.#queue.length / rate / 1000)));
  }
}

/** What throws instead of giving a promise has ended all the same. */
function called(next: (ctx: Context) => Promise<unknown>, ctx: Context): Promise<unknown> {
  try {
    return next(ctx);
  } catch (error) {
    return Promise.reject(error);
  }
}
