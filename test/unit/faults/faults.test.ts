import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getHeapSpaceStatistics } from "node:v8";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { CallFaults } from "../../../runtime/faults/call-faults.ts";
import { DiskFiller, folderToFill, removeFills } from "../../../runtime/faults/disk-filler.ts";
import { evenly } from "../../../runtime/faults/evenly.ts";
import { MemoryLeak } from "../../../runtime/faults/memory-leak.ts";
import { MessageFaults } from "../../../runtime/faults/message-faults.ts";
import { NODE_FAULTS, readFault } from "../../../runtime/faults/node-fault.ts";
import { FakeClock } from "../../support/fake-clock.ts";

describe("a share of all", () => {
  test("is met to within one at every moment, whatever the share", () => {
    fc.assert(
      fc.property(fc.double({ min: 0.001, max: 1, noNaN: true }), fc.integer({ min: 1, max: 2000 }), (share, asks) => {
        const due = evenly(share);
        let hits = 0;
        for (let i = 1; i <= asks; i++) {
          if (due()) hits++;
          expect(Math.abs(hits - i * share)).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  test("of one is everything", () => {
    const due = evenly(1);
    expect(Array.from({ length: 50 }, due)).toEqual(Array(50).fill(true));
  });
});

describe("a fault", () => {
  test("gets its defaults", () => {
    expect(readFault({ kind: "fail-calls", service: "a" })).toEqual({
      fault: {
        kind: "fail-calls",
        service: "a",
        message: "chaos: this call was made to fail",
        code: 500,
        share: 1,
        health: false,
      },
    });
    expect(readFault({ kind: "fill-disk" })).toEqual({
      fault: { kind: "fill-disk", folder: "", leaveMB: 0, maxMB: 2048 },
    });
  });

  test("that is wrong is refused with field, value and what is allowed", () => {
    expect(readFault({ kind: "explode" })).toEqual({
      errors: [{ field: "kind", value: "explode", allowed: expect.stringContaining("block-loop") }],
    });
    expect(readFault({ kind: "delay-calls", service: "a", ms: -1 })).toEqual({
      errors: [{ field: "ms", value: -1, allowed: "must be greater than or equal to 1" }],
    });
    expect(readFault({ kind: "leak", mbPerSecond: 1 })).toMatchObject({ errors: [{ field: "limitMB" }] });
    expect(readFault({ kind: "leak", mbPerSecond: 1, limitMB: 5, more: 1 })).toMatchObject({
      errors: [{ field: "more", allowed: expect.stringContaining("not known") }],
    });
  });

  test("is refused where its fields hold what has no text", () => {
    expect(readFault({ kind: "delay-messages", peer: [{ toString: 0 }] })).toMatchObject({
      errors: [{ field: "kind" }],
    });
  });

  test("is read or refused, and never throws, whatever is given", () => {
    const kinds = fc.oneof(fc.constantFrom(...NODE_FAULTS), fc.string());
    const given = fc.oneof(
      fc.anything(),
      fc.record({ kind: kinds, ms: fc.anything(), service: fc.anything(), share: fc.anything(), peer: fc.anything() }),
    );
    fc.assert(
      fc.property(given, (one) => {
        const read = readFault(one);
        if ("errors" in read) expect(read.errors.length).toBeGreaterThan(0);
        else expect(NODE_FAULTS).toContain(read.fault.kind);
      }),
    );
  });
});

describe("a leak", () => {
  test("grows at its rate up to its limit, and gives everything back", () => {
    const clock = new FakeClock();
    const leak = new MemoryLeak(clock, 5, 8);
    clock.advance(1000);
    expect(leak.heldMB).toBe(5);
    clock.advance(5000);
    expect(leak.heldMB).toBe(8);
    leak.release();
    clock.advance(5000);
    expect(leak.heldMB).toBe(0);
  });

  test("is on the heap", () => {
    const clock = new FakeClock();
    const large = () =>
      getHeapSpaceStatistics()
        .filter(({ space_name }) => space_name.endsWith("large_object_space"))
        .reduce((sum, { space_used_size }) => sum + space_used_size, 0);
    const before = large();
    const leak = new MemoryLeak(clock, 200, 160);
    clock.advance(1000);
    expect(large() - before).toBeGreaterThan(100 * 1024 * 1024);
    leak.release();
  });
});

describe("faults of calls", () => {
  const ctx = (caller: string | null, nodeID = "n1") => ({ caller, nodeID }) as never;

  test("hit only the service, only their share, and not its health unless it is said", async () => {
    const faults = new CallFaults(new FakeClock());
    const { undo, hits } = faults.begin({
      kind: "fail-calls",
      service: "a",
      message: "no",
      code: 500,
      share: 0.5,
      health: false,
    });
    const outcome = (service: string, isHealth = false) =>
      faults.around(async () => "ok", ctx(null), service, isHealth).catch((error: Error) => error.message);
    expect([await outcome("a"), await outcome("a"), await outcome("a"), await outcome("a")]).toEqual([
      "ok",
      "no",
      "ok",
      "no",
    ]);
    expect(await outcome("b")).toBe("ok");
    expect([await outcome("a", true), await outcome("a", true)]).toEqual(["ok", "ok"]);
    expect(hits()).toBe(2);
    undo();
    expect([await outcome("a"), await outcome("a")]).toEqual(["ok", "ok"]);
  });

  test("count who calls whom while somebody watches", async () => {
    const faults = new CallFaults(new FakeClock());
    const call = (caller: string | null, callee: string, fails = false) =>
      faults
        .around(() => (fails ? Promise.reject(new Error()) : Promise.resolve()), ctx(caller), callee, false)
        .catch(() => {});
    await call("x", "unseen");
    const stop = faults.watch();
    await call("x", "a");
    await call("x", "a", true);
    await call(null, "a");
    stop();
    await call("x", "late");
    expect(faults.pairs()).toEqual([
      { caller: "x", callee: "a", calls: 2, errors: 1 },
      { caller: "n1", callee: "a", calls: 1, errors: 0 },
    ]);
  });
});

describe("faults of messages", () => {
  test("never stop what undoes them", () => {
    const faults = new MessageFaults(new FakeClock());
    const pending = new Map([["own", { action: { name: "node-faults.inject" } }]]);
    const got: string[] = [];
    const handle = faults.wrap(
      () => ({ transit: { pendingRequests: pending } }) as never,
      (command, packet) => got.push(`${command} ${packet.payload?.action ?? packet.payload?.id}`),
    );
    const { undo, hits } = faults.begin({ kind: "drop-messages", peer: "b", share: 1 });
    handle("REQ", { payload: { sender: "b", action: "node-faults.undo" } });
    handle("RES", { payload: { sender: "b", id: "own" } });
    handle("REQ", { payload: { sender: "b", action: "ledger.read" } });
    handle("RES", { payload: { sender: "b", id: "other" } });
    handle("REQ", { payload: { sender: "c", action: "ledger.read" } });
    expect(got).toEqual(["REQ node-faults.undo", "RES own", "REQ ledger.read"]);
    expect(hits()).toBe(2);
    undo();
    handle("REQ", { payload: { sender: "b", action: "ledger.read" } });
    expect(got).toHaveLength(4);
  });

  test("keep the order of what they delay", () => {
    const clock = new FakeClock();
    const faults = new MessageFaults(clock);
    const got: string[] = [];
    const handle = faults.wrap(
      () => ({}) as never,
      (command) => got.push(command),
    );
    faults.begin({ kind: "delay-messages", peer: "b", ms: 100 });
    for (const command of ["1", "2", "3"]) {
      handle(command, { payload: { sender: "b" } });
      clock.advance(10);
    }
    expect(got).toEqual([]);
    clock.advance(75);
    expect(got).toEqual(["1"]);
    clock.advance(100);
    expect(got).toEqual(["1", "2", "3"]);
  });
});

describe("filling a disk", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "azora-fill-"));
    mkdirSync(join(folder, "data/db/deep/deeper"), { recursive: true });
    mkdirSync(join(folder, "else"));
    symlinkSync(join(folder, "else"), join(folder, "data/link"));
    writeFileSync(join(folder, "data/file"), "");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test("is refused outside of the data folder, through whatever path", () => {
    const data = join(folder, "data");
    expect(folderToFill(data, "")).toBe(data);
    expect(folderToFill(data, "db")).toBe(join(data, "db"));
    for (const wrong of ["..", "../else", "link", "/tmp", "file", "nothing", "db/deep/deeper", "db/../../else"])
      expect(() => folderToFill(data, wrong)).toThrow(/must be "" or a folder of the data folder/);
  });

  test("writes really, stops at its bound, and leaves nothing after its undo", async () => {
    const filler = new DiskFiller(folder, "heart-1", 0, 9);
    await filler.done;
    expect(statSync(filler.file).size).toBe(9 * 1024 * 1024);
    expect(statSync(filler.file).blocks * 512).toBeGreaterThanOrEqual(8 * 1024 * 1024);
    expect(filler.ended).toContain("9 MB are written");
    await filler.undo();
    expect(existsSync(filler.file)).toBe(false);
  });

  test("writes nothing where no more than it is to leave is free", async () => {
    const filler = new DiskFiller(folder, "heart-1", 1e9, 9);
    await filler.done;
    expect([filler.writtenMB, filler.ended]).toEqual([0, "only so much is free now"]);
    await filler.undo();
  });

  test("can be undone while it writes", async () => {
    const filler = new DiskFiller(folder, "heart-1", 0, 200);
    await filler.undo();
    expect(existsSync(filler.file)).toBe(false);
    expect(filler.writtenMB).toBeLessThan(200);
  });

  test("leaves a file of a dead node to be found, at any depth that is allowed", () => {
    const data = join(folder, "data");
    for (const path of ["chaos-fill-heart-1.tmp", "db/chaos-fill-brain-1.tmp", "db/deep/chaos-fill-heart-1.tmp"])
      writeFileSync(join(data, path), "");
    expect(removeFills(data, "heart-1")).toHaveLength(2);
    expect(removeFills(data)).toEqual([join(data, "db/chaos-fill-brain-1.tmp")]);
    expect(removeFills(join(folder, "nothing"))).toEqual([]);
  });
});
