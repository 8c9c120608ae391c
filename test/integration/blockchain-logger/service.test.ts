import { appendFileSync, cpSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { ServiceBroker } from "moleculer";
import chainLogger from "../../../services/immune/blockchain-logger/blockchain-logger.service.ts";
import chainWitness from "../../../services/nervous/chain-witness/chain-witness.service.ts";
import { parseVkey } from "../../../tlog/keys.ts";
import { verifyBundle } from "../../../tlog/proof-bundle.ts";

describe("blockchain-logger", () => {
  let folder: string;
  let broker: ServiceBroker;
  const call = <T>(action: string, params: object = {}) =>
    broker.call(`blockchain-logger.${action}`, params) as Promise<T>;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "azora-chain-"));
    process.env["AZORA_DATA_DIR"] = folder;
    process.env["AZORA_CHAIN_BLOCK_INTERVAL"] = "20";
    process.env["AZORA_CHAIN_CHECKPOINT_INTERVAL"] = "30";
    await begin();
  });

  afterEach(async () => {
    await broker.stop();
    for (const name of ["DATA_DIR", "CHAIN_BLOCK_INTERVAL", "CHAIN_CHECKPOINT_INTERVAL"])
      delete process.env[`AZORA_${name}`];
    rmSync(folder, { recursive: true, force: true });
  });

  async function begin(): Promise<void> {
    broker = new ServiceBroker({ nodeID: "immune-1", logger: false });
    broker.createService(chainWitness);
    broker.createService(chainLogger as never);
    await broker.start();
  }

  test("an entry goes from durable to witnessed, and its bundle verifies with the log's keys alone", async () => {
    const entry = await call<{ id: string; index: number; state: string }>("log", {
      eventType: "user.created",
      data: { name: "Ada" },
      waitFor: "witnessed",
    });
    expect(entry.state).toBe("witnessed");
    const { vkeys } = await call<{ vkeys: string }>("keys");
    const witness = (await broker.call("chain-witness.vkey")) as string;
    const { bundle } = await call<{ bundle: string }>("proof", { id: entry.id });
    const verified = verifyBundle(bundle, [...vkeys.trim().split("\n"), witness].map(parseVkey));
    expect(verified.entry).toMatchObject({ eventType: "user.created", data: { name: "Ada" }, index: entry.index });
    expect(verified.signedBy.map(({ verifier }) => verifier.algorithm).sort()).toEqual([
      "ed25519",
      "ed25519",
      "rsa-pss-3072",
    ]);
  });

  test("the same idempotency key gives one entry, also after a restart", async () => {
    const request = { eventType: "mint.transaction.done", data: { amount: 1 }, idempotencyKey: "payment 1" };
    const first = await call<{ id: string; index: number }>("log", request);
    const [again, twice] = await Promise.all([call("log", request), call("log", request)]);
    await call("log", { eventType: "other", data: {}, waitFor: "checkpointed" });
    await broker.stop();
    await begin();
    const later = await call("log", request);
    for (const answer of [again, twice, later])
      expect(answer).toMatchObject({ id: first.id, index: first.index, duplicate: true });
  });

  test("takes entries as texts, exactly as they are, and refuses each bad one by itself", async () => {
    const text = (data: string, key: string) => `{"idempotencyKey":"${key}","eventType":"test.text","data":${data}}`;
    const entries = [
      text('{"__proto__":{"a":1},"half":"\\ud83d\\ude00"}', "a"),
      text('{"half":"\\ud83d"}', "b"),
      text("[]", "c"),
      '{"idempotencyKey":',
      { eventType: "test.text", data: { n: 1 }, idempotencyKey: "d" },
    ];
    const { results } = await call<{ results: object[] }>("append", { entries });
    const code = "CHAIN_ENTRY_INVALID";
    expect(results).toMatchObject([
      { id: expect.any(String) },
      { refused: { code, path: "data.half" } },
      { refused: { code, path: "data" } },
      { refused: { code } },
      { id: expect.any(String) },
    ]);
    const { entries: found } = await call<{ entries: { data: object }[] }>("query", { eventType: "test.text" });
    expect(JSON.stringify(found.map(({ data }) => data))).toBe('[{"__proto__":{"a":1},"half":"😀"},{"n":1}]');
  });

  test("what is written can be found at once, by type, subject, actor and text", async () => {
    await call("log", {
      eventType: "user.created",
      data: { email: "ada@example.org" },
      subject: "ada",
      actor: "admin",
    });
    await call("log", { eventType: "user.deleted", data: { note: "left the school" } });
    const query = async (params: object) =>
      (await call<{ entries: { eventType: string }[] }>("query", params)).entries.map(({ eventType }) => eventType);
    expect(await query({ eventType: "user." })).toEqual(["user.created", "user.deleted"]);
    expect(await query({ subject: "ada" })).toEqual(["user.created"]);
    expect(await query({ actor: "admin" })).toEqual(["user.created"]);
    expect(await query({ text: "the school" })).toEqual(["user.deleted"]);
    expect(await query({ subject: "nobody" })).toEqual([]);
  });

  test("who acts on their own behalf stands in the log by their pseudonym alone, and is found by name", async () => {
    const own = { eventType: "user.updated", data: { city: "Ulm" }, subject: "ada", actor: "ada" };
    await call("log", { ...own, waitFor: "checkpointed" });
    await call("log", { eventType: "order.placed", data: {}, actor: "ada" });
    type Found = { entries: { eventType: string; actor?: string; subject?: string }[] };
    const { entries } = await call<Found>("query", { actor: "ada" });
    expect(entries.map(({ eventType, actor }) => [eventType, actor])).toEqual([
      ["user.updated", "ada"],
      ["order.placed", "ada"],
    ]);
    const { entries: sealed } = await call<Found>("query", { eventType: "user.", sealed: true });
    expect(sealed[0]!.actor).toBe(sealed[0]!.subject);
    expect(sealed[0]!.actor).toMatch(/^subject:/);
    await expect(call("export", { subject: "ada", sealed: true })).rejects.toMatchObject({ type: "UNAUTHORIZED" });
    await call("erase", { subject: "ada" });
    expect((await call<Found>("query", { eventType: "user." })).entries[0]!.actor).toMatch(/^subject:/);
  });

  test("erased data is gone, and the proof of its entry still verifies", async () => {
    const { id } = await call<{ id: string }>("log", {
      eventType: "user.created",
      data: { email: "grace@example.org" },
      subject: "grace",
      waitFor: "checkpointed",
    });
    const before = await call<{ bundle: string }>("proof", { id });
    expect(before.bundle).not.toContain(Buffer.from("grace@example.org").toString("base64").slice(0, 12));
    expect(await call("entry", { id })).toMatchObject({
      data: { email: "grace@example.org" },
      subject: "grace",
      personal: "readable",
    });
    await call("erase", { subject: "grace", reason: "asked for" });
    const erased = await call<{ data: object }>("entry", { id });
    expect(erased).toMatchObject({ personal: "erased", subject: expect.stringMatching(/^subject:[0-9a-f]{32}$/) });
    // No name of hex digits only: hashes would have it in them now and then.
    expect(JSON.stringify(erased)).not.toContain("grace");
    const { vkeys } = await call<{ vkeys: string }>("keys");
    expect(verifyBundle(before.bundle, vkeys.trim().split("\n").map(parseVkey)).entry.id).toBe(id);
    expect((await call<{ entries: object[] }>("query", { eventType: "chain.erased" })).entries).toHaveLength(1);
  });

  test("after a rotation new and old checkpoints verify, and the witness goes on confirming", async () => {
    await call("log", { eventType: "a", data: {}, waitFor: "witnessed" });
    const old = await call<{ text: string }>("checkpoint");
    await call("rotate", { algorithm: "ed25519" });
    const { state } = await call<{ state: string }>("log", { eventType: "b", data: {}, waitFor: "witnessed" });
    expect(state).toBe("witnessed");
    const now = await call<{ text: string }>("checkpoint");
    expect(now.text).not.toEqual(old.text);
    const { keys } = await call<{ keys: { algorithm: string; retiredAt?: number }[] }>("keys");
    expect(keys.filter(({ algorithm }) => algorithm === "ed25519")).toHaveLength(2);
    const stats = await call<{ keys: string[] }>("stats");
    expect(stats.keys).toHaveLength(2);
  });

  test("what it cannot write down exactly is refused with the field", async () => {
    const refused = (data: object) => call("log", { eventType: "a", data }).catch((error: Error) => error.message);
    expect(await refused({ price: { net: Number.NaN } })).toContain("data.price.net");
    expect(await refused({ text: "\ud800" })).toContain("data.text");
    expect(await refused({ n: 2 ** 60 })).toContain("data.n");
    expect(await refused({ text: "x".repeat(62_000) })).toContain("log a hash");
    await expect(call("log", { eventType: "chain.erased", data: {} })).rejects.toThrow("written by the chain alone");
  });

  test("a rotated, erased and pruned log is valid, and says what was pruned", async () => {
    const entries = Array.from({ length: 600 }, (_, at) => ({
      eventType: "a",
      data: { at },
      idempotencyKey: `entry ${at}`,
    }));
    await call("append", { entries });
    await call("log", { eventType: "user.created", data: { email: "ada@example.org" }, subject: "ada" });
    await call("rotate");
    await call("erase", { subject: "ada" });
    expect(await call("entry", { index: 3 })).toMatchObject({ index: 3 });
    const doomed = ["000", "001"].map((name) => join(folder, "chain", "log", "tile", "entries", name));
    const allocated = doomed.reduce((sum, file) => sum + statSync(file).blocks * 512, 0);
    const pruned = await call<{ before: number; files: number; bytes: number }>("prune", { before: 600 });
    expect(pruned).toMatchObject({ before: 512, files: 2 });
    expect(pruned.bytes).toBe(allocated);
    expect(doomed.some((file) => existsSync(file))).toBe(false);
    expect(await call("validate", { deep: true })).toMatchObject({ isValid: true, problems: [], pruned: 512 });
    await expect(call("entry", { index: 3 })).rejects.toMatchObject({ type: "NOT_FOUND" });
    expect((await call<{ entries: { index: number }[] }>("query", { eventType: "a" })).entries[0]).toMatchObject({
      index: 512,
    });
    expect((await call<{ entries: object[] }>("query", { eventType: "chain.pruned" })).entries).toHaveLength(1);
  });

  test("a log that was altered is put aside once, however many ask for it, and the new one says so", async () => {
    await call("log", { eventType: "test.before", data: {}, waitFor: "checkpointed" });
    await broker.stop();
    appendFileSync(join(folder, "chain", "log", "checkpoint"), "altered");
    await begin();
    await expect(call("stats")).rejects.toMatchObject({ type: "CHAIN_CORRUPT" });
    const asked = await Promise.allSettled([1, 2].map(() => call("beginAnew", { reason: "the disk was ill" })));
    expect(asked.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    expect(readdirSync(folder).filter((name) => name.startsWith("chain-until-"))).toHaveLength(1);
    const { entries } = await call<{ entries: { data: object }[] }>("query", { eventType: "chain.begun-anew" });
    expect(entries).toMatchObject([{ data: { reason: "the disk was ill" } }]);
    expect(await call("stats")).toMatchObject({ alarms: [] });
  });

  test("a log that a witness contradicts can be put aside, too", async () => {
    await call("log", { eventType: "test.before", data: {}, waitFor: "witnessed" });
    await broker.stop();
    const copies = ["chain", "keys"].map((name) => [join(folder, name), join(folder, `old-${name}`)] as const);
    for (const [from, to] of copies) cpSync(from, to, { recursive: true });
    await begin();
    await call("log", { eventType: "test.later", data: {}, waitFor: "witnessed" });
    await broker.stop();
    for (const [to, from] of copies) {
      rmSync(to, { recursive: true });
      cpSync(from, to, { recursive: true });
    }
    await begin();
    const begun = async () => {
      try {
        return await call("beginAnew", { reason: "a backup was restored" });
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 50));
        return undefined;
      }
    };
    let aside: unknown;
    for (let tries = 0; tries < 60 && !aside; tries++) aside = await begun();
    expect(aside).toMatchObject({ aside: expect.any(String) });
    await call("log", { eventType: "test.anew", data: {}, waitFor: "witnessed" });
  });

  test("it says that it is well, and how far it has come", async () => {
    await call("log", { eventType: "a", data: {}, waitFor: "witnessed" });
    expect(await call("health")).toMatchObject({ status: "healthy" });
    expect(await call("stats")).toMatchObject({
      entries: 4,
      blocks: expect.any(Number),
      witnessed: 4,
      queued: 0,
      alarms: [],
    });
  });
});
