import type { RuleView } from "../../../models/rule-view.ts";
import { ApiClient } from "../../api-client.ts";
import { type Command, type CommandContext, UsageError } from "../../command.ts";
import { paint } from "../../paint.ts";
import { rulePath, stateText } from "./rule-words.ts";

export const enable: Command = {
  name: "enable",
  usage: "<rule>",
  summary: "lets a rule act, also one that was in shadow mode",
  arity: [1, 1],
  run: (context) => change(context, "/change", { enabled: true, mode: "on" }),
};

export const shadow: Command = {
  name: "shadow",
  usage: "<rule>",
  summary: "lets a rule only say what it would do",
  arity: [1, 1],
  run: (context) => change(context, "/change", { enabled: true, mode: "shadow" }),
};

export const disable: Command = {
  name: "disable",
  usage: "<rule>",
  summary: "stops looking at a rule",
  arity: [1, 1],
  run: (context) => change(context, "/change", { enabled: false }),
};

export const restore: Command = {
  name: "restore",
  usage: "<rule> <version>",
  summary: "takes a rule back to a version that it had; `azora rules show` tells them",
  arity: [2, 2],
  run(context) {
    const text = context.args[1]!;
    const version = Number(text);
    if (!/^\d+$/.test(text) || version < 1)
      throw new UsageError(`the version is "${text}", but must be a whole number from 1 on`);
    return change(context, "/restore", { version });
  },
};

export const remove: Command = {
  name: "remove",
  usage: "<rule>",
  summary: "takes a rule out that was added; one that stands in a file goes with its file",
  arity: [1, 1],
  async run({ settings, args, options, out }) {
    const [id = ""] = args;
    const removed = await new ApiClient(settings).post<Removed>(rulePath(id, "/remove"));
    out(options["json"] ? JSON.stringify(removed) : removedText(id, removed));
    return 0;
  },
};

interface Removed {
  /** What stands in a file under this id. */
  remains: RuleView | null;
}

function removedText(id: string, { remains }: Removed): string {
  if (!remains) return `${id} is removed`;
  return `${paint("bold", id)} is again as it stands in ${remains.file}: ${stateText(remains)}`;
}

async function change({ settings, args, options, out }: CommandContext, path: string, body: object): Promise<number> {
  const rule = await new ApiClient(settings).post<RuleView>(rulePath(args[0]!, path), body);
  out(
    options["json"] ? JSON.stringify(rule) : `${paint("bold", rule.id)}  ${stateText(rule)}, version ${rule.version}`,
  );
  return 0;
}
