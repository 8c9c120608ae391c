import type { AlertDefinitions, AlertDefinitionView } from "../../../models/alerts.ts";
import { definitionView } from "../../../runtime/alerts/definition-views.ts";
import { nearest } from "../../../runtime/nearest.ts";
import { ApiClient } from "../../api-client.ts";
import { type Command, type CommandContext, CommandError } from "../../command.ts";
import { paint } from "../../paint.ts";
import { table } from "../../table.ts";
import { alertsHere } from "./alert-files.ts";
import { faultLines, fromText, levelText, timeText } from "./alert-words.ts";

export const OFFLINE = { offline: { type: "boolean", describe: "asks no organism, even if one runs" } } as const;

export const definitions: Command = {
  name: "definitions",
  usage: "[alert]",
  summary: "shows what is an alert, from which bounds on, and whether that is built in or stands in a file of alerts/",
  options: OFFLINE,
  arity: [0, 1],
  async run(context) {
    const { args, options, out } = context;
    const all = await known(context);
    const [id] = args;
    if (id !== undefined) out(showText(oneOf(all, id), Boolean(options["json"])));
    else out(options["json"] ? JSON.stringify(all) : definitionsText(all));
    return all.faults.length > 0 ? 1 : 0;
  },
};

/** By the running organism; without one, by what lies here. */
export async function known({ settings, options }: Pick<CommandContext, "settings" | "options">) {
  const client = new ApiClient(settings);
  if (!options["offline"] && (await client.answers()))
    return client.get<AlertDefinitions>("/api/organism/alerts/definitions");
  const { alerts, faults } = alertsHere();
  return { alerts: alerts.map(definitionView), faults };
}

function oneOf({ alerts }: AlertDefinitions, id: string): AlertDefinitionView {
  const found = alerts.find((one) => one.id === id);
  if (found) return found;
  const meant = nearest(
    id,
    alerts.map((one) => one.id),
  );
  throw new CommandError(`there is no alert ${id}${meant ? `; did you mean ${meant}?` : ""}`);
}

const COLUMNS = [
  { title: "ALERT" },
  { title: "FROM" },
  { title: "BAD" },
  { title: "KEPT FOR", align: "right" as const },
  { title: "MEASURES", flexible: true },
];

function definitionsText({ alerts, faults }: AlertDefinitions): string {
  const rows = alerts.flatMap((one) =>
    one.levels.map((level, i) => {
      const bad = one.enabled ? levelText(one, level) : paint("gray", "switched off");
      return i === 0
        ? [one.id, fromText(one), bad, timeText(one.keepFor), one.measures]
        : ["", "", one.enabled ? bad : "", "", ""];
    }),
  );
  const shown = rows.filter((row) => row[2] !== "");
  return [table(COLUMNS, shown), ...faultLines(faults)].join("\n");
}

/** What of it may stand in a file is JSON, as it may stand there. */
function showText(one: AlertDefinitionView, isJson: boolean): string {
  if (isJson) return JSON.stringify(one);
  const { id, enabled, metric, bad, levels, keepFor, summary, advice, measures, fixed } = one;
  const own = metric === null ? {} : { metric, bad };
  const text = { id, enabled, ...own, levels, keepFor, ...(metric === null ? {} : { summary }), advice };
  return [
    `${paint("bold", id)}  ${fromText(one)}  ${measures}${bad === "above" ? ", bad above" : ", bad below"}`,
    ...(fixed === null ? [] : [`  it can be neither changed nor switched off: ${fixed}`]),
    JSON.stringify(text, null, 2),
  ].join("\n");
}
