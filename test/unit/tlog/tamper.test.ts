import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { generateKey, signerOf } from "../../../tlog/keys.ts";
import { splitBundle } from "../../../tlog/tiles.ts";
import { type Verification, verifyFolder } from "../../../tlog/verify/verify-folder.ts";
import { fill, GeneratedLog } from "../../support/generated-log.ts";

/** Changes that are tried where all would take too long; the same ones in every run. */
const SEED = 20261120;
const folder = mkdtempSync(join(tmpdir(), "azora-tamper-"));
const witness = signerOf("witness.example", generateKey("ed25519"), { cosigner: true });
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Six entries in four blocks under three keys, one of which followed another. */
function tinyLog(path: string): GeneratedLog {
  const log = new GeneratedLog(path, { blockSize: 2, keys: ["ed25519", "ed25519"] });
  log.add("user.created", { name: "Ünal" }, { actor: "ada", subject: "subject:1" });
  log.publish();
  log.addKey(generateKey("ed25519"));
  log.retire(0);
  log.add("user.deleted", { n: 1 });
  log.publish((text) => [witness.sign(text, 1_000_000)]);
  return log;
}

/** 600 entries in three bundles, the last of them partial, under keys of all kinds. */
function smallLog(path: string): GeneratedLog {
  const log = new GeneratedLog(path, { blockSize: 50, keys: ["ed25519", "rsa-pss-3072"] });
  fill(log, 120).publish();
  fill(log, 300);
  log.addKey(generateKey("ml-dsa-44"));
  log.publish();
  fill(log, 400);
  log.revoke(0);
  fill(log, 590).publish();
  fill(log, 600).publish();
  return log;
}

function filesOf(path: string): string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(path, join(entry.parentPath, entry.name)))
    .sort();
}

/** Whether a problem tells of the changed byte: by file, entry or block. */
function tells({ problems }: Verification, file: string, bytes: Buffer, at: number): boolean {
  const entries = file.startsWith("tile/entries/") ? entriesAround(file, bytes, at) : [];
  const height = file.startsWith("block/") ? bytes.subarray(0, at).filter((byte) => byte === 0x0a).length : undefined;
  return problems.some(({ where, file: told, index, height: block }) => {
    const isFile = told === file || where === file;
    const isEntry = index !== undefined && entries.includes(index);
    const isBlock = height !== undefined && block !== undefined && block >= height && block <= height + 1;
    return isFile || isEntry || isBlock;
  });
}

/** The entry that a byte of a bundle belongs to, and the next. */
function entriesAround(file: string, bytes: Buffer, at: number): number[] {
  const base = Number(file.split("/")[2]!.slice(0, 3)) * 256;
  let end = 0;
  const i = splitBundle(bytes).findIndex((entry) => {
    end += 2 + entry.length;
    return at < end;
  });
  return [base + i, base + i + 1];
}

/** Bytes of a signature of a key that is not the log's: readers that do not know the key ignore it. */
function isForeignSignature(bytes: Buffer, at: number): boolean {
  const from = bytes.indexOf("— witness.example");
  return from >= 0 && at >= from;
}

function* numbers(): Generator<number> {
  for (let state = SEED; ; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state;
  }
}

describe.each([
  ["a tiny log", tinyLog, Number.POSITIVE_INFINITY],
  ["a log of 600 entries", smallLog, 30],
] as const)("in %s", (name, make, flipsPerFile) => {
  const path = join(folder, name.replaceAll(" ", "-"));
  let files: string[] = [];
  let log: GeneratedLog;
  beforeAll(() => {
    log = make(path);
    files = filesOf(path);
  });

  const verify = (options = {}) => verifyFolder(path, { workers: 0, ...options });
  async function afterWriting(changes: Record<string, Buffer | undefined>, options = {}): Promise<Verification> {
    const before = Object.keys(changes).map((file) => [file, readFileSync(join(path, file))] as const);
    for (const [file, bytes] of Object.entries(changes)) {
      if (bytes) writeFileSync(join(path, file), bytes);
      else rmSync(join(path, file));
    }
    try {
      return await verify(options);
    } finally {
      for (const [file, bytes] of before) writeFileSync(join(path, file), bytes);
    }
  }

  test("nothing is wrong before anything is changed", async () => {
    expect(await verify()).toMatchObject({ isValid: true, problems: [], size: log.size, blocks: log.height });
    expect(await verifyFolder(path, { workers: 0, deep: true })).toMatchObject({ isValid: true, problems: [] });
    expect(await verifyFolder(path, { workers: 2 })).toMatchObject({ isValid: true, problems: [] });
  });

  test("every flipped byte is seen, and the report names the place", async () => {
    const random = numbers();
    const unseen: string[] = [];
    const unnamed: string[] = [];
    let flips = 0;
    for (const file of files) {
      const bytes = readFileSync(join(path, file));
      const places =
        bytes.length <= flipsPerFile
          ? bytes.keys()
          : Array.from({ length: flipsPerFile }, () => random.next().value! % bytes.length);
      for (const at of places) {
        const isForeign = file.startsWith("checkpoint") && isForeignSignature(bytes, at);
        // The verifier reads the witness's signature where it is told to: in the newest checkpoint.
        if (isForeign && file !== "checkpoint") continue;
        const options = isForeign ? { witnesses: [witness.verifier.vkey] } : {};
        const changed = Buffer.from(bytes);
        changed[at]! ^= 1 << (random.next().value! >>> 29);
        const found = await afterWriting({ [file]: changed }, options);
        flips++;
        if (found.isValid) unseen.push(`${file} byte ${at}`);
        else if (!tells(found, file, bytes, at)) unnamed.push(`${file} byte ${at}: ${JSON.stringify(found.problems)}`);
      }
    }
    expect(unseen).toEqual([]);
    expect(unnamed.slice(0, 3)).toEqual([]);
    expect(flips).toBeGreaterThan(500);
  }, 60_000);

  test("every file that is missing, cut off, lengthened or emptied is seen and named", async () => {
    const needless: string[] = [];
    for (const file of files) {
      const bytes = readFileSync(join(path, file));
      for (const changed of [
        undefined,
        Buffer.alloc(0),
        bytes.subarray(0, -1),
        bytes.subarray(0, bytes.length >> 1),
        Buffer.concat([bytes, Buffer.from("x")]),
      ]) {
        const found = await afterWriting({ [file]: changed });
        if (found.isValid) {
          expect([file, changed]).toEqual([file, undefined]);
          if (file.startsWith("checkpoints/")) needless.push(file);
          // What an earlier checkpoint needed may be deleted once it is not the newest any more.
          else expect(isStale(file, files)).toBe(true);
        } else {
          expect([file, changed?.length, tells(found, file, bytes, 0) || names(found, file)]).toEqual([
            file,
            changed?.length,
            true,
          ]);
        }
      }
    }
    // A kept checkpoint leads from an older key to the newest. One that may go unseen leads nowhere where others do not.
    const valid = async () =>
      (await Promise.all(log.vkeys.map((key) => verify({ keys: [key] })))).map((one) => one.isValid);
    const before = await valid();
    for (const file of needless) {
      const bytes = readFileSync(join(path, file));
      rmSync(join(path, file));
      expect([file, await valid()]).toEqual([file, before]);
      writeFileSync(join(path, file), bytes);
    }
  }, 60_000);

  test("every two files that change places are seen", async () => {
    const random = numbers();
    for (const [i, a] of files.entries()) {
      for (const b of files.slice(i + 1)) {
        if (flipsPerFile !== Number.POSITIVE_INFINITY && random.next().value! % 8 !== 0) continue;
        const [first, second] = [readFileSync(join(path, a)), readFileSync(join(path, b))];
        if (first.equals(second)) continue;
        const found = await afterWriting({ [a]: second, [b]: first });
        expect([a, b, found.isValid]).toEqual([a, b, false]);
      }
    }
  }, 60_000);

  test("every line that is dropped, repeated or swapped is seen, save for the order of signatures", async () => {
    const random = numbers();
    const unseen: string[] = [];
    for (const file of files.filter((one) => !one.startsWith("tile/"))) {
      const text = readFileSync(join(path, file), "utf8");
      const lines = text.split("\n").slice(0, -1);
      for (const at of lines.keys()) {
        if (lines.length > 20 && flipsPerFile < 1000 && random.next().value! % 8 !== 0) continue;
        const dropped = lines.filter((_, i) => i !== at);
        const repeated = [...lines.slice(0, at + 1), ...lines.slice(at)];
        const swapped = lines.map((line, i) => (i === at ? (lines[at + 1] ?? line) : i === at + 1 ? lines[at]! : line));
        for (const [how, changed] of Object.entries({ dropped, repeated, swapped })) {
          const after = `${changed.join("\n")}\n`;
          if (after === text) continue;
          const isSignature = lines[at]!.startsWith("— ") && (how !== "swapped" || lines[at + 1]?.startsWith("— "));
          // The signatures are a set: neither their order nor a second copy says anything. Nor do those of unknown keys.
          if (isSignature && (how !== "dropped" || lines[at]!.startsWith("— witness"))) continue;
          const found = await afterWriting({ [file]: Buffer.from(after) });
          if (found.isValid) unseen.push(`${file} line ${at + 1} ${how}`);
        }
      }
    }
    expect(unseen).toEqual([]);
  }, 60_000);

  test("an older copy of the whole log is a log, but not one that a witness of the newer would sign", async () => {
    const copy = `${path}-copy`;
    cpSync(path, copy, { recursive: true });
    const [older] = log.published.slice(-2);
    writeFileSync(join(copy, "checkpoint"), older!.text);
    expect(await verifyFolder(copy, { workers: 0 })).toMatchObject({ isValid: true, size: older!.size });
    const found = await verifyFolder(copy, { workers: 0, witnesses: [witness.verifier.vkey] });
    expect(found.problems).toMatchObject([
      { where: "checkpoint", why: expect.stringContaining("has not cosigned it") },
    ]);
  });
});

/** Whether a file is a partial one beside a wider one. */
function isStale(file: string, files: readonly string[]): boolean {
  const [, path, width] = /^(.*\.p\/)(\d+)$/.exec(file) ?? [];
  return (
    path !== undefined && files.some((one) => one.startsWith(path) && Number(one.slice(path.length)) > Number(width))
  );
}

function names({ problems }: Verification, file: string): boolean {
  const folder = file.split("/")[0]!;
  return problems.some(({ where, file: told }) => told === file || where === file || where.startsWith(folder));
}
