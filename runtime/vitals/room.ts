import { readdir, readFile, statfs } from "node:fs/promises";
import { dirname } from "node:path";

const LOOK_EVERY_MS = 5000;

/** What a process has left of what the machine gives it. Looked up beside its work; `undefined` where it is not known. */
export class Room {
  /** Descriptors that are open, and how many may be (the soft limit). Linux only. */
  files: { open: number; limit: number } | undefined;
  /** Of the disk under the folder, bytes; free is what an ordinary user may still write. */
  disk: { free: number; total: number } | undefined;
  readonly #folder: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param folder on whose disk the room is looked at; it may not exist yet */
  constructor(folder?: string) {
    this.#folder = folder;
  }

  start(): void {
    void this.look();
    this.#timer = setInterval(() => void this.look(), LOOK_EVERY_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async look(): Promise<void> {
    [this.files, this.disk] = await Promise.all([
      openFiles(),
      this.#folder === undefined ? undefined : disk(this.#folder),
    ]);
  }
}

async function openFiles(): Promise<Room["files"]> {
  try {
    const [open, limits] = await Promise.all([readdir("/proc/self/fd"), readFile("/proc/self/limits", "latin1")]);
    // Max open files            1024                 1048576              files
    const [, soft] = /^Max open files\s+(\d+|unlimited)/m.exec(limits) ?? [];
    // One of them was open for reading the folder.
    return soft ? { open: open.length - 1, limit: soft === "unlimited" ? 0 : Number(soft) } : undefined;
  } catch {
    return undefined;
  }
}

async function disk(folder: string): Promise<Room["disk"]> {
  try {
    const { bavail, blocks, bsize } = await statfs(folder);
    return { free: bavail * bsize, total: blocks * bsize };
  } catch (error) {
    const above = dirname(folder);
    return (error as NodeJS.ErrnoException).code === "ENOENT" && above !== folder ? disk(above) : undefined;
  }
}
