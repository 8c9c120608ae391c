import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import { type Context, ServiceBroker } from "moleculer";
import { type NodeRecordOptions, recordMiddleware } from "../../../runtime/record/node-record.ts";
import { recorderOf } from "../../../runtime/record/recorder-of.ts";
import { idOfKey } from "../../../tlog/entry.ts";

interface Entry {
  idempotencyKey: string;
  eventType: string;
  subject?: string;
  data: { payload: Record<string, unknown>; source: Record<string, unknown> };
}

const folders: string[] = [];
const brokers: ServiceBroker[] = [];

afterEach(async () => {
  for (const broker of brokers.splice(0)) await broker.stop();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function dataDir(): string {
  const folder = mkdtempSync(join(tmpdir(), "azora-record-"));
  folders.push(folder);
  return folder;
}

/** A broker that records, and a chain in it where one is wanted. */
async function node(folder: string, options: { nodeID?: string; chain?: Entry[] } & Partial<NodeRecordOptions> = {}) {
  const { nodeID = "heart-1", chain, ...record } = options;
  const broker = new ServiceBroker({
    nodeID,
    logger: false,
    middlewares: [recordMiddleware({ dataDir: folder, capture: true, ...record })],
  });
  brokers.push(broker);
  if (chain) broker.createService(chainService(chain));
  await broker.start();
  return broker;
}

function chainService(entries: Entry[]) {
  return {
    name: "blockchain-logger",
    actions: {
      append(ctx: Context<{ entries: string[] }>) {
        entries.push(...ctx.params.entries.map((text) => JSON.parse(text) as Entry));
        return { results: ctx.params.entries.map((_, index) => ({ id: "", index })) };
      },
    },
  };
}

async function until(what: () => boolean): Promise<void> {
  const end = Date.now() + 15_000;
  while (!what()) {
    if (Date.now() > end) throw new Error("it did not come");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const left = (folder: string) => readdirSync(join(folder, "outbox"), { recursive: true });

describe("the recorder of a node", () => {
  test("brings a captured event to the chain, with where it comes from", async () => {
    const chain: Entry[] = [];
    const broker = await node(dataDir(), { chain });
    await broker.emit("user.created", { user: { id: "u1" } });
    await until(() => chain.length > 0);
    const [entry] = chain;
    const { epoch, seq } = entry!.data.source;
    expect(entry).toEqual({
      idempotencyKey: `heart-1/${broker.instanceID}/${epoch}/${seq}`,
      eventType: "user.created",
      data: { payload: { user: { id: "u1" } }, source: { node: "heart-1", instance: broker.instanceID, epoch, seq } },
      subject: "u1",
    });
  });

  test("keeps a durable event on disk until there is a chain, and leaves nothing behind", async () => {
    const folder = dataDir();
    const broker = await node(folder);
    await broker.emit("user.created", { user: { id: "u1" } });
    expect(left(folder).some((name) => String(name).endsWith(".outbox"))).toBe(true);
    const chain: Entry[] = [];
    broker.createService(chainService(chain));
    await until(() => chain.length > 0);
    await broker.stop();
    expect(left(folder)).toEqual([]);
  });

  test("answers with the entry's id, and tells who counts", async () => {
    const broker = await node(dataDir());
    const recorder = recorderOf(broker);
    const recorded: unknown[] = [];
    recorder.on("recorded", (one) => recorded.push(one));
    const id = await recorder.durable("healing.decided", { id: 1 });
    recorder.bestEffort("seen", { a: 1 });
    const epoch = expect.any(Number);
    const [first] = recorded as [{ key: string }];
    expect(id).toBe(idOfKey(first.key));
    expect(recorded).toEqual([
      { epoch, grade: "durable", key: expect.stringMatching(/^heart-1\/.+\/\d+\/0$/) },
      { epoch, grade: "best-effort", key: expect.stringMatching(/^heart-1\/.+\/\d+\/1$/) },
    ]);
  });

  test("refuses what cannot be in an entry, and names the field", async () => {
    const recorder = recorderOf(await node(dataDir()));
    await expect(recorder.durable("a", { list: [1, { price: Number.NaN }] })).rejects.toMatchObject({
      type: "CHAIN_ENTRY_INVALID",
      data: { path: "data.list[1].price" },
    });
    await expect(recorder.durable("a", { big: "x".repeat(60_000) })).rejects.toThrow("record larger data by its hash");
  });

  test("records an event that is too large by its hash, and says of one that is no JSON that it is none", async () => {
    const chain: Entry[] = [];
    const broker = await node(dataDir(), { chain });
    await broker.emit("user.a", { big: "x".repeat(60_000) });
    await broker.emit("user.b", { n: Number.POSITIVE_INFINITY });
    await until(() => chain.length === 2);
    expect(chain.map(({ data }) => data.payload)).toEqual([
      { omitted: { bytes: 60_010, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) } },
      { unrecordable: { path: "data.n", why: "is a number that JSON does not have" } },
    ]);
  });

  test("drops what a full outbox has no room for, says so, counts it, and records the count", async () => {
    const folder = dataDir();
    const broker = await node(folder, { maxBytes: 3000 });
    const recorder = recorderOf(broker);
    const dropped: unknown[] = [];
    recorder.on("dropped", (one) => dropped.push(one));
    for (let n = 0; n < 20; n++) await broker.emit("user.created", { n });
    expect(dropped.length).toBeGreaterThan(5);
    await expect(recorder.durable("healing.decided", {})).rejects.toMatchObject({ type: "CHAIN_OUTBOX_FULL" });
    expect(recorder.stats()).toMatchObject({
      dropped: { durable: dropped.length },
      trouble: "audit events are dropped: the outbox is full",
    });
    const chain: Entry[] = [];
    broker.createService(chainService(chain));
    await until(() => recorder.stats().waiting.outbox === 0);
    await broker.stop();
    expect(recorder.stats().trouble).toBeUndefined();
    const next: Entry[] = [];
    await node(folder, { chain: next });
    await until(() => next.some(({ eventType }) => eventType === "record.dropped"));
    expect(next.at(-1)!.data.payload).toMatchObject({ durable: dropped.length, bestEffort: 0 });
  });

  test("records that it was switched off", async () => {
    const chain: Entry[] = [];
    const broker = await node(dataDir(), { chain, capture: false });
    await broker.emit("user.created", {});
    await until(() => chain.length > 0);
    expect(chain.map(({ eventType, data }) => [eventType, data.payload])).toEqual([
      ["record.capture", { capture: "off", by: "AZORA_CHAIN_CAPTURE" }],
    ]);
  });

  test("captures what a service of the node declares", async () => {
    const chain: Entry[] = [];
    const broker = await node(dataDir(), { chain });
    broker.createService({ name: "orders", metadata: { audited: ["order.*"] } });
    await broker.emit("order.placed", { id: 1 });
    await until(() => chain.length > 0);
    expect(chain[0]!.eventType).toBe("order.placed");
  });

  test("goes on recording while services stop, for the next life of the node", async () => {
    const folder = dataDir();
    const broker = await node(folder);
    broker.createService({
      name: "last-words",
      stopped() {
        void this.broker.emit("user.gone", {});
      },
    });
    await broker.stop();
    const chain: Entry[] = [];
    await node(folder, { chain });
    await until(() => chain.length > 0);
    expect(chain[0]!.eventType).toBe("user.gone");
  });
});
