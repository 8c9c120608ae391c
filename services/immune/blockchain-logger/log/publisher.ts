import type { Checkpoint } from "../../../../tlog/checkpoint.ts";
import { formatCheckpoint } from "../../../../tlog/checkpoint.ts";
import { formatNote, type Signature } from "../../../../tlog/note.ts";
import type { LogFolder } from "./log-folder.ts";
import type { LogFile } from "./tile-layout.ts";

/** The chain as one seal left it. */
export interface Sealed {
  size: number;
  root: Buffer;
  /** The last block's. */
  height: number;
  blockHash: string;
  files: LogFile[];
  superseded: string[];
  /** What an attempt before may have left half done. */
  unfinished: string[];
}

export interface Signing {
  /** Remembers, durably, that this tree is about to be signed. @throws where another tree of this size was */
  remember(size: number, root: Buffer): void;
  /** Signatures of all keys that are in use at this size, over the text. */
  sign(text: string, size: number): Signature[];
  /** Text of the file `keys`. */
  keys(): string;
  /** Remembers durably where the entries about keys stand. */
  saveKeys(): void;
  /** Whether this is the first checkpoint that covers a change of keys; it is kept for good. */
  changedBefore(size: number): boolean;
}

export interface Published {
  checkpoint: Checkpoint;
  text: string;
}

/** Lays a sealed part of the chain out for readers, and signs it. */
export class Publisher {
  readonly #folder: LogFolder;
  readonly #origin: string;
  readonly #signing: Signing;

  constructor(folder: LogFolder, origin: string, signing: Signing) {
    this.#folder = folder;
    this.#origin = origin;
    this.#signing = signing;
  }

  /** Resolves once the checkpoint stands, and everything that it covers before it. */
  async publish(sealed: Sealed): Promise<Published> {
    await this.#folder.remove(sealed.unfinished);
    await this.#folder.write(sealed.files);
    // No key must ever sign two trees that contradict each other, even if this folder is set back meanwhile.
    this.#signing.remember(sealed.size, sealed.root);
    const checkpoint: Checkpoint = {
      origin: this.#origin,
      size: sealed.size,
      root: sealed.root,
      extensions: [`block ${sealed.height} ${sealed.blockHash}`],
    };
    const body = formatCheckpoint(checkpoint);
    const text = formatNote({ text: body, signatures: this.#signing.sign(body, sealed.size) });
    if (this.#signing.changedBefore(sealed.size)) {
      this.#signing.saveKeys();
      await this.#folder.replace("keys", this.#signing.keys());
      await this.#folder.replace(`checkpoints/${sealed.size}`, text);
    }
    await this.#folder.replace("checkpoint", text);
    await this.#folder.remove(sealed.superseded);
    return { checkpoint, text };
  }

  /** Adds what witnesses said to the checkpoint. */
  async cosign(text: string): Promise<void> {
    await this.#folder.replace("checkpoint", text);
  }
}
