/** Reads the block files once, from the first to the last, and deals their lines out to the bundles that they seal. */
import { TILE_WIDTH, tilePath } from "../tiles.ts";
import { decodeUtf8 } from "../utf8.ts";
import type { LogFiles } from "./log-files.ts";
import type { Problems } from "./problem.ts";
import type { BlockLine } from "./span.ts";

/** Stands for a line that is not UTF-8: it is no JSON, so whoever reads it says so. */
const UNREADABLE = "\ufffd";
const EXTENT = /"firstIndex":([0-9]{1,16}),.*"lastIndex":([0-9]{1,16}),.*"treeSize":([0-9]{1,16}),/;

interface Extent {
  /** Bundle that most of the numbers speak for: one of them may have been altered. */
  bundle: number | undefined;
  /** Index that the next block begins with. */
  next: number | undefined;
  beginsBundle: boolean;
}

export class BlockLines {
  readonly #files: LogFiles;
  readonly #count: number;
  readonly #problems: Problems;
  #lines: (string | undefined)[] = [];
  #file = -1;
  #height = 0;
  #next: number | undefined = 0;
  /** Bundles below this have lost blocks. */
  #lostBelow = 0;
  /** The newest line that was dealt out; undefined where it is lost. */
  last: string | undefined;

  /** @param count blocks that the log has */
  constructor(files: LogFiles, count: number, problems: Problems) {
    this.#files = files;
    this.#count = count;
    this.#problems = problems;
  }

  /** The blocks of the next bundle; undefined where some of them are lost. */
  take(bundle: number): BlockLine[] | undefined {
    const lines: BlockLine[] = [];
    while (this.#height < this.#count) {
      const line = this.#line(this.#height);
      if (line === undefined) {
        this.#skipLost();
        continue;
      }
      if (this.#ownerOf(line, bundle) > bundle) break;
      lines.push({ height: this.#height++, line });
      this.#next = extentOf(line).next;
      this.last = line;
    }
    return bundle < this.#lostBelow ? undefined : lines;
  }

  /** Blocks that no bundle has taken: they seal entries that the log does not have. */
  get left(): number {
    return this.#count - this.#height;
  }

  #skipLost(): void {
    while (this.#height < this.#count && this.#line(this.#height) === undefined) this.#height++;
    const line = this.#height < this.#count ? this.#line(this.#height) : undefined;
    const { bundle, beginsBundle } = line === undefined ? extentOf("") : extentOf(line);
    this.#lostBelow = bundle === undefined ? Number.POSITIVE_INFINITY : bundle + (beginsBundle ? 0 : 1);
    this.#next = undefined;
    this.last = undefined;
  }

  /** The bundle that a line belongs to: what it says, unless the lines around it say that this cannot be. */
  #ownerOf(line: string, current: number): number {
    const said = extentOf(line).bundle;
    const expected = this.#next === undefined ? undefined : Math.floor(this.#next / TILE_WIDTH);
    if (expected === undefined || said === expected) return said ?? current;
    const after = this.#height + 1 < this.#count ? this.#line(this.#height + 1) : undefined;
    const follows = after === undefined ? undefined : extentOf(after).bundle;
    return said === undefined || follows === expected || follows === expected + 1 ? expected : said;
  }

  #line(height: number): string | undefined {
    const file = Math.floor(height / TILE_WIDTH);
    // A look at the next line may go one file ahead; the lines before it are not asked for again.
    if (file > this.#file) {
      const before = this.#lines.slice(-1);
      this.#lines = [...before, ...this.#read(file)];
      this.#file = file;
    }
    const offset = this.#lines.length - Math.min(TILE_WIDTH, this.#count - this.#file * TILE_WIDTH);
    return this.#lines[height - this.#file * TILE_WIDTH + offset];
  }

  #read(file: number): (string | undefined)[] {
    const width = Math.min(TILE_WIDTH, this.#count - file * TILE_WIDTH);
    const lines: (string | undefined)[] = new Array(width).fill(undefined);
    const found = this.#files.tile("block", file, width);
    if (!found) {
      this.#problems.file(tilePath("block", file, width), "it is missing");
      return lines;
    }
    const { path, bytes } = found;
    const split = decodeUtf8(bytes)?.split("\n") ?? linesOf(bytes);
    if (split.pop() !== "") this.#problems.file(path, "its last line does not end");
    const isExact = path.includes(".p/") || width === TILE_WIDTH;
    if (split.length < width) this.#problems.file(path, `it has ${split.length} whole lines, not ${width}`);
    else if (split.length > width && isExact) this.#problems.file(path, `it has more than ${width} lines`);
    return lines.map((_, i) => split[i]);
  }
}

function linesOf(bytes: Buffer): string[] {
  const lines: string[] = [];
  for (let at = 0; at <= bytes.length; ) {
    const end = bytes.indexOf(0x0a, at);
    const line = bytes.subarray(at, end < 0 ? bytes.length : end);
    lines.push(decodeUtf8(line) ?? UNREADABLE);
    at = end < 0 ? bytes.length + 1 : end + 1;
  }
  return lines;
}

function extentOf(line: string): Extent {
  const [first, last, size] = (EXTENT.exec(line) ?? []).slice(1).map(Number);
  if (first === undefined || last === undefined || size === undefined)
    return { bundle: undefined, next: undefined, beginsBundle: false };
  const [a, b, c] = [first, last, size - 1].map((index) => Math.floor(index / TILE_WIDTH)) as [number, number, number];
  const bundle = a === b || a === c ? a : b === c ? b : undefined;
  return { bundle, next: last + 1 === size ? size : undefined, beginsBundle: first % TILE_WIDTH === 0 };
}
