/** Checks the checkpoints of a log: that they are about its tree, and signed by the keys that had to sign. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type Checkpoint, parseCheckpoint } from "../checkpoint.ts";
import { BadSignature, type SignedBy, type Verifier, verifySignatures } from "../keys.ts";
import { type Note, parseNote } from "../note.ts";
import { decodeUtf8 } from "../utf8.ts";
import { type KeyHistory, nameOf } from "./key-history.ts";
import type { LogFiles } from "./log-files.ts";
import type { Problems } from "./problem.ts";

/** A checkpoint file that could be read. */
export interface ReadCheckpoint {
  path: string;
  note: Note;
  checkpoint: Checkpoint;
}

export interface Trust {
  /** Keys that the caller trusts; undefined: those that the log itself lists. */
  given: readonly Verifier[] | undefined;
  witnesses: readonly Verifier[];
}

export interface CheckedSignatures {
  /** Who has signed the newest checkpoint. */
  signedBy: SignedBy[];
  trusted: Verifier[];
}

/** Undefined where it cannot be read, which is then told. */
export function readCheckpoint(files: LogFiles, path: string, problems: Problems): ReadCheckpoint | undefined {
  const wrong = (why: string) => problems.add({ what: "checkpoint", where: path, why, file: path });
  const bytes = files.read(path);
  const text = bytes && decodeUtf8(bytes);
  if (text === undefined) {
    wrong(bytes ? "it is not UTF-8" : "it is missing");
    return undefined;
  }
  try {
    const note = parseNote(text);
    return { path, note, checkpoint: parseCheckpoint(note.text) };
  } catch (error) {
    wrong(`it ${(error as Error).message}`);
    return undefined;
  }
}

/** The checkpoints that were kept because keys changed there, the smallest first. */
export function readKept(files: LogFiles, newest: Checkpoint, problems: Problems): ReadCheckpoint[] {
  return sizesIn(files.folder)
    .filter((size) => size <= newest.size)
    .flatMap((size) => {
      const path = `checkpoints/${size}`;
      const read = readCheckpoint(files, path, problems);
      if (!read) return [];
      const { origin, size: stated } = read.checkpoint;
      if (stated === size && origin === newest.origin) return [read];
      problems.add({ what: "checkpoint", where: path, why: `it is that of ${origin} at size ${stated}`, file: path });
      return [];
    });
}

/** @param roots of the tree at the kept sizes */
export function checkKept(
  kept: readonly ReadCheckpoint[],
  roots: ReadonlyMap<number, Buffer>,
  problems: Problems,
): void {
  for (const { path, checkpoint } of kept) {
    const root = roots.get(checkpoint.size);
    if (root?.equals(checkpoint.root)) continue;
    const why = root ? "its root is not that of the entries" : "no block ends at its size";
    problems.add({ what: "checkpoint", where: path, why, file: path });
  }
}

/**
 * Checks every signature that has to be there. Trust goes from a key to those that were announced in entries under a
 * checkpoint that it has signed, and so from an old key over all rotations to the newest.
 */
export function checkSignatures(
  newest: ReadCheckpoint,
  kept: readonly ReadCheckpoint[],
  keys: KeyHistory,
  trust: Trust,
  problems: Problems,
): CheckedSignatures {
  const size = newest.checkpoint.size;
  for (const index of keys.changes) {
    if (kept.some(({ checkpoint }) => checkpoint.size > index)) continue;
    const why = `none is kept that covers entry ${index}, which changes the keys`;
    problems.add({ what: "checkpoint", where: "checkpoints", why, index });
  }
  const trusted = new Set((trust.given ?? keys.verifiers).map(({ vkey }) => vkey));
  let before = 0;
  for (const one of kept) {
    const at = one.checkpoint.size;
    const signedBy = signersOf(one, [...keys.verifiers, ...(trust.given ?? [])], problems);
    demand(one.path, signedBy, keys.mustSign(at, before), problems);
    if (counted(signedBy, keys, trust, at).some(({ vkey }) => trusted.has(vkey))) {
      for (const { vkey } of keys.mustSign(at)) trusted.add(vkey);
    }
    before = at;
  }
  const signedBy = signersOf(newest, [...keys.verifiers, ...(trust.given ?? []), ...trust.witnesses], problems);
  const since = kept.at(-1)?.checkpoint.size === size ? (kept.at(-2)?.checkpoint.size ?? 0) : size;
  demand(newest.path, signedBy, keys.mustSign(size, since), problems);
  const trustedNow = counted(signedBy, keys, trust, size).filter(({ vkey }) => trusted.has(vkey));
  if (trustedNow.length === 0) {
    const why = trust.given
      ? "no key that was given has signed it, and none leads to a key that has"
      : "no key of the log has signed it";
    problems.add({ what: "key", where: newest.path, why, file: newest.path });
  }
  for (const witness of trust.witnesses) {
    if (signedBy.some(({ verifier }) => verifier.vkey === witness.vkey)) continue;
    const why = `the witness ${nameOf(witness)} has not cosigned it`;
    problems.add({ what: "checkpoint", where: newest.path, why, file: newest.path });
  }
  return { signedBy, trusted: trust.given ? [...trust.given] : keys.maySign(size) };
}

/** A given key that the log has revoked counts as little as one of its own. */
function counted(signedBy: readonly SignedBy[], keys: KeyHistory, { given }: Trust, size: number): Verifier[] {
  const own = keys.verifiers.map(({ vkey }) => vkey);
  const allowed = new Set(keys.maySign(size).map(({ vkey }) => vkey));
  return signedBy
    .map(({ verifier }) => verifier)
    .filter(({ vkey }) => allowed.has(vkey) || (!own.includes(vkey) && given?.some((one) => one.vkey === vkey)));
}

function signersOf(read: ReadCheckpoint, known: readonly Verifier[], problems: Problems): SignedBy[] {
  const { path, note } = read;
  const verifiers = [...new Map(known.map((one) => [one.vkey, one])).values()];
  tellUnknown(read, verifiers, problems);
  try {
    return verifySignatures(note, verifiers);
  } catch (error) {
    if (!(error instanceof BadSignature)) throw error;
    problems.add({ what: "checkpoint", where: path, why: error.message, file: path });
    return [];
  }
}

/** The log's own keys are all announced: a signature in its name by another one is not for a reader to ignore. */
function tellUnknown({ path, note, checkpoint }: ReadCheckpoint, known: readonly Verifier[], problems: Problems): void {
  for (const { name, keyId } of note.signatures) {
    if (name !== checkpoint.origin || known.some((one) => one.name === name && one.keyId === keyId)) continue;
    const why = `it has a signature by a key ${keyId.toString(16).padStart(8, "0")} of the log that was never announced`;
    problems.add({ what: "checkpoint", where: path, why, file: path });
  }
}

function demand(path: string, signedBy: readonly SignedBy[], wanted: readonly Verifier[], problems: Problems): void {
  if (signedBy.length === 0) return;
  for (const one of wanted) {
    if (signedBy.some(({ verifier }) => verifier.vkey === one.vkey)) continue;
    const why = `the key ${nameOf(one)}, which is in use there, has not signed it`;
    problems.add({ what: "checkpoint", where: path, why, file: path });
  }
}

function sizesIn(folder: string): number[] {
  try {
    return readdirSync(join(folder, "checkpoints"))
      .filter((name) => /^[1-9][0-9]*$/.test(name))
      .map(Number)
      .filter(Number.isSafeInteger)
      .sort((a, b) => a - b);
  } catch {
    return [];
  }
}
