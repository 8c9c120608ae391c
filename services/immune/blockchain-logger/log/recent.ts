import type { Block } from "../../../../tlog/block.ts";
import type { Linked } from "./head.ts";

/** What is durable and cannot be found in the log's files, or by its index, yet. */
export class Recent {
  readonly #entries = new Map<number, Linked>();
  readonly #indexes = new Map<string, number>();
  readonly #blocks: Block[] = [];

  get blocks(): readonly Block[] {
    return this.#blocks;
  }

  add(entry: Linked): void {
    this.#entries.set(entry.index, entry);
    this.#indexes.set(entry.id, entry.index);
  }

  addBlock(block: Block): void {
    this.#blocks.push(block);
  }

  at(index: number): Linked | undefined {
    return this.#entries.get(index);
  }

  indexOf(id: string): number | undefined {
    return this.#indexes.get(id);
  }

  /** @param size entries that can be found without it */
  forget(size: number): void {
    for (const [index, { id }] of this.#entries) {
      if (index >= size) break;
      this.#entries.delete(index);
      this.#indexes.delete(id);
    }
    while (this.#blocks.length > 0 && this.#blocks[0]!.treeSize <= size) this.#blocks.shift();
  }
}
