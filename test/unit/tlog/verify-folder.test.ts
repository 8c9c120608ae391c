import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { leafBytes } from "../../../tlog/entry.ts";
import { leafHash } from "../../../tlog/hashes.ts";
import { generateKey } from "../../../tlog/keys.ts";
import { splitBundle } from "../../../tlog/tiles.ts";
import { type VerifyOptions, verifyFolder } from "../../../tlog/verify/verify-folder.ts";
import { entriesRecord, headerRecord } from "../../../tlog/write-ahead.ts";
import { fill, GeneratedLog, type GeneratedLogOptions } from "../../support/generated-log.ts";

const folder = mkdtempSync(join(tmpdir(), "azora-verify-"));
let logs = 0;
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function newLog(size: number, options?: GeneratedLogOptions): GeneratedLog {
  return fill(new GeneratedLog(join(folder, `${logs++}`, "log"), options), size);
}

const verify = (log: GeneratedLog, options: VerifyOptions = {}) => verifyFolder(log.folder, { workers: 0, ...options });

/** Changes a file of the log. */
function change(log: GeneratedLog, file: string, by: (bytes: Buffer) => Buffer | undefined): void {
  const path = join(log.folder, file);
  const bytes = by(readFileSync(path));
  if (bytes) writeFileSync(path, bytes);
  else rmSync(path);
}

/** Another amount in an entry, of the same length. */
function alterEntry(log: GeneratedLog, index: number): void {
  change(log, `tile/entries/${String(index >> 8).padStart(3, "0")}`, (bytes) => {
    const entry = splitBundle(bytes)[index % 256]!;
    entry.write("XX", entry.indexOf("transfer number"));
    return bytes;
  });
}

describe("verifying a log's folder", () => {
  test("tells what it is, who signed it and whom it trusted", async () => {
    const log = newLog(700, { blockSize: 100, keys: ["ed25519", "rsa-pss-3072"] });
    log.publish();
    const found = await verify(log);
    expect(found).toMatchObject({
      isValid: true,
      origin: "azora.test/log",
      size: 700,
      blocks: 8,
      pruned: 0,
      pending: 0,
    });
    expect(found).toMatchObject({ trusted: log.vkeys, trustedFrom: join(log.folder, "keys"), problemCount: 0 });
    expect(found.signedBy).toEqual(log.vkeys.map((vkey) => vkey.split("+", 2).join("+")));
  });

  test("finds the same with threads, wherever the places are", async () => {
    const log = newLog(20_000);
    log.publish();
    for (const index of [5, 8191, 8192, 16_500]) alterEntry(log, index);
    const [here, there] = [await verify(log), await verify(log, { workers: 2 })];
    expect(here.problems.map(({ where }) => where)).toEqual(["entry 5", "entry 8191", "entry 8192", "entry 16500"]);
    expect(there.problems).toEqual(here.problems);
  });

  test("tells how far it is, and can be stopped", async () => {
    const log = newLog(20_000);
    log.publish();
    const told: number[][] = [];
    await verify(log, { onProgress: (...args) => told.push(args) });
    expect(told).toEqual([
      [8192, 20_000],
      [16_384, 20_000],
      [20_000, 20_000],
    ]);
    const stop = new AbortController();
    const stopped = verify(log, { workers: 1, signal: stop.signal, onProgress: () => stop.abort(new Error("enough")) });
    await expect(stopped).rejects.toThrow("enough");
  });

  test("blames the tile where the entry is right, and the entry where the tile is", async () => {
    const log = newLog(600);
    log.publish();
    change(log, "tile/0/001", (bytes) => bytes.fill(1, 32 * 7, 32 * 8));
    alterEntry(log, 20);
    expect((await verify(log)).problems).toMatchObject([
      { what: "entry", index: 20, file: "tile/entries/000" },
      {
        what: "file",
        where: "tile/0/001",
        index: 263,
        why: expect.stringContaining("its hash 7 is not that of entry 263"),
      },
    ]);
  });

  test("finds an entry that was altered together with its hash, by the tile above", async () => {
    const log = newLog(600);
    log.publish();
    alterEntry(log, 20);
    const leaf = leafHash(splitBundle(readFileSync(join(log.folder, "tile/entries/000")))[20]!);
    change(log, "tile/0/000", (bytes) => {
      leaf.copy(bytes, 20 * 32);
      return bytes;
    });
    const { problems } = await verify(log);
    expect(problems).toContainEqual(expect.objectContaining({ what: "link", index: 21 }));
    expect(problems).toContainEqual(expect.objectContaining({ what: "block", height: 0 }));
    expect(problems).toContainEqual(
      expect.objectContaining({ where: "tile/1/000.p/2", why: expect.stringContaining("from 0 on") }),
    );
    expect(problems.at(-1)).toMatchObject({
      what: "checkpoint",
      why: expect.stringContaining("its root is not that of"),
    });
  });

  test("tells once what makes every later block wrong", async () => {
    const log = newLog(2000, { blockSize: 10 });
    log.publish();
    change(log, "tile/entries/000", () => undefined);
    change(log, "tile/0/000", () => undefined);
    change(log, "tile/1/000.p/7", (bytes) => bytes.fill(3, 0, 32));
    const { problemCount } = await verify(log);
    expect(problemCount).toBeLessThan(8);
  });

  test("names the block file that is missing, and no block that is there", async () => {
    const log = newLog(1500, { blockSize: 2 });
    log.publish();
    change(log, "block/001", () => undefined);
    expect((await verify(log)).problems).toMatchObject([{ where: "block/001", why: "it is missing" }]);
  });

  test("names the block whose line was altered, dropped or exchanged", async () => {
    const log = newLog(1500, { blockSize: 50 });
    log.publish();
    const file = `block/000.p/${log.height}`;
    const intact = readFileSync(join(log.folder, file));
    const heights = async (by: (lines: string[]) => string[]) => {
      change(log, file, () => Buffer.from(by(intact.toString().split("\n")).join("\n")));
      return (await verify(log)).problems.flatMap(({ height }) => height ?? []);
    };
    const treeRoot = (line: string) => line.replace(/"treeRoot":"./, '"treeRoot":"x');
    expect(await heights((lines) => lines.with(7, treeRoot(lines[7]!)))).toEqual(expect.arrayContaining([7]));
    expect(await heights((lines) => lines.with(7, lines[8]!).with(8, lines[7]!))).toEqual(
      expect.arrayContaining([7, 8]),
    );
    const far = (line: string) => line.replace(/("(first|last)Index"|"treeSize"):/g, "$1:9");
    const found = await heights((lines) => lines.with(7, far(lines[7]!)));
    expect([...new Set(found)]).toEqual([7, 8]);
  });

  test("reads only the entries that it is asked for, and still checks every hash", async () => {
    const log = newLog(2000);
    log.publish();
    alterEntry(log, 100);
    expect((await verify(log, { from: 256 })).isValid).toBe(true);
    expect((await verify(log, { to: 256 })).problems).toMatchObject([{ index: 100 }]);
    change(log, "tile/0/006", (bytes) => bytes.fill(1, 0, 32));
    expect((await verify(log, { from: 256, to: 512 })).isValid).toBe(false);
    await expect(verify(log, { from: 2001 })).rejects.toThrow(RangeError);
    await expect(verify(log, { from: 20, to: 10 })).rejects.toThrow(RangeError);
  });

  test("takes pruned bundles where an entry says so, and misses all others", async () => {
    const log = newLog(1000);
    log.add("chain.pruned", { before: 512, files: 2, bytes: 1 });
    log.publish();
    for (const one of ["000", "001"]) rmSync(join(log.folder, `tile/entries/${one}`));
    expect(await verify(log)).toMatchObject({ isValid: true, pruned: 512 });
    expect(await verify(log, { keys: log.vkeys })).toMatchObject({ isValid: true });
    rmSync(join(log.folder, "tile/entries/002"));
    expect((await verify(log)).problems).toMatchObject([{ where: "tile/entries/002", index: 512 }]);
  });

  test("needs no more than the log's files: a folder without a checkpoint is no log", async () => {
    const log = newLog(10);
    log.publish();
    rmSync(join(log.folder, "checkpoint"));
    expect(await verify(log)).toMatchObject({
      isValid: false,
      size: 0,
      problems: [{ where: "checkpoint", why: "it is missing" }],
    });
  });
});

describe("what an entry says", () => {
  test("must name its place and the entry before it, and not go back in time", async () => {
    const log = newLog(5);
    log.add("user.created", {}, { index: 9 });
    log.add("user.created", {}, { previousHash: "ab".repeat(32) });
    log.add("user.created", {}, { timestamp: "2026-11-20T12:00:00.000Z" });
    fill(log, 300).publish();
    expect((await verify(log)).problems).toMatchObject([
      { where: "entry 5", why: "it says that it is entry 9" },
      { what: "link", index: 6, why: "entry 6 does not name the hash of entry 5" },
      { where: "entry 7", why: expect.stringContaining("is before that of entry 6") },
    ]);
  });

  test("is seen to be no entry at once, and not to be canonical when it is looked at deeply", async () => {
    const log = newLog(5);
    const leaf = log.add("user.created", { n: 1 }).toString();
    log.append(Buffer.from("no entry"));
    fill(log, 7).publish();
    const odd = newLog(5);
    const link = { index: 6, previousHash: leafHash(odd.add("user.created", { n: 1 })).toString("hex") };
    const entry = { ...JSON.parse(leaf), ...link };
    odd.append(Buffer.from(leafBytes(entry).toString().replace('"n":1', '"n":1.0')));
    odd.publish();
    expect((await verify(log)).problems).toMatchObject([
      { where: "entry 6", why: "it is not an entry as the format has it" },
    ]);
    expect((await verify(odd)).isValid).toBe(true);
    expect((await verify(odd, { deep: true })).problems).toMatchObject([
      { where: "entry 6", why: "it is not canonical JSON (RFC 8785)" },
    ]);
  });
});

describe("the keys of a log", () => {
  test("lead from the oldest to the newest, over every rotation", async () => {
    const log = newLog(20);
    log.publish();
    for (let i = 0; i < 3; i++) {
      log.addKey(generateKey("ed25519"));
      log.retire(i);
      fill(log, log.size + 10).publish();
    }
    for (const key of log.vkeys)
      expect(await verify(log, { keys: [key] })).toMatchObject({ isValid: true, trusted: [key] });
    rmSync(join(log.folder, `checkpoints/${log.published[2]!.size}`));
    expect((await verify(log)).isValid).toBe(false);
    const { problems } = await verify(log, { keys: [log.vkeys[0]!] });
    expect(problems).toContainEqual(expect.objectContaining({ what: "key", where: "checkpoint" }));
  });

  test("do not include one that was revoked, nor one that is not the log's", async () => {
    const log = newLog(20, { keys: ["ed25519", "ed25519"] });
    log.publish();
    log.revoke(0);
    fill(log, 40).publish();
    const found = await verify(log);
    expect(found).toMatchObject({ isValid: true, trusted: [log.vkeys[1]] });
    expect((await verify(log, { keys: [newLog(1).vkeys[0]!] })).problems).toMatchObject([
      { what: "key", where: "checkpoint" },
    ]);
    await expect(verify(log, { keys: ["x"] })).rejects.toThrow("is not");
  });

  test("must all sign", async () => {
    const log = newLog(20, { keys: ["ed25519", "ed25519"] });
    log.publish();
    const lines = readFileSync(join(log.folder, "checkpoint"), "utf8").split("\n");
    writeFileSync(join(log.folder, "checkpoint"), lines.toSpliced(6, 1).join("\n"));
    expect((await verify(log)).problems).toMatchObject([
      { where: "checkpoint", why: expect.stringMatching(/^the key .* which is in use there, has not signed it/) },
    ]);
  });

  test("do not make another log of the same name that log", async () => {
    const [log, forged] = [newLog(20), newLog(20)];
    forged.publish();
    expect((await verify(forged)).isValid).toBe(true);
    expect((await verify(forged, { keys: log.vkeys })).isValid).toBe(false);
    writeFileSync(join(forged.folder, "keys"), `${log.vkeys[0]}\n`);
    expect((await verify(forged)).problems).toMatchObject([{ what: "key", where: "keys" }]);
  });

  test("may be followed in their file by keys that no checkpoint covers yet; they count for nothing", async () => {
    const [log, next] = [newLog(20), newLog(1)];
    log.publish();
    writeFileSync(join(log.folder, "keys"), `${log.vkeys[0]}\n${next.vkeys[0]}\n`);
    expect(await verify(log)).toMatchObject({ isValid: true, trusted: log.vkeys });
  });
});

describe("the write-ahead files beside a log", () => {
  function withWal(firstIndex: number, change: (bytes: Buffer) => Buffer = (bytes) => bytes) {
    const log = newLog(20);
    log.publish();
    const leaves = [3, 4].map((n) => log.add("user.created", { n }));
    const header = { format: "azora-write-ahead/1", origin: log.origin, epoch: 1, firstIndex: 20 } as const;
    const bytes = Buffer.concat([headerRecord(header), entriesRecord(leaves.slice(firstIndex - 20))]);
    const path = join(dirname(log.folder), "wal", "0000000000000020");
    mkdirSync(dirname(path));
    writeFileSync(path, change(bytes));
    return verifyFolder(dirname(log.folder), { workers: 0 });
  }

  test("hold what no checkpoint covers yet, linked to the log", async () => {
    expect(await withWal(20)).toMatchObject({ isValid: true, size: 20, pending: 2 });
  });

  test("must have no gap", async () => {
    expect((await withWal(21)).problems).toMatchObject([
      { what: "write-ahead file", why: expect.stringContaining("entry 21 follows entry 19") },
    ]);
  });

  test("must end with a whole record", async () => {
    const { problems } = await withWal(20, (bytes) => bytes.subarray(0, -1));
    expect(problems).toMatchObject([
      { where: "wal/0000000000000020", why: expect.stringMatching(/crash cut off, or altered/) },
    ]);
  });

  test("may be written to at the moment: what is whole soon is no problem", async () => {
    let rest: Buffer = Buffer.alloc(0);
    const path = join(folder, `${logs}`, "wal", "0000000000000020");
    const verifying = withWal(20, (bytes) => {
      rest = bytes.subarray(-100);
      return bytes.subarray(0, -100);
    });
    appendFileSync(path, rest);
    expect(await verifying).toMatchObject({ isValid: true, pending: 2 });
  });

  test("cannot be altered unseen at any byte", async () => {
    let length = 1;
    for (let at = 0; at < length; at += 7) {
      const { isValid } = await withWal(20, (bytes) => {
        length = bytes.length;
        bytes[at]! ^= 4;
        return bytes;
      });
      expect([at, isValid]).toEqual([at, false]);
    }
    expect(length).toBeGreaterThan(500);
  });
});
