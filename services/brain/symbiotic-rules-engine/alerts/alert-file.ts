import { readFile } from "node:fs/promises";
import { replaceFileBeside } from "../../../../runtime/durable-file.ts";

/** One file of JSON that is replaced as a whole. Writes happen beside the work, one after the other; of several only the newest. */
export class AlertFile {
  readonly #path: string;
  #next: (() => unknown) | undefined;
  #writing: Promise<void> | undefined;
  /** Why the newest state is not on the disk; empty where it is. */
  failure = "";

  constructor(path: string) {
    this.#path = path;
  }

  get isWriting(): boolean {
    return this.#writing !== undefined;
  }

  /** What was written last; undefined where there is none, or none that can be read. */
  async read(): Promise<unknown> {
    try {
      return JSON.parse(await readFile(this.#path, "utf8"));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") this.failure = (error as Error).message;
      return undefined;
    }
  }

  /** @param content asked for when its turn comes. Never rejects: alerts go on without a disk. */
  write(content: () => unknown): Promise<void> {
    this.#next = content;
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  async #writeAll(): Promise<void> {
    while (this.#next) {
      const content = this.#next;
      this.#next = undefined;
      try {
        await replaceFileBeside(this.#path, JSON.stringify(content()));
        this.failure = "";
      } catch (error) {
        this.failure = (error as Error).message;
      }
    }
  }
}
