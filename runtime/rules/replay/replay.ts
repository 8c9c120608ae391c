import type { Stretch } from "../../../models/organism-state.ts";
import type { ReplayReport } from "../../../models/replay-report.ts";
import type { CompleteRule } from "../../../models/rules.ts";
import { findConflicts } from "../conflicts/find-conflicts.ts";
import { replayed } from "./replayed.ts";

/** What rules would have done on recorded vitals, and where they would have been against each other. */
export function replay(stretch: Stretch, rules: readonly CompleteRule[]): ReplayReport {
  const candidates = rules.map((rule) => ({ ...rule, enabled: true }));
  return { ...replayed(stretch, rules), conflicts: findConflicts(candidates, { stretch }) };
}
