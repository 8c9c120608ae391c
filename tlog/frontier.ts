/** The right edge of a growing tree: what is needed to append leaves and to tell the root, in O(log n) memory. */
import { EMPTY_ROOT, HASH_SIZE, nodeHash } from "./hashes.ts";

/**
 * The roots of the full subtrees that a tree of `size` leaves consists of, the largest (leftmost) first. Their number is
 * that of the ones in the binary form of the size.
 */
export class Frontier {
  #size: number;
  #nodes: Buffer[];

  /** @param nodes as `nodes()` gave them for this size */
  constructor(size = 0, nodes: Buffer[] = []) {
    if (!Number.isSafeInteger(size) || size < 0) throw new RangeError(`A tree cannot have ${size} leaves`);
    if (nodes.length !== ones(size)) {
      throw new RangeError(`A tree of ${size} leaves has ${ones(size)} full subtrees, not ${nodes.length}`);
    }
    if (nodes.some(({ length }) => length !== HASH_SIZE)) throw new RangeError("A hash has 32 bytes");
    this.#size = size;
    this.#nodes = [...nodes];
  }

  get size(): number {
    return this.#size;
  }

  append(leaf: Buffer): void {
    let right = leaf;
    for (let rest = this.#size; rest % 2 === 1; rest = (rest - 1) / 2) right = nodeHash(this.#nodes.pop()!, right);
    this.#nodes.push(right);
    this.#size++;
  }

  root(): Buffer {
    return this.#nodes.length === 0 ? EMPTY_ROOT : this.#nodes.reduceRight((right, left) => nodeHash(left, right));
  }

  nodes(): Buffer[] {
    return [...this.#nodes];
  }

  clone(): Frontier {
    return new Frontier(this.#size, this.#nodes);
  }
}

/** RFC 6962 root over leaf hashes. */
export function rootOf(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return EMPTY_ROOT;
  let row = leaves;
  while (row.length > 1) {
    const above: Buffer[] = [];
    for (let i = 0; i + 1 < row.length; i += 2) above.push(nodeHash(row[i]!, row[i + 1]!));
    // An odd one is not doubled: it moves up as it is.
    if (row.length % 2 === 1) above.push(row[row.length - 1]!);
    row = above;
  }
  return row[0]!;
}

function ones(size: number): number {
  let count = 0;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) count += rest % 2;
  return count;
}
