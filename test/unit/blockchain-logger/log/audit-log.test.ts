import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { AuditLog } from "../../../../services/immune/blockchain-logger/log/audit-log.ts";
import { type Disk, systemDisk } from "../../../../services/immune/blockchain-logger/log/disk.ts";
import { parseLeaf } from "../../../../tlog/entry.ts";
import { rootOf } from "../../../../tlog/frontier.ts";
import { verifyFolder } from "../../../../tlog/verify/verify-folder.ts";
import { LogBench } from "../../../support/audit-log.ts";

describe("the audit log", () => {
  let bench: LogBench;
  let log: AuditLog;

  beforeEach(async () => {
    bench = new LogBench();
    log = await bench.open();
  });

  afterEach(async () => {
    await log.close().catch(() => {});
    bench.remove();
  });

  const entries = (count: number) => Promise.all(Array.from({ length: count }, (_, n) => log.log("test", { n })));
  const verified = async () => (await verifyFolder(join(bench.folder, "chain"), { workers: 0, deep: true })).problems;
  /** Lets callbacks of the clock do their work on the disk. */
  const until = async (isDone: () => boolean) => {
    while (!isDone()) await new Promise((resolve) => setImmediate(resolve));
  };

  test("begins with its keys, and with who writes it", async () => {
    const types = [0, 1].map((index) => parseLeaf(log.leaf(index)!.bytes).eventType);
    expect(types).toEqual(["chain.key.added", "chain.started"]);
  });

  test("names the states of an entry in their order", async () => {
    const { index } = await log.log("test", {});
    expect(log.progress.stateOf(index)).toBe("durable");
    const sealed = log.reached(index, "integrated");
    const published = log.reached(index, "checkpointed");
    await log.publish();
    await Promise.all([sealed, published]);
    expect(log.progress.stateOf(index)).toBe("checkpointed");
    expect(log.progress.stateOf(index + 1)).toBe("queued");
  });

  test("publishes by itself when the time has come, and not before there is something new", async () => {
    await log.publish();
    const before = readFileSync(join(bench.folder, "chain", "log", "checkpoint"), "utf8");
    bench.clock.advance(60_000);
    expect(readFileSync(join(bench.folder, "chain", "log", "checkpoint"), "utf8")).toBe(before);
    const { index } = await log.log("test", {});
    bench.clock.advance(1000);
    await until(() => log.progress.stateOf(index) === "checkpointed");
  });

  test("seals a block in time between two checkpoints", async () => {
    await log.close();
    log = await bench.open({ blockInterval: 100, checkpointInterval: 10_000 });
    const { index } = await log.log("test", {});
    bench.clock.advance(100);
    await until(() => log.progress.stateOf(index) === "integrated");
    expect(log.progress.size("checkpointed")).toBeLessThanOrEqual(index);
  });

  test("ends a full block where a tile ends", async () => {
    await entries(700);
    await log.publish();
    const spans = Array.from({ length: log.height }, (_, at) => log.reader.block(at)).map((one) => one.treeSize);
    expect(spans.slice(0, 2)).toEqual([256, 512]);
    const block = log.reader.block(1);
    const leaves = Array.from({ length: 256 }, (_, at) => log.reader.leafHashAt(256 + at));
    expect(block.merkleRoot).toBe(rootOf(leaves).toString("hex"));
    expect(block.merkleRoot).toBe(log.reader.node(8, 1).toString("hex"));
  });

  test("removes partial tiles once the full one stands", async () => {
    await entries(10);
    await log.publish();
    const partial = join(bench.folder, "chain", "log", "tile", "0", "000.p");
    expect(existsSync(partial)).toBe(true);
    await entries(300);
    await log.publish();
    expect(existsSync(partial)).toBe(false);
    expect(await verified()).toEqual([]);
  });

  test("never lets time go back, though the clock does", async () => {
    const first = await log.log("test", {});
    bench.clock.advance(-3_600_000);
    const second = await log.log("test", {});
    const time = (index: number) => parseLeaf(log.leaf(index)!.bytes).timestamp;
    expect(time(second.index)).toBe(time(first.index));
    await log.publish();
    expect(await verified()).toEqual([]);
  });

  test("refuses a second writer, and says who holds it", async () => {
    await expect(bench.open()).rejects.toThrow(new RegExp(`process ${process.pid} .* writes this log already`));
  });

  test("can be opened again where the disk refused it the first time", async () => {
    await log.close();
    const beside = join(bench.folder, "chain", "writer.sqlite.json");
    rmSync(beside);
    mkdirSync(join(beside, "in the way"), { recursive: true });
    await expect(bench.open()).rejects.toMatchObject({ code: expect.stringMatching(/EISDIR|ENOTEMPTY|EEXIST/) });
    rmSync(beside, { recursive: true });
    log = await bench.open();
  });

  test("stops when another writer took the folder over", async () => {
    await log.publish();
    const lock = join(bench.folder, "chain", "writer.sqlite.json");
    writeFileSync(lock, JSON.stringify({ ...JSON.parse(readFileSync(lock, "utf8")), epoch: 99 }));
    await log.log("test", {});
    await expect(log.publish()).rejects.toThrow("writer 99 took over");
  });

  test("counts each life of its writer", async () => {
    const { epoch } = log;
    await log.close();
    log = await bench.open();
    expect(log.epoch).toBe(epoch + 1);
  });

  test("refuses to go on from an old copy of itself", async () => {
    await entries(5);
    await log.close();
    const copy = join(bench.folder, "backup");
    cpSync(join(bench.folder, "chain"), copy, { recursive: true });
    log = await bench.open();
    await entries(5);
    await log.close();
    rmSync(join(bench.folder, "chain"), { recursive: true });
    cpSync(copy, join(bench.folder, "chain"), { recursive: true });
    await expect(bench.open()).rejects.toMatchObject({ type: "CHAIN_ROLLED_BACK" });
  });

  test("refuses to go on from files that were altered, and names the place", async () => {
    await entries(300);
    await log.close();
    const folder = join(bench.folder, "chain", "log");
    const files = ["checkpoint", "tile/1/000.p/1", "block/000.p/2"].map((path) => join(folder, path));
    for (const file of files) {
      const bytes = readFileSync(file);
      const altered = Buffer.from(bytes);
      altered[20]! ^= 1;
      writeFileSync(file, altered);
      await expect(bench.open()).rejects.toMatchObject({ type: "CHAIN_CORRUPT" });
      writeFileSync(file, bytes);
    }
    log = await bench.open();
  });

  test("misses a checkpoint that was taken away, with what was signed known or not", async () => {
    await entries(5);
    await log.close();
    rmSync(join(bench.folder, "chain", "log", "checkpoint"));
    const refusal = { type: "CHAIN_CORRUPT", message: expect.stringMatching(/checkpoint is missing$/) };
    await expect(bench.open()).rejects.toMatchObject(refusal);
    rmSync(join(bench.folder, "keys", "signed.json"));
    await expect(bench.open()).rejects.toMatchObject(refusal);
  });

  test("a witness that answers late does not bring an old checkpoint back", async () => {
    await log.close();
    let held: (() => void) | undefined;
    const disk: Disk = {
      ...systemDisk,
      async create(path, mode) {
        if (held === undefined && path.endsWith("/.checkpoint.tmp")) {
          await new Promise<void>((resolve) => {
            held = resolve;
          });
        }
        return systemDisk.create(path, mode);
      },
    };
    log = await bench.open({ disk: systemDisk });
    await log.publish();
    const { checkpoint, size } = { checkpoint: log.checkpoint, size: log.reader.size };
    await log.close();
    log = await bench.open({ disk });
    const old = log.cosigned(checkpoint, size);
    await until(() => held !== undefined);
    const published = log.publish();
    await new Promise((resolve) => setTimeout(resolve, 20));
    held!();
    await Promise.all([old, published]);
    expect(log.checkpoint).toContain(`\n${log.size}\n`);
    expect(readFileSync(join(bench.folder, "chain", "log", "checkpoint"), "utf8")).toBe(log.checkpoint);
    expect(await verified()).toEqual([]);
  });

  test("removes what a crash left beyond the checkpoint", async () => {
    await entries(300);
    await log.close();
    const folder = join(bench.folder, "chain", "log");
    const left = [
      "tile/0/001.p/200",
      "tile/0/002",
      "tile/2/000.p/1",
      "tile/entries/001.p/250",
      "block/000.p/99",
      "block/001.p/3",
    ];
    for (const path of left) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), "unfinished");
    }
    log = await bench.open();
    expect(left.filter((path) => existsSync(join(folder, path)))).toEqual([]);
    await entries(300);
    await log.publish();
    expect(await verified()).toEqual([]);
  });

  test("refuses more than may wait, and counts it", async () => {
    const results = await Promise.allSettled(Array.from({ length: 10_050 }, (_, n) => log.log("test", { n })));
    const refused = results.filter((one) => one.status === "rejected");
    expect(refused).toHaveLength(50);
    expect(refused[0]!.reason).toMatchObject({ type: "CHAIN_BUSY" });
    expect(log.refused).toBe(50);
  });

  test("answers two at once that have the same idempotency key with one entry", async () => {
    const [one, other] = await Promise.all([1, 2].map(() => log.log("test", {}, { idempotencyKey: "a" })));
    expect(other).toEqual({ ...one, duplicate: true });
  });
});
