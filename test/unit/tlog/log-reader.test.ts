import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { rootOf } from "../../../tlog/frontier.ts";
import { leafHash } from "../../../tlog/hashes.ts";
import { LogReader } from "../../../tlog/log-reader.ts";
import { rootAt } from "../../../tlog/proofs.ts";
import { fill, GeneratedLog } from "../../support/generated-log.ts";

const folder = mkdtempSync(join(tmpdir(), "azora-reader-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("a log's reader", () => {
  const log = new GeneratedLog(join(folder, "log"), { blockSize: 7 });
  const leaves: Buffer[] = [];
  for (let n = 1; n < 1500; n++) {
    leaves.push(log.add("user.created", { n }));
    // Blocks of every length, and checkpoints now and then.
    if (n % 13 === 0) log.seal();
    if (n % 400 === 0) log.publish();
  }
  log.publish();
  const reader = new LogReader(log.folder);
  const hashes = Array.from({ length: log.size }, (_, i) => leafHash(reader.leaf(i)));

  test("finds every entry with its hash and its block", () => {
    expect(reader.size).toBe(1500);
    for (let index = 1; index < log.size; index += 17) {
      expect(reader.leaf(index)).toEqual(leaves[index - 1]);
      expect(reader.leafHashAt(index)).toEqual(hashes[index]);
      const { blockHeight, hash, data } = reader.entry(index);
      expect({ hash, data }).toEqual({ hash: hashes[index]!.toString("hex"), data: { n: index } });
      const { firstIndex, lastIndex } = reader.block(blockHeight);
      expect(firstIndex <= index && index <= lastIndex).toBe(true);
    }
    expect(reader.blockCount()).toBe(log.height);
  });

  test("knows the block of every entry (any)", () => {
    const heights: number[] = [];
    for (let height = 0; height < log.height; height++) {
      const { firstIndex, lastIndex } = reader.block(height);
      for (let index = firstIndex; index <= lastIndex; index++) heights.push(height);
    }
    expect(heights).toHaveLength(log.size);
    heights.forEach((height, index) => {
      expect(reader.blockOf(index).height).toBe(height);
    });
  });

  test("knows every node and every root of the tree", () => {
    fc.assert(
      fc.property(fc.nat({ max: 10 }), fc.nat(), (level, at) => {
        const width = 2 ** level;
        const index = at % Math.floor(log.size / width);
        expect(reader.node(level, index)).toEqual(rootOf(hashes.slice(index * width, (index + 1) * width)));
      }),
    );
    for (const size of [0, 1, 255, 256, 257, 1024, 1499, 1500]) {
      expect(rootAt(size, reader.node)).toEqual(rootOf(hashes.slice(0, size)));
    }
    expect(() => reader.node(0, 1500)).toThrow(RangeError);
    expect(() => reader.node(11, 0)).toThrow(RangeError);
  });

  test("reads the log as it was, from full files where the partial ones are gone", () => {
    const size = log.published[0]!.size;
    const before = new LogReader(log.folder, size);
    expect(size).toBe(401);
    expect(before.leaf(400)).toEqual(leaves[399]);
    expect(rootAt(size, before.node)).toEqual(rootOf(hashes.slice(0, size)));
    expect(before.blockOf(400).treeSize).toBe(size);
    expect(before.blockCount()).toBe(before.blockOf(400).height + 1);
    expect(() => before.leaf(401)).toThrow("has no entry 401");
    expect(() => before.block(before.blockCount())).toThrow("has no block");
    before.setSize(1500);
    expect(before.leaf(1499)).toEqual(leaves[1498]);
  });

  test("says which file is missing or not what it should be", () => {
    const path = join(log.folder, "tile/entries/001");
    const bytes = readFileSync(path);
    rmSync(path);
    expect(() => new LogReader(log.folder).leaf(300)).toThrow("tile/entries/001 is missing");
    writeFileSync(path, bytes.subarray(0, -1));
    expect(() => new LogReader(log.folder).leaf(300)).toThrow("tile/entries/001 ends within its entry 255");
    writeFileSync(path, bytes);
    expect(() => new LogReader(join(folder, "nowhere"))).toThrow("checkpoint is missing");
    expect(() => new LogReader(log.folder, -1)).toThrow("cannot have -1 entries");
  });

  test("reads a log without entries", () => {
    const empty = new LogReader(join(folder, "nowhere"), 0);
    expect([empty.size, empty.blockCount()]).toEqual([0, 0]);
    expect(() => empty.entry(0)).toThrow("has no entry 0");
  });

  test("goes on with what was written meanwhile", () => {
    const growing = new GeneratedLog(join(folder, "growing"));
    fill(growing, 10).publish();
    const follower = new LogReader(growing.folder);
    fill(growing, 700).publish();
    expect(follower.size).toBe(10);
    follower.setSize(700);
    expect(follower.entry(699)).toMatchObject({ index: 699, blockHeight: 3 });
  });
});
