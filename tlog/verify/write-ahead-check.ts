/** Checks what the log has acknowledged and no checkpoint covers yet. It is not signed: only its links can be checked. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Block, blockLine, hashOfLine, parseBlock } from "../block.ts";
import { type LeafEntry, parseLeaf } from "../entry.ts";
import { leafHash } from "../hashes.ts";
import type { LogReader } from "../log-reader.ts";
import { NO_HASH } from "../shape.ts";
import { readWriteAhead } from "../write-ahead.ts";
import type { Problems } from "./problem.ts";

export interface WriteAheadFile {
  /** `wal/0000000000000512` */
  path: string;
  bytes: Buffer;
}

export interface Head {
  origin: string;
  size: number;
  blocks: number;
  /** Hash of the last block, hex. */
  blockHash: string | undefined;
}

const NAME = /^[0-9]{16}$/;
const CUT_OFF = "either the end of a write that a crash cut off, or altered";

/** A write takes a moment: an end that is no whole record is looked at again after this time, ms. */
const WRITE_MS = 20;
const LOOKS = 5;

/** The files as they are now: they must be read before the checkpoint, since they vanish once it covers them. */
export async function readWriteAheadFiles(folder: string): Promise<WriteAheadFile[]> {
  const found: WriteAheadFile[] = [];
  for (const name of list(folder)) {
    const bytes = await readSettled(join(folder, name));
    if (bytes) found.push({ path: `wal/${name}`, bytes });
  }
  return found;
}

/** Where somebody is writing, what is torn now is whole soon. */
async function readSettled(path: string): Promise<Buffer | undefined> {
  let bytes = read(path);
  for (let look = 1; look < LOOKS && bytes && !isWhole(bytes); look++) {
    await sleep(WRITE_MS);
    const again = read(path);
    if (again?.length === bytes.length) break;
    bytes = again;
  }
  return bytes;
}

function isWhole(bytes: Buffer): boolean {
  try {
    return readWriteAhead(bytes).whole === bytes.length;
  } catch {
    return true;
  }
}

function read(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** @returns number of entries after the checkpoint */
export function checkWriteAhead(
  files: readonly WriteAheadFile[],
  reader: LogReader,
  head: Head,
  problems: Problems,
): number {
  const after = new After(reader, head);
  for (const { path, bytes } of files) {
    const wrong = (why: string) => problems.add({ what: "write-ahead file", where: path, why, file: path });
    try {
      const { header, records, whole, damagedAt } = readWriteAhead(bytes);
      if (header && header.origin !== head.origin) wrong(`it belongs to the log ${header.origin}`);
      if (damagedAt !== undefined) wrong(`it was altered at byte ${damagedAt}: whole records come after it`);
      else if (whole < bytes.length) wrong(`its last ${bytes.length - whole} bytes are no whole record: ${CUT_OFF}`);
      if (header && header.firstIndex !== Number(path.slice(-16)))
        wrong(`it says that it begins at ${header.firstIndex}`);
      for (const record of records) {
        const why = "block" in record ? after.block(parseBlock(record.block)) : after.entries(record.entries);
        if (why) wrong(why);
      }
    } catch (error) {
      wrong(`it ${(error as Error).message}`);
    }
  }
  return after.size - head.size;
}

/** The chain beyond the checkpoint. */
class After {
  readonly #reader: LogReader;
  readonly #head: Head;
  #hash: string | undefined;
  #blockHash: string | undefined;
  #height: number;
  size: number;

  constructor(reader: LogReader, head: Head) {
    this.#reader = reader;
    this.#head = head;
    this.#hash = lastHash(reader, head.size);
    this.#blockHash = head.blockHash;
    this.#height = head.blocks;
    this.size = head.size;
  }

  /** @returns why they do not belong there */
  entries(leaves: readonly Buffer[]): string | undefined {
    for (const bytes of leaves) {
      const leaf: LeafEntry = parseLeaf(bytes);
      const hash = leafHash(bytes);
      if (leaf.index < this.#head.size) {
        if (this.#reader.leafHashAt(leaf.index).equals(hash)) continue;
        return `it holds another entry ${leaf.index} than the log`;
      }
      if (leaf.index < this.size) continue;
      if (leaf.index > this.size) return `entry ${leaf.index} follows entry ${this.size - 1}: some are missing between`;
      if (this.#hash !== undefined && leaf.previousHash !== this.#hash) {
        return `entry ${leaf.index} does not name the hash of entry ${leaf.index - 1}`;
      }
      this.#hash = hash.toString("hex");
      this.size++;
    }
    return undefined;
  }

  /** @returns why it does not belong there */
  block(block: Block): string | undefined {
    const { height, previousHash, treeSize } = block;
    if (treeSize <= this.#head.size) {
      return blockLine(this.#reader.block(height)) === blockLine(block)
        ? undefined
        : `it holds another block ${height} than the log`;
    }
    if (height < this.#height) return undefined;
    if (height > this.#height) return `block ${height} follows block ${this.#height - 1}: some are missing between`;
    if (this.#blockHash !== undefined && previousHash !== this.#blockHash) {
      return `block ${height} does not name the hash of block ${height - 1}`;
    }
    if (treeSize !== this.size) return `block ${height} ends at ${treeSize}, but ${this.size} entries are there`;
    this.#blockHash = hashOfLine(blockLine(block));
    this.#height++;
    return undefined;
  }
}

/** Undefined where it is not known; that the tile is missing is told elsewhere. */
function lastHash(reader: LogReader, size: number): string | undefined {
  try {
    return size === 0 ? NO_HASH : reader.leafHashAt(size - 1).toString("hex");
  } catch {
    return undefined;
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => NAME.test(name))
      .sort();
  } catch {
    return [];
  }
}
