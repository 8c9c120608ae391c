import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { generateKey, signerOf } from "../../../tlog/keys.ts";
import { LogReader } from "../../../tlog/log-reader.ts";
import { formatProof } from "../../../tlog/proof-bundle.ts";
import { consistencyProof, inclusionProof } from "../../../tlog/proofs.ts";
import {
  leafHash,
  noteKey,
  openCheckpoint,
  readProof,
  rootOfPath,
  rootsOfProof,
  type Sth,
  TiledLog,
} from "../../support/c2sp-reader.ts";
import { fill, GeneratedLog } from "../../support/generated-log.ts";

const folder = mkdtempSync(join(tmpdir(), "azora-c2sp-"));
const witnesses = [
  signerOf("witness.example/a", generateKey("ed25519"), { cosigner: true }),
  signerOf("witness.example/b", generateKey("ml-dsa-44"), { cosigner: true }),
];
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("a reader that shares no code with the log imports nothing of it", () => {
  const source = readFileSync(join(import.meta.dirname, "../../support/c2sp-reader.ts"), "utf8");
  const imported = [...source.matchAll(/from "([^"]+)"/g)].map(([, name]) => name);
  expect(imported.length).toBeGreaterThan(0);
  expect(imported.filter((name) => !name!.startsWith("node:"))).toEqual([]);
});

describe.each([
  ["600 entries", [1, 3, 255, 256, 257, 300, 600], 1],
  ["66,000 entries", [512, 65_536, 66_000], 997],
] as const)("a reader written from the C2SP texts, on a log of %s", (name, sizes, step) => {
  const size = sizes.at(-1)!;
  let log: GeneratedLog;
  let sth: Sth & { signers: string[] };
  let tiles: TiledLog;
  beforeAll(() => {
    log = new GeneratedLog(join(folder, name.replace(/\W/g, "-")), { blockSize: 100 });
    for (const at of sizes) fill(log, at).publish((text) => witnesses.map((one) => one.sign(text, 1_800_000_000_000)));
    const keys = [...log.vkeys, ...witnesses.map(({ verifier }) => verifier.vkey)].map(noteKey);
    sth = openCheckpoint(readFileSync(join(log.folder, "checkpoint"), "utf8"), keys);
    tiles = new TiledLog(log.folder, sth.size);
  }, 60_000);

  test("verifies the checkpoint's signature and the witnesses' cosignatures", () => {
    expect(sth).toMatchObject({ origin: "azora.test/log", size });
    expect(sth.signers).toEqual(["azora.test/log/1", "witness.example/a/4", "witness.example/b/6"]);
  });

  test("finds every entry, with the hash that its tile has, and the root that is signed", () => {
    let index = 0;
    for (const entry of tiles.entries()) {
      if (!leafHash(entry).equals(tiles.mth(index, index + 1))) throw new Error(`entry ${index} has another hash`);
      index++;
    }
    expect(index).toBe(size);
    expect(tiles.mth(0, size)).toEqual(sth.root);
  });

  test("finds in every tile above what the tiles below make", () => {
    const halves = (start: number, end: number) => {
      const middle = (start + end) / 2;
      return leafOrNode(tiles, start, middle, end);
    };
    let above = 0;
    for (const { hash, start, end } of tiles.storedHashes()) {
      if (end - start === 1) continue;
      expect(halves(start, end)).toEqual(hash);
      above++;
    }
    expect(above).toBe(Math.floor(size / 256) + Math.floor(size / 65_536));
  });

  test("proves every entry, with the log's own proofs and those that it makes itself", () => {
    const reader = new LogReader(log.folder);
    for (let index = 0; index < size; index += step) {
      const path = tiles.path(index);
      expect(inclusionProof(index, size, reader.node)).toEqual(path);
      expect(rootOfPath(index, size, tiles.mth(index, index + 1), path)).toEqual(sth.root);
    }
  });

  test("proves every checkpoint to go on from all before it", () => {
    const reader = new LogReader(log.folder);
    const keys = log.vkeys.map(noteKey);
    for (const { text } of log.published) {
      const older = openCheckpoint(text, keys);
      const proof = tiles.proof(older.size);
      expect(consistencyProof(older.size, size, reader.node)).toEqual(proof);
      expect(rootsOfProof(older.size, size, older.root, proof)).toEqual([older.root, sth.root]);
    }
    for (let from = 1; from <= size; from += step) {
      const proof = tiles.proof(from);
      expect(rootsOfProof(from, size, tiles.mth(0, from), proof)[1]).toEqual(sth.root);
    }
  });

  test("verifies a proof bundle", () => {
    const reader = new LogReader(log.folder);
    const bundle = formatProof({
      index: 299,
      proof: inclusionProof(299, size, reader.node),
      checkpoint: reader.checkpoint(),
      extra: reader.leaf(299),
    });
    const { index, path, checkpoint, entry } = readProof(bundle);
    const { root } = openCheckpoint(checkpoint, log.vkeys.map(noteKey));
    expect(rootOfPath(index, size, leafHash(entry), path)).toEqual(root);
  });
});

/** MTH of a full subtree, from its two halves. */
function leafOrNode(tiles: TiledLog, start: number, middle: number, end: number): Buffer {
  return rootOfPath(0, 2, tiles.mth(start, middle), [tiles.mth(middle, end)]);
}
