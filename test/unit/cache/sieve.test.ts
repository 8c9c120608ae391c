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
  newer: null,
  older: null,
  n: count++,
});

/** The paper's algorithm on an array, newest first, without regard to speed. */
class NaiveSieve {
  readonly #maxBytes: number;
  readonly #maxEntries: number;
  #list: { key: string; bytes: number; until: number; visited: boolean }[] = [];
  #hand: string | undefined;

  constructor(maxBytes: number, maxEntries: number) {
    this.#maxBytes = maxBytes;
    this.#maxEntries = maxEntries;
  }

  get keys(): string[] {
    return this.#list.map(({ key }) => key);
  }

  get(key: string, now: number): boolean {
    const found = this.#list.find((one) => one.key === key);
    if (!found) return false;
    if (found.until <= now) this.remove(key);
    else found.visited = true;
    return found.until > now;
  }

  put(key: string, bytes: number, until: number, now: number): void {
    const visited = this.#list.find((one) => one.key === key)?.visited ?? false;
    this.remove(key);
    if (bytes > this.#maxBytes) return;
    while (this.#bytes() + bytes > this.#maxBytes || this.#list.length >= this.#maxEntries) this.#evict(now);
    this.#list.unshift({ key, bytes, until, visited });
  }

  remove(key: string): void {
    const at = this.#list.findIndex((one) => one.key === key);
    if (at < 0) return;
    if (this.#hand === key) this.#hand = this.#list[at - 1]?.key;
    this.#list.splice(at, 1);
  }

  #evict(now: number): void {
    let at = this.#list.findIndex((one) => one.key === this.#hand);
    if (at < 0) at = this.#list.length - 1;
    while (this.#list[at]!.visited && this.#list[at]!.until > now) {
      this.#list[at]!.visited = false;
      at = at === 0 ? this.#list.length - 1 : at - 1;
    }
    this.#hand = this.#list[at]!.key;
    this.remove(this.#hand);
  }

  #bytes(): number {
    return this.#list.reduce((sum, { bytes }) => sum + bytes, 0);
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
  test("evicts as the paper's algorithm does, never exceeds its budget, and never gives out what is past its end", () => {
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
              sieve.sweep(step.count);
              for (const one of gone) if (sieve.peek(one.key) === undefined) naive.remove(one.key);
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

  test("keeps what is used through a scan of what is not", () => {
    const sieve = new Sieve<Node>({ maxBytes: 10, now: () => 0 });
    for (let i = 0; i < 5; i++) sieve.put(node(`used ${i}`));
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < 5; i++) expect(sieve.get(`used ${i}`)).toBeDefined();
      for (let i = 0; i < 5; i++) sieve.put(node(`once ${round} ${i}`));
    }
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
