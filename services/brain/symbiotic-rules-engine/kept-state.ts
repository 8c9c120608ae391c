import type { StoreMethods } from "../../../mixins/store/store.ts";
import { engineStateModel } from "../../../models/engine-state.model.ts";
import { WriteTurns } from "./write-turns.ts";

/** A part of the engine whose state outlives the process. */
export interface Lasting {
  snapshot(): unknown;
  restore(state: unknown): void;
}

/** Puts the state of the engine's parts down when it has changed, and gives it back after a restart. */
export class KeptState {
  /** Why the newest state is not stored; nothing where it is. */
  failure: string | undefined;
  readonly #store: StoreMethods;
  readonly #parts: Record<string, Lasting>;
  readonly #written = new Map<string, string>();
  readonly #turns = new WriteTurns(() => this.#write());

  constructor(store: StoreMethods, parts: Record<string, Lasting>) {
    this.#store = store;
    this.#parts = parts;
  }

  /** What cannot be read is left as it is new: the engine starts all the same, and says why. */
  async restore(): Promise<string[]> {
    const problems: string[] = [];
    for (const [name, part] of Object.entries(this.#parts)) {
      try {
        const found = await this.#store.collection(engineStateModel).findById(name);
        if (found) part.restore(found.state["value"]);
      } catch (error) {
        problems.push(`the state of ${name} could not be taken up: ${(error as Error).message}`);
      }
    }
    return problems;
  }

  /** Writes what has changed since the last time. */
  keep(): Promise<void> {
    return this.#turns.take();
  }

  async #write(): Promise<void> {
    try {
      for (const [name, part] of Object.entries(this.#parts)) {
        const value = part.snapshot();
        const text = JSON.stringify(value) ?? "null";
        if (this.#written.get(name) === text) continue;
        await this.#store.transaction((tx) => {
          const documents = tx.collection(engineStateModel);
          if (documents.findById(name)) documents.update(name, { state: { value } });
          else documents.insert({ _id: name, state: { value } });
        });
        this.#written.set(name, text);
      }
      this.failure = undefined;
    } catch (error) {
      this.failure = (error as Error).message;
    }
  }
}
