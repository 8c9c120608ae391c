import { ALERT_DEFINITIONS, type AlertDefinition, type AlertLevel } from "./definitions.ts";

/**
 * Alert rules for Prometheus 2.42 and later (`keep_firing_for`), from the definitions by which the engine judges. An alert
 * of several levels is a rule for each; the milder one does not fire while the more severe one does. What Prometheus has no
 * means for is left out: `clear`, and that what is not known resolves nothing (there it resolves after `keep_firing_for`).
 */
export function prometheusRules(): string {
  const rules = [
    ...ALERT_DEFINITIONS.flatMap((definition) => definition.levels.map((level) => rule(definition, level))),
  ];
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

/** The engine tells of itself, but not that it is not there. */
const ABSENT = [
  "      - alert: AzoraSilent",
  '        expr: "absent(azora_harmony_score)"',
  '        for: "2m"',
  "        labels:",
  '          severity: "critical"',
  "        annotations:",
  '          summary: "no harmony has been told for 2 minutes"',
  '          advice: "azora status: is the organism up, and symbiotic-rules-engine in it?"',
];

function rule(definition: AlertDefinition, level: AlertLevel): string {
  const { id, summary, advice, keepFor, levels } = definition;
  const worse = levels[levels.indexOf(level) + 1];
  const own = `${definition.query} ${sign(definition)} ${level.bound}`;
  const expr = worse ? `${own} unless ${definition.query} ${sign(definition)} ${worse.bound}` : own;
  return [
    `      - alert: ${nameOf(id)}`,
    `        expr: ${JSON.stringify(expr)}`,
    ...(level.for > 0 ? [`        for: ${JSON.stringify(seconds(level.for))}`] : []),
    ...(keepFor > 0 ? [`        keep_firing_for: ${JSON.stringify(seconds(keepFor))}`] : []),
    "        labels:",
    `          severity: ${JSON.stringify(level.severity)}`,
    "        annotations:",
    `          summary: ${JSON.stringify(summary)}`,
    `          advice: ${JSON.stringify(advice)}`,
  ].join("\n");
}

/** `service-failed` → `AzoraServiceFailed` */
export function nameOf(id: string): string {
  return `Azora${id.replaceAll(/(^|-)(\w)/g, (_, __, letter: string) => letter.toUpperCase())}`;
}

function sign({ bad }: AlertDefinition): string {
  return bad === "above" ? ">=" : "<=";
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)}s`;
}
