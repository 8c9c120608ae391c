import type { CompleteRule } from "../../models/symbiosis.ts";
import { FALSE, TRUE, UNKNOWN } from "./truth.ts";

/** What a rule is and has done, as it is carried over when rules are loaded anew. Times are monotonic, ms; NaN: never. */
export interface TimingState {
  active: boolean;
  activeSince: number;
  lastFired: number;
  /** The last truth that was known, since when (moved on by the time in which it was not known), and the pause. */
  last: number;
  since: number;
  paused: number;
}

/**
 * When rules become active, fire and end. It is active once its conditions have held for `for`, fires then and after each
 * cooldown in which they still hold, and ends when they have not held for `keepFor` and it was active for `minActive`. What
 * is not known neither begins nor ends anything: the time of it counts neither as holding nor as not holding.
 */
export class RuleTiming {
  /** What the rules say, ms. */
  readonly #for: Float64Array;
  readonly #keepFor: Float64Array;
  readonly #minActive: Float64Array;
  readonly #cooldown: Float64Array;
  readonly #active: Uint8Array;
  readonly #activeSince: Float64Array;
  readonly #lastFired: Float64Array;
  readonly #last: Uint8Array;
  readonly #since: Float64Array;
  readonly #paused: Float64Array;

  constructor(rules: readonly CompleteRule[]) {
    this.#for = Float64Array.from(rules, (rule) => rule.for);
    this.#keepFor = Float64Array.from(rules, ({ keepFor }) => keepFor);
    this.#minActive = Float64Array.from(rules, ({ minActive }) => minActive);
    this.#cooldown = Float64Array.from(rules, ({ cooldown }) => cooldown);
    this.#active = new Uint8Array(rules.length);
    this.#activeSince = never(rules.length);
    this.#lastFired = never(rules.length);
    this.#last = new Uint8Array(rules.length).fill(UNKNOWN);
    this.#since = never(rules.length);
    this.#paused = never(rules.length);
  }

  state(rule: number): TimingState {
    return {
      active: this.active(rule),
      activeSince: this.#activeSince[rule]!,
      lastFired: this.#lastFired[rule]!,
      last: this.#last[rule]!,
      since: this.#since[rule]!,
      paused: this.#paused[rule]!,
    };
  }

  restore(rule: number, state: Partial<TimingState>): void {
    const { active, activeSince, lastFired, last, since, paused } = { ...this.state(rule), ...state };
    this.#active[rule] = active ? 1 : 0;
    this.#activeSince[rule] = activeSince;
    this.#lastFired[rule] = lastFired;
    this.#last[rule] = last;
    this.#since[rule] = since;
    this.#paused[rule] = paused;
  }

  active(rule: number): boolean {
    return this.#active[rule] === 1;
  }

  lastFired(rule: number): number {
    return this.#lastFired[rule]!;
  }

  activeSince(rule: number): number {
    return this.#activeSince[rule]!;
  }

  /** How long the conditions have held, or (`truth` FALSE) have not held, ms. */
  lasted(rule: number, truth: number, now: number): number {
    if (this.#last[rule] !== truth) return 0;
    const paused = this.#paused[rule]!;
    return Number.isNaN(paused) ? now - this.#since[rule]! : paused;
  }

  cooldownLeft(rule: number, now: number): number {
    const until = this.#lastFired[rule]! + this.#cooldown[rule]!;
    return until > now ? until - now : 0;
  }

  /** The conditions are this now. True: the rule has just ended. */
  turn(rule: number, truth: number, now: number): boolean {
    this.#clock(rule, truth, now);
    if (this.#active[rule] === 0) {
      if (truth === TRUE && now >= this.#since[rule]! + this.#for[rule]!) {
        this.#active[rule] = 1;
        this.#activeSince[rule] = now;
      }
      return false;
    }
    return truth === FALSE && now >= this.#endsAt(rule) && this.end(rule);
  }

  /** True where it was active. */
  end(rule: number): boolean {
    const was = this.active(rule);
    this.#active[rule] = 0;
    this.#activeSince[rule] = Number.NaN;
    return was;
  }

  /** As if nothing of its conditions had ever been known. True where it was active. */
  forget(rule: number): boolean {
    this.#last[rule] = UNKNOWN;
    this.#since[rule] = Number.NaN;
    this.#paused[rule] = Number.NaN;
    return this.end(rule);
  }

  fires(rule: number, truth: number, now: number): boolean {
    if (truth !== TRUE || this.#active[rule] === 0) return false;
    const last = this.#lastFired[rule]!;
    return Number.isNaN(last) || now >= last + this.#cooldown[rule]!;
  }

  fired(rule: number, now: number): void {
    this.#lastFired[rule] = now;
  }

  /** When it has to be looked at again even if nothing changes; Infinity: never. */
  due(rule: number, truth: number): number {
    if (this.#active[rule] === 0) {
      return truth === TRUE ? this.#since[rule]! + this.#for[rule]! : Number.POSITIVE_INFINITY;
    }
    if (truth === FALSE) return this.#endsAt(rule);
    if (truth !== TRUE) return Number.POSITIVE_INFINITY;
    const last = this.#lastFired[rule]!;
    return Number.isNaN(last) ? 0 : last + this.#cooldown[rule]!;
  }

  #endsAt(rule: number): number {
    return Math.max(this.#since[rule]! + this.#keepFor[rule]!, this.#activeSince[rule]! + this.#minActive[rule]!);
  }

  #clock(rule: number, truth: number, now: number): void {
    const paused = this.#paused[rule]!;
    if (truth === UNKNOWN) {
      if (this.#last[rule] !== UNKNOWN && Number.isNaN(paused)) this.#paused[rule] = now - this.#since[rule]!;
      return;
    }
    if (this.#last[rule] !== truth) this.#since[rule] = now;
    else if (!Number.isNaN(paused)) this.#since[rule] = now - paused;
    this.#last[rule] = truth;
    this.#paused[rule] = Number.NaN;
  }
}

function never(length: number): Float64Array {
  return new Float64Array(length).fill(Number.NaN);
}
