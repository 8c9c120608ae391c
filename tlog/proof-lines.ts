/** The shape that proofs and witness requests share: a head line, hashes, an empty line, a checkpoint. */
import { decodeBase64 } from "./base64.ts";
import { HASH_SIZE } from "./hashes.ts";
import { MalformedLog } from "./malformed-log.ts";

/** A proof in a tree that can exist is not longer. */
const MAX_HASHES = 63;

export interface ProofLines {
  /** Lines before the first hash. */
  head: string[];
  proof: Buffer[];
  /** Verbatim, with its signatures. */
  checkpoint: string;
}

/** @param headLines how many there are. @throws MalformedLog */
export function splitProofLines(text: string, headLines: number): ProofLines {
  const blank = text.indexOf("\n\n");
  if (blank < 0) throw new MalformedLog("has no empty line before a checkpoint");
  const lines = text.slice(0, blank).split("\n");
  const hashes = lines.slice(headLines);
  if (hashes.length > MAX_HASHES) throw new MalformedLog(`has more than ${MAX_HASHES} hashes`);
  const proof = hashes.map((line, i) => {
    const hash = decodeBase64(line);
    if (hash?.length !== HASH_SIZE) throw new MalformedLog(`line ${headLines + i + 1} is not the base64 of 32 bytes`);
    return hash;
  });
  return { head: lines.slice(0, headLines), proof, checkpoint: text.slice(blank + 2) };
}

export function joinProofLines({ head, proof, checkpoint }: ProofLines): string {
  return `${[...head, ...proof.map((hash) => hash.toString("base64"))].join("\n")}\n\n${checkpoint}`;
}
