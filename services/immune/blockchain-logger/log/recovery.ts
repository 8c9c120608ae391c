import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { AzoraError } from "../../../../runtime/errors.ts";
import { blockHash, blockLine, parseBlock } from "../../../../tlog/block.ts";
import { openCheckpoint } from "../../../../tlog/checkpoint.ts";
import { type LeafEntry, parseLeaf } from "../../../../tlog/entry.ts";
import { Frontier } from "../../../../tlog/frontier.ts";
import { leafHash } from "../../../../tlog/hashes.ts";
import type { Verifier } from "../../../../tlog/keys.ts";
import { LogReader } from "../../../../tlog/log-reader.ts";
import { rootAt } from "../../../../tlog/proofs.ts";
import type { Signed } from "../keys/signed-state.ts";
import { Head, type HeadState, type Linked } from "./head.ts";
import { TileLayout } from "./tile-layout.ts";
import { readWriteAheadFiles } from "./write-ahead-log.ts";

export interface Recovered {
  head: Head;
  layout: TileLayout;
  reader: LogReader;
  /** The checkpoint's size. */
  published: number;
  checkpoint: string;
  /** Entries after the checkpoint, from the write-ahead files. */
  entries: (Linked & { parsed: LeafEntry })[];
  /** Bytes at the end of the write-ahead files that are no whole record: a write that a crash cut off. */
  torn: number;
}

interface Found {
  logFolder: string;
  walFolder: string;
  origin: string;
  validator: string;
  blockEntries: number;
  verifiers: readonly Verifier[];
  signed: Signed | undefined;
}

/**
 * Finds the end of a log on disk: the tree as the checkpoint states it, and after it whatever the write-ahead files hold.
 * @throws AzoraError CHAIN_CORRUPT naming the place, CHAIN_ROLLED_BACK where a longer tree was signed before
 */
export function recover(found: Found): Recovered {
  try {
    return replay(found, openLog(found));
  } catch (error) {
    if (error instanceof AzoraError) throw error;
    throw corrupt(`the log in ${found.logFolder} cannot be read: ${(error as Error).message}`, {
      file: found.logFolder,
    });
  }
}

function openLog({ logFolder, origin, verifiers, validator, blockEntries }: Found): Opened {
  const file = join(logFolder, "checkpoint");
  if (!existsSync(file)) {
    return {
      head: new Head(validator, blockEntries),
      layout: new TileLayout(),
      reader: new LogReader(logFolder, 0),
      checkpoint: "",
      ...(existsSync(join(logFolder, "keys")) ? { missing: file } : {}),
    };
  }
  const text = readFileSync(file, "utf8");
  const { checkpoint } = openCheckpoint(text, verifiers);
  if (checkpoint.origin !== origin)
    throw corrupt(`${file} is that of the log ${checkpoint.origin}, the keys are those of ${origin}`, { file });
  const reader = new LogReader(logFolder, checkpoint.size);
  const [, height, hash] = /^block (\d+) ([0-9a-f]{64})$/.exec(checkpoint.extensions[0] ?? "") ?? [];
  const block = reader.block(Number(height));
  if (blockHash(block) !== hash) throw corrupt(`block ${height} is not the one that ${file} names`, { file });
  if (!rootAt(checkpoint.size, reader.node).equals(checkpoint.root)) {
    throw corrupt(`the tiles in ${logFolder} do not have the root that ${file} states`, { file });
  }
  const last = reader.leaf(checkpoint.size - 1);
  const leaf = leafHash(last);
  if (!leaf.equals(reader.leafHashAt(checkpoint.size - 1))) {
    throw corrupt(`entry ${checkpoint.size - 1} is not the one that the tiles hold`, { index: checkpoint.size - 1 });
  }
  const state: HeadState = {
    tree: new Frontier(
      checkpoint.size,
      fullSubtrees(checkpoint.size).map(({ level, index }) => reader.node(level, index)),
    ),
    previousHash: leaf.toString("hex"),
    time: Math.max(Date.parse(parseLeaf(last).timestamp), Date.parse(block.timestamp)),
    block: new Frontier(),
    height: block.height + 1,
    blockHash: hash!,
  };
  return {
    head: new Head(validator, blockEntries, state),
    layout: TileLayout.from(reader, state.height),
    reader,
    checkpoint: text,
  };
}

interface Opened extends Pick<Recovered, "head" | "layout" | "reader" | "checkpoint"> {
  /** The checkpoint's file, where there is none although the log has been signed, or was about to be for the first time. */
  missing?: string;
}

function replay({ walFolder, origin, signed }: Found, log: Opened): Recovered {
  const { head, layout, reader, checkpoint, missing } = log;
  const published = head.size;
  const entries: Recovered["entries"] = [];
  let torn = 0;
  const asSigned = () => {
    if (signed?.origin !== origin || signed.size !== head.size || head.root().toString("hex") === signed.root) return;
    throw new AzoraError(
      "CHAIN_ROLLED_BACK",
      `the log holds another history than the one whose ${signed.size} entries were signed`,
      { signed: signed.size, found: head.size },
    );
  };
  asSigned();
  for (const { file, bytes, header, records, whole, damagedAt } of readWriteAheadFiles(walFolder)) {
    if (damagedAt !== undefined)
      throw corrupt(`${file} is damaged at byte ${damagedAt}, and whole records come after it`, { file });
    if (header && header.origin !== origin) throw corrupt(`${file} belongs to the log ${header.origin}`, { file });
    torn += bytes.length - whole;
    for (const record of records) {
      if ("block" in record) {
        const block = parseBlock(record.block);
        if (block.treeSize <= published || block.height < head.height) continue;
        if (
          block.treeSize !== head.size ||
          block.treeRoot !== head.root().toString("hex") ||
          block.previousHash !== head.blockHash
        ) {
          throw corrupt(`${file}: block ${block.height} does not follow from the entries before it`, { file });
        }
        head.followBlock(block);
        layout.addBlock(blockLine(block));
        continue;
      }
      for (const bytes of record.entries) {
        const parsed = parseLeaf(bytes);
        if (parsed.index < head.size) continue;
        if (parsed.index > head.size || parsed.previousHash !== head.previousHash) {
          throw corrupt(`${file}: entry ${parsed.index} does not follow entry ${head.size - 1}`, { file });
        }
        const leaf = leafHash(bytes);
        head.follow(leaf, Date.parse(parsed.timestamp));
        layout.add(bytes, leaf);
        entries.push({ index: parsed.index, id: parsed.id, bytes, leaf, parsed });
        asSigned();
      }
    }
  }
  const isWhole = signed?.origin === origin && signed.size <= head.size;
  // The first publication may have been cut off before its checkpoint: then all that it signed is here, from the first entry on.
  if (missing && !isWhole) throw corrupt(`${missing} is missing`, { file: missing });
  if (signed?.origin === origin && !isWhole) {
    throw new AzoraError(
      "CHAIN_ROLLED_BACK",
      `the log holds ${head.size} entries, but ${signed.size} were signed: an older copy was put in its place, or files are missing`,
      { signed: signed.size, found: head.size },
    );
  }
  return { head, layout, reader, published, checkpoint, entries, torn };
}

/** The full subtrees that a tree consists of, the largest first. */
function fullSubtrees(size: number): { level: number; index: number }[] {
  const subtrees: { level: number; index: number }[] = [];
  let start = 0;
  for (let level = 52; level >= 0; level--) {
    const width = 2 ** level;
    if (size - start < width) continue;
    subtrees.push({ level, index: start / width });
    start += width;
  }
  return subtrees;
}

function corrupt(why: string, where: Record<string, unknown>): AzoraError {
  return new AzoraError("CHAIN_CORRUPT", why, where);
}
