import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { DatabaseFile } from "../../../mixins/store/database-file.ts";
import { bookModel, dataFolder, startLibrary, stopLibraries } from "./shelf.ts";

let folder: ReturnType<typeof dataFolder>;

beforeEach(() => {
  folder = dataFolder();
});
afterEach(async () => {
  delete process.env["AZORA_DB_URL"];
  await stopLibraries();
  folder.remove();
});

test("a configured MongoDB is refused at start in one sentence", async () => {
  process.env["AZORA_DB_URL"] = "mongodb://user:secret@db/azora";
  const start = startLibrary();
  await expect(start).rejects.toMatchObject({
    type: "START_FAILED",
    message: `AZORA_DB_URL is set, but the MongoDB back end is not part of this release: unset AZORA_DB_URL, and documents are kept in SQLite files in ${join(folder.path, "db")}`,
  });
  expect(existsSync(folder.file)).toBe(false);
});

test("a damaged file stops the start at once, saying what, where and what to do, and is left as it is", async () => {
  mkdirSync(join(folder.path, "db"));
  writeFileSync(folder.file, "this is no database, ".repeat(500));
  await expect(startLibrary()).rejects.toMatchObject({
    type: "STORE_UNAVAILABLE",
    message: `${folder.file} is not an SQLite file. Move it away, and put the newest good copy from data/backups in its place.`,
    data: { reason: "corrupt", file: folder.file },
  });
  expect(readFileSync(folder.file, "utf8")).toMatch(/^this is no database/);
});

test("a folder that cannot be made or written is named", async () => {
  process.env["AZORA_DATA_DIR"] = join(folder.path, "file");
  writeFileSync(join(folder.path, "file"), "");
  await expect(startLibrary()).rejects.toMatchObject({
    type: "STORE_UNAVAILABLE",
    message: expect.stringMatching(
      /db cannot be made \(.*\)\. Check that AZORA_DATA_DIR is a folder this user may write\.$/,
    ),
  });
});

test("a full disk refuses the write, leaves nothing half-done, and the store goes on when there is room again", async () => {
  const { service, call } = await startLibrary();
  await call("create", { isbn: "1", title: "x" });
  const file = (service as unknown as { $file: DatabaseFile }).$file;
  // SQLite gives the same error for its own bound as for the disk's.
  const pages = (file.get("PRAGMA page_count") as { page_count: number }).page_count;
  file.exec(`PRAGMA max_page_count = ${pages}`);
  const big = { title: "y".repeat(200), tags: Array(200).fill("z".repeat(100)) };
  const write = service.transaction((tx) => {
    tx.collection(bookModel).insert({ isbn: "2", title: "small" });
    return tx.collection(bookModel).insert({ isbn: "3", ...big });
  });
  await expect(write).rejects.toMatchObject({
    type: "STORE_UNAVAILABLE",
    code: 503,
    message: `${folder.file} cannot grow: the disk is full. Free space, or move AZORA_DATA_DIR to a larger disk.`,
    data: { reason: "full" },
  });
  expect(await call("count")).toBe(1);
  const carriesOn = service.transaction((tx) => {
    expect(() => tx.collection(bookModel).insert({ isbn: "3", ...big })).toThrow();
    tx.collection(bookModel).insert({ isbn: "4", title: "small" });
  });
  await expect(carriesOn).rejects.toThrow("The transaction has ended already; nothing of it was written");
  expect(await call("count")).toBe(1);
  file.exec("PRAGMA max_page_count = 1000000");
  await call("create", { isbn: "3", ...big });
  expect(await call("count")).toBe(2);
});

test("a store that cannot write says so", async () => {
  const { service, call } = await startLibrary();
  (service as unknown as { $file: DatabaseFile }).$file.exec("PRAGMA query_only = ON");
  await expect(call("create", { isbn: "1", title: "x" })).rejects.toMatchObject({
    type: "STORE_UNAVAILABLE",
    data: { reason: "read-only", file: folder.file },
  });
});

test("a lock held by another process for longer than a write waits is named", async () => {
  await startLibrary();
  const holder = await DatabaseFile.open(folder.file);
  holder.exec("BEGIN IMMEDIATE");
  let now = 0;
  const impatient = {
    now: () => now,
    after: (ms: number, run: () => void) => {
      now += ms;
      setImmediate(run);
      return () => {};
    },
  };
  const other = await DatabaseFile.open(folder.file, impatient);
  await expect(other.write(() => 1)).rejects.toMatchObject({
    type: "STORE_UNAVAILABLE",
    data: { reason: "busy" },
    message: expect.stringContaining("is being written by another process for longer than a write waits"),
  });
  expect(now).toBeGreaterThanOrEqual(5000);
  for (const file of [holder, other]) file.close();
});
