import { expect, test } from "@jest/globals";
import type { StoreMethods } from "../../../mixins/store/store.ts";
import { KeptState } from "../../../services/brain/symbiotic-rules-engine/kept-state.ts";

test("what changes while the state is being stored is stored before whoever asked goes on", async () => {
  const stored: unknown[] = [];
  const waiting: (() => void)[] = [];
  const documents = {
    findById: () => null,
    insert: ({ state }: { state: { value: unknown } }) => stored.push(state.value),
  };
  const store = {
    transaction: async (work: (tx: unknown) => void) => {
      await new Promise<void>((done) => waiting.push(done));
      work({ collection: () => documents });
    },
  } as unknown as StoreMethods;
  let value = 1;
  const kept = new KeptState(store, { actions: { snapshot: () => value, restore: () => {} } });
  const written = async () => {
    await new Promise((done) => setImmediate(done));
    for (const done of waiting.splice(0)) done();
    await new Promise((done) => setImmediate(done));
  };
  const first = kept.keep();
  await new Promise((done) => setImmediate(done));
  value = 2;
  let isStored = false;
  const second = kept.keep().then(() => {
    isStored = true;
  });
  await written();
  await first;
  expect([stored, isStored]).toEqual([[1], false]);
  await written();
  await second;
  expect(stored).toEqual([1, 2]);
});
