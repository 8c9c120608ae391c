/**
 * Partial files of earlier checkpoints stay until the full file stands. The newest checkpoint does not need them, but
 * whoever holds an older one reads them: they must be the beginnings of the newest.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { HASH_SIZE } from "../hashes.ts";
import { MalformedLog } from "../malformed-log.ts";
import { splitBundle, TILE_WIDTH, tilePath } from "../tiles.ts";
import type { LogFiles } from "./log-files.ts";
import type { Problems } from "./problem.ts";

export function checkStalePartials(files: LogFiles, size: number, blocks: number, problems: Problems): void {
  check(files, "entries", size, problems);
  check(files, "block", blocks, problems);
  for (let level = 0, count = size; count > 0; level++, count = Math.floor(count / TILE_WIDTH)) {
    check(files, level, count, problems);
  }
}

function check(files: LogFiles, level: number | "entries" | "block", count: number, problems: Problems): void {
  const index = Math.floor(count / TILE_WIDTH);
  const width = count % TILE_WIDTH;
  if (width === 0) return;
  const newest = files.tile(level, index, width);
  if (!newest) return;
  const bytes = Buffer.from(newest.bytes);
  for (const older of olderThan(files, tilePath(level, index), width)) {
    const path = tilePath(level, index, older);
    const found = files.read(path);
    if (!found) continue;
    const begins = found.length <= bytes.length && found.equals(bytes.subarray(0, found.length));
    if (begins && widthOf(level, found) === older) continue;
    problems.file(path, `it is not the beginning of ${newest.path}, as what an earlier checkpoint covered must be`);
  }
}

function widthOf(level: number | "entries" | "block", bytes: Buffer): number {
  if (level === "block") return bytes.filter((byte) => byte === 0x0a).length;
  if (level !== "entries") return bytes.length / HASH_SIZE;
  try {
    return splitBundle(bytes).length;
  } catch (error) {
    if (error instanceof MalformedLog) return -1;
    throw error;
  }
}

function olderThan(files: LogFiles, path: string, width: number): number[] {
  try {
    return readdirSync(join(files.folder, `${path}.p`))
      .filter((name) => /^[1-9][0-9]{0,2}$/.test(name))
      .map(Number)
      .filter((one) => one < width)
      .sort((a, b) => a - b);
  } catch {
    return [];
  }
}
