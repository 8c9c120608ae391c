import { fork, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { ServiceBroker } from "moleculer";
import { DatabaseFile } from "../../../mixins/store/database-file.ts";
import { MAX_ADVISED } from "../../../mixins/store/queries/advised-indexes.ts";
import { buildIndex } from "../../../mixins/store/queries/index-build.ts";
import type { StoreQueries } from "../../../mixins/store/queries/store-queries.ts";
import type { Model } from "../../../models/model.ts";
import type { ServiceQueries, ShapeFacts } from "../../../models/query-facts.ts";
import { ownModule } from "../../../runtime/node-executable.ts";
import { queryTimes } from "../../../runtime/queries/node-queries.ts";
import { querySources } from "../../../runtime/queries/query-sources.ts";
import { type Book, bookModel, dataFolder, startLibrary, stopLibraries } from "./shelf.ts";

let folder: ReturnType<typeof dataFolder>;
beforeEach(() => {
  folder = dataFolder();
});
afterEach(async () => {
  await stopLibraries();
  folder.remove();
});

const sourceOf = (broker: ServiceBroker) => querySources(broker).get("library") as StoreQueries;
const book = (i: number, rest: Partial<Book> = {}): Book => ({
  isbn: `i${i}`,
  title: `title ${i % 100}`,
  pages: 1 + (i % 50),
  place: { room: i % 200 === 0 ? "attic" : "hall" },
  ...rest,
});
const wish = (...fields: string[]) => ({ collection: "books", fields, living: true });
/** Takes some 0.2 ms for each document, so seconds. */
const SLOW_INDEX =
  "CREATE INDEX advised_x ON docs_books (length(replace(hex(zeroblob(length(doc) * 200)), '00', 'ab')), json_extract(doc, '$.title'))";
const LIMITS = { maxBlock: 4000 };

async function filled(count = 2000) {
  const library = await startLibrary();
  const books = library.service.collection(bookModel);
  if (count > 0) await books.insertMany(Array.from({ length: count }, (_, i) => book(i)));
  return { ...library, books, source: sourceOf(library.broker) };
}

const shapeOf = (facts: ServiceQueries, text: string): ShapeFacts => {
  const shape = facts.shapes.find((each) => each.text === text);
  if (!shape) throw new Error(`no shape "${text}" in ${facts.shapes.map((each) => each.text).join("; ")}`);
  return shape;
};

describe("what is measured", () => {
  test("queries that differ in values and order of conditions are one shape, with documents looked at and returned", async () => {
    const { books, source } = await filled();
    await books.find({ pages: 7, lent: null });
    await books.find({ lent: null, pages: 9 });
    await books.find({ pages: 7, lent: null }, { limit: 3 });
    const facts = await source.facts();
    const shape = shapeOf(facts, "find books {lent: null, pages: =}");
    expect(shape).toMatchObject({ count: 2, timed: 1, returned: 80, largest: 40 });
    expect(shape.sampled).toEqual({ runs: 1, examined: 2000, returned: 40 });
    expect(shape.plan).toMatchObject({ access: "scan", sorts: false });
    expect(shapeOf(facts, "find books {lent: null, pages: =} limited").sampled).toEqual({
      runs: 1,
      examined: 2 * 50 + 7,
      returned: 3,
    });
  });

  test("a query that an index serves looks only at what it returns", async () => {
    const { books, source } = await filled();
    await books.find({ "place.room": "attic" });
    const shape = shapeOf(await source.facts(), "find books {place.room: =}");
    expect(shape.sampled).toEqual({ runs: 1, examined: 10, returned: 10 });
    expect(shape.plan).toMatchObject({ access: "index", sorts: true });
    expect(shape.plan!.indexes[0]).toMatch(/^docs_books_place_room_/);
  });

  test("counting documents does not change what is found, whatever the query", async () => {
    const { books } = await filled(300);
    const queries = [{}, { tags: "x" }, { $or: [{ isbn: "i5" }, { title: "title 7" }] }, { pages: { $gt: 40 } }];
    for (const query of queries) {
      const answers = [];
      // The first and the ninth are sampled, the others not.
      for (let i = 0; i < 10; i++) answers.push([await books.find(query), await books.count(query)]);
      expect(new Set(answers.map((each) => JSON.stringify(each))).size).toBe(1);
    }
  });

  test("predicates that SQL does not tell apart are told apart, and alternatives with other values are one", async () => {
    const { books, source } = await filled(20);
    await books.find({ tags: "x" });
    await books.find({ tags: { $size: 2 } });
    await books.find({ $or: [{ pages: 1 }, { pages: 2 }, { title: "t" }] });
    const texts = (await source.facts()).shapes.map(({ text }) => text);
    expect(texts).toEqual(
      expect.arrayContaining([
        "find books {tags: =}",
        "find books {tags: $size}",
        "find books {$or(pages: =, title: =)}",
      ]),
    );
  });

  test("the action that asked is known, and the time of all is told as increments", async () => {
    const { call, source, broker, books } = await filled(10);
    queryTimes(broker);
    await call("find", { query: { title: "title 1" } });
    await call("count", {});
    const [one] = await books.find({}, { limit: 1 });
    await call("get", { id: one!._id });
    const facts = await source.facts();
    expect(shapeOf(facts, "find books {title: =} limited").actions).toEqual({ find: 1 });
    expect(shapeOf(facts, "count books {}").actions).toEqual({ count: 1 });
    expect(facts.actions).toMatchObject({ find: 1, count: 1, get: 1, list: 0 });
    expect(queryTimes(broker)).toEqual([{ service: "library", count: 4, sum: expect.any(Number) }]);
    expect(queryTimes(broker)).toEqual([]);
  });

  test("values are nowhere in what is told", async () => {
    const { books, source } = await filled(10);
    await books.find({ title: "a secret", tags: { $elemMatch: { $regex: "a secret" } }, nowhere: { a: "a secret" } });
    expect(JSON.stringify(await source.facts())).not.toContain("secret");
  });

  test("a service that has stopped is asked no more", async () => {
    const { broker, service } = await filled(1);
    await broker.destroyService(service);
    expect(querySources(broker).size).toBe(0);
  });
});

describe("advised indexes", () => {
  test("one is built beside the running service, serves, and survives a restart", async () => {
    const { books, source } = await filled();
    await books.find({ pages: 7 });
    const writing = books.insert(book(9999));
    const built = await source.createIndex(wish("pages"), LIMITS);
    await writing;
    expect(built).toMatchObject({ name: expect.stringMatching(/^advised_books_pages_/), made: true });
    expect(shapeOf(await source.facts(), "find books {pages: =}").plan).toMatchObject({ indexes: [built.name] });

    await stopLibraries();
    const again = await filled(0);
    await again.books.find({ pages: 7 });
    const facts = await again.source.facts();
    expect(shapeOf(facts, "find books {pages: =}")).toMatchObject({
      plan: { indexes: [built.name] },
      sampled: { examined: 40 },
    });
    expect(facts.indexes).toContainEqual(expect.objectContaining({ name: built.name, origin: "advised", uses: 1 }));
  });

  test("one that is there already, or is the beginning of another, is not made again", async () => {
    const { source } = await filled(10);
    const { name } = await source.createIndex(wish("pages", "title"), LIMITS);
    expect(await source.createIndex(wish("pages", "title"), LIMITS)).toMatchObject({ name, made: false });
    expect(await source.createIndex(wish("pages"), LIMITS)).toMatchObject({ name, made: false });
    expect(await source.createIndex(wish("title"), LIMITS)).toMatchObject({
      name: expect.stringMatching(/^docs_books_title_pages_/),
      made: false,
    });
  });

  test("one is dropped by its name or by its wish, and dropping it twice by its wish does no harm", async () => {
    const { source } = await filled(10);
    const { name } = await source.createIndex(wish("pages"), LIMITS);
    expect(await source.dropIndex(wish("pages"))).toEqual({ name, dropped: true });
    expect(await source.dropIndex(wish("pages"))).toEqual({ name, dropped: false });
    await expect(source.dropIndex(name)).rejects.toThrow(`name is "${name}", but must be one of docs_books_`);
  });

  test("one whose field has left the model goes when the service starts", async () => {
    const { source } = await filled(10);
    await source.createIndex(wish("pages"), LIMITS);
    await stopLibraries();
    const { pages: _, ...fields } = bookModel.fields;
    const without: Model = { ...(bookModel as Model), fields, indexes: [] };
    const rest = { name: "x", version: 1, up: (tx: never) => void dropPages(tx, without) };
    await startLibrary({ migrations: [rest] as never }, without);
    expect(indexNames()).toEqual([expect.stringMatching(/^docs_loans_/)]);
  });

  test("what is to be indexed must be there, and the refusal names what is", async () => {
    const { source } = await filled(1);
    await expect(source.createIndex(wish("tags"), LIMITS)).rejects.toThrow(
      /fields is "tags", but must be one of _id, /,
    );
    await expect(source.createIndex({ ...wish("pages"), collection: "boks" }, LIMITS)).rejects.toThrow(
      'collection is "boks", but must be one of books, loans',
    );
  });

  test("a ninth one is refused", async () => {
    const { source } = await filled(5);
    await source.createIndex(wish("pages"), LIMITS);
    const db = new DatabaseSync(folder.file);
    for (let i = 1; i < MAX_ADVISED; i++) {
      db.exec(`CREATE INDEX advised_${i} ON docs_books (json_extract(doc, '$.a${i}'))`);
      db.prepare("INSERT INTO azora_advice VALUES ('index', ?, ?, '')").run(
        `advised_${i}`,
        JSON.stringify({ collection: "books", fields: [`a${i}`], living: false }),
      );
    }
    db.close();
    expect((await source.facts()).indexes.filter(({ origin }) => origin === "advised").length).toBe(MAX_ADVISED);
    await expect(source.createIndex(wish("isbn", "pages"), LIMITS)).rejects.toMatchObject({
      type: "ADVICE_REFUSED",
      data: { allowed: MAX_ADVISED },
    });
  });
});

function dropPages(
  tx: { collection(model: Model): { rewrite(change: (fields: object) => object): number } },
  model: Model,
) {
  tx.collection(model).rewrite((fields) => {
    const { pages: _, ...rest } = fields as { pages?: number };
    return rest;
  });
}

function indexNames(): string[] {
  const db = new DatabaseSync(folder.file);
  const rows = db
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY name")
    .all();
  db.close();
  return rows.map(({ name }) => String(name));
}

describe("indexes of the model", () => {
  test("one that was dropped by advice stays away over restarts, until it is wanted again", async () => {
    const { source } = await filled(10);
    const name = indexNames().find((each) => each.startsWith("docs_books_title"))!;
    await source.dropIndex(name);
    await stopLibraries();
    const again = await filled(0);
    expect(indexNames()).not.toContain(name);
    expect((await again.source.facts()).dropped).toEqual([
      { name, collection: "books", fields: ["title", "pages"], living: false },
    ]);
    await again.source.restoreIndex(name, LIMITS);
    expect(indexNames()).toContain(name);
    expect((await again.source.facts()).dropped).toEqual([]);
  });

  test("a unique one is never dropped, since it is not there for speed", async () => {
    const { source } = await filled(1);
    const name = indexNames().find((each) => each.startsWith("docs_books_isbn"))!;
    await expect(source.dropIndex(name)).rejects.toMatchObject({ type: "ADVICE_REFUSED" });
  });
});

describe("building that cannot end well leaves nothing behind", () => {
  const isClean = () => expect(indexNames().filter((name) => name.startsWith("advised_"))).toEqual([]);

  test("values of ten megabytes are refused, saying how large they are and what is allowed", async () => {
    const huge: Model = { name: "books", fields: { text: { type: "string" } } };
    const { service, broker } = await startLibrary({}, huge);
    await service.collection(huge).insertMany([{ text: "x".repeat(10 * 2 ** 20) }, { text: "short" }]);
    await expect(sourceOf(broker).createIndex(wish("text"), LIMITS)).rejects.toMatchObject({
      type: "ADVICE_REFUSED",
      message: expect.stringContaining("text has values of 10485760 bytes, and 1024 are allowed"),
      data: { field: "text", bytes: 10_485_760, allowed: 1024 },
    });
    isClean();
  });

  test("a single long value among thousands is found before anything is built", async () => {
    const { books, source } = await filled(5000);
    await books.insert(book(5001, { place: { room: "r".repeat(2000) } }));
    await expect(source.createIndex(wish("place.room", "lent"), LIMITS)).rejects.toMatchObject({
      type: "ADVICE_REFUSED",
      data: { field: "place.room", bytes: 2000 },
    });
    isClean();
  });

  test("a full disk", async () => {
    const { source, books } = await filled(2000);
    const { page_count: pages } = new DatabaseSync(folder.file).prepare("PRAGMA page_count").get() as {
      page_count: number;
    };
    await expect(source.createIndex(wish("pages"), { ...LIMITS, maxPages: pages + 2 })).rejects.toMatchObject({
      type: "STORE_UNAVAILABLE",
      data: { reason: "full" },
    });
    isClean();
    await books.insert(book(9999));
    expect(await source.createIndex(wish("pages"), LIMITS)).toMatchObject({ made: true });
  });

  test("a lock that another process does not give away", async () => {
    const { source } = await filled(10);
    const other = new DatabaseSync(folder.file);
    other.exec("BEGIN IMMEDIATE");
    try {
      await expect(source.createIndex(wish("pages"), { ...LIMITS, lockWait: 100 })).rejects.toMatchObject({
        type: "STORE_UNAVAILABLE",
        data: { reason: "busy" },
      });
    } finally {
      other.exec("ROLLBACK");
      other.close();
    }
    isClean();
  });

  test("one that would keep writers waiting for longer than allowed", async () => {
    const { source } = await filled(20_000);
    await expect(source.createIndex(wish("pages"), { maxBlock: 1 })).rejects.toMatchObject({
      type: "ADVICE_REFUSED",
      message: expect.stringContaining("would keep writers waiting for about"),
      data: { allowed: 1 },
    });
    isClean();
  });

  test("one that takes longer than was foreseen is killed, and nothing of it is left", async () => {
    const { books } = await filled(20_000);
    const file = await DatabaseFile.open(folder.file);
    const target = { ...wish("title"), name: "advised_x", table: "docs_books", sql: SLOW_INDEX };
    try {
      await expect(buildIndex(file, target, "index", 0, { maxBlock: 1500 })).rejects.toMatchObject({
        type: "ADVICE_REFUSED",
        message: expect.stringMatching(/advised_x was given up.*nothing of it is left.*longer than 1500 ms/),
      });
    } finally {
      file.close();
    }
    isClean();
    await books.insert(book(99_999));
    expect(await books.count()).toBe(20_001);
  });

  test("a process that is killed by somebody while it builds", async () => {
    const { books, source } = await filled(20_000);
    const child = fork(ownModule("mixins/store/queries/index-process"), {
      execArgv: ["--disable-warning=ExperimentalWarning"],
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    const ended = new Promise((resolve) => child.once("close", (_code, signal) => resolve(signal)));
    const events: string[] = [];
    child.on("message", ({ event }: { event: string }) => {
      events.push(event);
      if (event === "locked") child.kill("SIGKILL");
    });
    child.send({
      path: folder.file,
      table: "docs_books",
      columns: [`json_extract(doc, '$."title"')`],
      fields: ["title"],
      living: true,
      maxValue: 1024,
      lockWait: 1000,
      maxBlock: 60_000,
      build: { name: "advised_x", sql: SLOW_INDEX, detail: "{}", kind: "index", at: "" },
    });
    expect({ ended: await ended, events }).toEqual({ ended: "SIGKILL", events: ["read", "locked"] });
    isClean();
    await books.insert(book(99_999));
    expect(await books.count()).toBe(20_001);
    expect(await source.createIndex(wish("pages"), LIMITS)).toMatchObject({ made: true });
  });

  test("a node that dies while its process builds", async () => {
    // Most of a second; the process learns of the death when it would commit.
    await filled(2000);
    const job = {
      path: folder.file,
      table: "docs_books",
      columns: [`json_extract(doc, '$."title"')`],
      fields: ["title"],
      living: true,
      maxValue: 1024,
      lockWait: 1000,
      maxBlock: 60_000,
      build: { name: "advised_x", sql: SLOW_INDEX, detail: "{}", kind: "index", at: "" },
    };
    const node = `const child = require("node:child_process").fork(${JSON.stringify(ownModule("mixins/store/queries/index-process"))},
      { stdio: ["ignore", "ignore", "ignore", "ipc"] });
      child.on("message", ({ event }) => {
        if (event === "locked") process.stdout.write(String(child.pid), () => process.kill(process.pid, "SIGKILL"));
      });
      child.send(${JSON.stringify(job)});`;
    const died = spawn(process.execPath, ["-e", node], { stdio: ["ignore", "pipe", "inherit"] });
    let pid = "";
    died.stdout.on("data", (data: Buffer) => {
      pid += data;
    });
    await new Promise((resolve) => died.once("close", resolve));
    expect(pid).toMatch(/^[0-9]+$/);
    const isThere = () => {
      try {
        return process.kill(Number(pid), 0) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
      } catch {
        return false;
      }
    };
    for (let i = 0; i < 500 && isThere(); i++) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(isThere()).toBe(false);
    isClean();
  });

  test("one that is taken back while it is being built", async () => {
    const { source } = await filled(5000);
    const built = source.createIndex(wish("pages"), LIMITS);
    expect(await source.dropIndex(wish("pages"))).toMatchObject({ dropped: true });
    expect(await built).toMatchObject({ made: true });
    isClean();
  });
});

describe("other forms of a query", () => {
  test("one is used once it is wanted, finds the same, looks at less, and survives a restart", async () => {
    const { books, source } = await filled();
    const open = { "place.room": { $ne: "hall" } };
    const before = await books.find(open, { limit: 50 });
    const text = "find books {place.room: $ne} limited";
    const { id, rewrite, sampled } = shapeOf(await source.facts(), text);
    expect({ rewrite, examined: sampled.examined }).toEqual({ rewrite: "possible", examined: 2000 });

    await source.useRewrite(id, true);
    expect(await books.find(open, { limit: 50 })).toEqual(before);
    expect(shapeOf(await source.facts(), text)).toMatchObject({ rewrite: "used", plan: { access: "index" } });

    await stopLibraries();
    const again = await filled(0);
    expect(await again.books.find(open, { limit: 50 })).toEqual(before);
    expect(shapeOf(await again.source.facts(), text)).toMatchObject({ rewrite: "used", sampled: { examined: 10 } });
    await again.source.useRewrite(id, false);
    expect(shapeOf(await again.source.facts(), text).rewrite).toBe("possible");
  });

  test("a shape that is not there, or has one form only, is refused", async () => {
    const { books, source } = await filled(5);
    await expect(source.useRewrite("0123456789ab", true)).rejects.toMatchObject({ type: "NOT_FOUND" });
    await books.find({ title: "x" });
    const { id } = shapeOf(await source.facts(), "find books {title: =}");
    await expect(source.useRewrite(id, true)).rejects.toMatchObject({ type: "ADVICE_REFUSED" });
  });
});

test("plans with other indexes are those that SQLite makes once they are there", async () => {
  const { books, source } = await filled();
  await books.find({ pages: 7 }, { sort: "title", limit: 5 });
  await books.find({ lent: true });
  const { id } = shapeOf(await source.facts(), "find books {pages: =} sort title limited");
  const foreseen = await source.whatIf([wish("pages", "title", "_id")], [], []);
  await source.createIndex(wish("pages", "title", "_id"), LIMITS);
  const then = await source.facts();
  for (const { id, plan } of then.shapes.filter(({ plan }) => plan)) expect(foreseen[id]).toEqual(plan);
  expect(foreseen[id]).toMatchObject({ access: "index", sorts: false });
});
