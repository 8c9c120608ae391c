import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { EntryTally, entrySalt } from "../../../runtime/accounting/entry-tally.ts";
import { Ledger } from "../../../runtime/accounting/ledger.ts";
import { isLeftOut } from "../../../runtime/accounting/left-out.ts";
import { MultisetHash, saltOf } from "../../../runtime/accounting/multiset-hash.ts";
import { OwnEpoch } from "../../../runtime/accounting/own-epoch.ts";
import { markOf, PacketIdReader, PacketIds } from "../../../runtime/accounting/packet-id.ts";
import { isSigned, type NodeReport, ReportSigner } from "../../../runtime/accounting/report.ts";
import { SeenNumbers } from "../../../runtime/accounting/seen-numbers.ts";
import { readReport } from "../../../services/immune/blockchain-logger/reconcile/read-report.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const EPOCH = 179_123_456;
const numbers = fc.array(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { maxLength: 50 });

function hashOf(values: readonly number[], name = "a"): MultisetHash {
  const hash = new MultisetHash();
  for (const value of values) hash.add(value, saltOf(name));
  return hash;
}

describe("the multiset hash", () => {
  test("is the same in any order, and adds up of parts", () => {
    fc.assert(
      fc.property(numbers, numbers, (one, other) => {
        const joined = hashOf(one);
        joined.join(hashOf(other));
        expect(joined.toString()).toBe(hashOf([...other, ...one].reverse()).toString());
        expect(joined.equals(MultisetHash.parse(joined.toString()))).toBe(true);
        for (const value of other) joined.remove(value, saltOf("a"));
        expect(joined.equals(hashOf(one))).toBe(true);
      }),
    );
  });

  test("differs for each other multiset, and for the same numbers of another name", () => {
    const all = new Set<string>();
    for (let i = 0; i < 2000; i++) all.add(hashOf([i]).toString()).add(hashOf([i, i]).toString());
    expect(all.size).toBe(4000);
    expect(hashOf([1, 2]).equals(hashOf([1, 2], "b"))).toBe(false);
  });

  test("takes no text but its own", () => {
    for (const text of ["", "12", `${"0".repeat(31)}G`, "0".repeat(33)])
      expect(() => MultisetHash.parse(text)).toThrow("32 hex");
  });
});

describe("ids of packets", () => {
  const reader = new PacketIdReader();
  const mark = markOf("5f0c2ab8-1d3e-4a77-9c1f-0242ac120002");

  test("carry mark, epoch and number, all different", () => {
    const ids = new PacketIds(mark, EPOCH);
    const made = Array.from({ length: 100_000 }, () => ids.next());
    expect(new Set(made).size).toBe(made.length);
    for (const number of [0, 1, 35, 36, 1295, 1296, 46_656, 99_999]) {
      expect(reader.read(made[number]!)).toBe(true);
      expect({ mark: reader.mark, epoch: reader.epoch, number: reader.number }).toEqual({ mark, epoch: EPOCH, number });
      expect(reader.hasMark(mark)).toBe(true);
    }
    ids.begin(EPOCH + 1);
    expect(made).not.toContain(ids.next());
  });

  test("are read behind a project's own ids, too", () => {
    const ids = new PacketIds(mark, EPOCH);
    ids.next();
    expect(reader.read(`order-7-${ids.next()}`)).toBe(true);
    expect({ mark: reader.mark, epoch: reader.epoch, number: reader.number }).toEqual({
      mark,
      epoch: EPOCH,
      number: 1,
    });
  });

  test("of others are none of ours", () => {
    for (const id of ["", "abc", "5f0c2ab8-1d3e-4a77-9c1f-0242ac120002", "5f0c2ab81d3e-2yn9TS-0004qz", "x".repeat(26)])
      expect(reader.read(id)).toBe(false);
  });
});

describe("a node's epoch", () => {
  test("follows the clock, and goes on where that is set back", () => {
    const clock = new FakeClock(EPOCH * 10_000 + 3000);
    let offset = 0;
    const own = new OwnEpoch({ now: () => clock.now() + offset, after: (ms, run) => clock.after(ms, run) });
    const begun: number[] = [];
    own.start((epoch) => begun.push(epoch));
    clock.advance(17_000);
    expect(begun).toEqual([EPOCH + 1, EPOCH + 2]);
    offset = -3_600_000;
    clock.advance(20_000);
    expect(begun.slice(2)).toEqual([EPOCH + 3, EPOCH + 4]);
    offset = 3_600_000;
    clock.advance(10_000);
    expect(begun.at(-1)).toBe(EPOCH + 2 + 3 + 360);
    own.stop();
    clock.advance(60_000);
    expect(begun).toHaveLength(5);
  });
});

test("numbers that were seen are known, as many as there are", () => {
  const seen = new SeenNumbers();
  const values = Array.from({ length: 50_000 }, (_, i) => i * 7);
  expect(values.every((value) => seen.add(value))).toBe(true);
  expect(values.some((value) => seen.add(value))).toBe(false);
  expect(seen.bytes).toBeLessThan(100_000);
  expect([seen.add(2 ** 30), seen.add(2 ** 30)]).toEqual([true, true]);
});

describe("the ledger of a node", () => {
  const here = { node: "heart-1", mark: "aaaaaaaaaaaa" };
  let peer = { mark: "bbbbbbbbbbbb", counts: true };
  let epoch = EPOCH;
  const made = (maxSeenBytes?: number) =>
    new Ledger({
      ...here,
      epoch: () => epoch,
      receiver: (id) => (id === "lungs-1" ? peer : undefined),
      numbers: (id) => id === "lungs-1",
      ...(maxSeenBytes === undefined ? {} : { maxSeenBytes }),
    });

  test("says the same on both sides, whatever comes twice", () => {
    const sender = made();
    const receiver = new Ledger({
      ...here,
      node: "lungs-1",
      epoch: () => epoch,
      receiver: () => undefined,
      numbers: () => true,
    });
    const ids = new PacketIds(here.mark, EPOCH);
    for (let i = 0; i < 1000; i++) {
      const id = ids.next();
      sender.sent("lungs-1", id, i % 3 > 0);
      for (let copies = 0; copies <= i % 2; copies++) receiver.received("heart-1", id, i % 3 > 0);
    }
    const { sent } = sender.take(EPOCH + 1);
    const { received } = receiver.take(EPOCH + 1);
    expect(sent).toEqual([
      { to: "lungs-1", mark: peer.mark, epoch: EPOCH, calls: 666, events: 334, hash: expect.any(String) },
    ]);
    expect(received).toEqual([
      { from: "heart-1", mark: here.mark, epoch: EPOCH, calls: 666, events: 334, hash: sent[0]!.hash, again: 500 },
    ]);
  });

  test("keeps the epoch that is open, and tells later what came later", () => {
    const ledger = made();
    const ids = new PacketIds(here.mark, EPOCH);
    const late = ids.next();
    ledger.sent("lungs-1", ids.next(), true);
    expect(ledger.take(EPOCH).sent).toEqual([]);
    expect(ledger.take(EPOCH + 1).sent).toMatchObject([{ epoch: EPOCH, calls: 1 }]);
    ledger.sent("lungs-1", late, false);
    expect(ledger.take(EPOCH + 2).sent).toMatchObject([{ epoch: EPOCH, calls: 0, events: 1 }]);
    expect(ledger.take(Number.POSITIVE_INFINITY).sent).toEqual([]);
  });

  test("keeps the lives of a receiver apart", () => {
    const ledger = made();
    const ids = new PacketIds(here.mark, EPOCH);
    ledger.sent("lungs-1", ids.next(), true);
    peer = { mark: "cccccccccccc", counts: true };
    ledger.changed("lungs-1");
    ledger.sent("lungs-1", ids.next(), true);
    expect(ledger.take(EPOCH + 1).sent.map(({ mark }) => mark)).toEqual(["bbbbbbbbbbbb", "cccccccccccc"]);
  });

  test("leaves out who does not count, and who is not known", () => {
    const ledger = made();
    const ids = new PacketIds(here.mark, EPOCH);
    peer = { mark: "cccccccccccc", counts: false };
    ledger.sent("lungs-1", ids.next(), true);
    ledger.sent("guest", ids.next(), true);
    ledger.received("guest", "an id of its own", true);
    expect(ledger.take(Number.POSITIVE_INFINITY)).toEqual({ sent: [], received: [], unmarked: [] });
    ledger.received("lungs-1", "an id of its own", true);
    expect(ledger.take(Number.POSITIVE_INFINITY).unmarked).toEqual([{ from: "lungs-1", count: 1 }]);
  });

  test("says what did not leave the node", () => {
    peer = { mark: "bbbbbbbbbbbb", counts: true };
    const ledger = made();
    const ids = new PacketIds(here.mark, EPOCH);
    const [one, other] = [ids.next(), ids.next()];
    ledger.sent("lungs-1", one, true);
    ledger.sent("lungs-1", other, false);
    ledger.unsent("lungs-1", other, false);
    const [row] = ledger.take(EPOCH + 1).sent;
    expect(row).toMatchObject({ calls: 1, events: 0, unsent: 1 });
  });

  test("forgets ids of long ago, and the oldest of too many", () => {
    for (const [bytes, epochs] of [
      [undefined, 31],
      [0, 1],
    ] as const) {
      epoch = EPOCH;
      const ledger = made(bytes);
      const id = new PacketIds("dddddddddddd", EPOCH).next();
      ledger.received("lungs-1", id, true);
      ledger.received("lungs-1", id, true);
      expect(ledger.take(EPOCH + 1).received).toMatchObject([{ calls: 1, again: 1 }]);
      epoch += epochs;
      ledger.take(epoch);
      ledger.received("lungs-1", id, true);
      expect(ledger.take(epoch).received).toMatchObject([{ calls: 1 }]);
    }
  });
});

test("entries are counted by the epoch of their key, and those that are dropped taken out", () => {
  const tally = new EntryTally("heart-1", "i");
  const entry = (seq: number, grade: "durable" | "best-effort") => ({
    epoch: EPOCH,
    key: `heart-1/i/${EPOCH}/${seq}`,
    grade,
  });
  tally.recorded(entry(0, "durable"));
  tally.skipped(entry(1, "durable"));
  tally.recorded(entry(2, "best-effort"));
  tally.recorded(entry(3, "best-effort"));
  // Taken, and given up later; and one for which there never was room.
  tally.dropped(entry(2, "best-effort"));
  tally.dropped(entry(4, "durable"));
  const kept = new MultisetHash();
  for (const seq of [0, 3]) kept.add(seq, entrySalt("heart-1", "i", EPOCH));
  expect(tally.take(EPOCH + 1)).toEqual([
    { epoch: EPOCH, durable: 2, bestEffort: 2, dropped: 2, hash: kept.toString() },
  ]);
  expect(tally.take(EPOCH + 1)).toEqual([]);
});

test("telemetry of the runtime is left out, and what services do is not", () => {
  for (const name of ["$node.list", "node.vitals", "node-host.load", "shop.health", "organism.closures", "chain.block"])
    expect(isLeftOut(name)).toBe(true);
  for (const name of [
    "shop.buy",
    "user.created",
    "blockchain-logger.query",
    "chain.sold",
    "organism.node",
    "security.alert",
  ])
    expect(isLeftOut(name)).toBe(false);
});

describe("a signed report", () => {
  const report: NodeReport = {
    node: "heart-1",
    instance: "i",
    number: 1,
    epoch: EPOCH,
    started: 1,
    at: 2,
    sent: [{ to: "lungs-1", mark: "b", epoch: EPOCH, calls: 1, events: 0, hash: "0".repeat(32) }],
    received: [],
    entries: [],
  };

  test("verifies as it is, and not with anything changed", () => {
    const signed = new ReportSigner().sign(report);
    expect(isSigned(signed)).toBe(true);
    expect(isSigned(JSON.parse(JSON.stringify(signed)))).toBe(true);
    expect(isSigned({ ...signed, report: { ...report, number: 2 } })).toBe(false);
    expect(isSigned({ ...signed, key: new ReportSigner().key })).toBe(false);
    expect(isSigned({ ...signed, key: "no key" })).toBe(false);
    expect(isSigned({ ...signed, signature: "" })).toBe(false);
  });

  test("is read only in its shape", () => {
    const signed = new ReportSigner().sign(report);
    expect(readReport(signed)).toEqual(signed);
    const row = report.sent[0]!;
    for (const wrong of [
      { number: -1 },
      { node: 5 },
      { epoch: 2 ** 40 },
      { sent: [null] },
      { sent: [{ ...row, calls: -1 }] },
      { sent: [{ ...row, hash: "no hash" }] },
      { sent: [{ ...row, epoch: 2 ** 40 }] },
      { received: undefined },
      { asked: "1" },
      { lost: [{ to: "x" }] },
    ])
      expect(readReport({ ...signed, report: { ...report, ...wrong } })).toBeUndefined();
    for (const wrong of [undefined, null, 5, {}, { ...signed, key: 5 }]) expect(readReport(wrong)).toBeUndefined();
  });
});
