import { describe, expect, test } from "@jest/globals";
import type { StoreMethods } from "../../../mixins/store/store.ts";
import type { ExecutionResult } from "../../../models/rule-results.ts";
import { Executions } from "../../../services/brain/symbiotic-rules-engine/executions.ts";

const resultOf = (id: string, what = "did it"): ExecutionResult => ({
  id,
  rule: "calm",
  at: `2027-01-01T00:00:00.${id.padStart(3, "0")}Z`,
  mode: "on",
  why: { rule: "calm", at: "", result: "fired", why: "", conditions: [], cooldownLeft: 0, heldFor: 0 },
  actions: [{ type: "shed", target: "heart", status: "done", what }],
});

/** A store that writes when it is let. */
function storeOf() {
  const stored = new Map<string, { _id: string; result: ExecutionResult }>();
  const waiting: (() => void)[] = [];
  const state = { writes: 0, full: false };
  const documents = {
    findById: (id: string) => stored.get(id),
    insert: (one: { _id: string; result: ExecutionResult }) => stored.set(one._id, one),
    update: (id: string, { result }: { result: ExecutionResult }) => stored.set(id, { _id: id, result }),
    count: () => stored.size,
    find: () => [...stored.values()],
  };
  const store = {
    transaction: async (work: (tx: unknown) => void) => {
      state.writes++;
      await new Promise<void>((done) => waiting.push(done));
      if (state.full) throw new Error("disk is full");
      work({ collection: () => documents });
    },
    collection: () => documents,
  } as unknown as StoreMethods;
  const write = async () => {
    for (let i = 0; i < 10; i++) await Promise.resolve();
    for (const done of waiting.splice(0)) done();
    for (let i = 0; i < 10; i++) await Promise.resolve();
  };
  return { store, stored, state, write };
}

describe("results of rules", () => {
  test("what comes while one is written is written together, each in its newest form", async () => {
    const { store, stored, state, write } = storeOf();
    const executions = new Executions(store);
    const first = executions.keep(resultOf("0"));
    await Promise.resolve();
    const others = Array.from({ length: 50 }, (_, i) => executions.keep(resultOf(String(i % 25), `did it ${i}`)));
    await write();
    await first;
    await write();
    await Promise.all(others);
    expect(state.writes).toBe(2);
    expect(stored.size).toBe(25);
    expect(stored.get("3")?.result.actions[0]?.what).toBe("did it 28");
  });

  test("what a full store did not take is shown, and written with the next one", async () => {
    const { store, stored, state, write } = storeOf();
    const executions = new Executions(store);
    state.full = true;
    const lost = executions.keep(resultOf("1"));
    await write();
    await lost;
    expect(executions.failure).toBe("disk is full");
    expect((await executions.newest(10)).map(({ id }) => id)).toEqual(["1"]);
    state.full = false;
    const again = executions.again();
    await write();
    await again;
    expect([executions.failure, [...stored.keys()]]).toEqual([undefined, ["1"]]);
    const next = executions.keep(resultOf("2"));
    await write();
    await next;
    expect([executions.failure, [...stored.keys()]]).toEqual([undefined, ["1", "2"]]);
    expect((await executions.newest(10)).map(({ id }) => id)).toEqual(["2", "1"]);
  });
});
