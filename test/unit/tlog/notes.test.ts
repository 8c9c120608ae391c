import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { formatCheckpoint, openCheckpoint, parseCheckpoint } from "../../../tlog/checkpoint.ts";
import { ALGORITHMS, BadSignature, generateKey, parseVkey, signerOf, verifySignatures } from "../../../tlog/keys.ts";
import { formatNote, parseNote } from "../../../tlog/note.ts";
import { describeVectors, readJson } from "../../support/vectors.ts";

const FOO = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const EXAMPLE =
  "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
const NOW = Date.UTC(2026, 10, 20);
const keys = Object.fromEntries(ALGORITHMS.map((one) => [one, generateKey(one)]));
const text = formatCheckpoint({
  origin: "azora.dev/log",
  size: 512,
  root: Buffer.alloc(32, 7),
  extensions: ["block 2 ab"],
});

describe("a signed note", () => {
  test("is that of the C2SP example", () => {
    const note = parseNote(EXAMPLE);
    expect(note.text).toBe("This is an example message.\n");
    expect(verifySignatures(note, [parseVkey(FOO)])).toEqual([{ verifier: expect.objectContaining({ vkey: FOO }) }]);
    expect(formatNote(note)).toBe(EXAMPLE);
  });

  test("may have empty lines in its text: the last one parts it from the signatures", () => {
    const note = parseNote(EXAMPLE.replace("message.", "message.\n\nmore"));
    expect(note.text).toBe("This is an example message.\n\nmore\n");
    expect(note.signatures).toHaveLength(1);
  });

  test.each([
    ["no newline at its end", EXAMPLE.slice(0, -1), "line 3 does not end"],
    ["a control character", EXAMPLE.replace("example", "exa\tmple"), "line 1 has a control character"],
    ["no empty line", EXAMPLE.replace("\n\n", "\n"), "no empty line"],
    ["no text", EXAMPLE.slice(EXAMPLE.indexOf("\n") + 1), "no empty line"],
    ["no signature", "text\n\n", "no signature"],
    ["another dash", EXAMPLE.replace("—", "-"), "line 3 is not"],
    ["a blank too many", EXAMPLE.replace("— ", "—  "), "line 3 is not"],
    ["a key name with a plus", EXAMPLE.replace("com/foo", "com+foo"), "line 3 has no valid key name"],
    ["a key name with a no-break space", EXAMPLE.replace("com/foo", "com\u00a0foo"), "line 3 has no valid key name"],
    ["Base64 with bits beside its last byte", EXAMPLE.replace("aQM=", "aQN="), "line 3 has no valid signature"],
    ["Base64 without padding", EXAMPLE.replace("aQM=", "aQM"), "line 3 has no valid signature"],
    ["a signature without bytes", "text\n\n— a AAAAAA==\n", "line 3 has no valid signature"],
    ["half a surrogate pair", EXAMPLE.replace("example", "\ud800"), "is not UTF-8"],
    ["more than 64 signatures", `text\n\n${"— a AAAAAAA=\n".repeat(65)}`, "more than 64"],
  ])("is refused with %s", (_what, bytes, why) => {
    expect(() => parseNote(bytes)).toThrow(why);
  });

  test("is read or refused, but written back as it was (any text)", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.nat(), (bytes, cut) => {
        for (const some of [
          bytes,
          EXAMPLE.slice(0, cut % EXAMPLE.length) + bytes + EXAMPLE.slice(cut % EXAMPLE.length),
        ]) {
          try {
            expect(formatNote(parseNote(some))).toBe(some);
          } catch (error) {
            expect(error).toMatchObject({ name: "MalformedNote" });
          }
        }
      }),
    );
  });
});

describe.each(ALGORITHMS)("a key of %s", (algorithm) => {
  const signer = signerOf("azora.dev/log", keys[algorithm]!);
  const signed = formatNote({ text, signatures: [signer.sign(text, NOW)] });

  test("signs a checkpoint that its vkey verifies", () => {
    const { checkpoint, signedBy } = openCheckpoint(signed, [parseVkey(signer.verifier.vkey)]);
    expect(checkpoint).toEqual({
      origin: "azora.dev/log",
      size: 512,
      root: Buffer.alloc(32, 7),
      extensions: ["block 2 ab"],
    });
    expect(signedBy).toEqual([
      {
        verifier: expect.objectContaining({ algorithm, keyId: signer.verifier.keyId }),
        ...(algorithm === "ml-dsa-44" ? { timestamp: NOW / 1000 } : {}),
      },
    ]);
    expect(signer.verifier.cosigner).toBe(algorithm === "ml-dsa-44");
  });

  test("verifies no other text, and no signature with a flipped byte", () => {
    const { signature } = signer.sign(text, NOW);
    expect(signer.verifier.verify(text.replace("512", "513"), signature)).toBeUndefined();
    for (const at of [0, 7, 8, 40, signature.length - 1]) {
      const wrong = Buffer.from(signature);
      wrong[at]! ^= 1;
      expect(signer.verifier.verify(text, wrong)).toBeUndefined();
    }
    for (const length of [0, 8, signature.length - 1]) {
      expect(signer.verifier.verify(text, signature.subarray(0, length))).toBeUndefined();
    }
  });

  test("has a vkey of one spelling", () => {
    const { vkey } = signer.verifier;
    const [name, id, key] = [vkey.split("+")[0], vkey.split("+")[1], vkey.split("+").slice(2).join("+")];
    expect(parseVkey(vkey)).toMatchObject({ name: "azora.dev/log", vkey });
    for (const wrong of [
      "",
      name!,
      `${name}+${id}`,
      `x${vkey}`,
      `${name}+00000000+${key}`,
      `${name}+${id}+A${key}`,
      `${vkey}=`,
      `${name}+${id}+${key.slice(4)}`,
      `${name}+${id!.toUpperCase()}x+${key}`,
      ` ${vkey}`,
      `${vkey}\n`,
    ]) {
      expect(() => parseVkey(wrong)).toThrow(expect.objectContaining({ name: "MalformedKey" }));
    }
  });
});

describe("signatures", () => {
  const log = signerOf("azora.dev/log", keys["ed25519"]!);
  const rsa = signerOf("azora.dev/log", keys["rsa-pss-3072"]!);
  const witness = signerOf("witness.example", generateKey("ed25519"), { cosigner: true });
  const signatures = [log, rsa, witness].map((one) => one.sign(text, NOW));

  test("of unknown keys are ignored, and a note without a known one is refused", () => {
    const note = parseNote(formatNote({ text, signatures }));
    expect(verifySignatures(note, [log.verifier]).map(({ verifier }) => verifier.vkey)).toEqual([log.verifier.vkey]);
    expect(() => verifySignatures(note, [parseVkey(FOO)])).toThrow("No known key has signed this");
  });

  test("of a known key that do not hold make the note worthless, whatever else is there", () => {
    const note = { text, signatures: [signatures[1]!, { ...signatures[0]!, signature: Buffer.alloc(64) }] };
    expect(() => verifySignatures(note, [log.verifier, rsa.verifier])).toThrow(BadSignature);
  });

  test("of a witness say when they were made", () => {
    const [one] = verifySignatures({ text, signatures }, [parseVkey(witness.verifier.vkey)]);
    expect(one).toMatchObject({ timestamp: NOW / 1000, verifier: { cosigner: true, algorithm: "ed25519" } });
  });

  test("count once for each key", () => {
    expect(
      verifySignatures({ text, signatures: [...signatures, ...signatures] }, [log.verifier, rsa.verifier]),
    ).toHaveLength(2);
  });

  test("are not made with keys of other kinds", () => {
    expect(() => signerOf("witness.example", keys["rsa-pss-3072"]!, { cosigner: true })).toThrow(
      "cannot sign as a witness",
    );
    expect(() => signerOf("a b", keys["ed25519"]!)).toThrow("cannot be the name of a key");
  });
});

describe("a checkpoint", () => {
  test("is read and written with its extension lines", () => {
    expect(formatCheckpoint(parseCheckpoint(text))).toBe(text);
  });

  test.each([
    ["too few lines", "a\n1\n"],
    ["no newline at its end", text.slice(0, -1)],
    ["an empty origin", text.slice(text.indexOf("\n"))],
    ["a leading zero", text.replace("512", "0512")],
    ["a sign", text.replace("512", "+512")],
    ["a size beyond 2^53-1", text.replace("512", "9007199254740993")],
    ["a root of another length", text.replace("Bwc", "")],
    ["an empty extension line", text.replace("block", "\nblock")],
  ])("is refused with %s", (_what, wrong) => {
    expect(() => parseCheckpoint(wrong)).toThrow(expect.objectContaining({ name: "MalformedLog" }));
  });
});

describeVectors("notes: published vectors", "c2sp", (path) => {
  test("the worked example of signed-note", () => {
    const { vectors } = readJson<{ vectors: { vkey: string; note: string }[] }>(path("signed_note_examples.json"));
    for (const { vkey, note } of vectors) expect(verifySignatures(parseNote(note), [parseVkey(vkey)])).toHaveLength(1);
    expect(vectors.length).toBeGreaterThan(0);
  });

  test("the checkpoint signed with ML-DSA-44", () => {
    const { vkey, checkpoint } = readJson<{ vkey: string; checkpoint: string }>(path("mldsa44_checkpoint.json"));
    const { signedBy } = openCheckpoint(checkpoint, [parseVkey(vkey)]);
    expect(signedBy).toEqual([{ timestamp: 0, verifier: expect.objectContaining({ algorithm: "ml-dsa-44" }) }]);
  });
});
