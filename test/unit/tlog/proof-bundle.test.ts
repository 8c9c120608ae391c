import { describe, expect, test } from "@jest/globals";
import { formatCheckpoint } from "../../../tlog/checkpoint.ts";
import { type LeafEntry, leafBytes } from "../../../tlog/entry.ts";
import { rootOf } from "../../../tlog/frontier.ts";
import { leafHash } from "../../../tlog/hashes.ts";
import { generateKey, signerOf } from "../../../tlog/keys.ts";
import { formatNote } from "../../../tlog/note.ts";
import { formatProof, parseProof, verifyBundle } from "../../../tlog/proof-bundle.ts";
import { inclusionProof } from "../../../tlog/proofs.ts";

const ORIGIN = "azora.dev/log";
const log = signerOf(ORIGIN, generateKey("ed25519"));
const witness = signerOf("witness.example", generateKey("ed25519"), { cosigner: true });
const leaves: Buffer[] = [];
for (let index = 0; index < 11; index++) {
  const entry: LeafEntry = {
    data: { n: index },
    eventType: "user.created",
    id: "019a9f1e-8d5a-7a5e-8c1f-2d3e4f506172",
    index,
    previousHash: index === 0 ? "0".repeat(64) : leafHash(leaves[index - 1]!).toString("hex"),
    timestamp: "2026-11-20T11:40:00.000Z",
    validator: "immune-1",
  };
  leaves.push(leafBytes(entry));
}
const hashes = leaves.map(leafHash);
const text = formatCheckpoint({ origin: ORIGIN, size: 11, root: rootOf(hashes), extensions: [] });
const checkpoint = formatNote({ text, signatures: [log.sign(text, 0), witness.sign(text, 1000)] });
const proof = inclusionProof(6, 11, (level, index) => rootOf(hashes.slice(index << level, (index + 1) << level)));
const bundle = formatProof({ index: 6, proof, checkpoint, extra: leaves[6]! });

describe("a proof bundle", () => {
  test("is verified with the log's key alone", () => {
    const verified = verifyBundle(bundle, [log.verifier]);
    expect(verified).toMatchObject({ entry: { index: 6, data: { n: 6 } }, hash: hashes[6]!.toString("hex") });
    expect(verified.signedBy).toHaveLength(1);
    expect(verifyBundle(bundle, [log.verifier, witness.verifier]).signedBy[1]).toMatchObject({ timestamp: 1 });
  });

  test("is read as it was written, with and without its entry", () => {
    expect(parseProof(bundle)).toEqual({ index: 6, proof, checkpoint, extra: leaves[6] });
    const without = formatProof({ index: 0, proof: [], checkpoint });
    expect(without.split("\n").slice(0, 3)).toEqual(["c2sp.org/tlog-proof@v1", "index 0", ""]);
    expect(parseProof(without)).toEqual({ index: 0, proof: [], checkpoint });
    expect(() => verifyBundle(without, [log.verifier])).toThrow("has no line extra");
  });

  test("needs a signature of the log, not only of a witness", () => {
    expect(() => verifyBundle(bundle, [witness.verifier])).toThrow("No known key of the log azora.dev/log");
    expect(() => verifyBundle(bundle, [])).toThrow("No known key has signed");
  });

  test("does not hold for another entry or another place", () => {
    const badProof = expect.objectContaining({ name: "BadProof" });
    expect(() => verifyBundle(formatProof({ index: 6, proof, checkpoint, extra: leaves[5]! }), [log.verifier])).toThrow(
      badProof,
    );
    expect(() => verifyBundle(formatProof({ index: 7, proof, checkpoint, extra: leaves[6]! }), [log.verifier])).toThrow(
      badProof,
    );
  });

  test("is refused after any byte of it is changed, except in signatures of unknown keys", () => {
    const bytes = Buffer.from(bundle);
    const unknown = bundle.indexOf("— witness.example");
    const [from, to] = [Buffer.byteLength(bundle.slice(0, unknown)), bytes.length];
    for (let at = 0; at < from; at++) {
      const wrong = Buffer.from(bytes);
      wrong[at]! ^= 1;
      expect(() => verifyBundle(wrong.toString(), [log.verifier])).toThrow();
    }
    for (let at = from; at < to; at++) {
      const wrong = Buffer.from(bytes);
      wrong[at]! ^= 1;
      expect(() => verifyBundle(wrong.toString(), [log.verifier, witness.verifier]).signedBy[1]!.timestamp).toThrow();
    }
  });
});
