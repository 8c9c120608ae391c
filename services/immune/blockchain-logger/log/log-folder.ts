import { dirname, join } from "node:path";
import { type Disk, replaceWhole, writeWhole } from "./disk.ts";
import type { LogFile } from "./tile-layout.ts";

const AT_ONCE = 4;

/** The folder that readers see. What a checkpoint covers is durable before the checkpoint is. */
export class LogFolder {
  readonly path: string;
  readonly #disk: Disk;
  readonly #known = new Set<string>();

  constructor(path: string, disk: Disk) {
    this.path = path;
    this.#disk = disk;
  }

  /** Resolves once all files are durable. Nobody reads them yet, so they need not appear at once. */
  async write(files: readonly LogFile[]): Promise<void> {
    const touched = new Set<string>();
    for (const { path } of files) await this.#folderOf(join(this.path, path), touched);
    for (let at = 0; at < files.length; at += AT_ONCE) {
      const written = await Promise.allSettled(
        files.slice(at, at + AT_ONCE).map(({ path, bytes }) => writeWhole(this.#disk, join(this.path, path), bytes)),
      );
      const failed = written.find((one) => one.status === "rejected");
      if (failed) throw failed.reason;
    }
    for (const folder of touched) await this.#disk.syncFolder(folder);
  }

  /** Replaces one of the files that change. */
  async replace(path: string, text: string): Promise<void> {
    await this.#folderOf(join(this.path, path), new Set());
    await replaceWhole(this.#disk, join(this.path, path), Buffer.from(text), 0o644);
  }

  /** Removes what full tiles have made useless. A crash may leave it, without harm. */
  async remove(paths: readonly string[]): Promise<void> {
    for (const path of paths) {
      this.#known.delete(join(this.path, path));
      await this.#disk.remove(join(this.path, path));
    }
  }

  async #folderOf(file: string, touched: Set<string>): Promise<void> {
    const folder = dirname(file);
    touched.add(folder);
    if (this.#known.has(folder)) return;
    await this.#disk.makeFolder(folder);
    // Each folder on the way may be new, and a name is durable only with the folder that it stands in.
    for (let parent = dirname(folder); parent.length >= this.path.length; parent = dirname(parent)) touched.add(parent);
    this.#known.add(folder);
  }
}
