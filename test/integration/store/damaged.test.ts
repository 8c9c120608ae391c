import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { ServiceBroker } from "moleculer";
import { type StoreService, store } from "../../../mixins/store/store.ts";
import { healingCaseModel } from "../../../models/healing-case.model.ts";

let folder: string;
let file: string;
let broker: ServiceBroker;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "azora-damaged-"));
  process.env["AZORA_DATA_DIR"] = folder;
  mkdirSync(join(folder, "db"));
  file = join(folder, "db", "memory.sqlite");
  writeFileSync(file, "this is no database, however long one looks at it ".repeat(200));
  broker = new ServiceBroker({ logger: false });
});
afterEach(async () => {
  await broker.stop().catch(() => {});
  delete process.env["AZORA_DATA_DIR"];
  rmSync(folder, { recursive: true, force: true });
});

const carry = (expendable: boolean) =>
  broker.createService({
    name: "memory",
    mixins: [store(healingCaseModel, { expendable })],
  } as never) as unknown as StoreService;

test("a damaged file that can be done without is set aside, and an empty one begun", async () => {
  const service = carry(true);
  await broker.start();
  expect(await service.collection(healingCaseModel).count()).toBe(0);
  expect(readFileSync(`${file}.damaged`, "utf8")).toMatch(/^this is no database/);
});

test("a damaged file is left where it is, unless it can be done without", async () => {
  carry(false);
  await expect(broker.start()).rejects.toMatchObject({ type: "STORE_UNAVAILABLE" });
  expect([existsSync(file), existsSync(`${file}.damaged`)]).toEqual([true, false]);
});
