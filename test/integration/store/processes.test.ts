import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as wait } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { bookModel, dataFolder, loanModel, startLibrary, stopLibraries } from "./shelf.ts";

let folder: ReturnType<typeof dataFolder>;
let children: ChildProcess[] = [];

beforeEach(() => {
  folder = dataFolder();
});
afterEach(async () => {
  for (const child of children) child.kill("SIGKILL");
  children = [];
  await stopLibraries();
  folder.remove();
});

function run(...args: string[]) {
  const script = join(import.meta.dirname, "library-process.ts");
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", script, ...args], {
    env: { ...process.env, AZORA_DATA_DIR: folder.path },
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.push(child);
  let output = "";
  let errors = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  child.stderr.on("data", (chunk) => {
    errors += chunk;
  });
  const closed = once(child, "close");
  return {
    child,
    /** Whole lines only: what a killed process had not finished saying was not acknowledged. */
    lines: () => output.split("\n").slice(0, -1),
    async ended() {
      const [code, signal] = (await closed) as [number | null, string | null];
      if (errors) throw new Error(errors);
      return code ?? signal;
    },
    async ready() {
      while (!output.startsWith("ready")) {
        if (child.exitCode !== null) throw new Error(errors);
        await wait(5);
      }
    },
  };
}

test("three processes that start and write at once lose no acknowledged document", async () => {
  const writers = ["a", "b", "c"].map((name) => run("insert", name, "150"));
  expect(await Promise.all(writers.map((writer) => writer.ended()))).toEqual([0, 0, 0]);
  const acknowledged = writers.flatMap((writer) => writer.lines().slice(1));
  expect(new Set(acknowledged).size).toBe(450);
  const { service } = await startLibrary();
  const found = await service.collection(bookModel).find();
  expect(new Set(found.map(({ _id }) => _id))).toEqual(new Set(acknowledged));
});

test("processes that read, change and write with the version never overwrite each other", async () => {
  const { service } = await startLibrary();
  const books = service.collection(bookModel);
  const { _id } = await books.insert({ isbn: "counter", title: "counter", pages: 1 });
  const counters = [run("increment", "a", "60"), run("increment", "b", "60")];
  expect(await Promise.all(counters.map((counter) => counter.ended()))).toEqual([0, 0]);
  expect(await books.get(_id)).toMatchObject({ pages: 121, version: 121 });
});

test("a migration runs once when several processes start at once", async () => {
  const starts = ["a", "b", "c"].map((name) => run("migrate", name));
  expect(await Promise.all(starts.map((start) => start.ended()))).toEqual([0, 0, 0]);
  const db = new DatabaseSync(folder.file);
  expect(db.prepare("SELECT count(*) AS n FROM docs_books").get()).toEqual({ n: 1 });
  expect(db.prepare("SELECT version, name FROM azora_migrations").all()).toEqual([{ version: 1, name: "seed" }]);
  db.close();
});

test("a process killed inside a transaction leaves nothing of it, and the next one writes at once", async () => {
  expect(await run("die", "a").ended()).toBe("SIGKILL");
  const { service } = await startLibrary();
  const books = service.collection(bookModel);
  expect(await books.find({}, { withDeleted: true })).toEqual([]);
  expect(await books.insert({ isbn: "half", title: "whole" })).toMatchObject({ version: 1 });
});

test("processes killed at any moment have lost nothing acknowledged and done nothing by halves", async () => {
  const { service } = await startLibrary();
  for (const name of ["a", "b", "c"]) {
    const writer = run("pairs", name);
    await writer.ready();
    await wait(20 + Math.random() * 100);
    writer.child.kill("SIGKILL");
    expect(await writer.ended()).toBe("SIGKILL");
    const [books, loans] = await service.snapshot((tx) => [
      tx
        .collection(bookModel)
        .find({ title: name })
        .map(({ isbn }) => isbn),
      tx
        .collection(loanModel)
        .find({ reader: name })
        .map(({ isbn }) => isbn),
    ]);
    expect(loans).toEqual(books);
    expect(books).toEqual(expect.arrayContaining(writer.lines().slice(1)));
    expect(writer.lines().length).toBeGreaterThan(1);
  }
});
