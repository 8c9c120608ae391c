import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Documents } from "../../../mixins/store/documents.ts";
import type { Model } from "../../../models/model.ts";
import { type Book, bookModel, dataFolder, loanModel, startLibrary, stopLibraries } from "./shelf.ts";

let folder: ReturnType<typeof dataFolder>;
let library: Awaited<ReturnType<typeof startLibrary>>;

beforeEach(async () => {
  folder = dataFolder();
  library = await startLibrary();
});
afterEach(async () => {
  await stopLibraries();
  folder.remove();
});

const lend = (isbn: string, fail = false) =>
  library.service.transaction((tx) => {
    const books = tx.collection(bookModel);
    const book = books.findOne({ isbn })!;
    tx.collection(loanModel).insert({ isbn, reader: "Ada" });
    if (fail) throw new Error("no ink");
    return books.update(book._id, { lent: true });
  });

test("a transaction spans the collections of the service and returns its result", async () => {
  await library.call("create", { isbn: "1", title: "Emma" });
  expect(await lend("1")).toMatchObject({ lent: true, version: 2 });
  expect(await library.service.collection(loanModel).count()).toBe(1);
});

test("a transaction that throws leaves nothing behind, and passes the error on", async () => {
  await library.call("create", { isbn: "1", title: "Emma" });
  await expect(lend("1", true)).rejects.toThrow("no ink");
  await expect(
    library.service.transaction((tx) => tx.collection(loanModel).insert({ isbn: "1" } as never)),
  ).rejects.toMatchObject({ type: "VALIDATION_ERROR" });
  expect(await library.service.collection(loanModel).count({}, { withDeleted: true })).toBe(0);
  expect(await library.call("get", { id: (await library.call<{ _id: string }[]>("find"))[0]!._id })).not.toHaveProperty(
    "lent",
  );
});

test("an error that the function catches does not undo the rest", async () => {
  await library.service.transaction((tx) => {
    const books = tx.collection(bookModel);
    books.insert({ isbn: "1", title: "Emma" });
    expect(() => books.insert({ isbn: "1", title: "Emma" })).toThrow("exists already");
    books.insert({ isbn: "2", title: "Persuasion" });
  });
  expect(await library.call("count")).toBe(2);
});

test("calls and transactions that run at once do not mix: each fails or succeeds by itself", async () => {
  const work = Array.from({ length: 60 }, (_, i) => {
    if (i % 3 === 0) return library.call("create", { isbn: `call-${i}`, title: "x" });
    return library.service.transaction((tx) => {
      tx.collection(bookModel).insert({ isbn: `tx-${i}`, title: "x" });
      if (i % 3 === 1) throw new Error("rolled back");
      return i;
    });
  });
  const outcomes = await Promise.allSettled(work);
  expect(outcomes.filter(({ status }) => status === "rejected")).toHaveLength(20);
  const isbns = (await library.service.collection(bookModel).find()).map(({ isbn }) => isbn);
  expect(isbns.sort()).toEqual(
    Array.from({ length: 60 }, (_, i) => i)
      .filter((i) => i % 3 !== 1)
      .map((i) => (i % 3 === 0 ? `call-${i}` : `tx-${i}`))
      .sort(),
  );
});

test("an asynchronous function is refused and rolled back, because other calls would come between", async () => {
  const insert = library.service.transaction(async (tx) => {
    tx.collection(bookModel).insert({ isbn: "1", title: "x" });
  });
  await expect(insert).rejects.toThrow("must be synchronous");
  expect(await library.call("count")).toBe(0);
});

test("a transaction inside a transaction, a kept tx and an undeclared collection are refused", async () => {
  let kept: unknown;
  let inner: Promise<unknown> = Promise.resolve();
  await library.service.transaction((tx) => {
    kept = tx;
    inner = library.service.transaction(() => 1);
    inner.catch(() => {});
  });
  await expect(inner).rejects.toThrow("inside another one");
  const { collection } = kept as { collection(model: object): unknown };
  expect(() => collection(bookModel)).toThrow("The transaction is over");
  const other = { name: "others", fields: {} } as Model;
  expect(() => library.service.collection(other)).toThrow("others is not a collection of this store");
});

test("a snapshot sees one state, whatever is written meanwhile, and cannot write", async () => {
  await library.service.snapshot((tx) => {
    expect(tx.collection(bookModel).count()).toBe(0);
    const other = new DatabaseSync(folder.file);
    other.exec('INSERT INTO docs_books (_id, doc) VALUES (\'1\', \'{"_id":"1","version":1,"deletedAt":null}\')');
    other.close();
    expect(tx.collection(bookModel).count()).toBe(0);
    const books = tx.collection(bookModel) as Documents<Book>;
    expect(() => books.insert({ isbn: "1", title: "x" })).toThrow("A snapshot is for reading");
  });
  expect(await library.call("count")).toBe(1);
});

describe("while another process holds the file", () => {
  test("a write waits without stopping the event loop, and goes on when the file is free", async () => {
    const other = new DatabaseSync(folder.file);
    other.exec("BEGIN IMMEDIATE");
    let ticks = 0;
    const ticking = setInterval(() => ticks++, 5);
    const write = library.call("create", { isbn: "1", title: "x" });
    expect(await library.call("count")).toBe(0);
    await new Promise((resolve) => setTimeout(resolve, 150));
    other.exec("COMMIT");
    other.close();
    await write;
    clearInterval(ticking);
    expect(ticks).toBeGreaterThan(15);
    expect(await library.call("count")).toBe(1);
  });
});

test("erased documents are out of the file for good, deleted ones too", async () => {
  const books = await Promise.all(
    ["1", "2", "3"].map((isbn) => library.call<{ _id: string }>("create", { isbn, title: "Emma" })),
  );
  await library.call("remove", { id: books[0]!._id });
  await library.service.transaction((tx) => tx.collection(bookModel).erase(books.slice(0, 2).map(({ _id }) => _id)));
  expect(await library.service.collection(bookModel).count({}, { withDeleted: true })).toBe(1);
});
