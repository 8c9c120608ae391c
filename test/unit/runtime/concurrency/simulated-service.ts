import { AdaptiveLimit, type AdaptiveLimitOptions } from "../../../../runtime/concurrency/adaptive-limit.ts";

/** Random numbers from a seed. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

interface Call {
  id: number;
  came: number;
  began: number;
  /** Work that is left, for those that wait for a place inside. */
  work: number;
}

/**
 * A service behind a limit, in simulated time: calls come by chance, wait for their turn, and then inside for one of the
 * places of a resource. Nothing of it is taken from the code under test.
 */
export class SimulatedService {
  readonly limit: AdaptiveLimit;
  readonly random: () => number;
  now = 1000;
  /** Calls a second. */
  rate = 100;
  /** ms that a call takes by itself. */
  work: () => number = () => 10;
  /** Calls that are worked on at once. */
  places = Number.POSITIVE_INFINITY;
  /** Most that wait for their turn. */
  room = 20;
  readonly waiting: Call[] = [];
  readonly #inside: Call[] = [];
  readonly #busy: { end: number; call: Call }[] = [];
  #nextArrival = 1000;
  #ids = 0;
  running = 0;
  stats = { came: 0, done: 0, refused: 0, most: 0, latency: [] as number[] };

  constructor(options: AdaptiveLimitOptions = {}, seed = 1) {
    this.random = seeded(seed);
    this.limit = new AdaptiveLimit({ random: this.random, ...options });
  }

  /** @returns what happened in this time */
  run(ms: number): typeof this.stats & { limits: number[] } {
    const end = this.now + ms;
    const limits: number[] = [];
    let sampleAt = this.now + 100;
    this.stats = { came: 0, done: 0, refused: 0, most: 0, latency: [] };
    if (this.#nextArrival < this.now) this.#nextArrival = this.now;
    for (;;) {
      const first = this.#busy[0]?.end ?? Number.POSITIVE_INFINITY;
      const next = Math.min(first, this.#nextArrival, sampleAt, end);
      this.now = next;
      if (next === end) return { ...this.stats, limits };
      if (next === sampleAt) {
        limits.push(this.limit.limit);
        sampleAt += 100;
      } else if (next === first) this.#finish();
      else this.#arrive();
    }
  }

  /** So many calls at once. */
  burst(count: number): void {
    for (let i = 0; i < count; i++) this.#enter();
  }

  #arrive(): void {
    this.#nextArrival = this.now + (-Math.log(1 - this.random()) * 1000) / this.rate;
    this.#enter();
  }

  #enter(): void {
    this.stats.came++;
    const call = { id: this.#ids++, came: this.now, began: 0, work: this.work() };
    if (this.waiting.length === 0 && this.running < this.limit.limit) this.#begin(call);
    else if (this.waiting.length < this.room) this.waiting.push(call);
    else this.stats.refused++;
  }

  #begin(call: Call): void {
    call.began = this.now;
    this.running++;
    this.stats.most = Math.max(this.stats.most, this.running);
    this.limit.began(this.running);
    if (this.#busy.length < this.places) this.#work(call);
    else this.#inside.push(call);
  }

  #work(call: Call): void {
    const end = this.now + call.work;
    let [low, high] = [0, this.#busy.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#busy[middle]!.end <= end) low = middle + 1;
      else high = middle;
    }
    this.#busy.splice(low, 0, { end, call });
  }

  #finish(): void {
    const { call } = this.#busy.shift()!;
    while (this.#inside.length > 0 && this.#busy.length < this.places) this.#work(this.#inside.shift()!);
    this.running--;
    this.stats.done++;
    this.stats.latency.push(this.now - call.began);
    this.limit.ended(this.now - call.began, this.running, this.waiting.length, this.now);
    while (this.waiting.length > 0 && this.running < this.limit.limit) this.#begin(this.waiting.shift()!);
  }
}

export const percentile = (values: number[], q: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(q * values.length))] ?? 0;
