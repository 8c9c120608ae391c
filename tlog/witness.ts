/** Witnesses (C2SP tlog-witness): the requests to them, and how one decides. */
import { type Checkpoint, parseCheckpoint } from "./checkpoint.ts";
import { parseSize } from "./checkpoint-text.ts";
import { EMPTY_ROOT } from "./hashes.ts";
import { BadSignature, type Signer, type Verifier, verifySignatures } from "./keys.ts";
import { MalformedLog } from "./malformed-log.ts";
import { formatNote, type Note, parseNote, signatureLine } from "./note.ts";
import { joinProofLines, splitProofLines } from "./proof-lines.ts";
import { verifyConsistency } from "./proofs.ts";

/** What a log asks of a witness. */
export interface AddCheckpoint {
  /** Size of the tree that the witness saw last. */
  old: number;
  /** Consistency proof from there. */
  proof: Buffer[];
  /** Signed note. */
  checkpoint: string;
}

export interface WitnessAnswer {
  status: 200 | 400 | 403 | 404 | 409 | 422;
  /** 200: signature lines; 409: the size that the witness saw last; else why it refuses. */
  body: string;
  contentType?: string;
}

export interface WitnessOptions {
  /** Signs as a cosigner. */
  signer: Signer;
  /** The keys of each log, by its origin. */
  logs: ReadonlyMap<string, readonly Verifier[]>;
  /** The newest cosigned checkpoint of each log; it is stored, durably, when `save` returns. */
  state: { load(origin: string): string | undefined; save(origin: string, checkpoint: string): void };
  clock: { now(): number };
}

export function formatAddCheckpoint(old: number, proof: Buffer[], checkpoint: string): string {
  return joinProofLines({ head: [`old ${old}`], proof, checkpoint });
}

/** @throws MalformedLog */
export function parseAddCheckpoint(body: string): AddCheckpoint {
  const { head, proof, checkpoint } = splitProofLines(body, 1);
  const old = head[0]!.startsWith("old ") ? parseSize(head[0]!.slice(4)) : undefined;
  if (old === undefined) throw new MalformedLog('line 1 is not "old <number>"');
  return { old, proof, checkpoint };
}

/**
 * Remembers the last tree of each log and signs only what goes on from it. It is synchronous from the comparison to the
 * stored state, so that two requests at once cannot set it back.
 */
export class Witness {
  readonly #options: WitnessOptions;

  constructor(options: WitnessOptions) {
    if (!options.signer.verifier.cosigner) throw new TypeError("A witness signs as a cosigner");
    this.#options = options;
  }

  /** The newest cosigned checkpoint of a log. */
  checkpoint(origin: string): string | undefined {
    return this.#options.state.load(origin);
  }

  /** Answers the body of a POST to `add-checkpoint`. */
  addCheckpoint(body: string): WitnessAnswer {
    const asked = read(body);
    if (typeof asked === "string") return { status: 400, body: `${asked}\n` };
    const { old, proof, note, next } = asked;
    const keys = this.#options.logs.get(next.origin);
    if (!keys) return { status: 404, body: `the log ${next.origin} is not known here\n` };
    const known = signaturesOf(note, keys);
    if (typeof known === "string") return { status: 403, body: `${known}\n` };
    if (old > next.size) return { status: 400, body: `the old size ${old} is beyond the new one ${next.size}\n` };
    const last = this.#last(next.origin);
    if (old !== (last?.size ?? 0)) {
      return { status: 409, body: `${last?.size ?? 0}\n`, contentType: "text/x.tlog.size" };
    }
    const why = contradiction(last, next, proof);
    if (why) return { status: 422, body: `${why}\n` };
    const cosignature = this.#options.signer.sign(note.text, this.#options.clock.now());
    this.#options.state.save(next.origin, formatNote({ text: note.text, signatures: [...known, cosignature] }));
    return { status: 200, body: signatureLine(cosignature), contentType: "text/plain; charset=utf-8" };
  }

  #last(origin: string): Checkpoint | undefined {
    const text = this.#options.state.load(origin);
    return text === undefined ? undefined : parseCheckpoint(parseNote(text).text);
  }
}

function read(body: string): (AddCheckpoint & { note: Note; next: Checkpoint }) | string {
  try {
    const asked = parseAddCheckpoint(body);
    const note = parseNote(asked.checkpoint);
    return { ...asked, note, next: parseCheckpoint(note.text) };
  } catch (error) {
    return `the request cannot be read: ${(error as Error).message}`;
  }
}

/** The signatures of the log's own keys. */
function signaturesOf(note: Note, keys: readonly Verifier[]): Note["signatures"] | string {
  try {
    const by = verifySignatures(note, keys);
    return note.signatures.filter(({ name, keyId }) =>
      by.some(({ verifier }) => verifier.name === name && verifier.keyId === keyId),
    );
  } catch (error) {
    if (error instanceof BadSignature) return error.message;
    throw error;
  }
}

/** Why the next tree does not go on from the last one. */
function contradiction(last: Checkpoint | undefined, next: Checkpoint, proof: readonly Buffer[]): string | undefined {
  if (next.size === 0 && !next.root.equals(EMPTY_ROOT)) return "a tree without entries has another root";
  if (last === undefined || last.size === 0)
    return proof.length > 0 ? "from nothing there is nothing to prove" : undefined;
  if (verifyConsistency(last.size, next.size, last.root, next.root, proof)) return undefined;
  return last.size === next.size
    ? `another tree of ${last.size} entries was seen before`
    : `the tree of ${next.size} entries is not proven to go on from that of ${last.size}`;
}
