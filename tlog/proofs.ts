/** RFC 6962 proofs: made from a tree's nodes, checked from hashes alone. */
import { EMPTY_ROOT, HASH_SIZE, nodeHash } from "./hashes.ts";

/**
 * The hash of a full subtree: level 0 are the leaves, and node (level, index) covers the leaves from `index * 2^level`
 * to `(index + 1) * 2^level`.
 */
export type NodeReader = (level: number, index: number) => Buffer;

/** The hashes beside the way from a leaf to the root of a tree, the leaf's neighbour first. */
export function inclusionProof(index: number, size: number, node: NodeReader): Buffer[] {
  checkSize(size);
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) {
    throw new RangeError(`A tree of ${size} leaves has no leaf ${index}`);
  }
  const proof: Buffer[] = [];
  let from = 0;
  let to = size;
  while (to - from > 1) {
    const middle = from + largestPowerBelow(to - from);
    if (index < middle) {
      proof.push(hashOf(middle, to, node));
      to = middle;
    } else {
      proof.push(hashOf(from, middle, node));
      from = middle;
    }
  }
  return proof.reverse();
}

/** That the tree of size `to` begins with the leaves of the tree of size `from`; empty where either is nothing new. */
export function consistencyProof(from: number, to: number, node: NodeReader): Buffer[] {
  checkSize(from);
  checkSize(to);
  if (from > to) throw new RangeError(`A tree of ${to} leaves does not contain one of ${from}`);
  if (from === 0 || from === to) return [];
  const proof: Buffer[] = [];
  let start = 0;
  let end = to;
  while (end > from) {
    const middle = start + largestPowerBelow(end - start);
    if (from <= middle) {
      proof.push(hashOf(middle, end, node));
      end = middle;
    } else {
      proof.push(hashOf(start, middle, node));
      start = middle;
    }
  }
  // The old tree's own last subtree; where it is the whole old tree, the verifier has its root already.
  if (start > 0) proof.push(hashOf(start, end, node));
  return proof.reverse();
}

/** The root of the tree as it was when it had `size` leaves. */
export function rootAt(size: number, node: NodeReader): Buffer {
  checkSize(size);
  return size === 0 ? EMPTY_ROOT : hashOf(0, size, node);
}

/** False too for whatever is no hash, no size or no index. Sizes are safe integers. */
export function verifyInclusion(
  index: number,
  size: number,
  leaf: Buffer,
  proof: readonly Buffer[],
  root: Buffer,
): boolean {
  if (!isSize(size) || !isSize(index) || index >= size || ![leaf, root, ...proof].every(isHash)) return false;
  let at = index;
  let last = size - 1;
  let hash = leaf;
  for (const beside of proof) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      hash = nodeHash(beside, hash);
      while (at % 2 === 0 && at > 0) [at, last] = [half(at), half(last)];
    } else {
      hash = nodeHash(hash, beside);
    }
    [at, last] = [half(at), half(last)];
  }
  return last === 0 && hash.equals(root);
}

/** False for a tree that began as nothing: everything is consistent with it, so that nothing is proven. */
export function verifyConsistency(
  from: number,
  to: number,
  fromRoot: Buffer,
  toRoot: Buffer,
  proof: readonly Buffer[],
): boolean {
  if (!isSize(from) || !isSize(to) || from === 0 || from > to) return false;
  if (![fromRoot, toRoot, ...proof].every(isHash)) return false;
  if (from === to) return proof.length === 0 && fromRoot.equals(toRoot);
  let at = from - 1;
  let last = to - 1;
  while (at % 2 === 1) [at, last] = [half(at), half(last)];
  // Where the old tree is one full subtree, its root begins the proof and is left out of it.
  const path = at === 0 ? [fromRoot, ...proof] : proof;
  if (path.length === 0) return false;
  let before = path[0]!;
  let after = path[0]!;
  for (const beside of path.slice(1)) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      before = nodeHash(beside, before);
      after = nodeHash(beside, after);
      while (at % 2 === 0 && at > 0) [at, last] = [half(at), half(last)];
    } else {
      after = nodeHash(after, beside);
    }
    [at, last] = [half(at), half(last)];
  }
  return last === 0 && before.equals(fromRoot) && after.equals(toRoot);
}

/** The hash of the leaves from..to, where `from` is a multiple of the power of two that is not below their number. */
function hashOf(from: number, to: number, node: NodeReader): Buffer {
  const parts: Buffer[] = [];
  for (let at = from; at < to; ) {
    const level = Math.log2(largestPowerBelow(to - at + 1));
    parts.push(node(level, at / 2 ** level));
    at += 2 ** level;
  }
  return parts.reduceRight((right, left) => nodeHash(left, right));
}

/** The largest power of two that is smaller than `n` (n > 1). */
function largestPowerBelow(n: number): number {
  const power = 2 ** Math.floor(Math.log2(n - 1));
  // log2 rounds: beside 2^53 it may be one too high.
  return power < n ? power : power / 2;
}

function half(n: number): number {
  return Math.floor(n / 2);
}

function isHash(hash: Buffer): boolean {
  return hash instanceof Uint8Array && hash.length === HASH_SIZE;
}

function isSize(size: number): boolean {
  return Number.isSafeInteger(size) && size >= 0;
}

function checkSize(size: number): void {
  if (!isSize(size)) throw new RangeError(`A tree cannot have ${size} leaves`);
}
