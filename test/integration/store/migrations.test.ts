import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import type { Migration } from "../../../mixins/store/migrations.ts";
import type { Model } from "../../../models/model.ts";
import { bookModel, dataFolder, startLibrary, stopLibraries } from "./shelf.ts";

let folder: ReturnType<typeof dataFolder>;

beforeEach(() => {
  folder = dataFolder();
});
afterEach(async () => {
  await stopLibraries();
  folder.remove();
});

interface OldBook {
  isbn: string;
  name: string;
}
const oldModel: Model<OldBook> = { name: "books", fields: { isbn: { type: "string" }, name: { type: "string" } } };

/** A library in the form that an earlier version of the service left. */
async function oldLibrary(...books: OldBook[]) {
  const { service } = await startLibrary({}, oldModel);
  const created = await service.collection(oldModel).insertMany(books);
  await stopLibraries();
  return created;
}

const rename: Migration = {
  version: 1,
  name: "name becomes title",
  up(tx) {
    tx.collection(bookModel).rewrite(({ name, ...rest }) => ({ ...rest, title: name }));
  },
};
const applied = () => {
  const db = new DatabaseSync(folder.file);
  const rows = db.prepare("SELECT version, name FROM azora_migrations ORDER BY version").all();
  db.close();
  return rows;
};

test("a migration brings the documents into the model's form, once", async () => {
  const [emma] = await oldLibrary({ isbn: "1", name: "Emma" });
  for (const _ of [1, 2]) {
    const { call } = await startLibrary({ migrations: [rename] });
    expect(await call("get", { id: emma!._id })).toMatchObject({
      title: "Emma",
      version: 2,
      createdAt: emma!.createdAt,
    });
    await stopLibraries();
  }
  expect(applied()).toEqual([{ version: 1, name: "name becomes title" }]);
});

test("several migrations may pass through forms that no model describes", async () => {
  const [emma] = await oldLibrary({ isbn: "1", name: "Emma" });
  const upper: Migration = {
    version: 2,
    name: "titles in capitals",
    up: (tx) =>
      void tx
        .collection(bookModel)
        .rewrite((book) => ({ ...book, title: String(book["title"]).toUpperCase(), x: undefined })),
  };
  const first: Migration = {
    ...rename,
    up: (tx) => void tx.collection(bookModel).rewrite(({ name, ...rest }) => ({ ...rest, title: name, x: 1 })),
  };
  const { call } = await startLibrary({ migrations: [first, upper] });
  expect(await call("get", { id: emma!._id })).toMatchObject({ title: "EMMA", version: 3 });
});

test("a migration that fails is rolled back, and the service does not start, saying which and why", async () => {
  await oldLibrary({ isbn: "1", name: "Emma" });
  const failing: Migration = {
    version: 2,
    name: "burn",
    up(tx) {
      tx.collection(bookModel).rewrite(() => ({ isbn: "burnt", title: "burnt" }));
      throw new Error("no water");
    },
  };
  await expect(startLibrary({ migrations: [rename, failing] })).rejects.toMatchObject({
    type: "START_FAILED",
    message: `Migration 2 (burn) of ${folder.file} failed and was rolled back: no water`,
  });
  expect(applied()).toEqual([{ version: 1, name: "name becomes title" }]);
  await stopLibraries();
  const { call } = await startLibrary({ migrations: [rename] });
  expect(await call("find")).toEqual([expect.objectContaining({ title: "Emma" })]);
});

test("a last migration that leaves documents unfit for the model is rolled back", async () => {
  const [emma] = await oldLibrary({ isbn: "1", name: "Emma" });
  const lazy: Migration = { version: 1, name: "nothing", up() {} };
  await expect(startLibrary({ migrations: [lazy] })).rejects.toThrow(
    `document "${emma!._id}" does not fit its model: books: title is required`,
  );
  expect(applied()).toEqual([]);
});

test("a file from a newer version of the service is refused", async () => {
  await startLibrary({ migrations: [rename] });
  await stopLibraries();
  await expect(startLibrary()).rejects.toMatchObject({
    type: "START_FAILED",
    message: expect.stringContaining(
      "was written by a newer version of this service: it has migration 1 (name becomes title)",
    ),
  });
});

test("migrations are numbered without a gap, and synchronous", async () => {
  await expect(startLibrary({ migrations: [{ ...rename, version: 2 }] })).rejects.toThrow(
    "has version 2, but stands as 1",
  );
  const slow: Migration = { version: 1, name: "slow", up: (async () => {}) as never };
  await expect(startLibrary({ migrations: [slow] })).rejects.toThrow("up must be synchronous");
});

test("a new unique index over equal values stops the start, and a migration can make them differ", async () => {
  await oldLibrary({ isbn: "1", name: "Emma" }, { isbn: "1", name: "Emma again" });
  await expect(startLibrary({ migrations: [rename] })).rejects.toThrow(
    "books has documents with equal isbn, so its unique index cannot be made",
  );
  await stopLibraries();
  let n = 0;
  const number: Migration = {
    version: 2,
    name: "number",
    up: (tx) => void tx.collection(bookModel).rewrite((book) => ({ ...book, isbn: `${book["isbn"]}-${++n}` })),
  };
  const { call } = await startLibrary({ migrations: [rename, number] });
  expect(await call("count", { query: { isbn: { $in: ["1-1", "1-2"] } } })).toBe(2);
});

test("an instance of the older version stops reading and writing once a newer one has migrated the file", async () => {
  const old = await startLibrary({}, oldModel);
  await old.service.collection(oldModel).insert({ isbn: "1", name: "Emma" });
  const { call } = await startLibrary({ migrations: [rename] });
  expect(await call("count", { query: { title: "Emma" } })).toBe(1);
  const late = old.service.collection(oldModel).insert({ isbn: "2", name: "Persuasion" });
  await expect(late).rejects.toMatchObject({
    type: "STORE_UNAVAILABLE",
    message: expect.stringContaining("was migrated to version 1 by a newer version of the service; this one knows 0"),
    data: { reason: "newer" },
  });
  await expect(old.service.collection(oldModel).find()).rejects.toMatchObject({ data: { reason: "newer" } });
  expect(await call("count")).toBe(1);
});

test("a migration does not run into an index that the model has given up", async () => {
  await startLibrary();
  const { service } = await startLibrary();
  await service.collection(bookModel).insertMany([
    { isbn: "1", title: "Emma" },
    { isbn: "2", title: "Emma" },
  ]);
  await stopLibraries();
  const { indexes: _, ...withoutIndexes } = bookModel;
  const level: Migration = {
    version: 1,
    name: "one isbn for all",
    up: (tx) => void tx.collection(withoutIndexes).rewrite((book) => ({ ...book, isbn: "1" })),
  };
  const { call } = await startLibrary({ migrations: [level] }, withoutIndexes);
  expect(await call("count", { query: { isbn: "1" } })).toBe(2);
});

test("an index that the model does not declare any more is dropped", async () => {
  await startLibrary();
  await stopLibraries();
  const { indexes: _, ...rest } = bookModel;
  const { service } = await startLibrary({}, rest);
  expect((await service.collection(rest).explain({ isbn: "1" }))[0]).toMatch(/sqlite_autoindex/);
});
