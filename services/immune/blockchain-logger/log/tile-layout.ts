import { dirname } from "node:path";
import { blockLine } from "../../../../tlog/block.ts";
import { nodeHash } from "../../../../tlog/hashes.ts";
import type { LogReader } from "../../../../tlog/log-reader.ts";
import { joinBundle, TILE_WIDTH, tilePath } from "../../../../tlog/tiles.ts";

/** A file of the log, by its path in the log's folder. */
export interface LogFile {
  path: string;
  bytes: Buffer;
}

/**
 * Lays entries, hashes and blocks out in tiles (C2SP tlog-tiles, height 8). It keeps the tiles that are not full yet;
 * full ones wait here until they are taken.
 */
export class TileLayout {
  /** By level, the hashes of the tile that is not full. */
  readonly #levels: Buffer[][] = [];
  readonly #filled: number[] = [];
  #entries: Buffer[] = [];
  #blocks: string[] = [];
  #blockFiles = 0;
  #full: LogFile[] = [];
  /** Partial tiles as they stand on disk: what a checkpoint covers is never written again. */
  #standing = new Set<string>();
  /** Paths of partial tiles whose full tile was made since the last `take`. */
  #superseded: string[] = [];
  /** Paths of partial tiles that no checkpoint has come to cover: they may be half done. */
  #unfinished = new Set<string>();

  /** Goes on where a log ends. */
  static from(reader: LogReader, height: number): TileLayout {
    const layout = new TileLayout();
    const size = reader.size;
    for (let level = 0, width = size; width > 0; level++, width = Math.floor(width / TILE_WIDTH)) {
      const first = width - (width % TILE_WIDTH);
      layout.#levels.push(range(first, width, (index) => reader.node(level * 8, index)));
      layout.#filled.push(first / TILE_WIDTH);
    }
    layout.#entries = range(size - (size % TILE_WIDTH), size, (index) => reader.leaf(index));
    layout.#blocks = range(height - (height % TILE_WIDTH), height, (at) => blockLine(reader.block(at)));
    layout.#blockFiles = Math.floor(height / TILE_WIDTH);
    layout.#standing = new Set(layout.#partial().map(({ path }) => path));
    return layout;
  }

  add(bytes: Buffer, leaf: Buffer): void {
    this.#entries.push(bytes);
    if (this.#entries.length === TILE_WIDTH) {
      this.#full.push(this.#bundle());
      this.#superseded.push(`${tilePath("entries", this.#filled[0] ?? 0)}.p`);
      this.#entries = [];
    }
    this.#push(0, leaf);
  }

  addBlock(line: string): void {
    this.#blocks.push(line);
    if (this.#blocks.length < TILE_WIDTH) return;
    this.#full.push(this.#blockFile());
    this.#superseded.push(`${tilePath("block", this.#blockFiles)}.p`);
    this.#blockFiles++;
    this.#blocks = [];
  }

  /**
   * Every file that is new since the last time, with the partial ones as they are now; what they make useless; and what
   * an attempt before this one may have left half done.
   */
  take(): { files: LogFile[]; superseded: string[]; unfinished: string[] } {
    const partial = this.#partial();
    const files = [...this.#full, ...partial.filter(({ path }) => !this.#standing.has(path))];
    const taken = { files, superseded: this.#superseded, unfinished: [...this.#unfinished] };
    this.#standing = new Set(partial.map(({ path }) => path));
    this.#full = [];
    this.#superseded = [];
    this.#unfinished.clear();
    return taken;
  }

  /** Gives back what could not be written. Partial tiles are made anew the next time, and wider ones perhaps. */
  giveBack({ files, superseded, unfinished }: ReturnType<TileLayout["take"]>): void {
    const partial = files.filter(({ path }) => isPartial(path));
    for (const { path } of partial) this.#standing.delete(path);
    for (const path of [...unfinished, ...partial.map(({ path }) => path)]) this.#unfinished.add(path);
    this.#full = [...files.filter(({ path }) => !isPartial(path)), ...this.#full];
    this.#superseded = [...superseded, ...this.#superseded];
  }

  #partial(): LogFile[] {
    const files: LogFile[] = [];
    if (this.#entries.length > 0) files.push(this.#bundle());
    this.#levels.forEach((hashes, level) => {
      if (hashes.length > 0) files.push(this.#tile(level, hashes));
    });
    if (this.#blocks.length > 0) files.push(this.#blockFile());
    return files;
  }

  #push(level: number, hash: Buffer): void {
    this.#levels[level] ??= [];
    this.#filled[level] ??= 0;
    const hashes = this.#levels[level];
    hashes.push(hash);
    if (hashes.length < TILE_WIDTH) return;
    this.#full.push(this.#tile(level, hashes));
    this.#superseded.push(`${tilePath(level, this.#filled[level])}.p`);
    this.#filled[level]++;
    this.#levels[level] = [];
    this.#push(level + 1, rootOfFull(hashes));
  }

  #tile(level: number, hashes: readonly Buffer[]): LogFile {
    return { path: tilePath(level, this.#filled[level]!, hashes.length), bytes: Buffer.concat(hashes) };
  }

  #bundle(): LogFile {
    return { path: tilePath("entries", this.#filled[0] ?? 0, this.#entries.length), bytes: joinBundle(this.#entries) };
  }

  #blockFile(): LogFile {
    const text = this.#blocks.map((line) => `${line}\n`).join("");
    return { path: tilePath("block", this.#blockFiles, this.#blocks.length), bytes: Buffer.from(text) };
  }
}

function isPartial(path: string): boolean {
  return dirname(path).endsWith(".p");
}

function range<T>(from: number, to: number, at: (index: number) => T): T[] {
  return Array.from({ length: to - from }, (_, offset) => at(from + offset));
}

function rootOfFull(hashes: readonly Buffer[]): Buffer {
  let row = hashes;
  while (row.length > 1) row = range(0, row.length / 2, (pair) => nodeHash(row[2 * pair]!, row[2 * pair + 1]!));
  return row[0]!;
}
