import type { OutboxFile, OutboxFiles } from "../../../runtime/record/files.ts";

/** What a step of the disk ends in, instead of well. */
export type Fault =
  /** The process dies before, in the middle of, or right behind the step. What it has written stays. */
  | "die before"
  | "die within"
  | "die after"
  /** The machine loses its power right behind the step: of what was not synced half is left. */
  | "lose power"
  /** Nothing is written. */
  | "EIO"
  /** A part is written. */
  | "ENOSPC";

/** A disk in memory, whose steps can be made to fail, by their number. What is in it is what the next life would find. */
export class FaultyFiles implements OutboxFiles {
  readonly disk = new Map<string, Buffer>();
  /** Bytes of each file that a loss of power leaves. */
  readonly #synced = new Map<string, number>();
  /** Steps that were done, in words. */
  readonly steps: string[] = [];
  readonly faults = new Map<number, Fault>();
  /** Every write or sync fails from now on, with this. */
  broken: { write?: Fault; sync?: Fault } = {};
  isDead = false;
  #next = 0;

  async makeFolder(path: string): Promise<void> {
    await this.#begun(() => this.#step("folder", path, () => {}));
  }

  async create(path: string): Promise<OutboxFile> {
    await this.#begun(() =>
      this.#step("create", path, () => {
        if (this.disk.has(path)) throw Object.assign(new Error("EEXIST"), { code: "EEXIST" });
        this.disk.set(path, Buffer.alloc(0));
        this.#synced.set(path, 0);
      }),
    );
    return {
      write: (bytes) => {
        if (this.isDead) return;
        this.#step("write", path, (share) => {
          const part = bytes.subarray(0, Math.floor(bytes.length * share));
          this.disk.set(path, Buffer.concat([this.disk.get(path)!, part]));
        });
      },
      sync: () =>
        this.#begun(() => {
          const size = this.disk.get(path)!.length;
          this.#step("sync", path, (share) => share === 1 && this.#synced.set(path, size));
        }),
      truncate: (size) =>
        this.#begun(() =>
          this.#step("truncate", path, () => {
            this.disk.set(path, this.disk.get(path)!.subarray(0, size));
          }),
        ),
      close: () => {},
    };
  }

  async read(path: string): Promise<Buffer> {
    await this.#begun(() => {});
    const bytes = this.disk.get(path);
    if (!bytes) throw Object.assign(new Error(`ENOENT: ${path}`), { code: "ENOENT" });
    return bytes;
  }

  async remove(path: string): Promise<void> {
    await this.#begun(() => this.#step("remove", path, () => this.disk.delete(path)));
  }

  #step(kind: string, path: string, run: (share: number) => unknown): void {
    const fault = this.faults.get(this.#next) ?? this.broken[kind as "write" | "sync"];
    this.#next++;
    this.steps.push(`${kind} ${path}`);
    if (fault === "EIO") throw new Error("EIO: i/o error");
    if (fault === "ENOSPC") {
      run(0.5);
      throw new Error("ENOSPC: no space left on device");
    }
    if (fault === "die within") run(0.5);
    else if (fault !== "die before") run(1);
    if (!fault) return;
    this.isDead = true;
    if (fault !== "lose power") return;
    for (const [path, bytes] of this.disk) {
      const synced = this.#synced.get(path) ?? 0;
      this.disk.set(path, bytes.subarray(0, synced + Math.floor((bytes.length - synced) / 2)));
    }
  }

  /** What takes time; the dead wait for ever. */
  async #begun(run: () => void): Promise<void> {
    await Promise.resolve();
    if (!this.isDead) run();
    if (this.isDead) await new Promise(() => {});
  }
}
