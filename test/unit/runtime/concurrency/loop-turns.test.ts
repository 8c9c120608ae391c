import { beforeEach, describe, expect, test } from "@jest/globals";
import { LoopTurns } from "../../../../runtime/concurrency/loop-turns.ts";

let now: number;
let next: (() => void) | undefined;
let turns: LoopTurns;
let begun: string[];
beforeEach(() => {
  now = 1000;
  next = undefined;
  begun = [];
  turns = new LoopTurns((run) => {
    expect(next).toBeUndefined();
    next = run;
  });
});

/** A call that holds the loop. */
const call = (name: string, ms: number) => () => {
  turns.at(now);
  begun.push(name);
  now += ms;
};
/** Calls that come now: those that have to wait do. */
const come = (...calls: (() => void)[]) => {
  for (const one of calls)
    if (turns.isLong) turns.later(one);
    else one();
};
const turn = () => {
  const run = next;
  next = undefined;
  run?.();
};

describe("calls that come in one turn of the loop", () => {
  test("all begin in it, where they are short", () => {
    come(...Array.from({ length: 40 }, (_, i) => call(`${i}`, 1)));
    expect(begun).toHaveLength(40);
    turn();
    expect(turns.isLong).toBe(false);
  });

  test("begin in a later one, where those before them have taken long", () => {
    come(...["a", "b", "c", "d", "e"].map((name) => call(name, 40)));
    // The third one is seen to begin after 80 ms.
    expect(begun).toEqual(["a", "b", "c"]);
    turn();
    expect(begun).toEqual(["a", "b", "c", "d", "e"]);
  });

  test("begin in the order in which they came, over any number of turns, and none is left", () => {
    const names = Array.from({ length: 20 }, (_, i) => `call ${i}`);
    come(...names.map((name) => call(name, 60)));
    let count = 1;
    for (; next; count++) turn();
    expect(begun).toEqual(names);
    expect(count).toBeGreaterThanOrEqual(10);
  });

  test("come after those that wait already", () => {
    come(call("a", 60), call("b", 60), call("c", 60), call("d", 60), call("e", 60));
    const more = turns;
    turns.later(() => more.later(call("late", 1)));
    while (next) turn();
    expect(begun).toEqual(["a", "b", "c", "d", "e", "late"]);
  });
});

test("nothing is asked of the loop while nothing comes", () => {
  come(call("a", 1));
  turn();
  expect(next).toBeUndefined();
});
