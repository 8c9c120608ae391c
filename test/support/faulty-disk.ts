import { existsSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { type Disk, type OpenFile, systemDisk } from "../../services/immune/blockchain-logger/log/disk.ts";

export type Fault =
  /** The process ends before the operation. */
  | "crash before"
  /** It ends when the operation is half done. */
  | "crash within"
  /** The machine loses power before it: what was not synced is gone, in part. */
  | "power loss"
  /** The operation fails, once, and nothing of it is done. */
  | "EIO"
  /** The disk is full: a write takes half and fails, and so does everything that needs room, until there is some. */
  | "ENOSPC";

/** The system's, without the waiting: no test takes the power from the machine. */
export const unsyncedDisk: Disk = {
  ...systemDisk,
  async create(path, mode) {
    const file = await systemDisk.create(path, mode);
    return {
      write: (bytes) => file.write(bytes),
      sync: async () => {},
      truncate: (length) => file.truncate(length),
      close: () => file.close(),
    };
  },
  async syncFolder() {},
};

/** A disk on which one operation, by its number, goes wrong. After a crash every further one is refused. */
export class FaultyDisk implements Disk {
  operations = 0;
  /** What was to be done when it went wrong. */
  struck: string | undefined;
  #dead = false;
  #full = false;
  readonly #at: number;
  readonly #fault: Fault;
  readonly #random: () => number;
  /** By path, the length that survives a loss of power. */
  readonly #synced = new Map<string, number>();
  /** By path, what stands there if the name is lost. */
  readonly #unsyncedNames = new Map<string, Buffer | undefined>();

  constructor(at: number, fault: Fault, random: () => number) {
    this.#at = at;
    this.#fault = fault;
    this.#random = random;
  }

  makeRoom(): void {
    this.#full = false;
  }

  async create(path: string, mode?: number): Promise<OpenFile> {
    await this.#next(`create ${path}`);
    if (!existsSync(path)) this.#unsyncedNames.set(path, undefined);
    const file = await unsyncedDisk.create(path, mode);
    this.#synced.set(path, 0);
    return {
      write: async (bytes) => {
        const half = bytes.subarray(0, bytes.length / 2);
        await this.#next(`write ${path}`, () => file.write(half));
        await file.write(bytes);
      },
      sync: async () => {
        await this.#next(`sync ${path}`);
        await file.sync();
        this.#synced.set(path, statSync(path).size);
      },
      truncate: async (length) => {
        await this.#next(`truncate ${path}`);
        await file.truncate(length);
      },
      // Closing always works, so that a test leaves no descriptor behind.
      close: () => file.close(),
    };
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#next(`rename ${from}`);
    this.#unsyncedNames.set(to, existsSync(to) ? readFileSync(to) : undefined);
    this.#unsyncedNames.delete(from);
    this.#synced.delete(from);
    await unsyncedDisk.rename(from, to);
  }

  async syncFolder(path: string): Promise<void> {
    await this.#next(`sync folder ${path}`);
    await unsyncedDisk.syncFolder(path);
    for (const name of this.#unsyncedNames.keys()) if (dirname(name) === path) this.#unsyncedNames.delete(name);
  }

  async makeFolder(path: string): Promise<void> {
    await this.#next(`make folder ${path}`);
    await unsyncedDisk.makeFolder(path);
  }

  async remove(path: string): Promise<void> {
    await this.#next(`remove ${path}`);
    await unsyncedDisk.remove(path);
    this.#synced.delete(path);
    this.#unsyncedNames.delete(path);
  }

  async #next(what: string, half: () => Promise<void> = async () => {}): Promise<void> {
    if (this.#dead) throw new Error("the process has ended");
    const isRoomNeeded = !/^(sync|remove|truncate)/.test(what);
    if (this.#full && isRoomNeeded)
      throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
    if (this.operations++ !== this.#at) return;
    this.struck = what;
    if (this.#fault === "EIO") throw Object.assign(new Error("EIO: i/o error"), { code: "EIO" });
    if (this.#fault === "ENOSPC") {
      if (!isRoomNeeded) return;
      this.#full = true;
      await half();
      throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
    }
    this.#dead = true;
    if (this.#fault === "crash within") await half();
    if (this.#fault === "power loss") this.#losePower();
    throw new Error("the process has ended");
  }

  /** Of each file some of what was not synced stays, of each name too: the kernel had begun to write. */
  #losePower(): void {
    for (const [path, synced] of this.#synced) {
      if (!existsSync(path)) continue;
      const { size } = statSync(path);
      if (size > synced) truncateSync(path, synced + Math.floor(this.#random() * (size - synced)));
    }
    for (const [path, before] of this.#unsyncedNames) {
      if (this.#random() < 0.5) continue;
      if (before) writeFileSync(path, before);
      else rmSync(path, { force: true });
    }
  }
}
