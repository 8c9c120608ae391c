import { readdirSync, realpathSync, rmSync, statSync } from "node:fs";
import { type FileHandle, open, rm, statfs } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { AzoraError } from "../errors.ts";

const MB = 1024 * 1024;
const STEP = Buffer.alloc(4 * MB);
const LEFTOVER = /^chaos-fill-.*\.tmp$/;
/** How deep below the data folder a folder may be filled; so leftovers are found again without reading everything. */
const DEEPEST = 2;

/** @throws AzoraError CHAOS_REFUSED where the folder is not the data folder or one of its folders */
export function folderToFill(dataDir: string, folder: string): string {
  const refuse = (why: string) =>
    new AzoraError("CHAOS_REFUSED", `folder is "${folder}", but must be "" or a folder of the data folder: ${why}`, {
      errors: [{ field: "folder", value: folder, allowed: `"" or a folder of ${dataDir}` }],
    });
  let real: string;
  try {
    // Links are followed first: one that leads out of the data folder is out of it.
    real = realpathSync(join(dataDir, folder));
    if (!statSync(real).isDirectory()) throw new Error("it is no folder");
  } catch (error) {
    throw refuse((error as Error).message);
  }
  const parts = relative(realpathSync(dataDir), real).split(sep).filter(Boolean);
  if (parts[0] === "..") throw refuse("it lies outside");
  if (parts.length > DEEPEST) throw refuse(`it lies more than ${DEEPEST} folders deep`);
  return real;
}

/** Writes zeros into one file until only so much of the file system is free, or so much is written. */
export class DiskFiller {
  readonly file: string;
  writtenMB = 0;
  freeMB = 0;
  /** Why it ended; undefined while it writes. */
  ended: string | undefined;
  readonly done: Promise<void>;
  #stopped = false;

  constructor(folder: string, node: string, leaveMB: number, maxMB: number) {
    this.file = join(folder, `chaos-fill-${node}.tmp`);
    this.done = this.#fill(folder, leaveMB, maxMB);
  }

  async undo(): Promise<void> {
    this.#stopped = true;
    await this.done;
    await rm(this.file, { force: true });
  }

  async #fill(folder: string, leaveMB: number, maxMB: number): Promise<void> {
    let handle: FileHandle | undefined;
    try {
      handle = await open(this.file, "w", 0o600);
      while (!this.#stopped) {
        const { bavail, bsize } = await statfs(folder);
        this.freeMB = Math.floor((bavail * bsize) / MB);
        const left = Math.min(this.freeMB - leaveMB, maxMB - this.writtenMB);
        if (left <= 0) break;
        const step = STEP.subarray(0, Math.min(STEP.length, left * MB));
        const { bytesWritten } = await handle.write(step);
        this.writtenMB += bytesWritten / MB;
        if (bytesWritten < step.length) break;
      }
      this.ended = this.writtenMB >= maxMB ? `${maxMB} MB are written, the most allowed` : "only so much is free now";
    } catch (error) {
      // A full disk is what was wanted.
      this.ended =
        (error as NodeJS.ErrnoException).code === "ENOSPC" ? "nothing is free now" : (error as Error).message;
    } finally {
      await handle?.close().catch(() => {});
    }
  }
}

/** Removes what a former life of this node, or another one that is gone, could not. */
export function removeFills(dataDir: string, node?: string): string[] {
  const removed: string[] = [];
  const look = (folder: string, depth: number) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory() && depth < DEEPEST) look(path, depth + 1);
      else if (entry.isFile() && (node ? entry.name === `chaos-fill-${node}.tmp` : LEFTOVER.test(entry.name))) {
        rmSync(path, { force: true });
        removed.push(path);
      }
    }
  };
  try {
    look(dataDir, 0);
  } catch {
    // A data folder that cannot be read holds nothing of ours.
  }
  return removed;
}
