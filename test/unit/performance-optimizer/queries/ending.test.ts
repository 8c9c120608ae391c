import { describe, expect, test } from "@jest/globals";
import type { OptimizationRecord } from "../../../../models/performance.ts";
import { Ending } from "../../../../services/muscles/performance-optimizer/queries/ending.ts";
import { FakeClock } from "../../../support/fake-clock.ts";

const judged: OptimizationRecord = {
  id: "1",
  at: "2026-01-01T00:00:00.000Z",
  service: "shop",
  kind: "index",
  change: "Make an index of sales (buyer)",
  reason: "5000 documents were looked at",
  status: "taken-back",
  outcome: "The query became slower",
  by: "operator",
};

function setUp(mustUndo = true) {
  const clock = new FakeClock();
  const done: string[] = [];
  const state = { node: undefined as string | undefined, store: undefined as string | undefined };
  const ending = new Ending(judged, {
    clock,
    undo: mustUndo
      ? async () => {
          done.push("undo");
          if (state.node) throw new Error(state.node);
        }
      : undefined,
    store: async ({ status }) => {
      if (state.store) throw new Error(state.store);
      done.push(status);
    },
  });
  return { clock, done, state, ending };
}

describe("the end of a trial", () => {
  test("is to undo the change, and then to store the verdict", async () => {
    const { ending, done } = setUp();
    expect(ending.mustUndo).toBe(true);
    expect(await ending.attempt()).toEqual(judged);
    expect(done).toEqual(["undo", "taken-back"]);
    expect(ending.mustUndo).toBe(false);
  });

  test("of a change that stays is to store the verdict", async () => {
    const { ending, done } = setUp(false);
    expect(ending.mustUndo).toBe(false);
    await ending.attempt();
    expect(done).toEqual(["taken-back"]);
  });

  test("is tried again every ten seconds while the node does not answer, and it says so", async () => {
    const { ending, done, state, clock } = setUp();
    state.node = "the node is away";
    expect(await ending.attempt()).toBeUndefined();
    expect(ending.trouble).toBe(
      "The query became slower; it could not be taken back: the node is away; it is tried again",
    );
    clock.advance(9999);
    await ending.attempt();
    expect(done).toEqual(["undo"]);
    state.node = undefined;
    clock.advance(1);
    expect(await ending.attempt()).toEqual(judged);
  });

  test("does not undo again what only could not be stored", async () => {
    const { ending, done, state, clock } = setUp();
    state.store = "the disk is full";
    expect(await ending.attempt()).toBeUndefined();
    expect(ending.mustUndo).toBe(false);
    state.store = undefined;
    clock.advance(10_000);
    expect(await ending.attempt()).toEqual(judged);
    expect(done).toEqual(["undo", "taken-back"]);
  });

  test("comes after thirty tries, as failed where the change is still in force", async () => {
    const { ending, done, state, clock } = setUp();
    state.node = "the node is gone";
    let ended: OptimizationRecord | undefined;
    let tries = 0;
    while (!ended && tries < 50) {
      tries++;
      ended = await ending.attempt();
      clock.advance(10_000);
    }
    expect(tries).toBe(30);
    expect(ended).toMatchObject({
      status: "failed",
      outcome: "The query became slower; it could not be taken back: the node is gone",
    });
    expect(done.at(-1)).toBe("failed");
    expect(ending.mustUndo).toBe(true);
  });
});
