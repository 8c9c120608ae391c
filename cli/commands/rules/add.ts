import type { RuleConflict } from "../../../models/replay-report.ts";
import type { RuleView } from "../../../models/rule-view.ts";
import type { RuleFault } from "../../../models/symbiosis.ts";
import { checkRules } from "../../../runtime/rules/check-rules.ts";
import { findConflicts } from "../../../runtime/rules/conflicts/find-conflicts.ts";
import { ApiClient } from "../../api-client.ts";
import type { Command } from "../../command.ts";
import { paint } from "../../paint.ts";
import { readRules } from "./rule-files.ts";
import { conflictLines, faultLines, MOUNT, stateText } from "./rule-words.ts";

interface Checked {
  faults: RuleFault[];
  conflicts: RuleConflict[];
  /** Whether each pair of rules was looked at. */
  complete?: boolean;
}

export const add: Command = {
  name: "add",
  usage: "<file>",
  summary: "adds the rules of a file to the running organism, or changes those that it has; none where one has a fault",
  options: { shadow: { type: "boolean", describe: "they only say what they would do" } },
  arity: [1, 1],
  async run({ settings, args, options, out }) {
    const rules = readRules(args).map((rule) => (options["shadow"] ? { ...(rule as object), mode: "shadow" } : rule));
    const client = new ApiClient(settings);
    const { faults } = await client.post<Checked>(`${MOUNT}/rules/check`, { rules });
    if (faults.length > 0) {
      out(options["json"] ? JSON.stringify({ added: [], faults }) : faultLines(faults).join("\n"));
      return 1;
    }
    const added: (RuleView & { conflicts?: RuleConflict[] })[] = [];
    for (const rule of rules) added.push(await client.post(`${MOUNT}/rules`, { rule }));
    if (options["json"]) out(JSON.stringify({ added, faults }));
    else
      for (const view of added)
        out([`${paint("bold", view.id)}  ${stateText(view)}`, ...conflictLines(view.conflicts ?? [])].join("\n"));
    return 0;
  },
};

export const check: Command = {
  name: "check",
  usage: "<file|folder> ...",
  summary: "says what is wrong with rules, and which of them fight; with an organism, also its own rules and names",
  options: { offline: { type: "boolean", describe: "asks no organism, even if one runs" } },
  arity: [1, 100],
  async run({ settings, args, options, out }) {
    const rules = readRules(args);
    const client = new ApiClient(settings);
    const isAsked = !options["offline"] && (await client.answers());
    const checked = isAsked ? await client.post<Checked>(`${MOUNT}/rules/check`, { rules }) : checkHere(rules);
    const { faults, conflicts } = checked;
    if (options["json"]) out(JSON.stringify(checked));
    else out(checkText(rules.length, checked, isAsked));
    return faults.length + conflicts.length > 0 ? 1 : 0;
  },
};

function checkHere(input: readonly unknown[]): Checked {
  const { rules, faults } = checkRules(input);
  let complete = true;
  const conflicts = findConflicts(rules, {
    incomplete: () => {
      complete = false;
    },
  });
  return { faults, conflicts, complete };
}

export function checkText(count: number, { faults, conflicts, complete }: Checked, isAsked: boolean): string {
  const where = isAsked ? "by the running organism" : "here, without the names of services of a running organism";
  const found = faults.length === 0 && conflicts.length === 0;
  return [
    ...faultLines(faults),
    ...conflictLines(conflicts),
    ...(complete === false ? ["  there are too many rules to compare each with each"] : []),
    `${count} ${count === 1 ? "rule" : "rules"} checked ${where}: ${found ? paint("green", "nothing wrong") : `${faults.length} faults, ${conflicts.length} conflicts`}`,
  ].join("\n");
}
