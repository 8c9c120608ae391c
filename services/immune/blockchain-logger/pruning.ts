import { existsSync, readdirSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { TILE_WIDTH, tilePath } from "../../../tlog/tiles.ts";
import type { AuditLog } from "./log/audit-log.ts";

export interface Pruned {
  /** Entries before this index have no payload any more. */
  before: number;
  files: number;
  /** What the disk has got back. */
  bytes: number;
}

/**
 * Removes the payload of old entries, in whole bundles. Their hashes stay, so every proof stays. The log says so first: a
 * reader that finds a bundle missing knows whether it was meant to.
 */
export async function prune(log: AuditLog, folder: string, before: number): Promise<Pruned> {
  const least = prunedBefore(folder, log.reader.size);
  const bundles = Math.floor(Math.min(before, log.reader.size) / TILE_WIDTH);
  const doomed: string[] = [];
  for (let at = least / TILE_WIDTH; at < bundles; at++) {
    const file = join(folder, tilePath("entries", at));
    doomed.push(...[file, `${file}.p`].filter((path) => existsSync(path)));
  }
  const pruned = {
    before: Math.max(least, bundles * TILE_WIDTH),
    files: doomed.reduce((sum, path) => sum + filesIn(path).length, 0),
    bytes: doomed.reduce((sum, path) => sum + filesIn(path).reduce((all, file) => all + allocated(file), 0), 0),
  };
  if (doomed.length === 0) return pruned;
  await log.log("chain.pruned", { ...pruned });
  await log.publish();
  for (const path of doomed) await rm(path, { recursive: true, force: true });
  return pruned;
}

/** Index of the first entry whose payload is there. What was pruned is always the beginning. */
export function prunedBefore(folder: string, size: number): number {
  let [least, most] = [0, Math.floor(size / TILE_WIDTH)];
  while (least < most) {
    const middle = Math.floor((least + most) / 2);
    if (existsSync(join(folder, tilePath("entries", middle)))) most = middle;
    else least = middle + 1;
  }
  return least * TILE_WIDTH;
}

function filesIn(path: string): string[] {
  return statSync(path).isDirectory() ? readdirSync(path).map((name) => join(path, name)) : [path];
}

/** Blocks of 512 bytes, whatever the file system's own are. */
function allocated(file: string): number {
  return statSync(file).blocks * 512;
}
