import { beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { LoopTurns } from "../../../../runtime/concurrency/loop-turns.ts";

/** An event loop: calls that come, and how long they hold it, at once or when all of their turn have begun. */
class Loop {
  now = 1000;
  readonly begun: string[] = [];
  /** How long each turn lasted, ms. */
  readonly turns: number[] = [];
  readonly #turns = new LoopTurns((run) => {
    this.#next.push(run);
  });
  #next: (() => void)[] = [];
  #microtasks: (() => void)[] = [];

  /** @param late it computes when the others of its turn have begun */
  come(name: string, ms: number, late = false): void {
    const begin = () => {
      this.#turns.began(this.now);
      this.begun.push(name);
      const compute = () => {
        this.now += ms;
        this.#turns.at(this.now);
      };
      if (late) this.#microtasks.push(compute);
      else compute();
    };
    if (this.#turns.isBusy) this.#turns.later(begin);
    else begin();
  }

  /** Runs all that is asked for, and tells how many turns that took. */
  run(): number {
    for (let since = 1000; ; since = this.now) {
      for (const compute of this.#microtasks.splice(0)) compute();
      this.turns.push(this.now - since);
      const [next, ...others] = this.#next.splice(0);
      if (!next) return this.turns.length;
      expect(others).toEqual([]);
      next();
    }
  }
}

const names = (count: number) => Array.from({ length: count }, (_, i) => `call ${i}`);
let loop: Loop;
beforeEach(() => {
  loop = new Loop();
});

describe("calls that come in one turn of the loop", () => {
  test("all begin in it, where they are few and short", () => {
    for (const name of names(30)) loop.come(name, 1);
    expect(loop.begun).toEqual(names(30));
  });

  test("begin in a later one, where those before them have taken long", () => {
    for (const name of names(6)) loop.come(name, 40);
    expect(loop.begun).toEqual(names(2));
    loop.run();
    expect(loop.begun).toEqual(names(6));
    expect(Math.max(...loop.turns)).toBeLessThanOrEqual(80);
  });

  test("begin by 32 a turn: those that compute later take long in the first one only", () => {
    for (const name of names(200)) loop.come(name, 25, true);
    expect(loop.begun).toHaveLength(32);
    loop.run();
    const [first, second, third, ...others] = loop.turns;
    expect([first, second, third]).toEqual([800, 400, 200]);
    expect(Math.max(...others)).toBeLessThanOrEqual(100);
  });

  test("begin by more a turn again, when they are short again", () => {
    for (const name of names(64)) loop.come(name, 25, true);
    loop.run();
    const before = loop.turns.length;
    for (const name of names(320)) loop.come(name, 0.01, true);
    expect(loop.run() - before).toBeLessThan(20);
  });

  test("begin each once, in the order in which they came, and none is left, whatever they take", () => {
    const call = fc.record({ ms: fc.double({ min: 0, max: 200, noNaN: true }), late: fc.boolean() });
    fc.assert(
      fc.property(fc.array(call, { maxLength: 100 }), (calls) => {
        const all = new Loop();
        for (const [i, { ms, late }] of calls.entries()) all.come(`call ${i}`, ms, late);
        all.run();
        expect(all.begun).toEqual(names(calls.length));
      }),
    );
  });
});

test("nothing is asked of the loop while nothing comes", () => {
  loop.come("a", 1);
  expect(loop.run()).toBe(2);
});
