import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type BrokerOptions, ServiceBroker } from "moleculer";
import core from "../../../services/heart/azora-core/azora-core.service.ts";
import type { Change } from "../../../services/heart/azora-core/change-log.ts";

const folders: string[] = [];
let brokers: ServiceBroker[] = [];
let call: ServiceBroker["call"];

async function node(options: BrokerOptions = {}, heard?: Change[]): Promise<ServiceBroker> {
  const broker = new ServiceBroker({ nodeID: `core-${brokers.length}`, logger: false, ...options });
  broker.createService(core as never);
  if (heard) {
    const listen = (ctx: { params: Change }) => void heard.push(ctx.params);
    broker.createService({ name: "watcher", events: { "core.*.changed": listen } } as never);
  }
  brokers.push(broker);
  await broker.start();
  return broker;
}

beforeEach(async () => {
  const folder = mkdtempSync(join(tmpdir(), "azora-core-"));
  folders.push(folder);
  process.env.AZORA_DATA_DIR = folder;
  const broker = await node();
  call = broker.call.bind(broker) as ServiceBroker["call"];
});
afterEach(async () => {
  await Promise.all(brokers.map((broker) => broker.stop()));
  brokers = [];
});
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

const declare = (key: string, declaration: object, byDefault?: unknown) =>
  call("azora-core.declare", { key, declaration, ...(byDefault === undefined ? {} : { default: byDefault }) });
const get = (key: string, where = {}) =>
  call<{ value: unknown; from: string; version: number }, object>("azora-core.get", { key, ...where });

describe("configuration", () => {
  test("a declared key has its default, then its value, then the default again", async () => {
    await declare("mail.retries", { type: "number", min: 0, max: 10, integer: true }, 3);
    expect(await get("mail.retries")).toMatchObject({ value: 3, from: "default" });
    expect(await call("azora-core.set", { key: "mail.retries", value: 5 })).toMatchObject({ value: 5, from: "value" });
    expect(await call("azora-core.unset", { key: "mail.retries" })).toMatchObject({ value: 3, from: "default" });
  });

  test("an organisation's value goes before an environment's, and that before everybody's", async () => {
    await declare("theme", { type: "string" }, "plain");
    await call("azora-core.set", { key: "theme", value: "light" });
    await call("azora-core.set", { key: "theme", value: "", environment: "test" });
    await call("azora-core.set", { key: "theme", value: "gold", organisation: "o1" });
    expect(await get("theme")).toMatchObject({ value: "light", from: "value" });
    expect(await get("theme", { environment: "test" })).toMatchObject({ value: "", from: "environment" });
    expect(await get("theme", { environment: "test", organisation: "o1" })).toMatchObject({ value: "gold" });
    expect(await get("theme", { environment: "other", organisation: "o2" })).toMatchObject({ value: "light" });
    const both = call("azora-core.set", { key: "theme", value: "x", environment: "a", organisation: "b" });
    await expect(both).rejects.toMatchObject({ type: "BAD_REQUEST" });
  });

  test("a wrong value is refused with field, value and what is allowed", async () => {
    await declare("level", { type: "string", enum: ["low", "high"] });
    await expect(call("azora-core.set", { key: "level", value: "medium" })).rejects.toMatchObject({
      type: "VALIDATION_ERROR",
      data: { errors: [{ field: "value", value: "medium", allowed: "must be one of low, high" }] },
    });
    expect(await get("level")).toMatchObject({ value: null, from: "unset" });
  });

  test("declaring the same again changes nothing; a declaration that values contradict is refused", async () => {
    await declare("n", { type: "number" }, 1);
    await call("azora-core.set", { key: "n", value: 50 });
    const { version } = await get("n");
    await declare("n", { type: "number" }, 1);
    expect((await get("n")).version).toBe(version);
    await expect(declare("n", { type: "number", max: 10 }, 1)).rejects.toMatchObject({ type: "VALIDATION_ERROR" });
    await expect(declare("n", { type: "number" }, "one")).rejects.toMatchObject({ type: "VALIDATION_ERROR" });
  });

  test("a write with an old version is refused, also when the key was deleted and made anew", async () => {
    await declare("v", { type: "number" }, 0);
    const { version } = await get("v");
    await call("azora-core.set", { key: "v", value: 1, version });
    await expect(call("azora-core.set", { key: "v", value: 2, version })).rejects.toMatchObject({
      type: "VERSION_CONFLICT",
    });
    await call("azora-core.delete", { key: "v" });
    await declare("v", { type: "number" }, 0);
    await expect(call("azora-core.set", { key: "v", value: 2, version })).rejects.toMatchObject({
      type: "VERSION_CONFLICT",
    });
  });

  test("the list is in pages, by prefix, where % and _ are only letters", async () => {
    for (const key of ["a.x", "a.y", "a.z", "ab", "b"]) await declare(key, { type: "boolean" }, false);
    const page = (params: object) =>
      call<{ key: string }[], object>("azora-core.list", params).then((all) => all.map(({ key }) => key));
    expect(await page({ prefix: "a." })).toEqual(["a.x", "a.y", "a.z"]);
    expect(await page({ limit: 2 })).toEqual(["a.x", "a.y"]);
    expect(await page({ limit: 2, after: "a.y" })).toEqual(["a.z", "ab"]);
    expect(await page({ prefix: "a_" })).toEqual([]);
  });

  test.each([
    ["get", { key: "nope" }, "NOT_FOUND"],
    ["set", { key: "nope", value: 1 }, "NOT_FOUND"],
    ["unset", { key: "nope" }, "NOT_FOUND"],
    ["delete", { key: "nope" }, "NOT_FOUND"],
    ["get", { key: "../etc", extra: 1 }, "VALIDATION_ERROR"],
    ["get", { key: "'; DROP TABLE keys; --" }, "VALIDATION_ERROR"],
    ["declare", { key: "k", declaration: { type: "regexp" } }, "VALIDATION_ERROR"],
    ["setFlag", { name: "f", percentage: 101 }, "VALIDATION_ERROR"],
    ["getFlag", { name: "f" }, "NOT_FOUND"],
  ])("%s %j is %s", async (action, params, type) => {
    await expect(call(`azora-core.${action}`, params)).rejects.toMatchObject({ type });
  });
});

describe("flags", () => {
  const evaluate = (subject?: string) => call("azora-core.evaluate", { name: "beta", ...(subject ? { subject } : {}) });

  test("what is not given stays as it was", async () => {
    expect(await evaluate("u")).toEqual({ enabled: false, reason: "unknown flag" });
    await call("azora-core.setFlag", { name: "beta", enabled: true, percentage: 0, allow: ["u"] });
    expect(await evaluate("u")).toEqual({ enabled: true, reason: "on the allow list" });
    expect(await evaluate("v")).toEqual({ enabled: false, reason: "outside the roll-out" });
    const flag = await call("azora-core.setFlag", { name: "beta", percentage: 100, enabled: null });
    expect(flag).toMatchObject({ enabled: true, percentage: 100, allow: ["u"] });
    expect(await evaluate()).toEqual({ enabled: true, reason: "on for everybody" });
    await call("azora-core.deleteFlag", { name: "beta" });
    expect(await evaluate("u")).toEqual({ enabled: false, reason: "unknown flag" });
  });

  test("version 0 demands that the flag is new", async () => {
    await call("azora-core.setFlag", { name: "beta", version: 0 });
    await expect(call("azora-core.setFlag", { name: "beta", version: 0 })).rejects.toMatchObject({
      type: "VERSION_CONFLICT",
    });
  });
});

describe("watching", () => {
  type Since = { revision: number; changes: Change[]; complete: boolean; more: boolean };
  const since = (revision: number, limit = 100) => call<Since, object>("azora-core.changesSince", { revision, limit });

  test("who was away catches up, page by page", async () => {
    await declare("a", { type: "number" }, 0);
    const { revision } = await since(0);
    for (let value = 1; value <= 3; value++) await call("azora-core.set", { key: "a", value });
    await call("azora-core.setFlag", { name: "f" });
    const first = await since(revision, 3);
    expect(first).toMatchObject({ complete: true, more: true });
    const second = await since(first.revision, 3);
    expect(second).toMatchObject({ complete: true, more: false });
    const names = [...first.changes, ...second.changes].map(({ kind, name, action }) => `${kind} ${name} ${action}`);
    expect(names).toEqual(["config a set", "config a set", "config a set", "flag f set"]);
    expect(await since(second.revision)).toMatchObject({ changes: [], complete: true, revision: second.revision });
  });

  test("a revision from the future says that everything must be read anew", async () => {
    expect(await since(99)).toMatchObject({ complete: false });
  });

  test("every node hears of a change made on another, and sees it at once", async () => {
    const options: BrokerOptions = { transporter: "Fake" as "NATS", namespace: `core-${process.pid}` };
    const heard: Change[] = [];
    const [a, b] = [await node(options), await node(options, heard)];
    await a.waitForServices("watcher");
    await a.call(
      "azora-core.declare",
      { key: "shared", declaration: { type: "number" }, default: 1 },
      { nodeID: a.nodeID },
    );
    await a.call("azora-core.set", { key: "shared", value: 2 }, { nodeID: a.nodeID });
    await a.call("azora-core.setFlag", { name: "f", enabled: true }, { nodeID: a.nodeID });
    expect(await b.call("azora-core.get", { key: "shared" }, { nodeID: b.nodeID })).toMatchObject({ value: 2 });
    const end = Date.now() + 15_000;
    while (heard.length < 3 && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(heard.map(({ kind, name, action }) => `${kind} ${name} ${action}`)).toEqual([
      "config shared declared",
      "config shared set",
      "flag f set",
    ]);
    expect(JSON.stringify(heard)).not.toContain("value");
  });
});

test("what was written is there after a restart", async () => {
  await declare("kept", { type: "json", shape: { type: "object", properties: { a: { type: "number" } } } }, { a: 1 });
  await call("azora-core.set", { key: "kept", value: { a: 2 } });
  await brokers.pop()!.stop();
  const again = await node();
  expect(await again.call("azora-core.get", { key: "kept" })).toMatchObject({ value: { a: 2 }, from: "value" });
});

test("the database can be opened anew, unless its file is gone: then the old connection is kept", async () => {
  await declare("kept", { type: "number" }, 1);
  const core = brokers[0]!.getLocalService("azora-core") as unknown as {
    reconnect(): { before: string; after: string };
  };
  const file = join(process.env.AZORA_DATA_DIR!, "db", "azora-core.sqlite");
  expect(core.reconnect().after).toMatch(new RegExp(`^${file} open since .*Z$`));
  await call("azora-core.set", { key: "kept", value: 2 });
  renameSync(file, `${file}.away`);
  expect(() => core.reconnect()).toThrow("it was removed while it was open");
  expect(await get("kept")).toMatchObject({ value: 2 });
});

test("health says what the database says", async () => {
  expect(await call("azora-core.health")).toMatchObject({
    status: "healthy",
    checks: { database: { status: "healthy" } },
  });
});

test("a file that is no database fails the start, and says which", async () => {
  await brokers.pop()!.stop();
  const file = join(process.env.AZORA_DATA_DIR!, "db", "azora-core.sqlite");
  for (const end of ["", "-wal", "-shm"]) rmSync(file + end, { force: true });
  writeFileSync(file, "this is not SQLite ".repeat(100));
  const broker = new ServiceBroker({ logger: false });
  broker.createService(core as never);
  await expect(broker.start()).rejects.toMatchObject({ type: "START_FAILED", message: expect.stringContaining(file) });
  await broker.stop();
});
