import type { Clock } from "../../../runtime/clock.ts";
import { span } from "./figures.ts";

/** What comes back within this time was not healed, ms. */
const RELAPSE_MS = 300_000;
const LEAST_RELAPSE_MS = 30_000;

interface Ended {
  /** Actions that did not help, with why. */
  tried: ReadonlyMap<string, string>;
  helped: string | undefined;
  at: number;
}

/** What was treated lately: what did not help, or did not last, is not done again. */
export class Relapses {
  readonly #clock: Clock;
  readonly #within: number;
  readonly #ended = new Map<string, Ended>();

  /** @param scale AZORA_HEALING_TIME_SCALE */
  constructor(clock: Clock, scale: number) {
    this.#clock = clock;
    this.#within = Math.max(LEAST_RELAPSE_MS, RELAPSE_MS * scale);
  }

  /** Actions that are not to be tried again for this illness, with why. */
  tried(illness: string): Map<string, string> {
    const now = this.#clock.now();
    for (const [known, { at }] of this.#ended) if (now - at > this.#within) this.#ended.delete(known);
    const before = this.#ended.get(illness);
    const tried = new Map(before?.tried);
    if (before?.helped) tried.set(before.helped, `it came back after ${span(now - before.at)}`);
    return tried;
  }

  /** The illness is over. @param helped the action that ended it, if one did */
  note(illness: string, tried: ReadonlyMap<string, string>, helped: string | undefined): void {
    this.#ended.set(illness, { tried, helped, at: this.#clock.now() });
  }
}
