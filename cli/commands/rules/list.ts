import type { RuleVersion } from "../../../models/rule-version.model.ts";
import type { RuleView } from "../../../models/rule-view.ts";
import { ApiClient } from "../../api-client.ts";
import type { Command } from "../../command.ts";
import { paint } from "../../paint.ts";
import { table } from "../../table.ts";
import { moment } from "../optimizer/figures.ts";
import { faultLines, MOUNT, rulePath, stateText } from "./rule-words.ts";

export const list: Command = {
  name: "list",
  usage: "",
  summary: "shows all rules: where they come from, whether they are active, when they last fired",
  arity: [0, 0],
  async run({ settings, options, out }) {
    const all = await new ApiClient(settings).get<RuleView[]>(`${MOUNT}/rules`);
    if (options["json"]) out(JSON.stringify(all));
    else out(all.length === 0 ? "there are no rules" : listText(all));
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

export function listText(rules: readonly RuleView[]): string {
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
  const faulty = rules.filter(({ faults }) => faults.length > 0);
  return [table(columns, rows), ...faulty.flatMap(({ faults }) => faultLines(faults))].join("\n");
}

/** What the rule itself says is JSON, as it may stand in a file. */
export function showText({
  origin,
  file,
  version,
  active,
  lastFired,
  faults,
  versions = [],
  ...rule
}: RuleView & {
  versions?: RuleVersion[];
}): string {
  const head = stateText({ ...rule, origin, version, active, lastFired, faults });
  const fired = lastFired === null ? "has not fired" : `last fired ${moment(lastFired)} UTC`;
  return [
    `${paint("bold", rule.id)}  ${head}  from ${file ?? origin}, ${fired}`,
    ...faultLines(faults),
    JSON.stringify(rule, null, 2),
    ...versions.map(
      ({ number, change, by, at }) =>
        `  version ${number}  ${moment(at)}  ${change} by ${by}${number === version ? "  (now)" : ""}`,
    ),
  ].join("\n");
}
