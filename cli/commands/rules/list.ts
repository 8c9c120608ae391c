import type { RuleConflict } from "../../../models/replay-report.ts";
import type { RuleVersion } from "../../../models/rule-version.model.ts";
import type { PlacedFault, RuleView } from "../../../models/rule-view.ts";
import { ApiClient } from "../../api-client.ts";
import type { Command } from "../../command.ts";
import { paint } from "../../paint.ts";
import { table } from "../../table.ts";
import { moment } from "../optimizer/figures.ts";
import { conflictLines, faultLines, MOUNT, rulePath, stateText, warningLines } from "./rule-words.ts";

export const list: Command = {
  name: "list",
  usage: "",
  summary:
    "shows rules: where they come from, whether they are active, when they last fired; built-in ones where they did something",
  options: { all: { type: "boolean", describe: "also the built-in rules that are on and have not fired" } },
  arity: [0, 0],
  async run({ settings, options, out }) {
    const client = new ApiClient(settings);
    const all = await client.get<RuleView[]>(`${MOUNT}/rules`);
    if (options["json"]) {
      out(JSON.stringify(all));
      return 0;
    }
    const faults = await client.get<PlacedFault[]>(`${MOUNT}/faults`);
    const { conflicts } = await client.get<{ conflicts: RuleConflict[] }>(`${MOUNT}/conflicts`);
    out([listText(all, faults, Boolean(options["all"])), ...conflictLines(conflicts)].join("\n"));
    return 0;
  },
};

export const show: Command = {
  name: "show",
  usage: "<rule>",
  summary: "shows a rule with everything it says, and its versions",
  arity: [1, 1],
  async run({ settings, args, options, out }) {
    const rule = await new ApiClient(settings).get<RuleView & { versions?: RuleVersion[] }>(rulePath(args[0]!));
    out(options["json"] ? JSON.stringify(rule) : showText(rule));
    return 0;
  },
};

/**
 * @param faults also of rules that are not there because of them
 * @param isAll also the built-in rules that nobody has touched and that have not fired
 */
export function listText(all: readonly RuleView[], faults: readonly PlacedFault[], isAll: boolean): string {
  const rules = isAll ? all : all.filter((rule) => !isQuiet(rule));
  const quiet = all.length - rules.length;
  const left = quiet === 0 ? [] : [quietText(quiet)];
  const below = [...faultLines(faults), ...all.flatMap(({ warnings }) => warningLines(warnings)), ...left];
  if (rules.length === 0) return (left.length > 0 ? below : ["there are no rules", ...below]).join("\n");
  const columns = [
    { title: "RULE" },
    { title: "STATE" },
    { title: "PRIORITY", align: "right" as const },
    { title: "FROM" },
    { title: "LAST FIRED (UTC)" },
    { title: "DOES", flexible: true },
  ];
  const rows = rules.map((rule) => [
    rule.id,
    stateText(rule),
    String(rule.priority),
    rule.file ?? rule.origin,
    rule.lastFired === null ? "-" : moment(rule.lastFired),
    rule.actions.map(({ type, target }) => `${type} ${target}`).join(", "),
  ]);
  return [table(columns, rows), ...below].join("\n");
}

function quietText(count: number): string {
  return count === 1
    ? "1 built-in rule is on and has not fired; --all shows it"
    : `${count} built-in rules are on and have not fired; --all shows them`;
}

function isQuiet({ origin, enabled, mode, active, lastFired, faults }: RuleView): boolean {
  const isAsShipped = origin === "built-in" && enabled && mode === "on" && faults.length === 0;
  return isAsShipped && !active && lastFired === null;
}

/** What the rule itself says is JSON, as it may stand in a file. */
export function showText({
  origin,
  file,
  version,
  active,
  lastFired,
  faults,
  warnings,
  versions = [],
  ...rule
}: RuleView & {
  versions?: RuleVersion[];
}): string {
  const head = stateText({ ...rule, origin, version, active, lastFired, faults, warnings });
  const fired = lastFired === null ? "has not fired" : `last fired ${moment(lastFired)} UTC`;
  return [
    `${paint("bold", rule.id)}  ${head}  from ${file ?? origin}, ${fired}`,
    ...faultLines(faults),
    ...warningLines(warnings),
    JSON.stringify(rule, null, 2),
    ...versions.map(
      ({ number, change, by, at }) =>
        `  version ${number}  ${moment(at)}  ${change} by ${by}${number === version ? "  (now)" : ""}`,
    ),
  ].join("\n");
}
