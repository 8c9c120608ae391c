import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { AuditLog, Receipt } from "../../../../services/immune/blockchain-logger/log/audit-log.ts";
import { seeded } from "../../../../services/immune/chaos-monkey/random.ts";
import { parseLeaf } from "../../../../tlog/entry.ts";
import { verifyFolder } from "../../../../tlog/verify/verify-folder.ts";
import { LogBench } from "../../../support/audit-log.ts";
import { type Fault, FaultyDisk, unsyncedDisk } from "../../../support/faulty-disk.ts";

const BEFORE = 300;
const NEVER = Number.POSITIVE_INFINITY;
const KEYS = Array.from({ length: 12 }, (_, at) => `key ${at}`);

/** What a caller was told. */
type Told = Map<string, Receipt>;

/** Three rounds of entries, each published, with blocks of three. */
async function live(log: AuditLog, told: Told): Promise<void> {
  for (let from = 0; from < KEYS.length; from += 4) {
    const round = KEYS.slice(from, from + 4).map(async (key) => {
      told.set(key, await log.log("test.entry", { key, text: "é".repeat(20) }, { idempotencyKey: key }));
    });
    await Promise.allSettled(round);
    await log.publish();
  }
}

describe("A log whose process or disk fails at any operation", () => {
  const folders: string[] = [];
  let template: LogBench;
  /** Has keys, and no log yet. */
  let fresh: LogBench;

  beforeAll(async () => {
    fresh = new LogBench();
    fresh.makeKeys();
    template = new LogBench();
    const log = await template.open();
    // Enough for a full tile and tiles of a higher level.
    await Promise.all(Array.from({ length: BEFORE }, (_, n) => log.log("test.before", { n })));
    await log.close();
  });

  afterAll(() => {
    template.remove();
    fresh.remove();
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });

  /** A copy of a log; by default of one that has been closed, so that no run pays for making keys. */
  function bench(of = template): LogBench {
    const copy = new LogBench();
    folders.push(copy.folder);
    cpSync(of.folder, copy.folder, { recursive: true });
    return copy;
  }

  async function operationsOfALife(of = template): Promise<number> {
    const disk = new FaultyDisk(NEVER, "EIO", Math.random);
    const log = await bench(of).open({ disk, blockEntries: 3 });
    await live(log, new Map());
    await log.close();
    return disk.operations;
  }

  /** Everything that was acknowledged is there once, in its place; what was not can be sent again; the log is whole. */
  async function checkWhole(own: LogBench, told: Told, where: string): Promise<void> {
    const log = await own.open({ disk: unsyncedDisk, blockEntries: 3 });
    const ids = new Map<string, number>();
    for (let index = 0; index < log.size; index++) {
      const entry = parseLeaf(log.leaf(index)!.bytes);
      expect({ where, index: entry.index, seen: ids.get(entry.id) }).toEqual({ where, index, seen: undefined });
      ids.set(entry.id, index);
    }
    for (const { id, index, hash } of told.values()) {
      expect({ where, index: ids.get(id), hash: log.leaf(index)?.leaf.toString("hex") }).toEqual({
        where,
        index,
        hash,
      });
    }
    const find = (id: string) => ids.get(id);
    await log.close();
    const again = await own.open({ disk: unsyncedDisk, blockEntries: 3, find });
    for (const key of KEYS) await again.log("test.entry", { key, text: "é".repeat(20) }, { idempotencyKey: key });
    await again.publish();
    const keys = new Set<unknown>();
    let count = 0;
    for (let index = 0; index < again.size; index++) {
      const entry = parseLeaf(again.leaf(index)!.bytes);
      if (entry.eventType !== "test.entry") continue;
      keys.add(entry.data["key"]);
      count++;
    }
    expect({ where, count, keys: keys.size }).toEqual({ where, count: KEYS.length, keys: KEYS.length });
    await again.close();
    const { isValid, problems } = await verifyFolder(join(own.folder, "chain"), { workers: 0 });
    expect({ where, isValid, problems }).toEqual({ where, isValid: true, problems: [] });
  }

  describe.each([
    ["a log that goes on", () => template],
    ["a log that begins", () => fresh],
  ])("%s", (_, of) => {
    test.each<Fault>(["crash before", "crash within", "power loss"])(
      "%s: nothing acknowledged is lost, nothing is there twice",
      async (fault) => {
        const operations = await operationsOfALife(of());
        expect(operations).toBeGreaterThan(40);
        for (let at = 0; at < operations; at++) {
          const own = bench(of());
          const disk = new FaultyDisk(at, fault, seeded(at));
          const told: Told = new Map();
          const log = await own.open({ disk, blockEntries: 3 }).catch(() => undefined);
          if (log) {
            await live(log, told).catch(() => {});
            await log.close().catch(() => {});
          }
          await checkWhole(own, told, `${fault} ${at}: ${disk.struck}`);
          own.remove();
        }
      },
      120_000,
    );
  });

  test.each<Fault>(["EIO", "ENOSPC"])(
    "%s: who was refused knows it, and the log goes on when the disk does",
    async (fault) => {
      const operations = await operationsOfALife();
      for (let at = 0; at < operations; at++) {
        const own = bench();
        const disk = new FaultyDisk(at, fault, seeded(at));
        const told: Told = new Map();
        const open = () => own.open({ disk, blockEntries: 3 });
        const log = await open().catch(() => {
          disk.makeRoom();
          return open();
        });
        await live(log, told).catch(() => {});
        disk.makeRoom();
        for (const key of KEYS) {
          told.set(key, await log.log("test.entry", { key, text: "é".repeat(20) }, { idempotencyKey: key }));
        }
        const killed = bench(own);
        await checkWhole(killed, told, `${fault} ${at}: ${disk.struck}, and then killed`);
        killed.remove();
        await live(log, told);
        expect({ at, told: told.size }).toEqual({ at, told: KEYS.length });
        await log.close();
        await checkWhole(own, told, `${fault} ${at}: ${disk.struck}`);
        own.remove();
      }
    },
    120_000,
  );
});
