import * as fs from "node:fs";
import { readFile, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";

/** A file that only grows. */
export interface OutboxFile {
  /** Resolves when the bytes are on disk. After a rejection any part of them may be. */
  append(bytes: Buffer): Promise<void>;
  /** For the end of the process: the same, at once. */
  appendSync(bytes: Buffer): void;
  /** Cuts off what a failed write has left. */
  truncate(size: number): Promise<void>;
  close(): void;
}

/** The outbox's way to the disk; a test puts a faulty one in its place. */
export interface OutboxFiles {
  /** Makes a folder, mode 0700, whose name is on disk. */
  makeFolder(path: string): Promise<void>;
  /** Makes a new file whose name is on disk, too. */
  create(path: string): Promise<OutboxFile>;
  read(path: string): Promise<Buffer>;
  remove(path: string): Promise<void>;
}

const open = promisify(fs.open);
const ftruncate = promisify(fs.ftruncate);
const { O_CREAT, O_EXCL, O_WRONLY, O_APPEND, O_DSYNC } = fs.constants;

export const outboxFiles: OutboxFiles = {
  async makeFolder(path) {
    const first = await fs.promises.mkdir(path, { recursive: true, mode: 0o700 });
    if (first === undefined) return;
    // Each new name stands in the folder above it.
    for (let folder = path; folder.length >= first.length; folder = dirname(folder)) await syncFolder(dirname(folder));
  },
  async create(path) {
    // One call in place of write and fdatasync: each costs the event loop a round through the thread pool.
    const file = await open(path, O_CREAT | O_EXCL | O_WRONLY | O_APPEND | O_DSYNC, 0o600);
    try {
      await syncFolder(dirname(path));
    } catch (error) {
      fs.closeSync(file);
      throw error;
    }
    return new SyncedFile(file);
  },
  read: (path) => readFile(path),
  remove: (path) => unlink(path),
};

class SyncedFile implements OutboxFile {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  append(bytes: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      const write = (offset: number): void => {
        fs.write(this.#fd, bytes, offset, bytes.length - offset, null, (error, written) => {
          if (error) reject(error);
          // A disk that gets full makes write a part without a word; the rest then fails with a reason.
          else if (offset + written < bytes.length) write(offset + written);
          else resolve();
        });
      };
      write(0);
    });
  }

  appendSync(bytes: Buffer): void {
    for (let offset = 0; offset < bytes.length; ) offset += fs.writeSync(this.#fd, bytes, offset);
  }

  truncate(size: number): Promise<void> {
    return ftruncate(this.#fd, size);
  }

  close(): void {
    fs.close(this.#fd, () => {});
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await fs.promises.open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
