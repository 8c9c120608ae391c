import type { RuleWhy, Truth } from "../../models/rule-results.ts";
import type { CompleteRule } from "../../models/rules.ts";
import { ColumnReader } from "./column-reader.ts";
import type { Columns } from "./columns.ts";
import type { LoadedRules } from "./loaded-rules.ts";
import { type ReadCondition, readConditions } from "./read-conditions.ts";
import { FALSE } from "./truth.ts";
import { type RuleMoment, whyOf } from "./why.ts";

/** Why rules fire or do not, from the values that are read and from what is remembered of those that are loaded. */
export class RuleReasons {
  readonly #loaded: LoadedRules;
  readonly #reader: ColumnReader;
  readonly #wall: () => number;

  constructor(columns: Columns, loaded: LoadedRules, wall: () => number) {
    this.#loaded = loaded;
    this.#reader = new ColumnReader(columns, loaded.network);
    this.#wall = wall;
  }

  /** Of the loaded rule with this number. @param tick when rules were looked at last */
  ofLoaded(number: number, now: number, tick: number): RuleWhy {
    const { rules, timing, network, expired } = this.#loaded;
    const active = timing.active(number);
    const lastFired = timing.lastFired(number);
    return whyOf({
      ...this.#moment(rules[number]!, readConditions(rules[number]!, this.#reader.stateful(number, now))),
      expired: expired[number] === 1,
      activeSince: active ? this.#momentOf(timing.activeSince(number), now) : null,
      firedNow: active && lastFired === tick,
      sinceFired: lastFired === Number.NEGATIVE_INFINITY ? null : now - lastFired,
      cooldownLeft: timing.cooldownLeft(number, now),
      heldFor: timing.heldFor(number, now),
      endsIn: network.truth(number) === FALSE ? Math.max(0, timing.endsAt(number) - now) : 0,
      keptBy: timing.endsAt(number) > timing.activeSince(number) + rules[number]!.minActive ? "keepFor" : "minActive",
    });
  }

  /** Of one that is not loaded: nothing is remembered of it. */
  ofOther(rule: CompleteRule, now: number): RuleWhy {
    return whyOf(this.#moment(rule, this.#read(rule, now)));
  }

  /** Of any rule, as if it were on and had to hold for no time: bounds are those for a rule that does not hold yet. */
  ifOn(rule: CompleteRule, now: number): RuleWhy & { holds: Truth } {
    const conditions = this.#read(rule, now);
    const holds = conditions.truth;
    const expired = rule.expires !== null && Date.parse(rule.expires) <= this.#wall();
    const firedNow = holds === "true" && !expired;
    const why = whyOf({ ...this.#moment({ ...rule, enabled: true, for: 0 }, conditions), expired, firedNow });
    return { ...why, ...(firedNow ? { result: "would fire" as const } : {}), holds };
  }

  /** ISO 8601; not before 1970, whatever was kept of it. */
  #momentOf(at: number, now: number): string {
    return new Date(Math.max(0, this.#wall() - (now - at))).toISOString();
  }

  #read(rule: CompleteRule, now: number): ReadCondition {
    return readConditions(rule, this.#reader.stateless(now));
  }

  #moment(rule: CompleteRule, conditions: ReadCondition): RuleMoment {
    const none = { expired: false, activeSince: null, firedNow: false, sinceFired: null };
    const at = new Date(this.#wall()).toISOString();
    return { rule, at, conditions, ...none, cooldownLeft: 0, heldFor: 0, endsIn: 0, keptBy: "keepFor" };
  }
}
