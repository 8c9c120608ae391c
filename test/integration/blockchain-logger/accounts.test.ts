import { EventEmitter } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { ServiceBroker } from "moleculer";
import { systemClock } from "../../../runtime/clock.ts";
import { readSettings } from "../../../runtime/settings.ts";
import { Accounts } from "../../../services/immune/blockchain-logger/accounts.ts";
import { Chain } from "../../../services/immune/blockchain-logger/chain.ts";
import {
  addVerdict,
  type Finding,
  isoOf,
  noAmount,
  noTotals,
  type Verdict,
} from "../../../services/immune/blockchain-logger/reconcile/verdict.ts";

const EPOCH = 179_000_000;
const logger = { info() {}, warn() {}, error() {} };
const broker = {
  nodeID: "immune-1",
  localBus: new EventEmitter(),
  registry: { nodes: { list: () => [] } },
} as unknown as ServiceBroker;

let folder: string;
let chain: Chain;
let accounts: Accounts;
let told: string[];
const totals = noTotals();
beforeEach(async () => {
  told = [];
  folder = mkdtempSync(join(tmpdir(), "azora-accounts-"));
  Object.assign(totals, noTotals());
  const settings = readSettings({ AZORA_DATA_DIR: folder });
  chain = await Chain.open({ settings, validator: "immune-1", clock: systemClock, logger });
});
afterEach(async () => {
  accounts?.stop();
  await chain.close();
  rmSync(folder, { recursive: true });
});

const lost = (epoch: number): Finding => ({
  kind: "missing",
  from: "heart-1",
  mark: "a",
  to: "lungs-1",
  epoch,
  calls: 2,
  why: "lungs-1 has not received it",
});

async function verdict(number: number, given: Partial<Verdict>): Promise<void> {
  const epoch = given.epoch ?? EPOCH + number;
  const data: Verdict = {
    number,
    epoch,
    since: isoOf(epoch),
    matched: { ...noAmount(), calls: 10 },
    findings: [],
    pairs: [],
    books: [],
    through: chain.log.size - 1,
    resume: chain.log.size,
    totals: noTotals(),
    first: isoOf(EPOCH + 1),
    nodes: [],
    ...given,
  };
  addVerdict(totals, data);
  data.totals = structuredClone(totals);
  await chain.log.log("accounting.verdict", { ...data });
}

describe("the accounts of a chain that begins anew", () => {
  test("know the numbers of the whole log, and what was found and not withdrawn", async () => {
    await verdict(1, {});
    await verdict(2, { findings: [lost(EPOCH + 2)] });
    await verdict(3, { findings: [lost(EPOCH + 3)] });
    await verdict(4, { epoch: EPOCH + 2, matched: { ...noAmount(), calls: 2 }, withdrawn: [lost(EPOCH + 2)] });
    await verdict(5, {});
    accounts = new Accounts(broker, chain, logger, (why) => told.push(why));
    await accounts.start();
    const whole = await accounts.report({});
    expect(whole).toMatchObject({ from: isoOf(EPOCH + 1), to: isoOf(EPOCH + 6), open: [], declarations: [] });
    expect(whole.matched.calls).toBe(42);
    expect(whole.missing.calls).toBe(2);
    expect(whole.gaps).toEqual([lost(EPOCH + 3)]);
    const part = await accounts.report({ from: isoOf(EPOCH + 2), to: isoOf(EPOCH + 3) });
    expect(part.matched.calls).toBe(12);
    expect(part).toMatchObject({ missing: noAmount(), gaps: [] });
  });

  test("tell of a gap when its verdict is given, once, and of nothing that was told in an earlier life", async () => {
    await verdict(1, { findings: [lost(EPOCH + 1)] });
    accounts = new Accounts(broker, chain, logger, (why) => told.push(why));
    await accounts.start();
    const feed = async (number: number, more: Parameters<typeof verdict>[1]) => {
      await verdict(number, more);
      const index = chain.log.size - 1;
      accounts.committed([{ entry: { index, id: "", leaf: Buffer.alloc(32), bytes: chain.log.leaf(index)!.bytes } }]);
    };
    await feed(2, {});
    expect(told).toEqual([]);
    await feed(3, { findings: [lost(EPOCH + 3), { ...lost(EPOCH + 3), kind: "declared" }] });
    expect(told).toEqual([expect.stringMatching(/^in the 10 s from .*: 2 calls missing from .* to .* \(.*\)$/)]);
  });

  test("begin with nothing where there is nothing, and take no verdict from anybody else", async () => {
    accounts = new Accounts(broker, chain, logger, (why) => told.push(why));
    await accounts.start();
    expect(await accounts.report({})).toEqual({ ...noTotals(), gaps: [], declarations: [], open: [] });
    for (const eventType of ["accounting.verdict", "accounting.declared"])
      await expect(chain.append({ eventType, data: {} })).rejects.toThrow("written by the chain alone");
  });

  test("find what is recorded about a person, whose data is sealed", async () => {
    accounts = new Accounts(broker, chain, logger, (why) => told.push(why));
    await accounts.start();
    const source = { node: "heart-1", instance: "5f0c2ab8-1d3e-4a77-9c1f-0242ac120002", epoch: EPOCH, seq: 0 };
    const { index } = await chain.append({
      eventType: "user.created",
      data: { payload: { email: "ada@example.org" }, source },
      idempotencyKey: "heart-1/i/1/0",
      subject: "ada",
    });
    expect(chain.log.leaf(index)!.bytes.toString()).not.toContain("ada@");
    expect(chain.reader.entry(index).data).toEqual({ payload: { email: "ada@example.org" }, source });
  });
});
