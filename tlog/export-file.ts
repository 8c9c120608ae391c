/**
 * Entries with their proofs, one JSON object a line, so that a part of a log can be checked where the log is not:
 *
 * ```
 * {"format":"azora-export/1","checkpoint":"<signed note>","keys":["<vkey>"],"query":{…}}
 * {"entry":{…},"proof":["<base64>",…]}
 * {"end":{"entries":1}}
 * ```
 */
import { decodeBase64 } from "./base64.ts";
import { type OpenedCheckpoint, openCheckpoint } from "./checkpoint.ts";
import { type LeafEntry, leafBytes } from "./entry.ts";
import { leafHash } from "./hashes.ts";
import { BadSignature, type Verifier } from "./keys.ts";
import { MalformedLog } from "./malformed-log.ts";
import { BadProof } from "./proof-bundle.ts";
import { verifyInclusion } from "./proofs.ts";

export const EXPORT_FORMAT = "azora-export/1";

export interface ExportHead {
  checkpoint: string;
  /** vkeys of the log: a stranger's word, until they are compared with those that one has from elsewhere. */
  keys: string[];
  /** What was asked for. */
  query: Record<string, unknown>;
}

export function exportHead({ checkpoint, keys, query }: ExportHead): string {
  return JSON.stringify({ format: EXPORT_FORMAT, checkpoint, keys, query });
}

/** @param leaf bytes of the leaf, which are JSON already */
export function exportLine(leaf: Buffer, proof: readonly Buffer[]): string {
  return `{"entry":${leaf.toString()},"proof":${JSON.stringify(proof.map((hash) => hash.toString("base64")))}}`;
}

/** Without it as its last line the file was cut off. */
export function exportEnd(entries: number): string {
  return JSON.stringify({ end: { entries } });
}

/** @throws MalformedLog where the line is not the first one of an export */
export function parseExportHead(line: string): ExportHead {
  const { format, checkpoint, keys, query } = parseLine(line) as Partial<ExportHead> & { format?: unknown };
  if (format !== EXPORT_FORMAT) throw new MalformedLog(`is not of the format ${EXPORT_FORMAT}`);
  const areKeys = Array.isArray(keys) && keys.every((key) => typeof key === "string");
  if (typeof checkpoint !== "string" || !areKeys) throw new MalformedLog("must have a checkpoint and keys");
  return { checkpoint, keys, query: typeof query === "object" && query !== null ? query : {} };
}

/** Checks an export line by line, in constant memory. */
export class ExportCheck {
  readonly opened: OpenedCheckpoint;
  #entries = 0;
  #ended = false;

  /** @throws MalformedLog, MalformedNote, BadSignature */
  constructor(head: ExportHead, verifiers: readonly Verifier[]) {
    this.opened = openLogCheckpoint(head.checkpoint, verifiers);
  }

  /** Entries that were checked. */
  get entries(): number {
    return this.#entries;
  }

  /** A line after the first. @returns its entry; undefined for the end. @throws MalformedLog, NotCanonical, BadProof */
  line(text: string): { entry: LeafEntry; hash: string } | undefined {
    if (this.#ended) throw new MalformedLog("stands behind the end");
    const { entry, proof, end } = parseLine(text) as {
      entry?: LeafEntry;
      proof?: unknown[];
      end?: { entries?: number };
    };
    if (end) {
      this.#ended = true;
      if (end.entries === this.#entries) return undefined;
      throw new MalformedLog(`says that there are ${end.entries} entries, but there are ${this.#entries}`);
    }
    const hashes = Array.isArray(proof) ? proof.map((hash) => decodeBase64(String(hash))) : [undefined];
    if (!entry || hashes.some((hash) => hash?.length !== 32))
      throw new MalformedLog("must have an entry and its proof");
    const leaf = leafHash(leafBytes(entry));
    const { size, root } = this.opened.checkpoint;
    if (!verifyInclusion(entry.index, size, leaf, hashes as Buffer[], root))
      throw new BadProof(`The proof does not lead from entry ${entry.index} to the root of the ${size} entries`);
    this.#entries++;
    return { entry, hash: leaf.toString("hex") };
  }

  /** To be called behind the last line. @throws MalformedLog where lines are missing */
  finish(): void {
    if (!this.#ended) throw new MalformedLog(`ends after ${this.#entries} entries, without its last line`);
  }
}

/** A checkpoint that a key of its own log has signed. @throws MalformedLog, MalformedNote, BadSignature */
export function openLogCheckpoint(text: string, verifiers: readonly Verifier[]): OpenedCheckpoint {
  const opened = openCheckpoint(text, verifiers);
  const { origin } = opened.checkpoint;
  if (opened.signedBy.some(({ verifier }) => verifier.name === origin)) return opened;
  throw new BadSignature(`No known key of the log ${origin} has signed its checkpoint`);
}

function parseLine(line: string): object {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new MalformedLog("is no JSON");
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw new MalformedLog("is no JSON object");
}
