import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Worker } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { ChainIndex } from "../../../../services/immune/blockchain-logger/index/chain-index.ts";
import { idOfKey } from "../../../../tlog/entry.ts";
import { ChainLog, ordinaryEntry } from "../../../support/chain-log.ts";

let folder: string;
let file: string;
let log: ChainLog;
let told: string[];
const opened: ChainIndex[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "azora-index-"));
  file = join(folder, "index.sqlite");
  log = new ChainLog(join(folder, "log"));
  told = [];
});
afterEach(async () => {
  for (const index of opened.splice(0)) await index.close();
  rmSync(folder, { recursive: true });
});

async function open(logFolder = log.folder): Promise<ChainIndex> {
  const logger = { info: () => {}, warn: (_: string, { why }: { why: string }) => told.push(why) };
  const index = await ChainIndex.open({ file, logFolder, logger: logger as never });
  opened.push(index);
  return index;
}

function grow(count: number): number {
  for (let n = 0; n < count; n++) log.add(ordinaryEntry(log.size));
  log.publish();
  return log.size;
}

/** An index of 600 entries that was closed. */
async function filled(): Promise<void> {
  const index = await open();
  await index.advance(grow(600));
  await index.close();
}

test("begins with an empty log, and follows it", async () => {
  const index = await open();
  expect([index.position, index.idOf(idOfKey("0"))]).toEqual([0, undefined]);
  await index.advance(grow(300));
  expect(index.position).toBe(300);
  expect([index.idOf(idOfKey("0")), index.idOf(idOfKey("299")), index.idOf(idOfKey("300"))]).toEqual([
    0,
    299,
    undefined,
  ]);
  await Promise.all([index.advance(log.size), index.advance(grow(5000))]);
  expect([index.position, index.idOf(idOfKey("5299"))]).toEqual([5300, 5299]);
  expect((await index.query({ order: "desc", limit: 2 })).indexes).toEqual([5299, 5298]);
  expect(told).toEqual([]);
});

test("goes on where it stood when it was closed", async () => {
  await filled();
  const index = await open();
  expect([index.position, index.idOf(idOfKey("599"))]).toEqual([600, 599]);
  await index.advance(grow(10));
  expect(index.position).toBe(610);
  expect(told).toEqual([]);
});

describe("is made anew from the log", () => {
  const wrong: [string, () => void, RegExp][] = [
    ["is no SQLite file", () => writeFileSync(file, "x".repeat(5000)), /damaged/],
    ["is cut off", () => truncateSync(file, 8192 + 17), /damaged/],
    ["is empty", () => truncateSync(file, 0), /another version/],
    ["is overwritten from its second page on", () => scribble(4096), /damaged/],
    ["is of another version", () => sql("PRAGMA user_version = 77"), /another version/],
    ["lost a table", () => sql("DROP TABLE blockchain_entries"), /damaged/],
    ["is of another log", () => sql("UPDATE chain_index SET origin = 'elsewhere'"), /of the log elsewhere/],
    ["is ahead of the log", () => sql("UPDATE chain_index SET position = 10000"), /10000 entries, and the log has 600/],
    ["ends with another entry", () => sql("UPDATE chain_index SET last_hash = 'ab'"), /599 is not the log's/],
  ];
  function sql(text: string): void {
    const db = new DatabaseSync(file);
    db.exec(text);
    db.close();
  }
  function scribble(from: number): void {
    const bytes = readFileSync(file);
    writeFileSync(file, bytes.fill(0x5a, from));
  }

  test.each(wrong)("where its file %s", async (_, damage, why) => {
    await filled();
    damage();
    const index = await open();
    await index.advance(log.size);
    expect([index.idOf(idOfKey("0")), index.idOf(idOfKey("599"))]).toEqual([0, 599]);
    expect((await index.query({ eventType: "user.created", limit: 1000 })).indexes).toHaveLength(120);
    expect(told).toEqual([expect.stringMatching(why)]);
  });

  test("where it is found to be damaged while it is used, and says until then that it cannot know an id", async () => {
    const index = await open();
    await index.advance(grow(3000));
    await index.query({ limit: 1 });
    await index.close();
    // Only the pages behind the first ones are lost, so that nothing is seen at the start.
    scribble(40 * 4096);
    const again = await open();
    expect(told).toEqual([]);
    for (let n = 0; n < 3000 && again.rebuilds === 0; n++) {
      try {
        again.idOf(idOfKey(`${n}`));
      } catch (error) {
        expect(error).toMatchObject({ type: "CHAIN_UNAVAILABLE" });
        break;
      }
    }
    while (again.rebuilds === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await again.advance(log.size);
    for (let n = 0; n < 3000; n++) expect(again.idOf(idOfKey(`${n}`))).toBe(n);
    expect(told).toEqual([expect.stringMatching(/damaged/)]);
  });
});

test("finds what is left where older payload was pruned", async () => {
  grow(1000);
  rmSync(join(log.folder, "tile/entries/000"));
  const index = await open();
  await index.advance(1000);
  expect((await index.query({ limit: 1 })).indexes).toEqual([0]);
  expect((await index.query({ actor: "operator-0", limit: 1 })).indexes[0]).toBeGreaterThanOrEqual(256);
  expect((await index.query({ text: "hay", limit: 1 })).indexes).toEqual([256]);
  expect(index.idOf(idOfKey("999"))).toBe(999);
});

test("tells the story of a request: what carries it, and what was decided about what it went through", async () => {
  const source = (node: string, service?: string) => ({ node, service, instance: "i", epoch: 1, seq: 1 });
  const healing = (eventType: string, target: object, id: string, more = {}) => ({
    eventType,
    data: { payload: { target, id, ...more }, source: source("nervous-1") },
  });
  grow(10);
  const own = { ...source("heart-1", "ledger"), requestId: "r-1" };
  log.add({ eventType: "mint.transaction.sent", data: { payload: {}, source: own } }); // 10
  log.add(healing("healing.decided", { service: "vault" }, "decision-of-another")); // 11
  log.add(healing("healing.decided", { service: "ledger", node: "heart-1" }, "decision-1", { case: "the-case-1" })); // 12
  log.add(healing("healing.recorded", { node: "heart-9" }, "record-00001", { case: "the-case-1" })); // 13
  log.add({
    eventType: "organism.node",
    data: { payload: { id: "heart-1", status: "down" }, source: source("nervous-1") },
  }); // 14
  log.add({ eventType: "user.created", data: { payload: {}, source: source("heart-1", "ledger") } }); // 15
  log.add({
    ...healing("healing.decided", { service: "ledger" }, "much-later"),
    timestamp: "2026-11-20T13:00:00.000Z",
  });
  log.publish();
  const index = await open();
  await index.advance(log.size);
  expect(await index.incident("r-1")).toEqual([
    { index: 10, because: "it carries the request" },
    { index: 12, because: "it is about ledger, which the request went through" },
    { index: 13, because: "it belongs to a decision that is told here" },
    { index: 14, because: "it is about heart-1, which the request went through" },
  ]);
  expect(await index.incident("r-unknown")).toEqual([]);
});

test("begins again where it stood when its thread dies, and takes over what it was to", async () => {
  const threads: Worker[] = [];
  const start = (workerData: object) => {
    const worker = new Worker(
      new URL("../../../../services/immune/blockchain-logger/index/index-worker.ts", import.meta.url),
      { workerData },
    );
    threads.push(worker);
    return worker;
  };
  const logger = { info: () => {}, warn: () => {} };
  const index = await ChainIndex.open({ file, logFolder: log.folder, logger, start });
  opened.push(index);
  await index.advance(grow(300));
  const [search, advance] = [index.query({ text: "hay", limit: 1000 }), index.advance(grow(3000))];
  void search.catch(() => {});
  await threads[0]!.terminate();
  await expect(index.query({})).rejects.toMatchObject({ type: "CHAIN_UNAVAILABLE" });
  expect(index.idOf(idOfKey("299"))).toBe(299);
  await advance;
  expect([threads.length, index.position, index.failure]).toEqual([2, 3300, undefined]);
  expect((await index.query({ limit: 1000 })).indexes).toHaveLength(1000);
});

test("is not opened where its file can be neither read nor made", async () => {
  const nowhere = join(folder, "no-folder/index.sqlite");
  await expect(ChainIndex.open({ file: nowhere, logFolder: log.folder, logger: console })).rejects.toThrow(
    "unable to open",
  );
});

test("answers nothing any more once it is closed", async () => {
  const index = await open();
  await index.close();
  await expect(index.query({})).rejects.toMatchObject({ type: "CHAIN_UNAVAILABLE" });
  await expect(index.advance(5)).rejects.toMatchObject({ type: "CHAIN_UNAVAILABLE" });
  expect(() => index.idOf(idOfKey("0"))).toThrow("cannot be read");
});

test("refuses more searches than may wait", async () => {
  const index = await open();
  const answers = await Promise.allSettled(Array.from({ length: 300 }, () => index.query({})));
  const refused = answers.filter(({ status }) => status === "rejected") as PromiseRejectedResult[];
  expect(refused.length).toBe(44);
  expect(refused[0]!.reason).toMatchObject({ type: "CHAIN_BUSY" });
});
