import { readFileSync } from "node:fs";
import { replaceFile } from "../../../../runtime/durable-file.ts";
import { AzoraError } from "../../../../runtime/errors.ts";

/** The newest tree that a log's keys have signed. */
export interface Signed {
  origin: string;
  size: number;
  /** Hex root. */
  root: string;
}

/**
 * Stands beside the keys, not beside the log: a log that is set back to an old state must not be signed on from there,
 * since that would be a second history.
 */
export class SignedState {
  readonly #path: string;
  #signed: Signed | undefined;

  constructor(path: string) {
    this.#path = path;
    try {
      this.#signed = JSON.parse(readFileSync(path, "utf8")) as Signed;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") {
        throw new AzoraError("CHAIN_CORRUPT", `${path} cannot be read: ${(error as Error).message}`, { file: path });
      }
    }
  }

  get signed(): Signed | undefined {
    return this.#signed;
  }

  /** Durable when it returns. @throws AzoraError CHAIN_ROLLED_BACK where a longer tree, or another of this size, was signed */
  remember(origin: string, size: number, root: string): void {
    const last = this.#signed;
    if (last?.origin === origin && last.size === size && last.root === root) return;
    if (last && last.origin === origin && last.size >= size) {
      throw new AzoraError(
        "CHAIN_ROLLED_BACK",
        `a tree of ${last.size} entries was signed; one of ${size} ${size === last.size ? "with another root " : ""}must not be`,
        { signed: last.size, found: size },
      );
    }
    const signed = { origin, size, root };
    replaceFile(this.#path, JSON.stringify(signed));
    this.#signed = signed;
  }
}
