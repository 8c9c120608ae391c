import { describe, expect, test } from "@jest/globals";
import type { OptimizationRecord } from "../../../../models/performance.ts";
import { recordOf } from "../../../../services/muscles/performance-optimizer/records/book.ts";
import { type Rollback, Rollbacks } from "../../../../services/muscles/performance-optimizer/tuning/rollbacks.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { entry } from "./entry.ts";

function setUp() {
  const clock = new FakeClock();
  const closed: OptimizationRecord[] = [];
  const state = { fails: undefined as string | undefined, cannotStore: false, undone: 0 };
  const rollbacks = new Rollbacks({
    clock,
    close: async (one, status, outcome) => {
      if (state.cannotStore) throw new Error("the disk is full");
      const record = recordOf({ ...one, status, outcome });
      closed.push(record);
      return record;
    },
  });
  const rollback = (more: Partial<Rollback> = {}): Rollback => ({
    entry: entry(),
    status: "taken-back",
    why: "it made calls slower",
    undo: async () => {
      if (state.fails) throw new Error(state.fails);
      state.undone++;
    },
    ...more,
  });
  return { clock, closed, state, rollbacks, rollback };
}

describe("what must not stay in force", () => {
  test("is undone at once, and has its verdict", async () => {
    const { rollbacks, rollback, closed } = setUp();
    const record = await rollbacks.roll(rollback());
    expect(record).toMatchObject({ status: "taken-back", outcome: "it made calls slower" });
    expect(closed).toEqual([record]);
    expect(rollbacks.changes).toEqual([]);
    expect(rollbacks.holds("shop")).toBe(false);
  });

  test("is undone by the next tick where that is soon enough", async () => {
    const { rollbacks, rollback, state } = setUp();
    rollbacks.add(rollback());
    expect(rollbacks.changes).toEqual(["Set it to 2"]);
    expect(rollbacks.holds("shop")).toBe(true);
    expect(state.undone).toBe(0);
    await rollbacks.tick();
    expect(state.undone).toBe(1);
    expect(rollbacks.holds("shop")).toBe(false);
  });

  test("is tried again after ten seconds, and not sooner", async () => {
    const { rollbacks, rollback, clock, state } = setUp();
    state.fails = "the node is away";
    expect(await rollbacks.roll(rollback())).toMatchObject({
      status: "measuring",
      outcome: "it made calls slower; it could not be taken back yet: the node is away",
    });
    state.fails = undefined;
    clock.advance(9999);
    await rollbacks.tick();
    expect(state.undone).toBe(0);
    clock.advance(1);
    await rollbacks.tick();
    expect(state.undone).toBe(1);
    expect(rollbacks.changes).toEqual([]);
  });

  test("is given up after five minutes, and stands as failed", async () => {
    const { rollbacks, rollback, clock, state, closed } = setUp();
    state.fails = "the node is gone";
    await rollbacks.roll(rollback());
    for (let i = 0; i < 40; i++) {
      clock.advance(10_000);
      await rollbacks.tick();
    }
    expect(closed).toHaveLength(30);
    expect(closed.at(-1)).toMatchObject({ status: "failed", outcome: expect.stringContaining("the node is gone") });
    expect(rollbacks.changes).toEqual([]);
  });

  test("is not undone a second time while that is under way", async () => {
    const { rollbacks, rollback, clock } = setUp();
    const slow = Promise.withResolvers<void>();
    let begun = 0;
    const rolled = rollbacks.roll(
      rollback({
        undo: () => {
          begun++;
          return slow.promise;
        },
      }),
    );
    await rollbacks.tick();
    expect(begun).toBe(1);
    slow.resolve();
    await rolled;
    clock.advance(60_000);
    await rollbacks.tick();
    expect(begun).toBe(1);
  });

  test("is not waited for longer than 20 s: others have their turn", async () => {
    const { rollbacks, rollback, clock } = setUp();
    const rolled = rollbacks.roll(rollback({ undo: () => new Promise(() => {}) }));
    clock.advance(20_000);
    expect(await rolled).toMatchObject({ outcome: expect.stringContaining("no answer within 20 s") });
  });

  test("has its verdict as soon as that can be stored", async () => {
    const { rollbacks, rollback, clock, state, closed } = setUp();
    state.cannotStore = true;
    expect(await rollbacks.roll(rollback())).toMatchObject({ status: "measuring" });
    expect(rollbacks.holds("shop")).toBe(true);
    state.cannotStore = false;
    clock.advance(10_000);
    await rollbacks.tick();
    expect(closed.at(-1)).toMatchObject({ status: "taken-back" });
    expect(rollbacks.holds("shop")).toBe(false);
  });
});
