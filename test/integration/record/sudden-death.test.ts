import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "@jest/globals";
import { type Context, ServiceBroker } from "moleculer";
import { abandonedOutboxes } from "../../../runtime/record/left-outbox.ts";
import { recordMiddleware } from "../../../runtime/record/node-record.ts";

const ROUNDS = 30;

interface Entry {
  idempotencyKey: string;
  data: { payload: { n: number; note: string } };
}

const brokers: ServiceBroker[] = [];
let dataDir = "";

afterEach(async () => {
  for (const broker of brokers.splice(0)) await broker.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

/** One life: emits until it is killed. Returns the numbers that it was told are on record. */
function life(nodeID: string, first: number, ms: number, pause = 0): Promise<number[]> {
  const file = join(import.meta.dirname, "emitting-process.ts");
  const child = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", file, dataDir, nodeID, String(first), String(pause)],
    {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, NODE_OPTIONS: "" },
    },
  );
  let out = "";
  return new Promise((resolve) => {
    child.stdout.on("data", (bytes) => {
      // Counted from the first one on, so that a slow start does not make it a life in which nothing happened.
      if (out === "") setTimeout(() => child.kill("SIGKILL"), ms);
      out += bytes;
    });
    child.on("close", () => resolve(out.split("\n").slice(0, -1).map(Number)));
  });
}

/** A node of the same machine that has a chain. */
async function heir(nodeID: string, onAppend: (entries: Entry[]) => void): Promise<ServiceBroker> {
  const broker = new ServiceBroker({
    nodeID,
    logger: false,
    middlewares: [recordMiddleware({ dataDir, capture: true })],
  });
  brokers.push(broker);
  broker.createService({
    name: "blockchain-logger",
    actions: {
      append(ctx: Context<{ entries: string[] }>) {
        onAppend(ctx.params.entries.map((text) => JSON.parse(text) as Entry));
        return { results: ctx.params.entries.map((_, index) => ({ id: "", index })) };
      },
    },
  });
  await broker.start();
  return broker;
}

const files = () => readdirSync(join(dataDir, "outbox"), { recursive: true }).map(String);

async function until(what: () => boolean, ms: number): Promise<void> {
  const end = Date.now() + ms;
  while (!what() && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
}

test(`no event that was said to be on record is lost in ${ROUNDS} sudden deaths, and none is there twice`, async () => {
  dataDir = mkdtempSync(join(tmpdir(), "azora-record-"));
  const told: number[] = [];
  for (let round = 0; round < ROUNDS; round++)
    told.push(...(await life("heart-1", round * 1_000_000, (round * 7) % 60)));
  expect(told.length).toBeGreaterThan(ROUNDS * 10);
  expect(files().filter((name) => name.endsWith(".outbox")).length).toBeGreaterThanOrEqual(ROUNDS);

  const chain = new Map<string, number>();
  // The next life of the same node takes over at once.
  await heir("heart-1", (entries) => {
    for (const { idempotencyKey, data } of entries) {
      expect(data.payload.note).toHaveLength(data.payload.n % 300);
      chain.set(idempotencyKey, data.payload.n);
    }
  });
  await until(() => files().every((name) => !name.endsWith(".outbox")), 20_000);
  const numbers = [...chain.values()];
  expect(told.filter((n) => !numbers.includes(n))).toEqual([]);
  expect(new Set(numbers).size).toBe(numbers.length);
  expect(files().filter((name) => name.endsWith(".outbox"))).toEqual([]);
}, 120_000);

test("what a node that never comes back has left is delivered by another node of the machine", async () => {
  dataDir = mkdtempSync(join(tmpdir(), "azora-record-"));
  const told = await life("lungs-7", 0, 30);
  const numbers: number[] = [];
  await heir("immune-1", (entries) => numbers.push(...entries.map(({ data }) => data.payload.n)));
  await until(() => told.every((n) => numbers.includes(n)), 25_000);
  expect(told.filter((n) => !numbers.includes(n))).toEqual([]);
  await until(() => files().length === 0, 15_000);
  expect(files()).toEqual([]);
}, 60_000);

test("an outbox is nobody else's while its node lives, and anybody's once it is dead", async () => {
  dataDir = mkdtempSync(join(tmpdir(), "azora-record-"));
  const alive = life("heart-1", 0, 300, 10);
  await until(() => existsSync(join(dataDir, "outbox")) && files().some((name) => name.endsWith(".outbox")), 15_000);
  const abandoned = () => abandonedOutboxes(join(dataDir, "outbox"));
  expect(abandoned()).toEqual([]);
  await alive;
  expect(abandoned()).toMatchObject([{ node: "heart-1" }]);
});
