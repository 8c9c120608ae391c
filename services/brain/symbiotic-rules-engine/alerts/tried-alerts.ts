import type { CheckedAlertFile } from "../../../../models/alerts.ts";
import type { CheckedAlerts } from "../../../../runtime/alerts/check-alerts.ts";
import type { AlertDefinition } from "../../../../runtime/alerts/definition.ts";
import { alertFault, definitionView } from "../../../../runtime/alerts/definition-views.ts";
import type { AlertTrial } from "./judge.ts";

/** Of each alert; the others are counted by \`seen\`. */
const MOST_TOLD = 20;

/** What was checked, with what each would make of what is known now. */
export function triedAlerts(
  { alerts, faults }: CheckedAlerts,
  trial: (definition: AlertDefinition) => AlertTrial,
): CheckedAlertFile {
  return {
    faults: faults.map(alertFault),
    alerts: alerts.map(({ definition, enabled }) => {
      const { seen, unknown, bad } = trial(definition);
      const told = bad
        .slice(0, MOST_TOLD)
        .map(({ subject, level, says }) => ({ subject, severity: level.severity, for: level.for, says }));
      return { ...definitionView({ definition, enabled, file: null }), now: { seen, unknown, bad: told } };
    }),
  };
}
