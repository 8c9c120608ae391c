/** The files of a log's folder as the verifier reads them: whole, one at a time, into one buffer. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { TILE_WIDTH, tilePath } from "../tiles.ts";

export interface FoundFile {
  /** Path in the log's folder. */
  path: string;
  bytes: Buffer;
}

export class LogFiles {
  readonly folder: string;
  #buffer = Buffer.allocUnsafeSlow(64 * 1024);

  constructor(folder: string) {
    this.folder = folder;
  }

  /** The bytes of a file, valid until the next one is read; undefined where it is missing. */
  read(path: string): Buffer | undefined {
    let file: number;
    try {
      file = openSync(join(this.folder, path), "r");
    } catch (error) {
      if (["ENOENT", "ENOTDIR", "EISDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
      throw error;
    }
    try {
      return this.#readAll(file);
    } finally {
      closeSync(file);
    }
  }

  /**
   * The file with the first `width` hashes, entries or blocks. Where the log has grown on, the full file may stand in
   * its place, since then the partial one is deleted.
   */
  tile(level: number | "entries" | "block", index: number, width: number): FoundFile | undefined {
    for (const path of new Set([tilePath(level, index, width), tilePath(level, index, TILE_WIDTH)])) {
      const bytes = this.read(path);
      if (bytes) return { path, bytes };
    }
    return undefined;
  }

  #readAll(file: number): Buffer {
    const { size } = fstatSync(file);
    if (size > this.#buffer.length) this.#buffer = Buffer.allocUnsafeSlow(2 * size);
    let length = 0;
    while (length < size) {
      const read = readSync(file, this.#buffer, length, size - length, null);
      if (read === 0) break;
      length += read;
    }
    return this.#buffer.subarray(0, length);
  }
}
