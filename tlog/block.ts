/** Blocks: batches of entries that were sealed together. */
import { hash } from "node:crypto";
import { canonicalize } from "./canonical-json.ts";
import { MalformedLog } from "./malformed-log.ts";
import { aCount, aHash, aText, aTime, checkShape, NO_HASH, parseCanonical, type Shape } from "./shape.ts";
import { TILE_WIDTH } from "./tiles.ts";

export interface Block {
  entryCount: number;
  /** Index of the block's first entry. */
  firstIndex: number;
  /** From 0. */
  height: number;
  lastIndex: number;
  /** RFC 6962 root over the block's own leaves, hex. */
  merkleRoot: string;
  /** Hash of the block before, hex; 64 zeros for the first. */
  previousHash: string;
  /** When it was sealed: ISO 8601, UTC, with milliseconds. */
  timestamp: string;
  /** Root of the whole tree with this block as its end, hex. */
  treeRoot: string;
  /** lastIndex + 1 */
  treeSize: number;
  /** Id of the node that sealed it. */
  validator: string;
}

const SHAPE: Shape = {
  entryCount: aCount,
  firstIndex: aCount,
  height: aCount,
  lastIndex: aCount,
  merkleRoot: aHash,
  previousHash: aHash,
  timestamp: aTime,
  treeRoot: aHash,
  treeSize: aCount,
  validator: aText,
};

/** Canonical JSON, without the newline that ends the line in its file. @throws MalformedLog */
export function blockLine(block: Block): string {
  const { entryCount, firstIndex, height, lastIndex, merkleRoot } = block;
  const { previousHash, timestamp, treeRoot, treeSize, validator } = block;
  const own = {
    entryCount,
    firstIndex,
    height,
    lastIndex,
    merkleRoot,
    previousHash,
    timestamp,
    treeRoot,
    treeSize,
    validator,
  };
  checkSpan(checkShape(own, SHAPE) as unknown as Block);
  return canonicalize(own);
}

/** Hex SHA-256 of the line without its newline. */
export function blockHash(block: Block): string {
  return hashOfLine(blockLine(block));
}

export function hashOfLine(line: string): string {
  return hash("sha256", line, "hex");
}

/** @param line without its newline. @throws MalformedLog for what `blockLine` would not have written */
export function parseBlock(line: string): Block {
  const block = parseCanonical(Buffer.from(line), SHAPE) as unknown as Block;
  checkSpan(block);
  return block;
}

/** What a block says of its own extent must fit together; whether it fits the log is for the reader to check. */
function checkSpan({ entryCount, firstIndex, height, lastIndex, previousHash, treeSize }: Block): void {
  if (entryCount < 1 || lastIndex - firstIndex + 1 !== entryCount || treeSize !== lastIndex + 1) {
    throw new MalformedLog(`has ${entryCount} entries, ${firstIndex} to ${lastIndex}, and ends at ${treeSize}`);
  }
  if (Math.floor(firstIndex / TILE_WIDTH) !== Math.floor(lastIndex / TILE_WIDTH)) {
    throw new MalformedLog(`goes from ${firstIndex} to ${lastIndex}, past a multiple of ${TILE_WIDTH}`);
  }
  const isFirst = height === 0;
  if ((firstIndex === 0) !== isFirst || (previousHash === NO_HASH) !== isFirst) {
    throw new MalformedLog("must begin at 0 and have a previousHash of zeros if, and only if, it is the first");
  }
}
