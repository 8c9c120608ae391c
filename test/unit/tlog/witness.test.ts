import { beforeEach, describe, expect, test } from "@jest/globals";
import { formatCheckpoint } from "../../../tlog/checkpoint.ts";
import { rootOf } from "../../../tlog/frontier.ts";
import { EMPTY_ROOT, leafHash } from "../../../tlog/hashes.ts";
import { generateKey, parseVkey, signerOf, verifySignatures } from "../../../tlog/keys.ts";
import { formatNote, parseNote } from "../../../tlog/note.ts";
import { consistencyProof, type NodeReader } from "../../../tlog/proofs.ts";
import { formatAddCheckpoint, parseAddCheckpoint, Witness } from "../../../tlog/witness.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const ORIGIN = "azora.dev/log";
const log = signerOf(ORIGIN, generateKey("ed25519"));
const witnessKey = signerOf("witness.example/w", generateKey("ml-dsa-44"), { cosigner: true });
const leaves = Array.from({ length: 20 }, (_, i) => leafHash(Buffer.of(i)));
const fork = leaves.map((leaf, i) => (i === 4 ? leafHash(Buffer.from("other")) : leaf));
const nodesOf =
  (all: readonly Buffer[]): NodeReader =>
  (level, index) =>
    rootOf(all.slice(index * 2 ** level, (index + 1) * 2 ** level));

function checkpoint(size: number, all = leaves, root = rootOf(all.slice(0, size)), origin = ORIGIN): string {
  const text = formatCheckpoint({ origin, size, root, extensions: [] });
  return formatNote({ text, signatures: [log.sign(text, 0)] });
}

function ask(old: number, size: number, all = leaves): string {
  return formatAddCheckpoint(old, consistencyProof(old, size, nodesOf(all)), checkpoint(size, all));
}

describe("a witness", () => {
  const stored = new Map<string, string>();
  const clock = new FakeClock(Date.UTC(2026, 10, 20));
  const witness = new Witness({
    signer: witnessKey,
    logs: new Map([[ORIGIN, [log.verifier]]]),
    state: { load: (origin) => stored.get(origin), save: (origin, text) => stored.set(origin, text) },
    clock,
  });
  beforeEach(() => stored.clear());

  test("cosigns a tree that goes on from the one it saw last, and stores it first", () => {
    expect(witness.addCheckpoint(ask(0, 5)).status).toBe(200);
    const { status, body } = witness.addCheckpoint(ask(5, 13));
    expect(status).toBe(200);
    const note = parseNote(checkpoint(13) + body);
    const [cosigned] = verifySignatures(note, [parseVkey(witnessKey.verifier.vkey)]);
    expect(cosigned!.timestamp).toBe(clock.now() / 1000);
    const kept = parseNote(witness.checkpoint(ORIGIN)!);
    expect(verifySignatures(kept, [log.verifier, witnessKey.verifier])).toHaveLength(2);
  });

  test("refuses a log that was set back, and says what it saw", () => {
    witness.addCheckpoint(ask(0, 13));
    expect(witness.addCheckpoint(ask(5, 9))).toEqual({ status: 409, body: "13\n", contentType: "text/x.tlog.size" });
    expect(witness.addCheckpoint(ask(0, 20)).status).toBe(409);
    expect(witness.addCheckpoint(formatAddCheckpoint(13, [], checkpoint(9))).status).toBe(400);
  });

  test("refuses a log that was forked, at the same size and at a larger one", () => {
    witness.addCheckpoint(ask(0, 13));
    expect(witness.addCheckpoint(ask(13, 13, fork)).status).toBe(422);
    expect(witness.addCheckpoint(ask(13, 20, fork)).status).toBe(422);
    expect(witness.addCheckpoint(ask(13, 20)).status).toBe(200);
  });

  test("cosigns the same tree again", () => {
    witness.addCheckpoint(ask(0, 13));
    expect(witness.addCheckpoint(ask(13, 13)).status).toBe(200);
  });

  test("knows the root of the empty tree, and that nothing has to be proven from it", () => {
    expect(witness.addCheckpoint(formatAddCheckpoint(0, [], checkpoint(0, leaves, leaves[0]))).status).toBe(422);
    expect(witness.addCheckpoint(formatAddCheckpoint(0, [], checkpoint(0, leaves, EMPTY_ROOT))).status).toBe(200);
    expect(witness.addCheckpoint(formatAddCheckpoint(0, [leaves[0]!], checkpoint(5))).status).toBe(422);
    expect(witness.addCheckpoint(ask(0, 5)).status).toBe(200);
  });

  test("signs for no log that it does not know, and none that another key signed", () => {
    const foreign = formatAddCheckpoint(0, [], checkpoint(5, leaves, undefined, "other.example/log"));
    expect(witness.addCheckpoint(foreign).status).toBe(404);
    const other = signerOf(ORIGIN, generateKey("ed25519"));
    const { text, signatures } = parseNote(checkpoint(5));
    const unsigned = formatNote({ text, signatures: [other.sign(text, 0)] });
    expect(witness.addCheckpoint(formatAddCheckpoint(0, [], unsigned)).status).toBe(403);
    const broken = formatNote({ text, signatures: [{ ...signatures[0]!, signature: Buffer.alloc(64) }] });
    expect(witness.addCheckpoint(formatAddCheckpoint(0, [], broken)).status).toBe(403);
    expect(stored.size).toBe(0);
  });

  test.each([
    ["", "no empty line"],
    [ask(0, 5).replace("old 0", "old 00"), "line 1"],
    [ask(0, 5).replace("old 0", "size 0"), "line 1"],
    [ask(0, 5).replace("old 0\n", "old 0\nabc\n"), "line 2"],
    [ask(0, 5).replace("old 0\n", `old 0\n${`${leaves[0]!.toString("base64")}\n`.repeat(64)}`), "more than 63"],
    [ask(0, 5).trimEnd(), "newline"],
  ])("answers 400 to what is no request", (body, why) => {
    expect(witness.addCheckpoint(body)).toMatchObject({ status: 400, body: expect.stringContaining(why) });
  });

  test("reads what a log asks", () => {
    expect(parseAddCheckpoint(ask(5, 13))).toEqual({
      old: 5,
      proof: consistencyProof(5, 13, nodesOf(leaves)),
      checkpoint: checkpoint(13),
    });
  });

  test("signs as a cosigner only", () => {
    const options = { logs: new Map(), state: { load: () => undefined, save() {} }, clock };
    expect(() => new Witness({ signer: log, ...options })).toThrow("signs as a cosigner");
  });
});
