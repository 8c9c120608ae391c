import type { RuleFault } from "../../models/rules.ts";
import { BUILT_IN_ALERTS } from "./built-in/definitions.ts";
import type { DefinedAlert } from "./check-alerts.ts";
import type { AlertDefinition } from "./definition.ts";
import { nameOf, SILENT } from "./prometheus-rules.ts";

/** An alert as it holds now. */
export interface EffectiveAlert {
  definition: AlertDefinition;
  enabled: boolean;
  /** In which it stands, or is changed. */
  file: string | null;
}

/** What a file says, and which. */
export interface AlertOfFile {
  one: DefinedAlert;
  file: string;
}

/** Own alerts of all files together. */
export const MOST_OWN_ALERTS = 100;

/** The built-in alerts as files have changed them, and then the own ones. */
export function effectiveAlerts(found: readonly AlertOfFile[]): {
  alerts: EffectiveAlert[];
  faults: (RuleFault & { file: string })[];
} {
  const changes = new Map(found.map((of) => [of.one.id, of]));
  const alerts = BUILT_IN_ALERTS.map((builtIn): EffectiveAlert => {
    const change = changes.get(builtIn.id);
    return change ? effective(change) : { definition: builtIn, enabled: true, file: null };
  });
  const faults: (RuleFault & { file: string })[] = [];
  // Prometheus knows an alert by one name alone, and what is there already keeps its own.
  const names = new Map(alerts.map(({ definition: { id } }) => [nameOf(id), id]));
  names.set(SILENT, "that of an engine that is silent");
  for (const of of found) {
    const { id, definition } = of.one;
    if (definition.metric === undefined) continue;
    const other = names.get(nameOf(id));
    const detail =
      other !== undefined
        ? `id is "${id}", which Prometheus would call ${nameOf(id)}, as ${other}`
        : names.size > BUILT_IN_ALERTS.length + MOST_OWN_ALERTS
          ? `there is no room for it: there may be ${MOST_OWN_ALERTS} own alerts`
          : undefined;
    if (detail !== undefined) {
      faults.push({ rule: id, path: "id", detail, file: of.file });
      continue;
    }
    names.set(nameOf(id), id);
    alerts.push(effective(of));
  }
  return { alerts, faults };
}

function effective({ one: { definition, enabled }, file }: AlertOfFile): EffectiveAlert {
  return { definition, enabled, file };
}
