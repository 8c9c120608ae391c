import type { Clock } from "../clock.ts";
import type { CachePolicy } from "./declaration.ts";
import type { Entry } from "./near-level.ts";
import { isPattern, MAX_NAMES, matches, type Targets } from "./targets.ts";

/** What became of a load, for those who waited for it. */
export type Outcome =
  | { is: "entry"; entry: Entry }
  /** An answer that cannot be kept: each one gets a copy of its own. */
  | { is: "value"; value: unknown }
  | { is: "failed"; error: unknown }
  /** The answer cannot be shared at all, such as a stream: each one loads for itself. */
  | { is: "alone" }
  /** Who loaded had no more time. It says nothing of the load. */
  | { is: "given up"; error?: unknown };

/** One load that is under way. */
export class Flight {
  readonly key: string;
  /** Its number: loads are numbered as they begin. */
  readonly begun: number;
  /** ms of the cache's clock. */
  readonly at: number;
  /** Null: they depend on the result. */
  readonly tags: readonly string[] | null;
  readonly outcome: Promise<Outcome>;
  /** How many wait for it beside the one who loads. */
  waiting = 0;
  /** Something of what it may have read has changed since: its value is not kept. */
  isFenced = false;
  /** Tags that were invalidated since it began, where its own are not known yet. */
  changedTags: Set<string> | undefined;
  cancelDeadline: (() => void) | undefined;
  readonly #settle: (outcome: Outcome) => void;

  constructor(key: string, begun: number, at: number, tags: readonly string[] | null) {
    this.key = key;
    this.begun = begun;
    this.at = at;
    this.tags = tags;
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    this.outcome = promise;
    this.#settle = resolve;
  }

  /** The first outcome counts. */
  settle(outcome: Outcome): void {
    this.#settle(outcome);
  }
}

/** Loads whose caller has given up and which may never end. Beyond that the oldest is forgotten, and never kept. */
const MAX_ABANDONED = 1000;

/**
 * The loads that are under way: each key has one at most that others may wait for. An invalidation closes those that
 * began before it: who comes later begins a new one.
 */
export class Flights {
  readonly #clock: Clock;
  readonly #open = new Map<string, Flight>();
  readonly #running = new Set<Flight>();
  readonly #abandoned = new Set<Flight>();
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#running.size;
  }

  /** The load of this key that may be waited for. */
  get(key: string): Flight | undefined {
    return this.#open.get(key);
  }

  /** The number of a value that was not loaded, but is as new as a load that begins now. */
  next(): number {
    return ++this.#count;
  }

  /** @param patience ms after which its caller no longer waits: then the others do not wait for it either */
  begin(key: string, tags: CachePolicy["tags"], patience: number): Flight {
    const flight = new Flight(key, this.next(), this.#clock.now(), typeof tags === "function" ? null : tags);
    this.#open.set(key, flight);
    this.#running.add(flight);
    flight.cancelDeadline = this.#clock.after(patience, () => this.#abandon(flight));
    return flight;
  }

  /** @param tags of the value that it gave @returns whether the value may be kept */
  end(flight: Flight, outcome: Outcome, tags: readonly string[] = []): boolean {
    flight.cancelDeadline?.();
    this.#running.delete(flight);
    if (flight.changedTags && tags.some((tag) => flight.changedTags!.has(tag))) flight.isFenced = true;
    const open = this.#open.get(flight.key);
    if (open === flight) this.#open.delete(flight.key);
    // Later than its caller could wait, and still sooner than the load that was begun instead.
    else if (open && this.#abandoned.has(flight) && !flight.isFenced && outcome.is === "entry") open.settle(outcome);
    this.#abandoned.delete(flight);
    flight.settle(outcome);
    return !flight.isFenced;
  }

  /** @returns how many loads it concerns */
  fence(targets: Targets): number {
    let count = 0;
    for (const flight of this.#running) {
      if (this.#concerns(flight, targets)) {
        flight.isFenced = true;
        count++;
      } else if (flight.tags === null && targets.tags?.length) {
        flight.changedTags ??= new Set();
        for (const tag of targets.tags) flight.changedTags.add(tag);
        if (flight.changedTags.size > MAX_NAMES) flight.isFenced = true;
      } else continue;
      if (this.#open.get(flight.key) === flight) this.#open.delete(flight.key);
    }
    return count;
  }

  close(): void {
    for (const flight of this.#running) flight.cancelDeadline?.();
  }

  #concerns({ key, tags: own }: Flight, { keys = [], patterns = [], tags = [] }: Targets): boolean {
    return (
      keys.includes(key) ||
      patterns.some((pattern) => (isPattern(pattern) ? matches(key, pattern) : pattern === key)) ||
      (own !== null && tags.some((tag) => own.includes(tag)))
    );
  }

  #abandon(flight: Flight): void {
    if (this.#open.get(flight.key) === flight) this.#open.delete(flight.key);
    flight.settle({ is: "given up" });
    this.#abandoned.add(flight);
    if (this.#abandoned.size <= MAX_ABANDONED) return;
    const [oldest] = this.#abandoned;
    oldest!.isFenced = true;
    this.#abandoned.delete(oldest!);
    this.#running.delete(oldest!);
  }
}
