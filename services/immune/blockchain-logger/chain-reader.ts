import { AzoraError } from "../../../runtime/errors.ts";
import { type Block, blockHash } from "../../../tlog/block.ts";
import { parseCheckpoint } from "../../../tlog/checkpoint.ts";
import { type Entry, type LeafEntry, parseLeaf } from "../../../tlog/entry.ts";
import { parseNote } from "../../../tlog/note.ts";
import { formatProof } from "../../../tlog/proof-bundle.ts";
import { consistencyProof, inclusionProof, rootAt } from "../../../tlog/proofs.ts";
import type { Sealed, SubjectKeys } from "./keys/subject-keys.ts";
import type { AuditLog } from "./log/audit-log.ts";
import type { EntryState } from "./log/states.ts";
import { prunedBefore } from "./pruning.ts";

/** An entry as it is shown: personal data is readable as long as the person's key is there, for those who may. */
export interface EntryView extends Omit<Entry, "blockHeight"> {
  /** Absent until a block has sealed it. */
  blockHeight?: number;
  state: EntryState;
  personal?: "readable" | "sealed" | "erased";
}

export interface BlockView extends Block {
  hash: string;
  /** Those of the newest checkpoint that covers it; none until one does. */
  signatures: { name: string; keyId: string; signature: string }[];
}

export interface ProofView {
  index: number;
  size: number;
  /** base64, the leaf's neighbour first. */
  proof: string[];
  checkpoint: string;
  /** C2SP tlog-proof with the leaf in its extra line: verifies alone. */
  bundle: string;
}

/** Answers questions about the log from its files and from what is not published yet. */
export class ChainReader {
  readonly #log: AuditLog;
  readonly #subjects: SubjectKeys;
  /** Looked for on disk once, and not for each entry of a page. */
  #prunedBefore: number | undefined;

  constructor(log: AuditLog, subjects: SubjectKeys) {
    this.#log = log;
    this.#subjects = subjects;
  }

  /** Older payload has gone. */
  pruned(): void {
    this.#prunedBefore = undefined;
  }

  /**
   * @param sealed whether personal data stays as it stands in the log
   * @throws AzoraError NOT_FOUND, CHAIN_CORRUPT
   */
  entry(index: number, sealed = false): EntryView {
    const { bytes, leaf } = this.#leaf(index);
    const height = this.#heightOf(index);
    return {
      ...this.#shown(parseLeaf(bytes), sealed),
      hash: leaf.toString("hex"),
      ...(height === undefined ? {} : { blockHeight: height }),
      state: this.#log.progress.stateOf(index),
    };
  }

  block(height: number): BlockView {
    const recent = this.#log.recentBlocks.find((block) => block.height === height);
    if (!recent && height >= this.#height()) {
      throw new AzoraError("NOT_FOUND", `there is no block ${height}; the last one is ${this.#height() - 1}`, {
        height,
      });
    }
    const block = recent ?? this.#log.reader.block(height);
    return { ...block, hash: blockHash(block), signatures: this.#signaturesOver(block) };
  }

  /** The newest blocks, newest first, or those before one. */
  blocks(before: number = this.#height(), limit = 100): BlockView[] {
    const to = Math.min(before, this.#height());
    const from = Math.max(0, to - limit);
    return Array.from({ length: to - from }, (_, at) => this.block(to - 1 - at));
  }

  /** For an entry that a checkpoint covers. */
  proof(index: number, size: number = this.#log.reader.size): ProofView {
    const { reader, checkpoint } = this.#log;
    if (size > reader.size || index >= size) {
      throw new AzoraError("NOT_FOUND", `no checkpoint of ${size} entries covers entry ${index}`, {
        index,
        size: reader.size,
      });
    }
    const proof = inclusionProof(index, size, reader.node);
    const text = size === reader.size ? checkpoint : "";
    return {
      index,
      size,
      proof: proof.map((hash) => hash.toString("base64")),
      checkpoint: text,
      bundle: text ? formatProof({ index, proof, checkpoint: text, extra: this.#leaf(index).bytes }) : "",
    };
  }

  consistency(
    from: number,
    to: number = this.#log.reader.size,
  ): { from: number; to: number; fromRoot: string; toRoot: string; proof: string[] } {
    const { reader } = this.#log;
    if (from > to || to > reader.size) {
      throw new AzoraError(
        "NOT_FOUND",
        `the newest checkpoint has ${reader.size} entries; from must not be beyond to, nor to beyond that`,
        { from, to },
      );
    }
    return {
      from,
      to,
      fromRoot: rootAt(from, reader.node).toString("base64"),
      toRoot: rootAt(to, reader.node).toString("base64"),
      proof: consistencyProof(from, to, reader.node).map((hash) => hash.toString("base64")),
    };
  }

  checkpoint(): {
    text: string;
    origin: string;
    size: number;
    root: string;
    block: number;
    blockHash: string;
    signedBy: string[];
  } {
    const text = this.#log.checkpoint;
    if (!text) throw new AzoraError("NOT_FOUND", "the log has no checkpoint yet");
    const note = parseNote(text);
    const { origin, size, root, extensions } = parseCheckpoint(note.text);
    const [, block, hash] = extensions[0]!.split(" ");
    const signedBy = note.signatures.map(({ name, keyId }) => `${name}+${hex(keyId)}`);
    return { text, origin, size, root: root.toString("base64"), block: Number(block), blockHash: hash!, signedBy };
  }

  /** Of what can be read. The log's own height counts a block that is under way to the disk too. */
  #height(): number {
    const newest = this.#log.recentBlocks.at(-1);
    return newest ? newest.height + 1 : this.#log.reader.blockCount();
  }

  #leaf(index: number): { bytes: Buffer; leaf: Buffer } {
    this.#prunedBefore ??= prunedBefore(this.#log.reader.folder, this.#log.reader.size);
    if (index < this.#prunedBefore) {
      throw new AzoraError("NOT_FOUND", `the payload of entry ${index} was pruned; its hash is in the tree still`, {
        index,
      });
    }
    const found = this.#log.leaf(index);
    if (!found)
      throw new AzoraError("NOT_FOUND", `there is no entry ${index}; the log has ${this.#log.size}`, { index });
    return found;
  }

  #heightOf(index: number): number | undefined {
    if (index < this.#log.reader.size) return this.#log.reader.blockOf(index).height;
    return this.#log.recentBlocks.find(({ firstIndex, lastIndex }) => index >= firstIndex && index <= lastIndex)
      ?.height;
  }

  #shown(entry: LeafEntry, isSealed: boolean): LeafEntry & Pick<EntryView, "personal"> {
    const { sealed, ...kept } = entry.data as { sealed?: Sealed };
    if (!entry.subject || !sealed) return entry;
    const opened = this.#subjects.open(entry.subject, sealed, entry.id);
    if (!opened) return { ...entry, personal: "erased" };
    if (isSealed) return { ...entry, personal: "sealed" };
    const { subject } = opened;
    const actor = entry.actor === entry.subject ? { actor: subject } : {};
    return { ...entry, ...actor, subject, data: { ...opened.data, ...kept }, personal: "readable" };
  }

  #signaturesOver(block: Block): BlockView["signatures"] {
    if (block.treeSize > this.#log.reader.size) return [];
    return parseNote(this.#log.checkpoint).signatures.map(({ name, keyId, signature }) => ({
      name,
      keyId: hex(keyId),
      signature: signature.toString("base64"),
    }));
  }
}

function hex(keyId: number): string {
  return keyId.toString(16).padStart(8, "0");
}
