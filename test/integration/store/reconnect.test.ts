import { renameSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import type { StoreMethods } from "../../../mixins/store/store.ts";
import { dataFolder, startLibrary, stopLibraries } from "./shelf.ts";

let folder: ReturnType<typeof dataFolder>;
beforeEach(() => {
  folder = dataFolder();
});
afterEach(async () => {
  await stopLibraries();
  folder.remove();
});

test("a store that is opened anew loses nothing of what is written meanwhile", async () => {
  const { service, call } = await startLibrary();
  const { reconnectStore } = service as unknown as StoreMethods;
  let stop = false;
  let written = 0;
  const writers = Array.from({ length: 4 }, async (_, writer) => {
    for (let i = 0; !stop; i++) {
      await call("create", { isbn: `${writer}-${i}`, title: "x" });
      written++;
    }
  });
  for (let i = 0; i < 10; i++) {
    const { before, after } = await reconnectStore.call(service);
    expect(before).toMatch(/library\.sqlite open since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ, connection \d+$/);
    expect(after).toMatch(new RegExp(`connection ${i + 2}$`));
  }
  stop = true;
  await Promise.all(writers);
  expect(await call("count", {})).toBe(written);
});

test("a store whose file was removed keeps its connection, which still has it", async () => {
  const { service, call } = await startLibrary();
  await call("create", { isbn: "1", title: "x" });
  renameSync(folder.file, `${folder.file}.away`);
  await expect((service as unknown as StoreMethods).reconnectStore()).rejects.toMatchObject({
    type: "STORE_UNAVAILABLE",
    message: expect.stringContaining("was removed while it was open"),
  });
  expect(await call("count", {})).toBe(1);
});
