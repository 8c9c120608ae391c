import { expect, test } from "@jest/globals";
import type { QueryShape } from "../../../models/query-facts.ts";
import { QueryMeter } from "../../../runtime/queries/query-meter.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const shape = (kind: QueryShape["kind"] = "find"): QueryShape => ({
  collection: "books",
  kind,
  where: [],
  sort: [],
  limited: false,
  living: true,
});

function meter(maxShapes = 200) {
  const made = new QueryMeter({ service: "library", actions: ["list", "lend"], maxShapes });
  const run = (text = "find books {}", ms = 1) =>
    made.record(
      made.shapeOf(text, () => shape()),
      ms,
      1,
    );
  const facts = (text = "find books {}") =>
    made.shapeOf(text, () => shape()).facts(made.actions) as Omit<
      import("../../../models/query-facts.ts").ShapeFacts,
      "plan"
    >;
  /** A call that waits between its queries, as an asynchronous handler does. */
  const call = (action: number, queries: number) => {
    const id = made.enter(action);
    made.within(action, id, () => run(), undefined, undefined);
    for (let i = 1; i < queries; i++) run();
    return () => made.leave(action);
  };
  return { made, run, facts, call };
}

test("runs are counted and timed by shape, and told as increments", () => {
  const { made, run, facts } = meter();
  run("find books {}", 2);
  run("find books {}", 4);
  expect(facts()).toMatchObject({ count: 2, timed: 2, sum: 6000, returned: 2, largest: 1 });
  expect(made.times()).toEqual({ service: "library", count: 2, sum: 6000 });
  expect(made.times()).toEqual({ service: "library", count: 0, sum: 0 });
});

test("a run that counts documents is not timed for its shape, and its time is the service's still", () => {
  const { made, facts } = meter();
  made.record(
    made.shapeOf("find books {}", () => shape()),
    5,
    2,
    40,
  );
  expect(facts()).toMatchObject({ count: 1, timed: 0, sum: 0, sampled: { runs: 1, examined: 40, returned: 2 } });
  expect(made.times().sum).toBe(5000);
});

test("the first run is sampled, the ninth, and then one in 64", () => {
  const { made, run } = meter();
  const sampled: number[] = [];
  for (let i = 0; i < 200; i++) {
    if (made.isSampled(made.shapeOf("find books {}", () => shape()))) sampled.push(i);
    run();
  }
  expect(sampled).toEqual([0, 8, 64, 128, 192]);
});

test("commits and waiting for other writers take time, but are no queries", () => {
  const { made } = meter();
  made.record(
    made.shapeOf("commit", () => shape("commit")),
    3,
    0,
  );
  expect(made.times()).toEqual({ service: "library", count: 0, sum: 3000 });
});

test("shapes beyond the bound are counted together", () => {
  const { made, run } = meter(2);
  for (const text of ["a", "b", "c", "d"]) run(text);
  expect([...made.shapes()].map(({ text }) => text)).toEqual(["a", "b"]);
  expect(made.others).toEqual({ count: 2, sum: 2000 });
  expect(made.times().count).toBe(4);
});

test("queries outside of any call are nobody's", () => {
  const { run, facts } = meter();
  run();
  expect(facts().actions).toEqual({ "": 1 });
});

test("all queries of an action are its own while no other one is under way", () => {
  const { call, facts } = meter();
  const ends = [call(1, 3), call(1, 3)];
  for (const end of ends) end();
  expect(facts().actions).toEqual({ list: 6 });
});

test("while two actions are under way only what runs before the first await is known", () => {
  const { call, facts, run } = meter();
  const ends = [call(1, 2), call(2, 2)];
  run();
  for (const end of ends) end();
  // list: 2 before lend began; lend: its first one.
  expect(facts().actions).toEqual({ list: 2, lend: 1, "": 2 });
});

test("many runs in one call are a repeat, also while the call lasts", () => {
  const { call, facts } = meter();
  call(1, 30)();
  call(1, 5)();
  const end = call(1, 12);
  expect(facts().repeats).toEqual({ calls: 2, runs: 42, largest: 30, action: "list" });
  end();
  call(2, 1)();
  expect(facts().repeats).toEqual({ calls: 2, runs: 42, largest: 30, action: "list" });
});

test("many calls with one run each are no repeat, be they at once or not", () => {
  const { call, facts } = meter();
  for (let i = 0; i < 50; i++) call(1, 1)();
  const ends = Array.from({ length: 50 }, () => call(1, 1));
  for (const end of ends) end();
  expect(facts().repeats.calls).toBe(0);
  expect(facts().actions).toEqual({ list: 100 });
});

test("a handler that throws leaves no scope behind", () => {
  const { made, run, facts } = meter();
  const call = made.enter(1);
  expect(() =>
    made.within(
      1,
      call,
      () => {
        throw new Error("no");
      },
      undefined,
      undefined,
    ),
  ).toThrow("no");
  made.leave(1);
  run();
  expect(facts().actions).toEqual({ "": 1 });
});

test("what is recent are the runs of the window that is open and of the one before", () => {
  const clock = new FakeClock();
  const made = new QueryMeter({ service: "library", clock });
  const find = made.shapeOf("find books {}", () => shape());
  const recent = () => {
    made.rollWindow();
    return find.facts(made.actions).recent;
  };
  for (let i = 0; i < 100; i++) made.record(find, 1, 1);
  expect(recent()).toBe(100);
  clock.advance(600_000);
  expect(recent()).toBe(100);
  made.record(find, 1, 1);
  clock.advance(600_000);
  expect(recent()).toBe(1);
});

test("calls that one call makes one after the other are a streak, once it is over and was ten or more", () => {
  const { made } = meter();
  const { streaks } = made;
  for (let i = 0; i < 12; i++) streaks.count(1, "p1", "cart");
  for (let i = 0; i < 9; i++) streaks.count(2, "p1", "cart");
  expect(streaks.facts()).toEqual([]);
  for (let i = 0; i < 30; i++) streaks.count(1, "p2", "cart");
  for (let i = 0; i < 50; i++) streaks.count(1, null, null);
  streaks.count(2, "p3", null);
  expect(streaks.facts()).toEqual([{ action: "list", caller: "cart", calls: 2, runs: 42, largest: 30 }]);
});
