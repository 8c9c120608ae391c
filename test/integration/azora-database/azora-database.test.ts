import { mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { ServiceBroker } from "moleculer";
import { store } from "../../../mixins/store/store.ts";
import type { Model } from "../../../models/model.ts";
import azoraDatabase from "../../../services/heart/azora-database/azora-database.service.ts";

const noteModel: Model<{ text: string }> = { name: "notes", fields: { text: { type: "string" } } };

let folder: string;
let broker: ServiceBroker;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "azora-database-"));
  process.env["AZORA_DATA_DIR"] = folder;
  await start();
});
afterEach(async () => {
  await broker.stop();
  delete process.env["AZORA_DATA_DIR"];
  delete process.env["AZORA_DB_URL"];
  rmSync(folder, { recursive: true, force: true });
});

async function start(settings: object = {}) {
  await broker?.stop();
  broker = new ServiceBroker({ logger: false, registry: { stopDelay: 0 } });
  broker.createService({ ...azoraDatabase, settings: { ...azoraDatabase.settings, ...settings } } as never);
  const migrations = [{ version: 1, name: "nothing yet", up() {} }];
  broker.createService({ name: "notes", mixins: [store(noteModel, { migrations })] });
  await broker.start();
}

const call = <R = unknown>(action: string, params?: object) =>
  broker.call(`azora-database.${action}`, params) as Promise<R>;
const note = (text: string) => broker.call("notes.create", { text }) as Promise<{ _id: string }>;
const notesFile = () => join(folder, "db", "notes.sqlite");

test("stats tell each store's size, collections and migrations", async () => {
  const { _id: id } = await note("one");
  await note("two");
  await broker.call("notes.remove", { id });
  const file = {
    service: "notes",
    path: notesFile(),
    bytes: expect.any(Number),
    walBytes: expect.any(Number),
    collections: [{ name: "notes", documents: 2, deleted: 1 }],
    migrations: [{ version: 1, name: "nothing yet", appliedAt: expect.stringMatching(/^\d{4}-.*Z$/) }],
  };
  expect(await call("stats")).toEqual({ folder: join(folder, "db"), bytes: expect.any(Number), files: [file] });
  expect((await call<{ bytes: number }>("stats")).bytes).toBeGreaterThan(4096);
  await expect(call("stats", { service: "nobody" })).rejects.toMatchObject({
    type: "NOT_FOUND",
    message: 'No service "nobody" has a store here; there are notes',
  });
});

describe("integrity", () => {
  test("of sound stores is good", async () => {
    await note("one");
    expect(await call("integrity")).toEqual({
      checkedAt: expect.any(String),
      files: [{ service: "notes", ok: true, problems: [] }],
    });
    expect(await call("health")).toMatchObject({ status: "healthy", checks: { integrity: { status: "healthy" } } });
  });

  test("names what is damaged, and health remembers it until it is mended", async () => {
    writeFileSync(join(folder, "db", "junk.sqlite"), "x".repeat(5000));
    const db = new DatabaseSync(join(folder, "db", "cut.sqlite"));
    db.exec("CREATE TABLE t (a)");
    db.prepare("INSERT INTO t VALUES (?)").run("y".repeat(100_000));
    db.close();
    truncateSync(join(folder, "db", "cut.sqlite"), 40_000);
    expect(await call("integrity")).toMatchObject({
      files: [
        { service: "cut", ok: false, problems: [expect.any(String)] },
        {
          service: "junk",
          ok: false,
          problems: [expect.stringMatching(/junk\.sqlite is not an SQLite file\. Move it away/)],
        },
        { service: "notes", ok: true },
      ],
    });
    expect(await call("health")).toMatchObject({
      status: "unhealthy",
      checks: { integrity: { status: "unhealthy", why: "damaged: cut, junk" } },
    });
    expect(await call("stats", { service: "junk" })).toMatchObject({
      files: [{ why: expect.stringContaining("not an SQLite file") }],
    });
    for (const name of ["junk", "cut"]) rmSync(join(folder, "db", `${name}.sqlite`));
    await call("integrity");
    expect(await call("health")).toMatchObject({ status: "healthy" });
  });
});

describe("backup", () => {
  test("copies every store as it is at that moment, while it is being written", async () => {
    await note("before");
    const backup = call<{ folder: string }>("backup", { name: "monday" });
    await Promise.all([backup, ...Array.from({ length: 50 }, (_, i) => note(`during ${i}`))]);
    expect(await backup).toEqual({
      name: "monday",
      folder: join(folder, "backups", "monday"),
      files: [{ service: "notes", bytes: expect.any(Number) }],
      createdAt: expect.any(String),
    });
    const copy = new DatabaseSync(join(folder, "backups", "monday", "notes.sqlite"));
    expect(copy.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
    expect(Number(copy.prepare("SELECT count(*) AS n FROM docs_notes").get()!["n"])).toBeGreaterThanOrEqual(1);
    copy.close();
    expect(await call("backups")).toEqual([await backup]);
  });

  test("put in the store's place brings its documents back", async () => {
    const { _id: id } = await note("kept");
    await call("backup", { name: "monday" });
    await broker.call("notes.update", { id, text: "spoiled" });
    await broker.stop();
    rmSync(notesFile());
    new DatabaseSync(join(folder, "backups", "monday", "notes.sqlite")).prepare("VACUUM INTO ?").run(notesFile());
    await start();
    expect(await broker.call("notes.get", { id })).toMatchObject({ text: "kept" });
  });

  test("refuses a name that is taken, and one that leads elsewhere", async () => {
    await call("backup", { name: "monday" });
    await expect(call("backup", { name: "monday" })).rejects.toMatchObject({ type: "CONFLICT" });
    for (const name of ["../monday", ".hidden", "a/b", ""]) {
      await expect(call("backup", { name })).rejects.toMatchObject({ type: "VALIDATION_ERROR" });
    }
    expect(await call("backup")).toMatchObject({ name: expect.stringMatching(/^\d{8}T\d{6}\.\d{3}Z$/) });
  });

  test("that fails leaves nothing, and what a killed one left is cleared away after a day", async () => {
    writeFileSync(join(folder, "db", "junk.sqlite"), "x".repeat(5000));
    await expect(call("backup", { name: "monday" })).rejects.toMatchObject({ type: "STORE_UNAVAILABLE" });
    expect(readdirSync(join(folder, "backups"))).toEqual([]);
    rmSync(join(folder, "db", "junk.sqlite"));
    const abandoned = join(folder, "backups", ".unfinished-1-sunday");
    mkdirSync(abandoned);
    utimesSync(abandoned, 0, 0);
    await call("backup", { name: "monday" });
    expect(readdirSync(join(folder, "backups"))).toEqual(["monday"]);
  });
});

describe("health", () => {
  test("is degraded when the disk gets full and unhealthy when it is", async () => {
    await start({ degradedBelow: 1e18, unhealthyBelow: 0 });
    expect(await call("health")).toMatchObject({
      status: "degraded",
      checks: {
        disk: {
          status: "degraded",
          freeBytes: expect.any(Number),
          why: expect.stringMatching(/^only \d+ MiB are free$/),
        },
      },
    });
    await start({ degradedBelow: 1e18, unhealthyBelow: 1e18 });
    expect(await call("health")).toMatchObject({ status: "unhealthy" });
  });

  test("is unhealthy when the folder cannot be written", async () => {
    rmSync(join(folder, "db"), { recursive: true });
    writeFileSync(join(folder, "db"), "");
    expect(await call("health")).toMatchObject({
      status: "unhealthy",
      checks: { folder: { status: "unhealthy", why: expect.stringContaining("the folder cannot be written") } },
    });
    rmSync(join(folder, "db"));
  });
});

test("a configured MongoDB is refused at start", async () => {
  process.env["AZORA_DB_URL"] = "mongodb://db/azora";
  await expect(start()).rejects.toThrow("the MongoDB back end is not part of this release");
});
