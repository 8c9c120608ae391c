import { mkdir, open, readdir, readFile, unlink } from "node:fs/promises";

/** What history needs of a disk; a test gives one that gets full. */
export interface HistoryDisk {
  makeFolder(path: string): Promise<void>;
  list(folder: string): Promise<string[]>;
  read(path: string): Promise<Buffer>;
  /** @throws with code EEXIST where there is such a file */
  create(path: string): Promise<SegmentFile>;
  remove(path: string): Promise<void>;
}

export interface SegmentFile {
  /** At its end, all of it. */
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** Nothing is synced: what the kernel has survives the process, and after a power cut a few rows are missing. */
export const systemHistoryDisk: HistoryDisk = {
  makeFolder: async (path) => void (await mkdir(path, { recursive: true, mode: 0o700 })),
  list: (folder) => readdir(folder),
  read: (path) => readFile(path),
  async create(path) {
    const file = await open(path, "wx", 0o600);
    return { write: (bytes) => file.writeFile(bytes), close: () => file.close() };
  },
  remove: (path) => unlink(path),
};
