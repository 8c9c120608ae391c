import type { Stretch } from "../../../../models/organism-state.ts";
import type { RuleConflict } from "../../../../models/replay-report.ts";
import type { CompleteRule } from "../../../../models/rules.ts";
import { findConflicts } from "../../../../runtime/rules/conflicts/find-conflicts.ts";
import type { Residences } from "../../../../runtime/rules/conflicts/on-organs.ts";
import { type Replayed, replayed } from "../../../../runtime/rules/replay/replayed.ts";

export interface Trial {
  /** Those that are tried. */
  rules: CompleteRule[];
  /** Those that are there beside them. */
  others: CompleteRule[];
  /** Where services are at home, as far as that is known. */
  residences?: Residences;
  /** Recorded values, where there are any. */
  stretch?: Stretch;
  /** Whether it is wanted what the rules would have done on them. */
  replay: boolean;
}

export interface TrialOutcome {
  replayed: Replayed | null;
  /** With one another, and with those that are there. */
  conflicts: RuleConflict[];
  /** False where there were too many rules or conflicts to look at all of them. */
  complete: boolean;
}

export function tried({ rules, others, residences, stretch, replay }: Trial): TrialOutcome {
  const given = new Set(rules.map(({ id }) => id));
  const beside = others.filter(({ id }) => !given.has(id));
  let complete = true;
  const incomplete = () => {
    complete = false;
  };
  const conflicts = findConflicts([...beside, ...rules], {
    incomplete,
    ...(stretch ? { stretch } : {}),
    ...(residences ? { residences } : {}),
  });
  return {
    replayed: replay && stretch ? replayed(stretch, rules) : null,
    conflicts: conflicts.filter((one) => one.rules.some((id) => given.has(id))),
    complete,
  };
}
