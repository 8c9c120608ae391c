import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseLeaf } from "../../../../tlog/entry.ts";
import type { LogReader } from "../../../../tlog/log-reader.ts";
import { TILE_WIDTH, tilePath } from "../../../../tlog/tiles.ts";
import { holdsText, needlesOf } from "./query-params.ts";

/**
 * Finds a text in the log's own files, 256 entries at a look: most files do not hold it at all, and are through at the
 * speed of memory. An index of all texts would be larger than the log.
 */
export class TextSearch {
  readonly #folder: string;
  readonly #reader: LogReader;
  readonly #text: string;
  readonly #needles: string[];
  /** The file that was looked at last, and whether it may hold the text. */
  #file = -1;
  #mayHold = false;

  constructor(folder: string, reader: LogReader, text: string) {
    this.#folder = folder;
    this.#reader = reader;
    this.#text = text;
    // Bytes are compared one by one, as Latin-1; folding them so makes nothing differ that was the same.
    this.#needles = needlesOf(text).map((needle) => Buffer.from(needle).toString("latin1").toLowerCase());
  }

  /** Whether another file has to be read for this position. */
  isCostly(position: number): boolean {
    return Math.floor(position / TILE_WIDTH) !== this.#file;
  }

  /** The least position of the same file, the greatest where the walk goes down: for jumping over a file without the text. */
  endOfFile(position: number, sign: 1 | -1): number {
    const first = position - (position % TILE_WIDTH);
    return sign === 1 ? first + TILE_WIDTH : first - 1;
  }

  fileMayHold(position: number): boolean {
    const file = Math.floor(position / TILE_WIDTH);
    if (file !== this.#file) {
      this.#file = file;
      this.#mayHold = this.#look(file);
    }
    return this.#mayHold;
  }

  holds(position: number): boolean {
    if (!this.fileMayHold(position)) return false;
    try {
      const leaf = this.#reader.leaf(position);
      return this.#mayStandIn(leaf) && holdsText(JSON.stringify(parseLeaf(leaf).data), this.#text);
    } catch {
      return false; // pruned, or damaged; the verifier tells which
    }
  }

  #look(file: number): boolean {
    try {
      return this.#mayStandIn(readFileSync(join(this.#folder, tilePath("entries", file))));
    } catch {
      return true; // not full yet: its entries are looked at one by one
    }
  }

  #mayStandIn(bytes: Buffer): boolean {
    const folded = bytes.toString("latin1").toLowerCase();
    return this.#needles.some((needle) => folded.includes(needle));
  }
}
