import type { CallStreak } from "../../models/query-facts.ts";
import { REPEATS } from "./measured-shape.ts";

/**
 * Calls of one action that one and the same call of another service makes. They are counted while they follow one
 * another: where two such loops run at once, some are missed, and none is made up.
 */
export class CallStreaks {
  readonly #actions: readonly string[];
  readonly #parents: (string | null)[];
  readonly #callers: string[];
  readonly #lengths: Int32Array;
  readonly #found = new Map<number, CallStreak>();

  constructor(actions: readonly string[]) {
    this.#actions = actions;
    this.#parents = actions.map(() => null);
    this.#callers = actions.map(() => "");
    this.#lengths = new Int32Array(actions.length);
  }

  /** `parent` is the call that it was made in. */
  count(action: number, parent: string | null, caller: string | null): void {
    if (parent !== null && parent === this.#parents[action]) {
      this.#lengths[action]!++;
      return;
    }
    this.#end(action);
    this.#parents[action] = parent;
    this.#callers[action] = caller ?? "";
    this.#lengths[action] = 1;
  }

  #end(action: number): void {
    const length = this.#lengths[action]!;
    if (length < REPEATS) return;
    const found = this.#found.get(action) ?? {
      action: this.#actions[action]!,
      caller: "",
      calls: 0,
      runs: 0,
      largest: 0,
    };
    found.caller = this.#callers[action]!;
    found.calls++;
    found.runs += length;
    found.largest = Math.max(found.largest, length);
    this.#found.set(action, found);
    this.#lengths[action] = 0;
    this.#parents[action] = null;
  }

  /** A streak that lasts is told when it is over. */
  facts(): CallStreak[] {
    return [...this.#found.values()].map((each) => ({ ...each }));
  }
}
