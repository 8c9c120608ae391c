import type { RuleWhy } from "../../models/rule-results.ts";
import type { CompleteRule, RuleFault } from "../../models/rules.ts";
import { timeText } from "./comparison-text.ts";
import { conditionSentence } from "./condition-sentence.ts";
import { listed, type ReadCondition } from "./read-conditions.ts";

/** What the sentence is told of a rule, all times in ms. */
export interface RuleMoment {
  rule: CompleteRule;
  /** ISO 8601 */
  at: string;
  conditions: ReadCondition;
  expired: boolean;
  /** ISO 8601; null while it is not active. */
  activeSince: string | null;
  firedNow: boolean;
  /** Since it last fired; null where it never did. */
  sinceFired: number | null;
  cooldownLeft: number;
  heldFor: number;
  /** Until it ends because its conditions do not hold. */
  endsIn: number;
  /** What of the rule keeps it active until then. */
  keptBy: "keepFor" | "minActive";
}

export function whyOf(moment: RuleMoment): RuleWhy {
  const { rule, at, conditions, firedNow, cooldownLeft, heldFor } = moment;
  const fired = rule.mode === "shadow" ? "would fire" : "fired";
  return {
    rule: rule.id,
    at,
    result: firedNow ? fired : "did not fire",
    activeSince: moment.activeSince,
    why: sentence(moment),
    conditions: listed(conditions),
    cooldownLeft,
    heldFor,
  };
}

/** Of a rule that is not evaluated because of its faults. */
export function whyFaulty(rule: string, faults: readonly RuleFault[], at: string): RuleWhy {
  const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : "";
  const why = `It is not evaluated because it is faulty: ${faults[0]?.detail ?? "nothing is known of it"}${more}.`;
  return { rule, at, result: "did not fire", why, activeSince: null, conditions: [], cooldownLeft: 0, heldFor: 0 };
}

function sentence(moment: RuleMoment): string {
  const { rule, conditions, expired, firedNow } = moment;
  const found = conditionSentence(conditions);
  if (!rule.enabled) return `It is disabled; otherwise: ${found}.`;
  if (expired) return `It expired at ${rule.expires}.`;
  if (firedNow) {
    const held = rule.for > 0 ? `, for ${timeText(moment.heldFor)}` : "";
    return `${found}${held}${rule.mode === "shadow" ? "; in shadow mode it only says so" : ""}.`;
  }
  return `${moment.activeSince !== null ? activeSentence(moment, found) : inactiveSentence(moment, found)}.`;
}

function inactiveSentence({ rule, conditions, heldFor, cooldownLeft }: RuleMoment, found: string): string {
  const cooling = cooldownLeft > 0 ? `; its cooldown lasts ${timeText(cooldownLeft)} more` : "";
  if (conditions.truth === "false") return `${found}${cooling}`;
  if (conditions.truth === "unknown") return `${found}, and what is unknown does not make it fire${cooling}`;
  if (heldFor < rule.for) {
    return `Its conditions have held for ${timeText(heldFor)}, and must hold for ${timeText(rule.for)}: ${found}`;
  }
  return `Its conditions hold, and it is looked at with the next tick: ${found}`;
}

function activeSentence(moment: RuleMoment, found: string): string {
  const { rule, conditions, sinceFired, cooldownLeft, endsIn, keptBy } = moment;
  const verb = rule.mode === "shadow" ? "would have fired (it is in shadow mode)" : "fired";
  const before = sinceFired === null ? "It is active" : `It ${verb} ${timeText(sinceFired)} ago`;
  if (conditions.truth === "unknown") return `${before} and stays active, but does not fire again while ${found}`;
  if (conditions.truth === "false") {
    const kept = endsIn > 0 ? `; until then its ${keptBy} keeps it active` : "";
    return `${before} and ends in ${timeText(endsIn)}, since ${found}${kept}`;
  }
  if (cooldownLeft > 0) return `${before}, and its cooldown lasts ${timeText(cooldownLeft)} more: ${found}`;
  return `${before}, and fires again with the next tick: ${found}`;
}
