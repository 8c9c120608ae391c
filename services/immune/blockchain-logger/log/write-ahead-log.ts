import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { headerRecord, readWriteAhead, type WriteAhead } from "../../../../tlog/write-ahead.ts";
import type { Disk, OpenFile } from "./disk.ts";

export interface FoundWriteAhead extends WriteAhead {
  file: string;
  bytes: Buffer;
}

/**
 * The files in which an entry is durable before it is laid out in tiles. A failed write leaves nothing behind: what it
 * may have written is cut off before the next one.
 */
export class WriteAheadLog {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #origin: string;
  readonly #epoch: number;
  #file: OpenFile | undefined;
  /** Bytes of the open file that are durable. */
  #durable = 0;
  #damaged = false;

  constructor(disk: Disk, folder: string, origin: string, epoch: number) {
    this.#disk = disk;
    this.#folder = folder;
    this.#origin = origin;
    this.#epoch = epoch;
    mkdirSync(folder, { recursive: true });
  }

  /** Resolves once the records are durable. `firstIndex` names a new file, where one has to be begun. */
  async append(records: readonly Buffer[], firstIndex: number): Promise<void> {
    if (this.#damaged) await this.#repair();
    if (!this.#file) {
      this.#file = await this.#disk.create(join(this.#folder, nameOf(firstIndex)), 0o600);
      this.#durable = 0;
    }
    this.#damaged = true;
    // Also where the first write failed, and was cut off with the header.
    const begun = this.#durable === 0;
    const header = { format: "azora-write-ahead/1", origin: this.#origin, epoch: this.#epoch, firstIndex } as const;
    const bytes = Buffer.concat(begun ? [headerRecord(header), ...records] : records);
    await this.#file!.write(bytes);
    await this.#file!.sync();
    if (begun) await this.#disk.syncFolder(this.#folder);
    this.#durable += bytes.length;
    this.#damaged = false;
  }

  /** The next records go into a new file. */
  async rotate(): Promise<void> {
    if (this.#damaged) await this.#repair();
    await this.close();
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  /** Removes the files that were begun before this index; `rotate` was called when the log ended there. */
  async removeBefore(index: number): Promise<void> {
    const done = filesOf(this.#folder).filter((file) => Number(file) < index);
    for (const file of done) await this.#disk.remove(join(this.#folder, file));
    if (done.length > 0) await this.#disk.syncFolder(this.#folder);
  }

  async removeAll(): Promise<void> {
    await this.removeBefore(Number.POSITIVE_INFINITY);
  }

  /** Cuts off what a failed write may have left; the file is unfit for use as long as this fails too. */
  async #repair(): Promise<void> {
    await this.#file!.truncate(this.#durable);
    await this.#file!.sync();
    this.#damaged = false;
  }
}

/** What stands in the files, in order. @throws MalformedLog */
export function readWriteAheadFiles(folder: string): FoundWriteAhead[] {
  return filesOf(folder).map((name) => {
    const file = join(folder, name);
    const bytes = readFileSync(file);
    return { file, bytes, ...readWriteAhead(bytes) };
  });
}

function filesOf(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => /^\d{16}$/.test(name))
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function nameOf(firstIndex: number): string {
  return String(firstIndex).padStart(16, "0");
}
