import * as fs from "node:fs";
import { readFile, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";

/** A file that only grows. */
export interface OutboxFile {
  /**
   * Hands the bytes to the operating system, at once: from then on they survive the death of this process. It takes a few
   * µs, where a round through the thread pool costs the event loop ten times that. Throws where the disk refuses; any
   * part of them may have been written then.
   */
  write(bytes: Buffer): void;
  /** Resolves when all that was written is on disk. After a rejection nothing is known of what was not synced before. */
  sync(): Promise<void>;
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
const fdatasync = promisify(fs.fdatasync);
const ftruncate = promisify(fs.ftruncate);
const { O_CREAT, O_EXCL, O_WRONLY, O_APPEND } = fs.constants;

export const outboxFiles: OutboxFiles = {
  async makeFolder(path) {
    const first = await fs.promises.mkdir(path, { recursive: true, mode: 0o700 });
    if (first === undefined) return;
    // Each new name stands in the folder above it.
    for (let folder = path; folder.length >= first.length; folder = dirname(folder)) await syncFolder(dirname(folder));
  },
  async create(path) {
    const file = await open(path, O_CREAT | O_EXCL | O_WRONLY | O_APPEND, 0o600);
    try {
      await syncFolder(dirname(path));
    } catch (error) {
      fs.closeSync(file);
      throw error;
    }
    return new PlainFile(file);
  },
  read: (path) => readFile(path),
  remove: (path) => unlink(path),
};

class PlainFile implements OutboxFile {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  write(bytes: Buffer): void {
    // A disk that gets full takes a part without a word; the rest then fails with a reason.
    for (let offset = 0; offset < bytes.length; ) offset += fs.writeSync(this.#fd, bytes, offset);
  }

  sync(): Promise<void> {
    return fdatasync(this.#fd);
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
