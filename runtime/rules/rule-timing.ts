import type { CompleteRule } from "../../models/rules.ts";
import { TRUE, UNKNOWN } from "./truth.ts";

/** What came of looking at a rule. */
export const NOTHING = 0;
export const FIRES = 1;
export const ENDED = 2;
export type Outcome = typeof NOTHING | typeof FIRES | typeof ENDED;

/** What a rule is and has done, as it is carried over when rules are loaded anew. Times are monotonic, ms. */
export interface TimingState {
  active: boolean;
  /** NaN while it is not. */
  activeSince: number;
  /** -Infinity: never. */
  lastFired: number;
  /** The last truth that was known, and since when: moved on by the time in which it was not known. */
  last: number;
  since: number;
  /** How long it had lasted when it became unknown; -1 while it is known. */
  paused: number;
}

/** Everything of one rule lies in one line of the processor's cache. */
const FIELDS = 8;
const SINCE = 0;
const PAUSED = 1;
const ACTIVE_SINCE = 2;
const LAST_FIRED = 3;
const FOR = 4;
const KEEP_FOR = 5;
const MIN_ACTIVE = 6;
const COOLDOWN = 7;

/**
 * When rules become active, fire and end. A rule is active once its conditions have held for `for`, fires then and after each
 * cooldown in which they still hold, and ends when they have not held for `keepFor` and it was active for `minActive`. What
 * is not known neither begins nor ends anything: the time of it counts neither as holding nor as not holding.
 */
export class RuleTiming {
  /** When the rule that was looked at last has to be looked at again even if nothing changes; Infinity: never. */
  due = Number.POSITIVE_INFINITY;
  readonly #times: Float64Array;
  readonly #active: Uint8Array;
  readonly #last: Uint8Array;

  constructor(rules: readonly CompleteRule[]) {
    this.#times = new Float64Array(rules.length * FIELDS);
    this.#active = new Uint8Array(rules.length);
    this.#last = new Uint8Array(rules.length);
    for (const [rule, { for: held, keepFor, minActive, cooldown }] of rules.entries()) {
      this.#times.set([0, -1, Number.NaN, Number.NEGATIVE_INFINITY, held, keepFor, minActive, cooldown], rule * FIELDS);
      this.#last[rule] = UNKNOWN;
    }
  }

  state(rule: number): TimingState {
    return {
      active: this.active(rule),
      activeSince: this.activeSince(rule),
      lastFired: this.lastFired(rule),
      last: this.#last[rule]!,
      since: this.#times[rule * FIELDS + SINCE]!,
      paused: this.#times[rule * FIELDS + PAUSED]!,
    };
  }

  restore(rule: number, state: Partial<TimingState>): void {
    const { active, activeSince, lastFired, last, since, paused } = { ...this.state(rule), ...state };
    this.#active[rule] = active ? 1 : 0;
    this.#last[rule] = last;
    this.#times.set([since, paused, activeSince, lastFired], rule * FIELDS);
  }

  active(rule: number): boolean {
    return this.#active[rule] === 1;
  }

  lastFired(rule: number): number {
    return this.#times[rule * FIELDS + LAST_FIRED]!;
  }

  activeSince(rule: number): number {
    return this.#times[rule * FIELDS + ACTIVE_SINCE]!;
  }

  /** How long the conditions have held, ms. */
  heldFor(rule: number, now: number): number {
    if (this.#last[rule] !== TRUE) return 0;
    const { since, paused } = this.state(rule);
    return paused < 0 ? now - since : paused;
  }

  cooldownLeft(rule: number, now: number): number {
    return Math.max(0, this.lastFired(rule) + this.#times[rule * FIELDS + COOLDOWN]! - now);
  }

  /** While its conditions do not hold, and it is active. */
  endsAt(rule: number): number {
    const times = this.#times;
    const at = rule * FIELDS;
    const kept = times[at + SINCE]! + times[at + KEEP_FOR]!;
    const least = times[at + ACTIVE_SINCE]! + times[at + MIN_ACTIVE]!;
    return kept > least ? kept : least;
  }

  /** The conditions are this now; `due` says when to look again. A rule that fires is looked at again after it has. */
  turn(rule: number, truth: number, now: number): Outcome {
    const times = this.#times;
    const at = rule * FIELDS;
    const paused = times[at + PAUSED]!;
    this.due = Number.POSITIVE_INFINITY;
    if (truth === UNKNOWN) {
      if (this.#last[rule] !== UNKNOWN && paused < 0) times[at + PAUSED] = now - times[at + SINCE]!;
      return NOTHING;
    }
    if (this.#last[rule] !== truth) times[at + SINCE] = now;
    else if (paused >= 0) times[at + SINCE] = now - paused;
    times[at + PAUSED] = -1;
    this.#last[rule] = truth;
    return truth === TRUE ? this.#holds(rule, at, now) : this.#ceases(rule, at, now);
  }

  #holds(rule: number, at: number, now: number): Outcome {
    const times = this.#times;
    if (this.#active[rule] === 0) {
      const active = times[at + SINCE]! + times[at + FOR]!;
      if (now < active) {
        this.due = active;
        return NOTHING;
      }
      this.#active[rule] = 1;
      times[at + ACTIVE_SINCE] = now;
    }
    this.due = times[at + LAST_FIRED]! + times[at + COOLDOWN]!;
    return now >= this.due ? FIRES : NOTHING;
  }

  #ceases(rule: number, at: number, now: number): Outcome {
    if (this.#active[rule] === 0) return NOTHING;
    const end = this.endsAt(rule);
    if (now < end) {
      this.due = end;
      return NOTHING;
    }
    this.#active[rule] = 0;
    this.#times[at + ACTIVE_SINCE] = Number.NaN;
    return ENDED;
  }

  fired(rule: number, now: number): void {
    this.#times[rule * FIELDS + LAST_FIRED] = now;
    this.due = now + this.#times[rule * FIELDS + COOLDOWN]!;
  }

  /** As if nothing of its conditions had ever been known. True where it was active. */
  forget(rule: number): boolean {
    const was = this.active(rule);
    this.restore(rule, { active: false, activeSince: Number.NaN, last: UNKNOWN, since: 0, paused: -1 });
    return was;
  }
}
