import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { hashOfLine, parseBlock } from "../../../tlog/block.ts";
import { openCheckpoint } from "../../../tlog/checkpoint.ts";
import { idOfKey, parseLeaf } from "../../../tlog/entry.ts";
import { rootOf } from "../../../tlog/frontier.ts";
import { leafHash } from "../../../tlog/hashes.ts";
import { ALGORITHMS, parseVkey } from "../../../tlog/keys.ts";
import { verifyBundle } from "../../../tlog/proof-bundle.ts";
import { joinBundle } from "../../../tlog/tiles.ts";

const page = readFileSync(join(import.meta.dirname, "../../../docs/chain-format.md"), "utf8");
const example = page.slice(page.indexOf("## An example"));
const [vkey, first, second, block, checkpoint, proof] = [...example.matchAll(/```\n(.*?)```/gs)].map(
  ([, text]) => text!,
);

describe("the page about the chain's format", () => {
  const key = parseVkey(vkey!.trim());
  const [[leaf0, hash0], [leaf1, hash1], [line, blockHash]] = [first, second, block].map((text) =>
    text!.split("\n"),
  ) as [[string, string], [string, string], [string, string]];
  const leaves = [leaf0, leaf1].map((text) => leafHash(Buffer.from(text)));

  test("has an example whose hashes are those of its leaves", () => {
    expect(leaves.map((hash) => hash.toString("hex"))).toEqual([hash0, hash1]);
    expect(parseLeaf(Buffer.from(leaf0))).toMatchObject({ index: 0, data: { vkey: vkey!.trim() } });
    expect(parseLeaf(Buffer.from(leaf1))).toMatchObject({ index: 1, previousHash: hash0, id: idOfKey("order-1") });
    const bundle = joinBundle([Buffer.from(leaf0), Buffer.from(leaf1)]);
    const [, bytes, length] = /begins with the bytes `([0-9a-f ]+) …`: the length (\d+)/.exec(example)!;
    expect(bundle.subarray(0, 6).toString("hex")).toBe(bytes!.replaceAll(" ", ""));
    expect(leaf0.length).toBe(Number(length));
  });

  test("has an example whose block, checkpoint and proof hold", () => {
    expect(parseBlock(line)).toMatchObject({ merkleRoot: rootOf(leaves).toString("hex"), treeSize: 2 });
    expect(hashOfLine(line)).toBe(blockHash);
    const opened = openCheckpoint(checkpoint!, [key]);
    expect(opened.checkpoint).toMatchObject({ size: 2, root: rootOf(leaves), extensions: [`block 0 ${blockHash}`] });
    expect(verifyBundle(proof!, [key])).toMatchObject({ hash: hash1, entry: { index: 1, actor: "ada" } });
  });

  test("knows the id of a key, and names every algorithm", () => {
    expect(page).toContain(`\`abc\` is \`${idOfKey("abc")}\``);
    for (const algorithm of ALGORITHMS) expect(page).toContain(`| \`${algorithm}\` |`);
  });
});
