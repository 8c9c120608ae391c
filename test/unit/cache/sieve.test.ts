import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Sieve, type SieveNode } from "../../../runtime/cache/sieve.ts";

interface Node extends SieveNode {
  n: number;
}

let count = 0;
const node = (key: string, bytes = 1, until = Number.POSITIVE_INFINITY): Node => ({
  key,
  bytes,
  until,
  visited: false,
  isProven: false,
  ghost: 0,
  newer: null,
  older: null,
  n: count++,
});

interface Naive {
  key: string;
  bytes: number;
  until: number;
  visited: boolean;
}
const bytesOf = (list: Naive[]) => list.reduce((sum, { bytes }) => sum + bytes, 0);

/** The same algorithm on arrays, newest first, without regard to speed. */
class NaiveSieve {
  readonly #maxBytes: number;
  readonly #maxEntries: number;
  #probation: Naive[] = [];
  #proven: Naive[] = [];
  /** Which addition each one was. */
  readonly #ghosts = new Map<string, number>();
  #added = 0;
  #most = 0;
  #hand: string | undefined;
  #proofs = 0;

  constructor(maxBytes: number, maxEntries: number) {
    this.#maxBytes = maxBytes;
    this.#maxEntries = maxEntries;
  }

  get keys(): string[] {
    return this.#all.map(({ key }) => key);
  }

  get #all(): Naive[] {
    return [...this.#probation, ...this.#proven];
  }

  get(key: string, now: number): boolean {
    const found = this.#all.find((one) => one.key === key);
    if (!found) return false;
    if (found.until <= now) this.remove(key);
    else found.visited = true;
    return found.until > now;
  }

  put(key: string, bytes: number, until: number, now: number): void {
    const visited = this.#all.find((one) => one.key === key)?.visited ?? false;
    this.remove(key);
    const isKnown = this.#added - (this.#ghosts.get(key) ?? Number.NEGATIVE_INFINITY) < this.#most;
    this.#ghosts.delete(key);
    if (bytes > this.#maxBytes) return;
    while (bytesOf(this.#all) + bytes > this.#maxBytes || this.#all.length >= this.#maxEntries) this.#evict(now);
    const node = { key, bytes, until, visited };
    if (isKnown) this.#prove(node);
    else this.#probation.unshift(node);
  }

  remove(key: string, isEvicted = false): void {
    const isProven = this.#proven.some((one) => one.key === key);
    const list = isProven ? this.#proven : this.#probation;
    const at = list.findIndex((one) => one.key === key);
    if (at < 0) return;
    if (this.#hand === key) this.#hand = list[at - 1]?.key;
    const [gone] = list.splice(at, 1);
    if (isEvicted ? isProven : !isProven && !gone!.visited) return;
    this.#most = this.#all.length + 1;
    this.#ghosts.set(key, ++this.#added);
  }

  #evict(now: number): void {
    while (this.#proven.length === 0 || bytesOf(this.#probation) > 0.1 * bytesOf(this.#all)) {
      const oldest = this.#probation.at(-1)!;
      if (!oldest.visited || oldest.until <= now) {
        this.remove(oldest.key, oldest.until > now);
        return;
      }
      oldest.visited = false;
      this.#probation.pop();
      this.#prove(oldest);
    }
    let at = this.#proven.findIndex((one) => one.key === this.#hand);
    if (at < 0) at = this.#proven.length - 1;
    for (; this.#proven[at]!.visited && this.#proven[at]!.until > now; at = at === 0 ? this.#proven.length - 1 : at - 1)
      this.#proven[at]!.visited = false;
    this.#hand = this.#proven[at]!.key;
    this.remove(this.#hand, this.#proven[at]!.until > now);
  }

  #prove(node: Naive): void {
    const hand = this.#proven.findIndex((one) => one.key === this.#hand);
    const isBehind = ++this.#proofs % 2 === 0 && hand >= 0 && hand < this.#proven.length - 1;
    this.#proven.splice(isBehind ? hand + 1 : 0, 0, node);
  }
}

type Step =
  | { do: "get" | "drop"; key: string }
  | { do: "put"; key: string; bytes: number; ttl: number }
  | { do: "wait"; ms: number }
  | { do: "sweep"; count: number };

const key = fc.integer({ min: 0, max: 15 }).map((n) => `k${n}`);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant("get" as const), key }) },
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constant("put" as const),
        key,
        bytes: fc.integer({ min: 1, max: 14 }),
        ttl: fc.integer({ min: 1, max: 50 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("drop" as const), key }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.integer({ min: 0, max: 30 }) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("sweep" as const), count: fc.integer({ min: 0, max: 5 }) }) },
  ),
  { maxLength: 200 },
);

describe("SIEVE", () => {
  test("evicts as its naive twin does, never exceeds its budget, and never gives out what is past its end", () => {
    fc.assert(
      fc.property(
        steps,
        fc.integer({ min: 4, max: 20 }),
        fc.integer({ min: 1, max: 8 }),
        (all, maxBytes, maxEntries) => {
          let now = 0;
          const gone: Node[] = [];
          const kept: Node[] = [];
          const sieve = new Sieve<Node>({ maxBytes, maxEntries, now: () => now, removed: (one) => gone.push(one) });
          const naive = new NaiveSieve(maxBytes, maxEntries);
          for (const step of all) {
            if (step.do === "wait") now += step.ms;
            else if (step.do === "sweep") {
              const before = gone.length;
              sieve.sweep(step.count);
              for (const one of gone.slice(before)) naive.remove(one.key);
            } else if (step.do === "put") {
              const made = node(step.key, step.bytes, now + step.ttl);
              if (sieve.put(made)) kept.push(made);
              naive.put(step.key, step.bytes, now + step.ttl, now);
            } else if (step.do === "get") {
              const found = sieve.get(step.key);
              expect(found !== undefined).toBe(naive.get(step.key, now));
              if (found) expect(found.until).toBeGreaterThan(now);
            } else {
              const found = sieve.peek(step.key);
              if (found) sieve.drop(found);
              naive.remove(step.key);
            }
            expect([...sieve.values()].map((one) => one.key).sort()).toEqual(naive.keys.sort());
            const bytes = [...sieve.values()].reduce((sum, one) => sum + one.bytes, 0);
            expect(sieve.bytes).toBe(bytes);
            expect(bytes).toBeLessThanOrEqual(maxBytes);
            expect(sieve.size).toBeLessThanOrEqual(maxEntries);
            // Each one that came in is there, or was told of once.
            expect(gone.length + sieve.size).toBe(kept.length);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  const fill = (sieve: Sieve<Node>, keys: Iterable<string>) => {
    let hits = 0;
    for (const key of keys) {
      if (sieve.get(key)) hits++;
      else sieve.put(node(key));
    }
    return hits;
  };

  test("keeps what is used through a scan of what is not, and part of a loop that does not fit", () => {
    const scanned = new Sieve<Node>({ maxBytes: 100, now: () => 0 });
    const used = Array.from({ length: 50 }, (_, i) => `used ${i}`);
    fill(scanned, [...used, ...used]);
    for (let round = 0; round < 20; round++) {
      fill(
        scanned,
        Array.from({ length: 200 }, (_, i) => `once ${round} ${i}`),
      );
      expect(fill(scanned, used)).toBe(50);
    }
    const looped = new Sieve<Node>({ maxBytes: 100, now: () => 0 });
    const loop = Array.from({ length: 125 }, (_, i) => `${i}`);
    fill(looped, loop);
    for (let round = 0; round < 20; round++) fill(looped, loop);
    expect(fill(looped, loop)).toBeGreaterThan(50);
  });

  test("what was in use and became old is no newcomer when it comes back", () => {
    const sieve = new Sieve<Node>({ maxBytes: 100, now: () => 0 });
    fill(sieve, ["hot", "hot"]);
    sieve.drop(sieve.peek("hot")!);
    fill(sieve, ["hot"]);
    fill(
      sieve,
      Array.from({ length: 150 }, (_, i) => `${i}`),
    );
    expect(sieve.peek("hot")).toBeDefined();
  });

  test("shrinks at once to a smaller budget", () => {
    const sieve = new Sieve<Node>({ maxBytes: 100, now: () => 0 });
    for (let i = 0; i < 20; i++) sieve.put(node(`${i}`, 5));
    sieve.setBudget(22);
    expect([sieve.bytes, sieve.size, sieve.maxBytes]).toEqual([20, 4, 22]);
  });

  test("does not make room for what would not fit into all of it", () => {
    const sieve = new Sieve<Node>({ maxBytes: 10, now: () => 0 });
    sieve.put(node("a", 4));
    expect(sieve.put(node("b", 11))).toBe(false);
    expect(sieve.peek("a")).toBeDefined();
  });
});
