/** Roots over the hashes of a tile, which lie one after the other in one buffer. */
import { hash } from "node:crypto";
import { HASH_SIZE } from "../hashes.ts";

const node = Buffer.alloc(1 + 2 * HASH_SIZE, 1);

/** RFC 6962 root of the hashes from..to of a tile. It reads `hashes` only. */
export function rootOfTile(hashes: Buffer, from: number, to: number): Buffer {
  const row = Buffer.from(hashes.subarray(from * HASH_SIZE, to * HASH_SIZE));
  let width = to - from;
  while (width > 1) {
    const pairs = width >> 1;
    for (let i = 0; i < pairs; i++) {
      row.copy(node, 1, i * 2 * HASH_SIZE, (i + 1) * 2 * HASH_SIZE);
      row.write(hash("sha256", node, "binary"), i * HASH_SIZE, "latin1");
    }
    if (width % 2 === 1) row.copy(row, pairs * HASH_SIZE, (width - 1) * HASH_SIZE, width * HASH_SIZE);
    width = pairs + (width % 2);
  }
  return row.subarray(0, HASH_SIZE);
}

/** The hashes of a tile that are not the same in both buffers. */
export function differences(a: Buffer, b: Buffer, width: number): number[] {
  if (a.compare(b, 0, width * HASH_SIZE, 0, width * HASH_SIZE) === 0) return [];
  const found: number[] = [];
  for (let i = 0; i < width; i++) {
    const [from, to] = [i * HASH_SIZE, (i + 1) * HASH_SIZE];
    if (a.compare(b, from, to, from, to) !== 0) found.push(i);
  }
  return found;
}
