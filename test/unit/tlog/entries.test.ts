import { describe, expect, test } from "@jest/globals";
import { type Block, blockHash, blockLine, parseBlock } from "../../../tlog/block.ts";
import { idOfKey, type LeafEntry, leafBytes, parseLeaf } from "../../../tlog/entry.ts";
import { joinBundle, splitBundle, tilePath } from "../../../tlog/tiles.ts";

const LEAF: LeafEntry = {
  data: { name: "Ünal", items: [{ price: 1.5 }] },
  eventType: "user.created",
  id: "019a9f1e-8d5a-7a5e-8c1f-2d3e4f506172",
  index: 1,
  previousHash: "ab".repeat(32),
  timestamp: "2026-11-20T11:40:00.000Z",
  validator: "immune-1",
};
const BLOCK: Block = {
  entryCount: 2,
  firstIndex: 254,
  height: 3,
  lastIndex: 255,
  merkleRoot: "11".repeat(32),
  previousHash: "22".repeat(32),
  timestamp: "2026-11-20T11:40:01.000Z",
  treeRoot: "33".repeat(32),
  treeSize: 256,
  validator: "immune-1",
};

describe("an entry", () => {
  test("is hashed as its canonical JSON", () => {
    expect(leafBytes(LEAF).toString()).toBe(
      `{"data":{"items":[{"price":1.5}],"name":"Ünal"},"eventType":"user.created","id":"019a9f1e-8d5a-7a5e-8c1f-2d3e4f506172","index":1,"previousHash":"${"ab".repeat(32)}","timestamp":"2026-11-20T11:40:00.000Z","validator":"immune-1"}`,
    );
    const whole = { ...LEAF, actor: "ada", subject: "subject:1" };
    expect(parseLeaf(leafBytes({ ...whole, hash: "x", blockHeight: 1 } as LeafEntry))).toEqual(whole);
  });

  test("is refused with the path of what JSON cannot hold", () => {
    const data = { items: [1, { price: Number.NaN }] };
    expect(() => leafBytes({ ...LEAF, data })).toThrow(expect.objectContaining({ path: "data.items[1].price" }));
  });

  test("has 61,440 bytes at most", () => {
    const rest = leafBytes({ ...LEAF, data: { text: "" } }).length;
    expect(leafBytes({ ...LEAF, data: { text: "x".repeat(61_440 - rest) } })).toHaveLength(61_440);
    expect(() => leafBytes({ ...LEAF, data: { text: "x".repeat(61_441 - rest) } })).toThrow(
      "has 61441 bytes, but may have 61440",
    );
  });

  test.each<[string, Partial<Record<keyof LeafEntry, unknown>>]>([
    ["an id of another kind", { id: "0e3f2a10-8d5a-4a5e-8c1f-2d3e4f506172" }],
    ["an id in capitals", { id: LEAF.id.toUpperCase() }],
    ["a hash in capitals", { previousHash: "AB".repeat(32) }],
    ["a time without milliseconds", { timestamp: "2026-11-20T11:40:00Z" }],
    ["a day that is not", { timestamp: "2026-02-30T11:40:00.000Z" }],
    ["a negative index", { index: -1 }],
    ["an empty type", { eventType: "" }],
    ["an empty actor", { actor: "" }],
    ["data that is no object", { data: [] }],
    ["zeros before an entry that is not the first", { previousHash: "0".repeat(64) }],
    ["a hash before the first", { index: 0 }],
  ])("is refused with %s", (_what, wrong) => {
    expect(() => leafBytes({ ...LEAF, ...wrong } as LeafEntry)).toThrow(
      expect.objectContaining({ name: "MalformedLog" }),
    );
  });

  test.each<[string, (text: string) => string]>([
    ["a blank", (text) => text.replace(":", ": ")],
    ["another order", (text) => text.replace(/^\{(.*),("validator".*)\}$/, "{$2,$1}")],
    ["a foreign member", (text) => text.replace('{"data"', '{"also":1,"data"')],
    ["a member twice", (text) => text.replace('"validator"', '"validator":"immune-1","validator"')],
    ["an escape that is not needed", (text) => text.replace("Ünal", "\\u00dcnal")],
    ["another spelling of a number", (text) => text.replace("1.5", "1.50")],
    ["an integer beyond 2^53-1", (text) => text.replace("1.5", "9007199254740993")],
    ["half a surrogate pair", (text) => text.replace("Ünal", "\\ud800")],
    ["a byte order mark", (text) => `\ufeff${text}`],
    ["something after it", (text) => `${text}\n`],
    ["its end missing", (text) => text.slice(0, -1)],
  ])("is not read with %s", (_what, change) => {
    const text = leafBytes(LEAF).toString();
    expect(change(text)).not.toBe(text);
    expect(() => parseLeaf(Buffer.from(change(text)))).toThrow(expect.objectContaining({ name: "MalformedLog" }));
  });

  test("is not read where it is not UTF-8", () => {
    const bytes = leafBytes(LEAF);
    bytes[bytes.indexOf("Ü")] = 0xff;
    expect(() => parseLeaf(bytes)).toThrow("is not UTF-8");
  });

  test("has an id made of its idempotency key: SHA-256 with version 8", () => {
    expect(idOfKey("abc")).toBe("ba7816bf-8f01-8fea-8141-40de5dae2223");
    expect(idOfKey("")).toBe("e3b0c442-98fc-8c14-9afb-f4c8996fb924");
    expect(leafBytes({ ...LEAF, id: idOfKey("immune-1/x/1/1") })).toBeInstanceOf(Buffer);
  });
});

describe("a block", () => {
  test("is a line of canonical JSON, and its hash is that of the line", () => {
    expect(blockLine(BLOCK)).toBe(
      `{"entryCount":2,"firstIndex":254,"height":3,"lastIndex":255,"merkleRoot":"${BLOCK.merkleRoot}","previousHash":"${BLOCK.previousHash}","timestamp":"2026-11-20T11:40:01.000Z","treeRoot":"${BLOCK.treeRoot}","treeSize":256,"validator":"immune-1"}`,
    );
    expect(parseBlock(blockLine(BLOCK))).toEqual(BLOCK);
    expect(blockHash(BLOCK)).toMatch(/^[0-9a-f]{64}$/);
    expect(blockHash({ ...BLOCK, height: 4 })).not.toBe(blockHash(BLOCK));
  });

  test.each<[string, Partial<Block>]>([
    ["no entries", { entryCount: 0, lastIndex: 253, treeSize: 254 }],
    ["a count that does not fit", { entryCount: 3 }],
    ["a tree that does not end with it", { treeSize: 257 }],
    ["entries beyond a multiple of 256", { entryCount: 3, lastIndex: 256, treeSize: 257 }],
    ["zeros before it though it is not the first", { previousHash: "0".repeat(64) }],
    ["no beginning though it is the first", { height: 0 }],
  ])("is refused with %s", (_what, wrong) => {
    expect(() => blockLine({ ...BLOCK, ...wrong })).toThrow(expect.objectContaining({ name: "MalformedLog" }));
  });
});

describe("the files of a log", () => {
  test("are named as C2SP tlog-tiles says", () => {
    expect(tilePath(0, 1234067)).toBe("tile/0/x001/x234/067");
    expect(tilePath(2, 1000, 5)).toBe("tile/2/x001/000.p/5");
    expect(tilePath("entries", 0, 256)).toBe("tile/entries/000");
    expect(tilePath("block", 12, 255)).toBe("block/012.p/255");
    for (const wrong of [
      () => tilePath(64, 0),
      () => tilePath(0, -1),
      () => tilePath(0, 0, 257),
      () => tilePath(0, 0, 0),
    ]) {
      expect(wrong).toThrow(RangeError);
    }
  });

  test("hold entries with their lengths", () => {
    const entries = [Buffer.from("a"), Buffer.alloc(0), Buffer.alloc(65_535, 1)];
    const bundle = joinBundle(entries);
    expect(bundle.subarray(0, 5).toString("hex")).toBe("0001610000");
    expect(splitBundle(bundle)).toEqual(entries);
    expect(() => splitBundle(bundle.subarray(0, -1))).toThrow("ends within its entry 2");
    expect(() => splitBundle(bundle.subarray(0, 4))).toThrow("ends within the length of its entry 1");
    expect(() => joinBundle([Buffer.alloc(65_536)])).toThrow("65535 bytes at most");
  });
});
