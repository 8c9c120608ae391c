/** Reads a log's folder, synchronously; it believes what is written there, since checking is the verifier's work. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Block, parseBlock } from "./block.ts";
import { parseCheckpoint } from "./checkpoint-text.ts";
import { type Entry, parseLeaf } from "./entry.ts";
import { Lru } from "./lru.ts";
import { MalformedLog } from "./malformed-log.ts";
import { parseNote } from "./note.ts";
import type { NodeReader } from "./proofs.ts";
import { TileNodes } from "./tile-nodes.ts";
import { splitBundle, TILE_WIDTH, tilePath } from "./tiles.ts";
import { decodeUtf8 } from "./utf8.ts";

const TILE_HEIGHT = 8;
/** A tile with its inner nodes is 16 KB and more. */
const TILES_KEPT = 256;
/** A bundle may have 15 MB. */
const BUNDLES_KEPT = 4;
const BLOCK_FILES_KEPT = 32;

export class LogReader {
  readonly folder: string;
  #size: number;
  #tiles = new Lru<TileNodes>(TILES_KEPT);
  #bundles = new Lru<Buffer[]>(BUNDLES_KEPT);
  #blocks = new Lru<string[]>(BLOCK_FILES_KEPT);

  /** @param size entries of the tree that is read. @default the checkpoint's */
  constructor(folder: string, size?: number) {
    this.folder = folder;
    this.#size = 0;
    this.setSize(size ?? parseCheckpoint(parseNote(this.checkpoint()).text).size);
  }

  get size(): number {
    return this.#size;
  }

  setSize(size: number): void {
    if (!Number.isSafeInteger(size) || size < 0) throw new RangeError(`A log cannot have ${size} entries`);
    this.#size = size;
  }

  /** The newest checkpoint, as its file has it. @throws MalformedLog where there is none */
  checkpoint(): string {
    return this.text("checkpoint");
  }

  /** A text file of the folder. @throws MalformedLog where it is missing or not UTF-8 */
  text(path: string): string {
    const text = decodeUtf8(this.#read(path) ?? missing(path));
    if (text === undefined) throw new MalformedLog(`${path} is not UTF-8`);
    return text;
  }

  /** The bytes of an entry. @throws MalformedLog, also where they were pruned */
  leaf(index: number): Buffer {
    return this.#bundleAt(this.#checked(index))[index % TILE_WIDTH]!;
  }

  leafHashAt(index: number): Buffer {
    return this.node(0, this.#checked(index));
  }

  readonly node: NodeReader = (level, index) => {
    const height = level % TILE_HEIGHT;
    const tileLevel = (level - height) / TILE_HEIGHT;
    const perTile = 2 ** (TILE_HEIGHT - height);
    const tile = Math.floor(index / perTile);
    const count = Math.floor(this.#size / TILE_WIDTH ** tileLevel);
    const width = Math.min(TILE_WIDTH, count - tile * TILE_WIDTH);
    const found = width > 0 ? this.#tile(tileLevel, tile, width).node(height, index - tile * perTile) : undefined;
    if (!found) throw new RangeError(`A tree of ${this.#size} leaves has no node ${index} of level ${level}`);
    return found;
  };

  block(height: number): Block {
    const block = this.#blockAt(height);
    if (!block) throw new RangeError(`The log has no block ${height}`);
    return block;
  }

  /** Number of blocks that the tree is made of. */
  blockCount(): number {
    return this.#size === 0 ? 0 : this.blockOf(this.#size - 1).height + 1;
  }

  /** The block that an entry is in. */
  blockOf(index: number): Block {
    this.#checked(index);
    // Each block has one entry at least and 256 at most.
    let low = Math.floor(index / TILE_WIDTH);
    let high = index;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const block = this.#blockAt(middle);
      if (!block || block.lastIndex >= index) high = middle;
      else low = middle + 1;
    }
    const block = this.block(low);
    if (block.firstIndex > index || block.lastIndex < index) throw new MalformedLog(`No block has the entry ${index}`);
    return block;
  }

  entry(index: number): Entry {
    const leaf = parseLeaf(this.leaf(index));
    return { ...leaf, hash: this.leafHashAt(index).toString("hex"), blockHeight: this.blockOf(index).height };
  }

  #checked(index: number): number {
    if (Number.isSafeInteger(index) && index >= 0 && index < this.#size) return index;
    throw new RangeError(`A log of ${this.#size} entries has no entry ${index}`);
  }

  #tile(level: number, index: number, width: number): TileNodes {
    return this.#tiles.get(tilePath(level, index, width), () => {
      const { path, bytes } = this.#partial(level, index, width);
      return inFile(path, () => new TileNodes(bytes.subarray(0, width * 32), width));
    });
  }

  #bundleAt(index: number): Buffer[] {
    const bundle = Math.floor(index / TILE_WIDTH);
    const width = Math.min(TILE_WIDTH, this.#size - bundle * TILE_WIDTH);
    return this.#bundles.get(tilePath("entries", bundle, width), () => {
      const { path, bytes } = this.#partial("entries", bundle, width);
      const entries = inFile(path, () => splitBundle(bytes));
      if (entries.length < width) throw new MalformedLog(`${path} has ${entries.length} entries, not ${width}`);
      return entries;
    });
  }

  /** Where the log has grown on meanwhile, the full file stands for the partial one. */
  #partial(level: number | "entries", index: number, width: number): { path: string; bytes: Buffer } {
    for (const path of new Set([tilePath(level, index, width), tilePath(level, index)])) {
      const bytes = this.#read(path);
      if (bytes) return { path, bytes };
    }
    return missing(tilePath(level, index, width));
  }

  #blockAt(height: number): Block | undefined {
    const file = Math.floor(height / TILE_WIDTH);
    const key = `${file}/${this.#size}`;
    const line = this.#blocks.get(key, () => this.#blockLines(file))[height % TILE_WIDTH];
    if (line === undefined) return undefined;
    const block = inFile(`block ${height}`, () => parseBlock(line));
    if (block.height !== height) throw new MalformedLog(`Block ${height} says that it is block ${block.height}`);
    return block.treeSize <= this.#size ? block : undefined;
  }

  /**
   * The size of a tree does not say how many blocks it has. The widest file has them all, and perhaps newer ones, unless a
   * crash has left it unfinished: then one that is narrower has them.
   */
  #blockLines(file: number): string[] {
    const path = tilePath("block", file);
    const widths = this.#list(`${path}.p`).map(Number).filter(Number.isInteger);
    const paths = [path, ...widths.sort((a, b) => b - a).map((width) => `${path}.p/${width}`)];
    let widest: string[] | undefined;
    for (const one of paths) {
      const bytes = this.#read(one);
      const lines = bytes && decodeUtf8(bytes)?.split("\n").slice(0, -1);
      if (lines && this.#reaches(lines)) return lines;
      widest ??= lines;
    }
    return widest ?? [];
  }

  #reaches(lines: readonly string[]): boolean {
    if (lines.length === TILE_WIDTH) return true;
    try {
      return lines.length > 0 && parseBlock(lines.at(-1)!).treeSize >= this.#size;
    } catch {
      return false;
    }
  }

  #list(path: string): string[] {
    try {
      return readdirSync(join(this.folder, path));
    } catch {
      return [];
    }
  }

  #read(path: string): Buffer | undefined {
    try {
      return readFileSync(join(this.folder, path));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }
}

function missing(path: string): never {
  throw new MalformedLog(`${path} is missing`);
}

function inFile<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof MalformedLog) throw new MalformedLog(`${path} ${error.message}`);
    throw error;
  }
}
