import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { ServiceBroker } from "moleculer";
import { type StoreService, store } from "../../../mixins/store/store.ts";
import type { HealingRecord } from "../../../models/healing.ts";
import { healingCaseModel } from "../../../models/healing-case.model.ts";
import { CaseMemory } from "../../../services/immune/auto-healer/memory/case-memory.ts";

let folder: string;
let broker: ServiceBroker;
let service: StoreService;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "azora-cases-"));
  process.env["AZORA_DATA_DIR"] = folder;
  broker = new ServiceBroker({ logger: false });
  service = broker.createService({ name: "memory", mixins: [store(healingCaseModel)] } as never) as never;
  await broker.start();
});
afterEach(async () => {
  await broker.stop();
  delete process.env["AZORA_DATA_DIR"];
  rmSync(folder, { recursive: true, force: true });
});

const record = (n: number, more: Partial<HealingRecord> = {}): HealingRecord => ({
  id: `r${n}`,
  at: new Date(Date.UTC(2026, 0, 1) + n * 1000).toISOString(),
  target: { service: n % 2 === 0 ? "even" : "odd" },
  failure: "crashed",
  action: "restart",
  attempt: 1,
  success: true,
  observed: { before: "down", after: "up" },
  duration: 5,
  reason: "it was started again",
  detection: 1,
  case: `c${n}`,
  by: "ladder",
  ...more,
});

test("the newest cases are kept, and the file does not grow with the rest", async () => {
  const memory = new CaseMemory({ store: service, kept: 20 });
  await memory.recorded(record(0, { success: false }));
  for (let n = 1; n <= 250; n++) await memory.recorded(record(n));
  await memory.prune();
  const ids = (await memory.find({ limit: 1000 })).map(({ id }) => id);
  // What is open stays, however old.
  expect(ids).toEqual([...Array.from({ length: 19 }, (_, i) => `c${250 - i}`), "c0"]);
  expect(await service.collection(healingCaseModel).count({}, { withDeleted: true })).toBe(20);
  expect(memory.failure).toBeUndefined();
});

test("cases are found by who, what and outcome, and an act is news once", async () => {
  const memory = new CaseMemory({ store: service });
  for (let n = 0; n < 4; n++) expect(await memory.recorded(record(n))).toBe(true);
  expect(await memory.recorded(record(2))).toBe(false);
  expect((await memory.find({ service: "even", outcome: "healed", limit: 10 })).map(({ id }) => id)).toEqual([
    "c2",
    "c0",
  ]);
  expect((await memory.of("odd", 1)).map(({ id }) => id)).toEqual(["c3"]);
  // A late act of a case that was over belongs to it.
  expect(await memory.recorded(record(9, { case: "c1", success: true, lost: 2 }))).toBe(true);
  expect(await memory.get("c1")).toMatchObject({ outcome: "healed", lost: 2, acts: [{ id: "r1" }, { id: "r9" }] });
});

test("a store that fails is told, and what it did not take is stored later", async () => {
  const memory = new CaseMemory({ store: service });
  const { transaction } = service;
  service.transaction = () => Promise.reject(new Error("disk is full"));
  await memory.recorded(record(1));
  expect(memory.failure).toBe("disk is full");
  service.transaction = transaction;
  await memory.flush();
  expect(memory.failure).toBeUndefined();
  expect(await memory.find({ limit: 10 })).toMatchObject([{ id: "c1", outcome: "healed" }]);
});

test("a case that the store refuses keeps no other out", async () => {
  const memory = new CaseMemory({ store: service });
  const huge = "x".repeat(20 * 2 ** 20);
  await memory.recorded(record(1, { reason: huge, success: false }));
  await memory.recorded(record(2));
  await memory.recorded(record(3));
  expect((await memory.find({ limit: 10 })).map(({ id }) => id)).toEqual(["c3", "c2"]);
});
