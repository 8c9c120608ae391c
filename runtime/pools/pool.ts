import type { PoolKind, PoolReport } from "../../models/performance.ts";
import { type Clock, systemClock } from "../clock.ts";
import { AzoraError } from "../errors.ts";
import { FairQueue } from "./fair-queue.ts";

export interface PoolOptions {
  /** Unique on the node. */
  name: string;
  kind: PoolKind;
  /** @default the whole node's */
  service?: string;
  /** Bounds of the size, whole numbers; min is at least 1. */
  min: number;
  max: number;
  /** Places. @default max */
  size?: number;
  /** Most that wait; further ones are refused. @default 1000 */
  maxWaiting?: number;
  /** Longest wait, ms; then it is refused. @default 5000 */
  maxWait?: number;
  /**
   * Age from which use is long, ms. Long uses count for at most half of the places, so that the short ones always have
   * the other half. In all at most ten times as many as there are places are in use. @default none is long
   */
  longAfter?: number;
  /** @default the system's */
  clock?: Clock;
  /** ms, finer than the clock's. @default performance.now */
  now?: () => number;
}

/** A place that is in use. It must be released, once; a second time changes nothing. */
export interface Hold {
  release(): void;
}

class Use implements Hold {
  readonly owner: string | undefined;
  readonly since: number;
  readonly #ended: (use: Use) => void;
  #over = false;

  constructor(owner: string | undefined, since: number, ended: (use: Use) => void) {
    this.owner = owner;
    this.since = since;
    this.#ended = ended;
  }

  release(): void {
    if (this.#over) return;
    this.#over = true;
    this.#ended(this);
  }
}

interface Waiter {
  readonly since: number;
  readonly owner: string | undefined;
  readonly take: (hold: Hold) => void;
  readonly refuse: (error: Error) => void;
}

const NOBODY = "";
/** Owner's threshold in shares of what is free. Choudhury and Hahne, "Dynamic Queue Length Thresholds", 1998. */
const ALPHA = 4;
const MOST_LONG = 10;
/** Weight of the newest use in the mean that `retryAfter` is reckoned from. */
const NEWEST = 0.1;

/**
 * So many places, and a bounded queue before them. Where users name themselves as owners, none takes all: each gets at
 * most four times what is free, so one alone leaves a fifth, and a released place goes to the owners in turn.
 */
export class Pool {
  readonly #options: Required<Omit<PoolOptions, "service" | "size">> & { service?: string };
  /** In the order in which they began. */
  readonly #short = new Set<Use>();
  readonly #long = new Set<Use>();
  readonly #perOwner = new Map<string, number>();
  readonly #queue = new FairQueue<Waiter>();
  #size: number;
  #useCount = 0;
  #useSum = 0;
  #waitSum = 0;
  #refused = 0;
  #meanUse = 0;
  #cancelSweep: (() => void) | undefined;

  constructor({ size, ...options }: PoolOptions) {
    this.#options = {
      maxWaiting: 1000,
      maxWait: 5000,
      longAfter: Number.POSITIVE_INFINITY,
      clock: systemClock,
      now: () => performance.now(),
      ...options,
    };
    this.#size = this.#bounded(size ?? options.max);
  }

  get name(): string {
    return this.#options.name;
  }

  get size(): number {
    return this.#size;
  }

  get waiting(): number {
    return this.#queue.size;
  }

  get inUse(): number {
    return this.#short.size + this.#long.size;
  }

  /** A place at once, or none: then `wait`. Whoever waits already goes first. */
  enter(owner?: string): Hold | undefined {
    if (this.#queue.size > 0 || !this.#hasPlace()) return undefined;
    if (owner !== undefined && !this.#mayTake(owner)) return undefined;
    return this.#use(owner);
  }

  /** A place, as soon as one is free. @throws AzoraError POOL_EXHAUSTED: too many wait, or it waited too long */
  wait(owner?: string): Promise<Hold> {
    const hold = this.enter(owner);
    if (hold) return Promise.resolve(hold);
    const { maxWaiting, maxWait, clock } = this.#options;
    if (this.#queue.size >= maxWaiting) return Promise.reject(this.#refusal(`${maxWaiting} wait already`));
    return new Promise<Hold>((resolve, reject) => {
      const waiter: Waiter = {
        since: this.#options.now(),
        owner,
        take(hold) {
          cancel();
          resolve(hold);
        },
        refuse(error) {
          cancel();
          reject(error);
        },
      };
      const cancel = clock.after(maxWait, () => {
        if (this.#queue.remove(owner ?? NOBODY, waiter)) reject(this.#refusal(`none came free in ${maxWait} ms`));
      });
      this.#queue.push(owner ?? NOBODY, waiter);
      this.#next();
    });
  }

  async run<T>(work: () => Promise<T> | T, owner?: string): Promise<T> {
    const hold = this.enter(owner) ?? (await this.wait(owner));
    try {
      return await work();
    } finally {
      hold.release();
    }
  }

  /** What is in use goes on, also beyond a smaller size. @returns the size that it has now, within its bounds */
  resize(size: number): number {
    this.#size = this.#bounded(size);
    this.#next();
    return this.#size;
  }

  /** Counts and sums are of all its life. */
  state(): PoolReport {
    const { name, kind, service, min, max } = this.#options;
    return {
      name,
      kind,
      ...(service === undefined ? {} : { service }),
      min,
      max,
      size: this.#size,
      inUse: this.inUse,
      waiting: this.#queue.size,
      uses: this.#useCount,
      useSum: Math.round(this.#useSum),
      waitSum: Math.round(this.#waitSum),
      refused: this.#refused,
    };
  }

  /** Whoever waits is refused; for what is being closed. */
  refuseAll(why: string): void {
    for (const waiter of this.#queue.takeAll(() => true)) waiter.refuse(this.#refusal(why));
  }

  #bounded(size: number): number {
    const { min, max } = this.#options;
    return Math.min(Math.max(Math.round(size), min), max);
  }

  #hasPlace(): boolean {
    if (this.#isFree()) return true;
    if (this.#options.longAfter === Number.POSITIVE_INFINITY) return false;
    this.#findLong();
    return this.#isFree();
  }

  #isFree(): boolean {
    const counted = this.#short.size + Math.min(this.#long.size, Math.floor(this.#size / 2));
    return counted < this.#size && this.inUse < this.#size * MOST_LONG;
  }

  #findLong(): void {
    const since = this.#options.now() - this.#options.longAfter;
    for (const use of this.#short) {
      if (use.since > since) return;
      this.#short.delete(use);
      this.#long.add(use);
    }
  }

  #mayTake(owner: string): boolean {
    const mine = this.#perOwner.get(owner) ?? 0;
    return mine === 0 || mine < ALPHA * (this.#size - this.inUse);
  }

  #use(owner: string | undefined): Hold {
    const use = new Use(owner, this.#options.now(), this.#ended);
    this.#short.add(use);
    if (owner !== undefined) this.#perOwner.set(owner, (this.#perOwner.get(owner) ?? 0) + 1);
    return use;
  }

  readonly #ended = (use: Use): void => {
    if (!this.#short.delete(use)) this.#long.delete(use);
    if (use.owner !== undefined) {
      const left = this.#perOwner.get(use.owner)! - 1;
      if (left === 0) this.#perOwner.delete(use.owner);
      else this.#perOwner.set(use.owner, left);
    }
    const took = (this.#options.now() - use.since) * 1000;
    this.#useCount++;
    this.#useSum += took;
    this.#meanUse += (took - this.#meanUse) * NEWEST;
    if (this.#queue.size > 0) this.#next();
  };

  #next(): void {
    while (this.#queue.size > 0 && this.#hasPlace()) {
      // Whose owner is beyond his share waits for a release; there will be one, since he has places.
      const waiter = this.#queue.shift((owner) => owner === NOBODY || this.#mayTake(owner));
      if (!waiter) break;
      this.#waitSum += (this.#options.now() - waiter.since) * 1000;
      waiter.take(this.#use(waiter.owner));
    }
    this.#sweepLater();
  }

  /** A use becomes long without anybody telling. */
  #sweepLater(): void {
    const { longAfter, clock, now } = this.#options;
    if (this.#cancelSweep || this.#queue.size === 0 || longAfter === Number.POSITIVE_INFINITY) return;
    const [oldest] = this.#short;
    if (!oldest) return;
    this.#cancelSweep = clock.after(Math.max(1, oldest.since + longAfter - now()), () => {
      this.#cancelSweep = undefined;
      this.#next();
    });
  }

  #refusal(why: string): AzoraError {
    this.#refused++;
    const { name, service } = this.#options;
    const seconds = ((this.#queue.size + 1) * this.#meanUse) / this.#size / 1e6;
    return new AzoraError("POOL_EXHAUSTED", `All ${this.#size} places of ${name} are in use, and ${why}`, {
      pool: name,
      ...(service === undefined ? {} : { service }),
      retryAfter: Math.min(Math.max(1, Math.ceil(seconds)), 60),
    });
  }
}
