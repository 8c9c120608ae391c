import type { HealingRecord, HealingResult } from "../../../models/healing.ts";
import type { Decided } from "../../../runtime/record/decision.ts";
import type { Order } from "./actions/healing-action.ts";

/** An act that was carried out here, as it is entered into the history. @param since when it began, ms since the epoch */
export function actRecord(
  { id, action, target, by, reason, about }: Order,
  { success, observed, duration, reason: outcome }: HealingResult,
  since: number,
): HealingRecord {
  return {
    id,
    at: new Date(since).toISOString(),
    target,
    failure: about?.failure ?? "none",
    action,
    attempt: about?.attempt ?? 1,
    success,
    observed,
    duration,
    reason: success ? `${reason}; ${outcome}` : outcome,
    detection: 0,
    by,
    ...(about
      ? { case: about.case, evidence: about.evidence, decision: about.decision, signature: about.signature }
      : {}),
  };
}

/** An order that is about to be carried out, as it goes on record before. */
export function decidedBy({ id, action, target, reason, about }: Order): Decided {
  return {
    id,
    target,
    failure: about?.failure ?? "none",
    action,
    attempt: about?.attempt ?? 1,
    reason: about?.decision.why ?? reason,
    evidence: about?.evidence,
    alternatives: about?.decision.alternatives,
    by: "healer",
  };
}
