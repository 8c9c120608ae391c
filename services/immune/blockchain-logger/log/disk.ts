import { constants } from "node:fs";
import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** A file that is only ever lengthened. */
export interface OpenFile {
  /** Writes all of it, or fails; a part of it may then stand at the end. */
  write(bytes: Uint8Array): Promise<void>;
  /** Resolves once everything that was written survives a loss of power. */
  sync(): Promise<void>;
  truncate(length: number): Promise<void>;
  close(): Promise<void>;
}

/** The few operations that the log does on a disk, so that a test can let each one fail. Reading goes past it. */
export interface Disk {
  /** Opens an empty file for writing. */
  create(path: string, mode?: number): Promise<OpenFile>;
  rename(from: string, to: string): Promise<void>;
  /** Makes names in a folder survive a loss of power. */
  syncFolder(path: string): Promise<void>;
  makeFolder(path: string): Promise<void>;
  /** A file or a folder with all that is in it. */
  remove(path: string): Promise<void>;
}

const { O_APPEND, O_CREAT, O_TRUNC, O_WRONLY } = constants;

export const systemDisk: Disk = {
  // What is written after a truncation must stand at the new end, not where the last write had come to.
  create: async (path, mode = 0o644) => new HandleFile(await open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, mode)),
  rename,
  async syncFolder(path) {
    const folder = await open(path, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  },
  async makeFolder(path) {
    await mkdir(path, { recursive: true });
  },
  remove: (path) => rm(path, { recursive: true, force: true }),
};

class HandleFile implements OpenFile {
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async write(bytes: Uint8Array): Promise<void> {
    // A disk that gets full takes a part without a word; only the next write tells.
    for (let done = 0; done < bytes.length; ) {
      done += (await this.#handle.write(bytes, done, bytes.length - done)).bytesWritten;
    }
  }

  sync(): Promise<void> {
    return this.#handle.datasync();
  }

  truncate(length: number): Promise<void> {
    return this.#handle.truncate(length);
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

/** Writes a whole file that nobody reads yet; its folder has still to be synced. */
export async function writeWhole(disk: Disk, path: string, bytes: Uint8Array, mode?: number): Promise<void> {
  const file = await disk.create(path, mode);
  try {
    await file.write(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Replaces a file so that a reader, or a crash at any moment, finds either the old content or the new one, whole. */
export async function replaceWhole(disk: Disk, path: string, bytes: Uint8Array, mode?: number): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.tmp`);
  await writeWhole(disk, temporary, bytes, mode);
  await disk.rename(temporary, path);
  await disk.syncFolder(dirname(path));
}
