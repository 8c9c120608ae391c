import type { AlertDefinitionView, AlertFault } from "../../models/alerts.ts";
import type { RuleFault } from "../../models/rules.ts";
import type { EffectiveAlert } from "./effective-alerts.ts";

/** An alert as it is shown. */
export function definitionView({ definition, enabled, file }: EffectiveAlert): AlertDefinitionView {
  const { id, metric = null, measures, bad, levels, keepFor, summary, advice, fixed = null } = definition;
  const origin = metric === null ? "built-in" : "file";
  return {
    id,
    origin,
    file,
    enabled,
    metric,
    measures,
    bad,
    levels: [...levels],
    keepFor,
    summary,
    advice,
    fixed,
  };
}

/** Faults of alerts are found by the same checks as those of rules. */
export function alertFault({ rule, path, detail, file }: RuleFault & { file?: string }): AlertFault {
  return { ...(file === undefined ? {} : { file }), alert: rule, path, detail };
}
