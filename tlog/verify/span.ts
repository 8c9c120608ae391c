/** Verifies a run of bundles: entries, their links, their hashes and the blocks that seal them. Needs nothing before it. */
import { type Block, hashOfLine, parseBlock } from "../block.ts";
import { type LeafEntry, parseLeaf } from "../entry.ts";
import { Frontier } from "../frontier.ts";
import { HASH_SIZE } from "../hashes.ts";
import { NO_HASH } from "../shape.ts";
import { TILE_WIDTH } from "../tiles.ts";
import { type Bundle, type BundleFiles, readBundle } from "./bundle.ts";
import { readTail } from "./leaf-tail.ts";
import { type Problem, Problems } from "./problem.ts";
import { rootOfTile } from "./tile-hashes.ts";

/** A line of a block file, with the height that its place gives it. */
export interface BlockLine {
  height: number;
  line: string;
}

export interface SpanTask {
  /** Bundles first..end. */
  first: number;
  end: number;
  /** Entries of the log. */
  size: number;
  /** Bundles whose entries are read; of the others only the hashes are taken. */
  from: number;
  to: number;
  /** Whether each entry is parsed and written anew. */
  deep: boolean;
  /** Blocks of each bundle; undefined where their file cannot be read. */
  blocks: (BlockLine[] | undefined)[];
  /** The block before the first of them. */
  blockBefore?: string;
}

/** The end of a block, so that the root of the whole tree can be computed there. */
export interface BlockEnd {
  height: number;
  treeSize: number;
  treeRoot: string;
  /** Root over the leaves from the bundle's first to the block's last, hex. */
  remainder: string;
}

/** What joins a span to its neighbours. */
export interface SpanEdge {
  index: number;
  /** For the first entry what it says, for the last its leaf hash. */
  hash: string;
  timestamp: string;
}

export interface SpanResult {
  first: number;
  end: number;
  /** Root of each full bundle; of a bundle whose hashes are lost undefined. */
  nodes: (Uint8Array | undefined)[];
  /** Root of the last bundle where that is not full. */
  partial?: Uint8Array;
  ends: BlockEnd[];
  firstEdge?: SpanEdge;
  lastEdge?: SpanEdge;
  /** Entries of the log about itself: its keys, and what was pruned. */
  own: LeafEntry[];
  /** Bundles that are not there. */
  missing: number[];
  problems: { list: Problem[]; count: number };
}

const OWN = /^chain\.(key\.|pruned$)/;

export function verifySpan(task: SpanTask, files: BundleFiles): SpanResult {
  return new Span(task, files).verify();
}

class Span {
  readonly #task: SpanTask;
  readonly #files: BundleFiles;
  readonly #problems = new Problems();
  readonly #result: SpanResult;
  /** Leaf hash and time of the entry before, where it was read. */
  #before: { hash: string; timestamp: string } | undefined;
  #blockBefore: string | undefined;

  constructor(task: SpanTask, files: BundleFiles) {
    this.#task = task;
    this.#files = files;
    this.#blockBefore = task.blockBefore;
    const { first, end } = task;
    this.#result = { first, end, nodes: [], ends: [], own: [], missing: [], problems: this.#problems };
  }

  verify(): SpanResult {
    const { first, end } = this.#task;
    for (let index = first; index < end; index++) this.#bundle(index);
    const { list, count } = this.#problems;
    return { ...this.#result, problems: { list, count } };
  }

  #bundle(index: number): void {
    const { size, from, to } = this.#task;
    const width = Math.min(TILE_WIDTH, size - index * TILE_WIDTH);
    const blocks = this.#blocks(index);
    const wanted = index >= from && index < to;
    const bundle = readBundle(
      this.#files,
      { index, width, wanted },
      (hashes) => this.#isKnown(index, width, hashes, blocks),
      this.#problems,
    );
    if (bundle.isMissing) this.#result.missing.push(index);
    if (bundle.bytes) this.#entries(bundle, bundle.bytes);
    else this.#before = undefined;
    const { hashes } = bundle;
    const root = hashes && Buffer.from(rootOfTile(hashes, 0, width));
    if (width === TILE_WIDTH) this.#result.nodes.push(root);
    else if (root) this.#result.partial = root;
    if (hashes) this.#checkBlocks(bundle, hashes, blocks, root!);
  }

  /** Whether the levels above or the blocks speak for these hashes. */
  #isKnown(index: number, width: number, hashes: Buffer, blocks: (Block | undefined)[]): boolean {
    if (width === TILE_WIDTH) {
      const count = Math.floor(this.#task.size / TILE_WIDTH);
      const tile = Math.floor(index / TILE_WIDTH);
      const above = this.#files.files.tile(1, tile, Math.min(TILE_WIDTH, count - tile * TILE_WIDTH));
      const at = (index % TILE_WIDTH) * HASH_SIZE;
      if (above?.bytes.subarray(at, at + HASH_SIZE).equals(rootOfTile(hashes, 0, width))) return true;
    }
    const base = index * TILE_WIDTH;
    const known = blocks.filter((block) => block !== undefined);
    return (
      known.length > 0 &&
      known.every(({ firstIndex, lastIndex, merkleRoot }) => {
        return rootOfTile(hashes, firstIndex - base, lastIndex + 1 - base).toString("hex") === merkleRoot;
      })
    );
  }

  #entries(bundle: Bundle, bytes: Buffer): void {
    const { index, width, starts, hex, altered } = bundle;
    const base = index * TILE_WIDTH;
    for (let i = 0; i < width; i++) {
      const at = base + i;
      const start = starts[i]!;
      const end = starts[i + 1]! - 2;
      if (altered.has(i)) {
        const own = bundle.hashes!.toString("hex", i * HASH_SIZE, (i + 1) * HASH_SIZE);
        this.#before = { hash: own, timestamp: this.#before?.timestamp ?? "" };
        continue;
      }
      const tail = readTail(bytes, start, end);
      if (!tail) {
        this.#problems.entry(at, "it is not an entry as the format has it");
        this.#before = { hash: hex[i]!, timestamp: this.#before?.timestamp ?? "" };
        continue;
      }
      if (tail.index !== String(at)) this.#problems.entry(at, `it says that it is entry ${tail.index}`);
      const { previousHash, timestamp } = tail;
      if (this.#before) this.#link(at, previousHash, timestamp, this.#before);
      this.#result.firstEdge ??= { index: at, hash: previousHash, timestamp };
      this.#before = { hash: hex[i]!, timestamp };
      const isOwn = OWN.test(tail.eventType);
      if (this.#task.deep || isOwn) this.#parse(at, bytes.subarray(start, end), isOwn);
    }
    const last = this.#before;
    if (last) this.#result.lastEdge = { index: base + width - 1, ...last };
  }

  #link(at: number, previousHash: string, timestamp: string, before: { hash: string; timestamp: string }): void {
    if (previousHash !== before.hash) {
      const why = `entry ${at} does not name the hash of entry ${at - 1}`;
      this.#problems.add({ what: "link", where: `entry ${at}`, why, index: at });
    }
    if (timestamp < before.timestamp)
      this.#problems.entry(at, `its time ${timestamp} is before that of entry ${at - 1}`);
  }

  #parse(at: number, bytes: Buffer, isOwn: boolean): void {
    try {
      const leaf = parseLeaf(bytes);
      if (isOwn) this.#result.own.push(leaf);
    } catch (error) {
      this.#problems.entry(at, `it ${(error as Error).message}`);
    }
  }

  /** The blocks of a bundle, read strictly; what cannot be read is told and left out. */
  #blocks(index: number): (Block | undefined)[] {
    const lines = this.#task.blocks[index - this.#task.first];
    if (!lines) this.#blockBefore = undefined;
    return (lines ?? []).map(({ height, line }) => {
      const before = this.#blockBefore;
      this.#blockBefore = line;
      let block: Block;
      try {
        block = parseBlock(line);
      } catch (error) {
        this.#problems.block(height, `it ${(error as Error).message}`);
        return undefined;
      }
      if (block.height !== height) this.#problems.block(height, `it says that it is block ${block.height}`);
      const named = before === undefined ? (height === 0 ? NO_HASH : undefined) : hashOfLine(before);
      if (named !== undefined && block.previousHash !== named) {
        const why = `block ${height} does not name the hash of block ${height - 1}`;
        this.#problems.add({ what: "link", where: `block ${height}`, why, height });
      }
      const base = index * TILE_WIDTH;
      if (block.firstIndex >= base && block.lastIndex < Math.min(base + TILE_WIDTH, this.#task.size)) return block;
      this.#problems.block(height, `it says that it has the entries ${block.firstIndex} to ${block.lastIndex}`);
      return undefined;
    });
  }

  #checkBlocks({ index, width }: Bundle, hashes: Buffer, blocks: (Block | undefined)[], root: Buffer): void {
    const lines = this.#task.blocks[index - this.#task.first];
    if (!lines) return;
    const base = index * TILE_WIDTH;
    const tree = new Frontier();
    // Where a block is unreadable, it is not known where its neighbour has to begin.
    let next: number | undefined = base;
    for (const [at, block] of blocks.entries()) {
      const { height } = lines[at]!;
      if (block && next !== undefined && block.firstIndex !== next) {
        this.#problems.block(height, `it begins with entry ${block.firstIndex}, not with ${next}`);
      }
      next = block && block.lastIndex + 1;
      if (!block) continue;
      const { firstIndex, lastIndex, merkleRoot, treeSize, treeRoot } = block;
      const end = lastIndex + 1 - base;
      const remainder = end === width ? root : grown(tree, hashes, end).root();
      const own = firstIndex === base ? remainder : rootOfTile(hashes, firstIndex - base, end);
      if (own.toString("hex") !== merkleRoot) {
        this.#problems.block(height, `its merkleRoot is not that of the entries ${firstIndex} to ${lastIndex}`);
      }
      this.#result.ends.push({ height, treeSize, treeRoot, remainder: remainder.toString("hex") });
    }
    if (next !== undefined && next !== base + width) {
      const why = `no block has the entries ${next} to ${base + width - 1}`;
      this.#problems.add({ what: "block", where: `entry ${next}`, why, index: next });
    }
  }
}

/** The tree of a bundle's first leaves. Blocks come in order, so that it grows; only altered ones make it begin anew. */
function grown(tree: Frontier, hashes: Buffer, end: number): Frontier {
  const at = tree.size > end ? new Frontier() : tree;
  while (at.size < end) at.append(hashes.subarray(at.size * HASH_SIZE, (at.size + 1) * HASH_SIZE));
  return at;
}
