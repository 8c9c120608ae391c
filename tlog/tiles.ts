/** Names and contents of the files of a tiled log (C2SP tlog-tiles, tiles of height 8). */
import { MalformedLog } from "./malformed-log.ts";

/** Hashes in a full tile, entries in a full bundle, blocks in a full block file. */
export const TILE_WIDTH = 256;
const MAX_ENTRY = 0xffff;

/**
 * `tile/0/x001/000.p/5`, `tile/entries/000`, `block/000`
 * @param width less than 256 for a partial file
 */
export function tilePath(level: number | "entries" | "block", index: number, width: number = TILE_WIDTH): string {
  if (typeof level === "number" && !(Number.isInteger(level) && level >= 0 && level < 64)) {
    throw new RangeError(`A tile cannot have level ${level}`);
  }
  if (!Number.isSafeInteger(index) || index < 0) throw new RangeError(`A tile cannot have index ${index}`);
  if (!Number.isInteger(width) || width < 1 || width > TILE_WIDTH) {
    throw new RangeError(`A tile cannot have width ${width}`);
  }
  let path = String(index % 1000).padStart(3, "0");
  for (let rest = Math.floor(index / 1000); rest > 0; rest = Math.floor(rest / 1000)) {
    path = `x${String(rest % 1000).padStart(3, "0")}/${path}`;
  }
  const folder = level === "block" ? "block" : `tile/${level}`;
  return `${folder}/${path}${width < TILE_WIDTH ? `.p/${width}` : ""}`;
}

/**
 * The entries of a bundle: each is preceded by its length, a big-endian uint16.
 * @throws MalformedLog where the lengths do not add up
 */
export function splitBundle(bytes: Buffer): Buffer[] {
  const entries: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (at + 2 > bytes.length) throw new MalformedLog(`ends within the length of its entry ${entries.length}`);
    const end = at + 2 + bytes.readUInt16BE(at);
    if (end > bytes.length) throw new MalformedLog(`ends within its entry ${entries.length}`);
    entries.push(bytes.subarray(at + 2, end));
    at = end;
  }
  return entries;
}

export function joinBundle(entries: readonly Uint8Array[]): Buffer {
  const bytes = Buffer.allocUnsafe(entries.reduce((sum, entry) => sum + 2 + entry.length, 0));
  let at = 0;
  for (const entry of entries) {
    if (entry.length > MAX_ENTRY) throw new RangeError(`An entry has ${MAX_ENTRY} bytes at most, not ${entry.length}`);
    at = bytes.writeUInt16BE(entry.length, at);
    bytes.set(entry, at);
    at += entry.length;
  }
  return bytes;
}
