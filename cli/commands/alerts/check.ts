import type { CheckedAlertFile } from "../../../models/alerts.ts";
import { checkAlerts } from "../../../runtime/alerts/check-alerts.ts";
import { alertFault, definitionView } from "../../../runtime/alerts/definition-views.ts";
import { ApiClient } from "../../api-client.ts";
import type { Command } from "../../command.ts";
import { paint } from "../../paint.ts";
import { plain } from "../../plain.ts";
import { readAlerts } from "./alert-files.ts";
import { faultLines, levelText, STYLES, timeText } from "./alert-words.ts";
import { OFFLINE } from "./definitions.ts";

type Checked = CheckedAlertFile["alerts"][number];

export const check: Command = {
  name: "check",
  usage: "<file|folder> ...",
  summary: "says what is wrong with files of alerts; with an organism, also what each would say of it now",
  options: OFFLINE,
  arity: [1, 100],
  async run({ settings, args, options, out }) {
    const alerts = readAlerts(args);
    const client = new ApiClient(settings);
    const isAsked = !options["offline"] && (await client.answers());
    const checked = isAsked
      ? await client.post<CheckedAlertFile>("/api/organism/alerts/check", { alerts })
      : checkHere(alerts);
    if (options["json"]) out(JSON.stringify(checked));
    else out(checkText(alerts.length, checked, isAsked));
    return checked.faults.length > 0 ? 1 : 0;
  },
};

function checkHere(input: readonly unknown[]): CheckedAlertFile {
  const { alerts, faults } = checkAlerts(input);
  const views = alerts.map(({ definition, enabled }) => definitionView({ definition, enabled, file: null }));
  return { faults: faults.map(alertFault), alerts: views.map((view) => ({ ...view, now: null })) };
}

function checkText(count: number, { faults, alerts }: CheckedAlertFile, isAsked: boolean): string {
  const where = isAsked ? "by the running organism" : "here, without what a running organism knows";
  const found =
    faults.length === 0
      ? paint("green", "nothing wrong")
      : `${faults.length} ${faults.length === 1 ? "fault" : "faults"}`;
  return [
    ...faultLines(faults),
    ...alerts.flatMap(alertLines),
    `${count} ${count === 1 ? "alert" : "alerts"} checked ${where}: ${found}`,
  ].join("\n");
}

function alertLines(alert: Checked): string[] {
  const { id, enabled, levels, now } = alert;
  if (!enabled) return [`  ${paint("bold", id)}  ${paint("gray", "switched off")}`];
  const head = `  ${paint("bold", id)}  ${levels.map((level) => levelText(alert, level)).join(", ")}`;
  return now === null ? [head] : [head, ...nowLines(now)];
}

function nowLines({ seen, unknown, bad }: NonNullable<Checked["now"]>): string[] {
  if (bad.length > 0)
    return bad.map(({ severity, for: held, says }) => {
      const when = held === 0 ? "would fire at once" : `would fire after ${timeText(held)}`;
      return `    ${paint(STYLES[severity], severity)} ${when}: ${plain(says)}`;
    });
  if (seen === 0 || unknown === seen) return [paint("dim", "    what it measures is not known now")];
  return [paint("dim", `    nothing is bad now${unknown > 0 ? `; of ${seen} values ${unknown} are not known` : ""}`)];
}
