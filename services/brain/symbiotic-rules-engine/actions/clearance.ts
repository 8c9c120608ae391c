import type { Clock } from "../../../../runtime/clock.ts";
import type { Push } from "../../../../runtime/rules/levers.ts";
import type { Backoffs } from "./backoffs.ts";
import { refuse } from "./refused.ts";
import type { Target } from "./targets.ts";

/** How often a lever may be pushed to and fro. */
export interface Flaps {
  allow(
    target: string,
    lever: string,
    direction: 1 | -1 | 0,
    rule: string,
    now: number,
  ): { ok: true } | { ok: false; why: string };
}

export interface ClearanceOptions {
  /** Monotonic. */
  clock: Clock;
  backoffs: Backoffs;
  /** @default everything is allowed */
  flaps?: Flaps | undefined;
}

/** Whether a rule may push its levers now. A person may always. */
export class Clearance {
  readonly #options: ClearanceOptions;

  constructor(options: ClearanceOptions) {
    this.#options = options;
  }

  /** @param direction where what is asked for does not say it: seen from what it is now @throws Refused */
  mustBeAllowed(rule: string, target: Target, pushes: readonly Push[], direction: 1 | -1 | 0): void {
    this.mustBeOver(rule, target, pushes);
    const { clock, flaps } = this.#options;
    for (const push of pushes) {
      // Nodes are the organ's, whichever of its services is named.
      const whose = push.lever === "instances" ? target.system : target.name;
      const answer = flaps?.allow(whose, push.lever, push.direction || direction, rule, clock.now());
      if (answer && !answer.ok) refuse(answer.why);
    }
  }

  /** @throws Refused while what made things worse is left alone */
  mustBeOver(rule: string, { name }: Target, pushes: readonly Push[]): void {
    const { clock, backoffs } = this.#options;
    for (const { lever } of pushes) {
      const left = backoffs.left(rule, name, lever, clock.now());
      if (left)
        refuse(`it made things worse the last time (${left.why}); it is tried again in ${Math.ceil(left.ms / 1000)} s`);
    }
  }
}
