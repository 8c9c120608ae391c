/** Proofs that need nothing but the log's keys (C2SP tlog-proof, files named `.tlog-proof`). */
import { decodeBase64 } from "./base64.ts";
import { type OpenedCheckpoint, openCheckpoint } from "./checkpoint.ts";
import { parseSize } from "./checkpoint-text.ts";
import { type LeafEntry, parseLeaf } from "./entry.ts";
import { leafHash } from "./hashes.ts";
import { BadSignature, type Verifier } from "./keys.ts";
import { MalformedLog } from "./malformed-log.ts";
import { joinProofLines, splitProofLines } from "./proof-lines.ts";
import { verifyInclusion } from "./proofs.ts";

const MAGIC = "c2sp.org/tlog-proof@v1";

export interface ProofBundle {
  /** Of the entry. */
  index: number;
  /** Inclusion proof in the checkpoint's tree. */
  proof: Buffer[];
  /** Signed note. */
  checkpoint: string;
  /** Bytes of the leaf, so that the bundle can be checked alone. */
  extra?: Buffer;
}

export interface VerifiedBundle extends OpenedCheckpoint {
  entry: LeafEntry;
  /** Leaf hash, hex. */
  hash: string;
}

/** A proof that leads to another root, or is about another entry. */
export class BadProof extends Error {
  override readonly name = "BadProof";
}

/**
 * ```
 * c2sp.org/tlog-proof@v1
 * extra <leaf bytes, base64>
 * index 73894
 * <hash, base64>
 *
 * <checkpoint>
 * ```
 */
export function formatProof({ index, proof, checkpoint, extra }: ProofBundle): string {
  const head = [MAGIC, ...(extra ? [`extra ${extra.toString("base64")}`] : []), `index ${index}`];
  return joinProofLines({ head, proof, checkpoint });
}

/** @throws MalformedLog */
export function parseProof(text: string): ProofBundle {
  const hasExtra = text.startsWith(`${MAGIC}\nextra `);
  const { head, proof, checkpoint } = splitProofLines(text, hasExtra ? 3 : 2);
  if (head[0] !== MAGIC) throw new MalformedLog(`line 1 is not "${MAGIC}"`);
  const line = head[hasExtra ? 2 : 1] ?? "";
  const index = line.startsWith("index ") ? parseSize(line.slice(6)) : undefined;
  if (index === undefined) throw new MalformedLog(`line ${hasExtra ? 3 : 2} is not "index <number>"`);
  if (!hasExtra) return { index, proof, checkpoint };
  const extra = decodeBase64(head[1]!.slice(6));
  if (!extra?.length) throw new MalformedLog('line 2 is not "extra <base64>"');
  return { index, proof, checkpoint, extra };
}

/**
 * Checks a bundle that carries its leaf: the checkpoint is signed by a key of its log, and the leaf is in its tree.
 * @param verifiers keys of the log, and of witnesses whose cosignatures are to be checked
 * @throws MalformedLog, MalformedNote, BadSignature, BadProof
 */
export function verifyBundle(text: string, verifiers: readonly Verifier[]): VerifiedBundle {
  const { index, proof, checkpoint, extra } = parseProof(text);
  const opened = openCheckpoint(checkpoint, verifiers);
  const { origin, size, root } = opened.checkpoint;
  if (!opened.signedBy.some(({ verifier }) => verifier.name === origin)) {
    throw new BadSignature(`No known key of the log ${origin} has signed its checkpoint`);
  }
  if (!extra) throw new MalformedLog("has no line extra with the entry");
  const leaf = leafHash(extra);
  if (!verifyInclusion(index, size, leaf, proof, root)) {
    throw new BadProof(`The proof does not lead from entry ${index} to the root of the ${size} entries`);
  }
  const entry = parseLeaf(extra);
  if (entry.index !== index) throw new BadProof(`The entry says that it is entry ${entry.index}, not ${index}`);
  return { ...opened, entry, hash: leaf.toString("hex") };
}
