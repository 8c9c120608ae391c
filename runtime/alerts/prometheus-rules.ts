import type { AlertDefinition, AlertLevel } from "./definition.ts";
import { literalOf, templateOf } from "./own-alerts.ts";

/**
 * Alert rules for Prometheus 2.42 and later (`keep_firing_for`), from the definitions by which the engine judges. An alert
 * of several levels is a rule for each; the milder one does not fire while the more severe one does. What Prometheus has no
 * means for is left out: `clear`, and that what is not known resolves nothing (there it resolves after `keep_firing_for`).
 */
export function prometheusRules(definitions: readonly AlertDefinition[]): string {
  const rules = definitions.flatMap((definition) => definition.levels.map((level) => rule(definition, level)));
  return [
    "# Made by `azora alerts rules`. Which metrics: docs/vitals.md and docs/alerts.md of Azora.",
    "groups:",
    "  - name: azora",
    "    rules:",
    ...rules,
    ...ABSENT,
    "",
  ].join("\n");
}

/** No alert has this name but the one of Prometheus' own. */
export const SILENT = "AzoraSilent";

/** The engine tells of itself, but not that it is not there. */
const ABSENT = [
  `      - alert: ${SILENT}`,
  '        expr: "absent(azora_harmony_score)"',
  '        for: "2m"',
  "        labels:",
  '          severity: "critical"',
  "        annotations:",
  '          summary: "no harmony has been told for 2 minutes"',
  '          advice: "azora status: is the organism up, and symbiotic-rules-engine in it?"',
];

function rule(definition: AlertDefinition, level: AlertLevel): string {
  const { id, summary, advice, keepFor, levels, metric } = definition;
  const worse = levels[levels.indexOf(level) + 1];
  const own = `${definition.query} ${sign(definition)} ${level.bound}`;
  const expr = worse ? `${own} unless ${definition.query} ${sign(definition)} ${worse.bound}` : own;
  return [
    `      - alert: ${nameOf(id)}`,
    `        expr: ${JSON.stringify(expr)}`,
    ...(level.for > 0 ? [`        for: ${JSON.stringify(time(level.for))}`] : []),
    ...(keepFor > 0 ? [`        keep_firing_for: ${JSON.stringify(time(keepFor))}`] : []),
    "        labels:",
    `          severity: ${JSON.stringify(level.severity)}`,
    "        annotations:",
    `          summary: ${JSON.stringify(metric === undefined ? summary : templateOf(summary))}`,
    `          advice: ${JSON.stringify(literalOf(advice))}`,
  ].join("\n");
}

/** `service-failed` → `AzoraServiceFailed` */
export function nameOf(id: string): string {
  return `Azora${id.replaceAll(/(^|-)(\w)/g, (_, __, letter: string) => letter.toUpperCase())}`;
}

function sign({ bad }: AlertDefinition): string {
  return bad === "above" ? ">=" : "<=";
}

function time(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}
