/** Verifies entries, blocks and tiles of a log up to a size, and tells what its tree is. */

import type { LeafEntry } from "../entry.ts";
import { EMPTY_ROOT } from "../hashes.ts";
import { TILE_WIDTH } from "../tiles.ts";
import { BlockLines } from "./block-lines.ts";
import { LogFiles } from "./log-files.ts";
import type { Problems } from "./problem.ts";
import type { BlockEnd, SpanEdge, SpanResult, SpanTask } from "./span.ts";
import { SpanPool } from "./span-pool.ts";
import { UpperTiles } from "./upper-tiles.ts";

/** Bundles of a span at most: 8,192 entries. */
const SPAN = 32;
/** Blocks after which a span is long enough: where blocks are small, their lines weigh more than the entries. */
const SPAN_BLOCKS = 1024;
/** Spans that a thread may be ahead. */
const AHEAD = 3;

export interface TreeCheck {
  folder: string;
  size: number;
  blocks: number;
  /** Entries that are read; of the others the hashes are taken as they are. */
  from: number;
  to: number;
  deep: boolean;
  /** 0 verifies in the calling thread. */
  workers: number;
  /** Sizes, beside the last one, whose roots are wanted. */
  sizes: ReadonlySet<number>;
  onProgress?: ((done: number, total: number) => void) | undefined;
  signal?: AbortSignal | undefined;
}

export interface CheckedTree {
  root: Buffer | undefined;
  /** Roots at the wanted sizes; those that are no block's end are not there. */
  roots: Map<number, Buffer>;
  /** Bundles that are not there. */
  missing: number[];
  /** Entries about keys and pruning. */
  own: LeafEntry[];
  /** Line of the last block; undefined where it is lost. */
  lastBlock: string | undefined;
  lastEdge: SpanEdge | undefined;
  /** To be called once it is known whether the root is the signed one. */
  finish(isRight: boolean): void;
}

export async function checkTree(check: TreeCheck, problems: Problems): Promise<CheckedTree> {
  const { folder, size, blocks, workers, signal } = check;
  const files = new LogFiles(folder);
  const lines = new BlockLines(files, blocks, problems);
  const tree = new Tree(new UpperTiles(files, problems), check, problems);
  const bundles = Math.ceil(size / TILE_WIDTH);
  const pool = new SpanPool(folder, Math.min(workers, Math.ceil(bundles / SPAN)));
  const running: Promise<SpanResult>[] = [];
  try {
    for (let first = 0, end = 0; first < bundles; first = end) {
      signal?.throwIfAborted();
      const task = taskOf(check, first, bundles, lines);
      end = task.end;
      const run = pool.run(task);
      // Whoever waits for it gets the error; until then it must not count as unhandled.
      run.catch(() => {});
      running.push(run);
      if (running.length > workers * AHEAD) tree.take(await running.shift()!);
    }
    for (const run of running) {
      tree.take(await run);
      signal?.throwIfAborted();
    }
  } finally {
    await pool.close();
  }
  if (lines.left > 0) problems.file("block", `${lines.left} blocks seal entries that are beyond the checkpoint`);
  return { ...tree.checked(), lastBlock: lines.last };
}

function taskOf({ size, from, to, deep }: TreeCheck, first: number, bundles: number, lines: BlockLines): SpanTask {
  const blockBefore = lines.last;
  const blocks: SpanTask["blocks"] = [];
  for (let count = 0; blocks.length < SPAN && count < SPAN_BLOCKS && first + blocks.length < bundles; ) {
    blocks.push(lines.take(first + blocks.length));
    count += blocks.at(-1)?.length ?? 0;
  }
  const end = first + blocks.length;
  const task = { first, end, size, from: Math.floor(from / TILE_WIDTH), to: Math.ceil(to / TILE_WIDTH), deep, blocks };
  return blockBefore === undefined ? task : { ...task, blockBefore };
}

/** Puts the spans together, in order. */
class Tree {
  readonly #upper: UpperTiles;
  readonly #check: TreeCheck;
  readonly #problems: Problems;
  readonly #roots = new Map<number, Buffer>();
  readonly #missing: number[] = [];
  readonly #own: LeafEntry[] = [];
  #edge: SpanEdge | undefined;
  #partial: Uint8Array | undefined;
  /** Blocks in a row whose treeRoot is not that of the tree. */
  #wrong: { first: number; count: number } | undefined;

  constructor(upper: UpperTiles, check: TreeCheck, problems: Problems) {
    this.#upper = upper;
    this.#check = check;
    this.#problems = problems;
  }

  take({ first, end, nodes, partial, ends, firstEdge, lastEdge, own, missing, problems }: SpanResult): void {
    this.#join(firstEdge);
    this.#edge = lastEdge;
    this.#missing.push(...missing);
    this.#own.push(...own);
    this.#problems.addAll(problems);
    let next = 0;
    for (let bundle = first; bundle < end; bundle++) {
      while (next < ends.length && ends[next]!.treeSize <= (bundle + 1) * TILE_WIDTH) this.#blockEnd(ends[next++]!);
      if (bundle - first < nodes.length) this.#upper.add(nodes[bundle - first]);
      else this.#partial = partial;
    }
    this.#check.onProgress?.(Math.min(this.#check.size, end * TILE_WIDTH), this.#check.size);
  }

  checked(): Omit<CheckedTree, "lastBlock"> {
    this.#tellWrong();
    const { size } = this.#check;
    const whole = size % TILE_WIDTH === 0 ? this.#upper.root() : this.#partial && this.#upper.rootWith(this.#partial);
    return {
      root: size === 0 ? EMPTY_ROOT : whole,
      roots: this.#roots,
      missing: this.#missing,
      own: this.#own,
      lastEdge: this.#edge,
      finish: (isRight) => this.#upper.finish(isRight),
    };
  }

  #join(edge: SpanEdge | undefined): void {
    const before = this.#edge;
    if (!edge || !before || edge.index !== before.index + 1) return;
    const { index, hash, timestamp } = edge;
    if (hash !== before.hash) {
      const why = `entry ${index} does not name the hash of entry ${before.index}`;
      this.#problems.add({ what: "link", where: `entry ${index}`, why, index });
    }
    if (timestamp < before.timestamp) {
      this.#problems.entry(index, `its time ${timestamp} is before that of entry ${before.index}`);
    }
  }

  #blockEnd({ height, treeSize, treeRoot, remainder }: BlockEnd): void {
    const root = this.#upper.rootWith(Buffer.from(remainder, "hex"));
    if (this.#check.sizes.has(treeSize)) this.#roots.set(treeSize, root);
    if (root.toString("hex") === treeRoot) this.#tellWrong();
    else if (this.#wrong) this.#wrong.count++;
    else this.#wrong = { first: height, count: 1 };
  }

  /** An altered entry makes the roots of all later blocks wrong: that is told once. */
  #tellWrong(): void {
    if (!this.#wrong) return;
    const { first, count } = this.#wrong;
    const after = count > 1 ? `, and so is that of the ${count - 1} blocks after it` : "";
    this.#problems.block(first, `its treeRoot is not that of the entries up to its end${after}`);
    this.#wrong = undefined;
  }
}
