/** The nodes above the hashes of one tile. */
import { HASH_SIZE, nodeHash } from "./hashes.ts";
import { MalformedLog } from "./malformed-log.ts";

/** Hashes of a tile and, once one is asked for, all nodes of full subtrees above them. */
export class TileNodes {
  readonly width: number;
  /** Row 0 is the tile itself; row 8 the root of a full one. */
  readonly #rows: Buffer[][];

  constructor(bytes: Buffer, width: number) {
    if (bytes.length !== width * HASH_SIZE)
      throw new MalformedLog(`has ${bytes.length} bytes, not ${width * HASH_SIZE}`);
    this.width = width;
    const row = Array.from({ length: width }, (_, i) => bytes.subarray(i * HASH_SIZE, (i + 1) * HASH_SIZE));
    this.#rows = [row];
  }

  /** Undefined where the tile is too narrow for it. */
  node(height: number, index: number): Buffer | undefined {
    while (this.#rows.length <= height) {
      const below = this.#rows[this.#rows.length - 1]!;
      const row = Array.from({ length: below.length >> 1 }, (_, i) => nodeHash(below[2 * i]!, below[2 * i + 1]!));
      this.#rows.push(row);
    }
    return this.#rows[height]![index];
  }
}
