import type { Clock } from "../clock.ts";
import type { OutboxFiles } from "./files.ts";
import { abandonedOutboxes, claimOutbox, LeftOutbox, releaseOutbox } from "./left-outbox.ts";

export interface HeirsOptions {
  /** `data/outbox` */
  outboxes: string;
  /** The folder of this node, in which earlier lives of it may have left something. */
  own: string;
  clock: Clock;
  reading: { files: OutboxFiles; damaged(path: string, why: string): void };
  taken(left: LeftOutbox): void;
  /** It is delivered, and its files are gone. */
  given(left: LeftOutbox): void;
  /** 0 to 1. @default Math.random */
  random?(): number;
}

/** Time between two looks for what others have left, ms. It varies by half, so that nodes do not all look together. */
const LOOK_EVERY_MS = 10_000;

/** Takes over what nodes of this machine have recorded and, being dead, cannot deliver. */
export class Heirs {
  readonly #options: HeirsOptions;
  readonly #left: LeftOutbox[] = [];
  #cancel: (() => void) | undefined;
  #tidying: Promise<void> = Promise.resolve();

  constructor(options: HeirsOptions) {
    this.#options = options;
  }

  /** Earlier lives of this node at once, other nodes a little later: they may be about to start again themselves. */
  start(): void {
    this.look(this.#options.own);
    this.#wait();
  }

  /** @param only of this folder alone */
  look(only?: string): void {
    const { outboxes, reading, taken } = this.#options;
    for (const { folder, instance } of abandonedOutboxes(outboxes)) {
      if (only !== undefined && folder !== only) continue;
      try {
        if (!claimOutbox(folder, instance)) continue;
      } catch {
        // The disk takes no lock now; what is in the folder is not damaged by that, and it is looked at again.
        continue;
      }
      try {
        const left = new LeftOutbox(folder, instance, reading);
        this.#left.push(left);
        taken(left);
        // One without files is given back at once.
        void this.tidy();
      } catch (error) {
        reading.damaged(folder, (error as Error).message);
      }
    }
  }

  /** To be called when something was delivered. */
  tidy(): Promise<void> {
    this.#tidying = this.#tidying.then(async () => {
      for (const left of [...this.#left]) {
        if (!(await left.tidy())) continue;
        this.#left.splice(this.#left.indexOf(left), 1);
        this.#options.given(left);
        await releaseOutbox(left.folder, left.instance);
      }
    });
    return this.#tidying;
  }

  /** What is not delivered is given back. */
  async close(): Promise<void> {
    this.#cancel?.();
    await this.tidy();
    for (const { folder, instance } of this.#left.splice(0)) await releaseOutbox(folder, instance);
  }

  #wait(): void {
    const { clock, random = Math.random } = this.#options;
    this.#cancel = clock.after(LOOK_EVERY_MS * (0.5 + random()), () => {
      this.look();
      this.#wait();
    });
  }
}
