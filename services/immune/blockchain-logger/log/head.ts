import { type Block, blockHash } from "../../../../tlog/block.ts";
import { Frontier } from "../../../../tlog/frontier.ts";
import { leafHash } from "../../../../tlog/hashes.ts";
import { TILE_WIDTH } from "../../../../tlog/tiles.ts";
import type { Draft } from "./draft.ts";

/** Stands where nothing comes before. */
export const NO_HASH = "0".repeat(64);

/** An entry with its place in the chain. */
export interface Linked {
  index: number;
  id: string;
  bytes: Buffer;
  leaf: Buffer;
}

export interface HeadState {
  tree: Frontier;
  /** Hex leaf hash of the last entry. */
  previousHash: string;
  /** Time of the last entry or block, ms. */
  time: number;
  /** Leaves of the block that is not sealed yet. */
  block: Frontier;
  height: number;
  blockHash: string;
}

/** The end of the chain in memory: gives each entry its place, and seals blocks. Knows nothing of files. */
export class Head {
  readonly #validator: string;
  readonly #blockEntries: number;
  #state: HeadState;
  /** The same moment is written out once. */
  #written = { time: -1, text: "" };

  constructor(validator: string, blockEntries: number, state: HeadState = emptyHead()) {
    this.#validator = validator;
    this.#blockEntries = blockEntries;
    this.#state = state;
  }

  /** Number of entries. */
  get size(): number {
    return this.#state.tree.size;
  }

  /** Entries that no block has sealed. */
  get unsealed(): number {
    return this.#state.block.size;
  }

  /** Number of blocks. */
  get height(): number {
    return this.#state.height;
  }

  get blockHash(): string {
    return this.#state.blockHash;
  }

  get previousHash(): string {
    return this.#state.previousHash;
  }

  root(): Buffer {
    return this.#state.tree.root();
  }

  link(draft: Draft, now: number): Linked {
    const state = this.#state;
    const index = state.tree.size;
    const text = `${draft.before}${index},"previousHash":"${state.previousHash}"${draft.after}${this.#timestamp(now)}","validator":"${this.#validator}"}`;
    const bytes = Buffer.from(text);
    const leaf = leafHash(bytes);
    this.follow(leaf, state.time);
    return { index, id: draft.id, bytes, leaf };
  }

  /** Takes an entry that has its place already, as it was found on disk. */
  follow(leaf: Buffer, time: number): void {
    const state = this.#state;
    state.time = Math.max(state.time, time);
    state.previousHash = leaf.toString("hex");
    state.tree.append(leaf);
    state.block.append(leaf);
  }

  /** Whether the open block takes no further entry. Full blocks end where tiles end, so both have the same hashes. */
  get blockIsFull(): boolean {
    const { block, tree } = this.#state;
    return block.size >= this.#blockEntries || (block.size > 0 && tree.size % TILE_WIDTH === 0);
  }

  /** Seals what has come since the last block. */
  seal(now: number): Block {
    const state = this.#state;
    const size = state.tree.size;
    const block: Block = {
      entryCount: state.block.size,
      firstIndex: size - state.block.size,
      height: state.height,
      lastIndex: size - 1,
      merkleRoot: state.block.root().toString("hex"),
      previousHash: state.blockHash,
      timestamp: this.#timestamp(now),
      treeRoot: state.tree.root().toString("hex"),
      treeSize: size,
      validator: this.#validator,
    };
    this.followBlock(block);
    return block;
  }

  /** Takes a block that was sealed already, as it was found on disk. */
  followBlock(block: Block): void {
    const state = this.#state;
    state.time = Math.max(state.time, Date.parse(block.timestamp));
    state.block = new Frontier();
    state.height++;
    state.blockHash = blockHash(block);
  }

  save(): HeadState {
    return { ...this.#state, tree: this.#state.tree.clone(), block: this.#state.block.clone() };
  }

  restore(state: HeadState): void {
    this.#state = state;
  }

  /** Time never goes back in the chain, whatever the machine's clock does. */
  #timestamp(now: number): string {
    const time = Math.max(now, this.#state.time);
    this.#state.time = time;
    if (this.#written.time !== time) this.#written = { time, text: new Date(time).toISOString() };
    return this.#written.text;
  }
}

export function emptyHead(): HeadState {
  return {
    tree: new Frontier(),
    previousHash: NO_HASH,
    time: 0,
    block: new Frontier(),
    height: 0,
    blockHash: NO_HASH,
  };
}
