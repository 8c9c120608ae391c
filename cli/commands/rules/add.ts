import type { RuleConflict } from "../../../models/replay-report.ts";
import type { RuleView } from "../../../models/rule-view.ts";
import type { RuleFault } from "../../../models/rules.ts";
import { mustBeCarriable } from "../../../runtime/json-body.ts";
import { checkRules } from "../../../runtime/rules/check-rules.ts";
import { findConflicts } from "../../../runtime/rules/conflicts/find-conflicts.ts";
import { ApiClient } from "../../api-client.ts";
import { type Command, CommandError } from "../../command.ts";
import { paint } from "../../paint.ts";
import { readRules } from "./rule-files.ts";
import { conflictLines, faultLines, MOUNT, stateText, warningLines } from "./rule-words.ts";

interface Checked {
  faults: RuleFault[];
  /** What is no fault, and most likely not meant so. An older organism says nothing of it. */
  warnings?: RuleFault[];
  conflicts: RuleConflict[];
  /** Whether all was looked at that rules could do to each other. */
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
    const { faults } = await checkAnywhere(client, rules);
    if (faults.length > 0) {
      out(options["json"] ? JSON.stringify({ added: [], faults }) : faultLines(faults).join("\n"));
      return 1;
    }
    const added: (RuleView & { conflicts?: RuleConflict[] })[] = [];
    for (const rule of rules) added.push(await client.post(`${MOUNT}/rules`, { rule }));
    out(options["json"] ? JSON.stringify({ added, faults }) : added.map(addedText).join("\n"));
    return 0;
  },
};

function addedText(view: RuleView & { conflicts?: RuleConflict[] }): string {
  const head = `${paint("bold", view.id)}  ${stateText(view)}`;
  return [head, ...warningLines(view.warnings), ...conflictLines(view.conflicts ?? [])].join("\n");
}

export const check: Command = {
  name: "check",
  usage: "<file|folder> ...",
  summary: "says what is wrong with rules, and which of them fight; with an organism, also its own rules and names",
  options: { offline: { type: "boolean", describe: "asks no organism, even if one runs" } },
  arity: [1, 100],
  async run({ settings, args, options, out }) {
    const rules = readRules(args);
    const client = new ApiClient(settings);
    const mayAsk = !options["offline"] && (await client.answers());
    const { isAsked, ...checked } = mayAsk ? await checkAnywhere(client, rules) : checkHere(rules);
    const { faults, conflicts } = checked;
    if (options["json"]) out(JSON.stringify(checked));
    else out(checkText(rules.length, checked, isAsked));
    return faults.length + conflicts.length > 0 ? 1 : 0;
  },
};

/** By the organism; here where no request could carry the rules: what makes it so is a fault, and must not hide all others. */
async function checkAnywhere(client: ApiClient, rules: readonly unknown[]): Promise<Checked & { isAsked: boolean }> {
  try {
    mustBeCarriable({ rules });
  } catch (error) {
    const checked = checkHere(rules);
    if (checked.faults.length > 0) return checked;
    throw new CommandError((error as Error).message);
  }
  return { ...(await client.post<Checked>(`${MOUNT}/rules/check`, { rules })), isAsked: true };
}

function checkHere(input: readonly unknown[]): Checked & { isAsked: boolean } {
  const { rules, faults, warnings } = checkRules(input);
  let complete = true;
  const conflicts = findConflicts(rules, {
    incomplete: () => {
      complete = false;
    },
  });
  return { faults, warnings, conflicts, complete, isAsked: false };
}

export function checkText(
  count: number,
  { faults, warnings = [], conflicts, complete }: Checked,
  isAsked: boolean,
): string {
  const where = isAsked ? "by the running organism" : "here, without the names of services of a running organism";
  const wrong = `${counted(faults, "fault")}, ${counted(conflicts, "conflict")}`;
  const found = faults.length === 0 && conflicts.length === 0 ? paint("green", "nothing wrong") : wrong;
  return [
    ...faultLines(faults),
    ...warningLines(warnings),
    ...conflictLines(conflicts),
    ...(complete === false ? ["  there are too many rules to look at all that they could do to each other"] : []),
    `${count} ${count === 1 ? "rule" : "rules"} checked ${where}: ${found}${warnings.length > 0 ? `, ${counted(warnings, "warning")}` : ""}`,
  ].join("\n");
}

function counted({ length }: readonly unknown[], what: string): string {
  return `${length} ${what}${length === 1 ? "" : "s"}`;
}
