import type { ExecutionResult } from "../../../../models/rule-results.ts";
import { MOST_RULES } from "../../../../runtime/rules/limits.ts";

/** The same word again is worth keeping after this time, ms. */
const AGAIN_MS = 60_000;
/** As many as there may be rules: with fewer places all of them would be forgotten before they come again. */
const MOST = MOST_RULES;
const NOTHING_DONE = ["unchanged", "refused", "shadow"];

/** A rule that fires again and again and changes nothing says the same each time: it is kept once a minute. */
export class Repeats {
  readonly #said = new Map<string, { words: string; at: number }>();

  /** Whether the same was kept a moment ago. */
  isRepeat({ rule, actions }: ExecutionResult, now: number): boolean {
    if (!actions.every(({ status }) => NOTHING_DONE.includes(status))) {
      this.#said.delete(rule);
      return false;
    }
    // Times and counts of waiting differ from one to the next.
    const words = actions.map(({ status, what }) => `${status} ${what.replaceAll(/\d+/g, "0")}`).join("\n");
    const known = this.#said.get(rule);
    if (known?.words === words && now - known.at < AGAIN_MS) return true;
    this.#said.delete(rule);
    this.#said.set(rule, { words, at: now });
    if (this.#said.size > MOST) this.#said.delete(this.#said.keys().next().value!);
    return false;
  }
}
