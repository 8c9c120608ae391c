import { randomUUID } from "node:crypto";
import type { OutboxFile, OutboxFiles } from "../../../runtime/record/files.ts";

/** What a step of the disk ends in, instead of well. */
export type Fault =
  /** The process dies before, in the middle of, or right behind the step. */
  | "die before"
  | "die within"
  | "die after"
  /** Nothing is written. */
  | "EIO"
  /** A part is written. */
  | "ENOSPC";

/** Thrown to the dead: nothing that comes later happens. */
export class Died extends Error {}

/** A disk in memory, whose steps can be made to fail, by their number. What is in it is what a reboot would find. */
export class FaultyFiles implements OutboxFiles {
  readonly disk = new Map<string, Buffer>();
  /** Steps that were done, in words. */
  readonly steps: string[] = [];
  readonly faults = new Map<number, Fault>();
  /** Every write fails from now on, with this. */
  broken: Fault | undefined;
  isDead = false;
  #next = 0;

  makeFolder(path: string): Promise<void> {
    return this.#step(`folder ${path}`, () => {});
  }

  async create(path: string): Promise<OutboxFile> {
    await this.#step(`create ${path}`, () => {
      if (this.disk.has(path)) throw Object.assign(new Error("EEXIST"), { code: "EEXIST" });
      this.disk.set(path, Buffer.alloc(0));
    });
    return {
      append: (bytes) =>
        this.#step(`append ${bytes.length}`, (share) => {
          const part = bytes.subarray(0, Math.floor(bytes.length * share));
          this.disk.set(path, Buffer.concat([this.disk.get(path) ?? Buffer.alloc(0), part]));
        }),
      appendSync: (bytes) => {
        if (this.isDead) return;
        if (this.broken) throw new Error(this.broken);
        this.disk.set(path, Buffer.concat([this.disk.get(path) ?? Buffer.alloc(0), bytes]));
      },
      truncate: (size) =>
        this.#step(`truncate ${size}`, () => {
          this.disk.set(path, this.disk.get(path)!.subarray(0, size));
        }),
      close: () => {},
    };
  }

  async read(path: string): Promise<Buffer> {
    await this.#alive();
    const bytes = this.disk.get(path);
    if (!bytes) throw Object.assign(new Error(`ENOENT: ${path}`), { code: "ENOENT" });
    return bytes;
  }

  remove(path: string): Promise<void> {
    return this.#step(`remove ${path}`, () => {
      this.disk.delete(path);
    });
  }

  /** The same disk after the process died, in working order. */
  reborn(): FaultyFiles {
    const next = new FaultyFiles();
    for (const [path, bytes] of this.disk) next.disk.set(path, bytes);
    return next;
  }

  async #step(what: string, run: (share: number) => void): Promise<void> {
    await this.#alive();
    const fault = this.faults.get(this.#next) ?? (what.startsWith("append") ? this.broken : undefined);
    this.#next++;
    this.steps.push(what);
    if (fault === "EIO") throw new Error("EIO: i/o error");
    if (fault === "ENOSPC") {
      run(0.5);
      throw new Error("ENOSPC: no space left on device");
    }
    if (fault === "die within") run(0.5);
    else if (fault !== "die before") run(1);
    if (fault) {
      this.isDead = true;
      await this.#alive();
    }
  }

  /** The dead wait for ever. */
  #alive(): Promise<void> {
    return this.isDead ? new Promise(() => {}) : Promise.resolve();
  }
}

export const anInstance = () => randomUUID();
