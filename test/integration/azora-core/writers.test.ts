import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { ChangeLog } from "../../../services/heart/azora-core/change-log.ts";
import { ConfigStore } from "../../../services/heart/azora-core/config-store.ts";
import { Database } from "../../../services/heart/azora-core/database.ts";

let folder: string;
let database: Database;
let store: ConfigStore;
let log: ChangeLog;
const file = () => join(folder, "db", "core.sqlite");

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "azora-core-writers-"));
  database = new Database(file());
  log = new ChangeLog(database);
  store = new ConfigStore(database, log);
  store.declare("counter", { type: "number" }, 0, "", new Date().toISOString());
});
afterEach(() => {
  database.close();
  rmSync(folder, { recursive: true, force: true });
});

function writer(times: number): { child: ChildProcess; acknowledged: number[] } {
  const args = ["--disable-warning=ExperimentalWarning", join(import.meta.dirname, "writer.ts"), file(), String(times)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const acknowledged: number[] = [];
  let rest = "";
  child.stdout!.on("data", (chunk) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    acknowledged.push(...lines.map(Number));
  });
  return { child, acknowledged };
}

test("three processes at once: no write is lost, each has a revision of its own", async () => {
  const writers = [writer(100), writer(100), writer(100)];
  const codes = await Promise.all(writers.map(async ({ child }) => (await once(child, "close"))[0]));
  expect(codes).toEqual([0, 0, 0]);
  expect(store.get("counter").value).toBe(300);
  const all = writers.flatMap(({ acknowledged }) => acknowledged).sort((a, b) => a - b);
  expect(all).toEqual(Array.from({ length: 300 }, (_, n) => n + 1));
  const { changes, complete } = log.since(0, 1000);
  expect(complete).toBe(true);
  expect(changes.map(({ revision }) => revision)).toEqual(Array.from({ length: 301 }, (_, n) => n + 1));
});

test("kill -9 of a writer: every acknowledged write is there, and others go on", async () => {
  const { child, acknowledged } = writer(1_000_000);
  while (acknowledged.length < 50) await once(child.stdout!, "data");
  child.kill("SIGKILL");
  await once(child, "close");
  const value = store.get("counter").value as number;
  expect(value).toBeGreaterThanOrEqual(acknowledged.at(-1)!);
  expect(value).toBeLessThanOrEqual(acknowledged.at(-1)! + 1);
  store.set("counter", 0, {}, undefined, new Date().toISOString());
  expect(store.get("counter").value).toBe(0);
});

test("the log of changes is bounded, and says when it no longer goes far enough back", () => {
  database.transaction(() => {
    for (let n = 0; n < 10_050; n++) log.append({ at: "", kind: "config", name: "counter", action: "set" });
  });
  expect(log.since(1, 10).complete).toBe(false);
  expect(log.since(10_000, 1000)).toMatchObject({ complete: true, revision: 10_051 });
  expect(database.get<{ n: number }>("SELECT count(*) AS n FROM changes")!.n).toBe(10_000);
});
