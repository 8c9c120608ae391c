/** Rebuilds the tree above the bundles, compares it with the tiles of level 1 and above, and tells roots. */
import { Frontier } from "../frontier.ts";
import { HASH_SIZE, nodeHash } from "../hashes.ts";
import { TILE_WIDTH, tilePath } from "../tiles.ts";
import type { LogFiles } from "./log-files.ts";
import type { Problems } from "./problem.ts";
import { differences, rootOfTile } from "./tile-hashes.ts";

interface Level {
  tile: Buffer;
  /** Hashes in the tile. */
  width: number;
  index: number;
}

interface Difference {
  path: string;
  /** Place in the tile. */
  at: number;
  /** How many more of this tile differ. */
  more: number;
  /** First entry that the hash covers. */
  index: number;
}

/** Only so many are told one by one; a verification keeps no more than it needs. */
const KEPT = 100;

export class UpperTiles {
  readonly #files: LogFiles;
  readonly #problems: Problems;
  readonly #frontier = new Frontier();
  /** From level 1. */
  readonly #levels: Level[] = [];
  readonly #differences: Difference[] = [];

  constructor(files: LogFiles, problems: Problems) {
    this.#files = files;
    this.#problems = problems;
  }

  /** Adds the root of the next full bundle. What is lost is taken from its tile, if that is there. */
  add(root: Uint8Array | undefined): void {
    const node = root ? Buffer.from(root) : this.#stored(this.#frontier.size);
    this.#frontier.append(node);
    this.#push(1, node);
  }

  /** The root of the tree that ends within the next bundle, given the root over that bundle's leaves so far. */
  rootWith(remainder: Uint8Array): Buffer {
    return this.#frontier.nodes().reduceRight((right, left) => nodeHash(left, right), Buffer.from(remainder));
  }

  /** The root of the full bundles. */
  root(): Buffer {
    return this.#frontier.root();
  }

  /** @param isRight whether the tree has the root that was signed, so that a tile that differs is what is wrong */
  finish(isRight: boolean): void {
    for (const [at, { width }] of this.#levels.entries()) if (width > 0) this.#compare(at + 1);
    for (const { path, at, more, index } of this.#differences) {
      const hashes = more > 0 ? `${more + 1} of its hashes, from ${at} on, are` : `its hash ${at} is`;
      const why = isRight
        ? `${hashes} not what the tree has there`
        : `${hashes} not that of the entries from ${index} on: these or the tile were altered`;
      this.#problems.file(path, why, index);
    }
  }

  #push(level: number, node: Buffer): void {
    this.#levels[level - 1] ??= { tile: Buffer.alloc(TILE_WIDTH * HASH_SIZE), width: 0, index: 0 };
    const own = this.#levels[level - 1]!;
    node.copy(own.tile, own.width * HASH_SIZE);
    own.width++;
    if (own.width < TILE_WIDTH) return;
    this.#compare(level);
    const root = Buffer.from(rootOfTile(own.tile, 0, TILE_WIDTH));
    own.width = 0;
    own.index++;
    this.#push(level + 1, root);
  }

  #compare(level: number): void {
    const { tile, width, index } = this.#levels[level - 1]!;
    const found = this.#files.tile(level, index, width);
    const path = found?.path ?? tilePath(level, index, width);
    const length = (path.includes(".p/") ? width : TILE_WIDTH) * HASH_SIZE;
    if (found?.bytes.length === length) this.#note(level, path, differences(tile, found.bytes, width));
    else this.#problems.file(path, found ? `it has ${found.bytes.length} bytes, not ${length}` : "it is missing");
  }

  #note(level: number, path: string, [at, ...more]: number[]): void {
    if (at === undefined || this.#differences.length >= KEPT) return;
    const first = (this.#levels[level - 1]!.index * TILE_WIDTH + at) * TILE_WIDTH ** level;
    this.#differences.push({ path, at, more: more.length, index: first });
  }

  #stored(bundle: number): Buffer {
    const at = (bundle % TILE_WIDTH) * HASH_SIZE;
    const tile = Math.floor(bundle / TILE_WIDTH);
    for (let width = TILE_WIDTH; width > bundle % TILE_WIDTH; width--) {
      const bytes = this.#files.read(tilePath(1, tile, width));
      if (bytes && bytes.length >= at + HASH_SIZE) return Buffer.from(bytes.subarray(at, at + HASH_SIZE));
    }
    return Buffer.alloc(HASH_SIZE);
  }
}
