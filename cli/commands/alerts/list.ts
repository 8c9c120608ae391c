import type { Alert, AlertDefinitions, AlertFault } from "../../../models/alerts.ts";
import { ApiClient } from "../../api-client.ts";
import type { Command } from "../../command.ts";
import { paint } from "../../paint.ts";
import { plain } from "../../plain.ts";
import { duration, table } from "../../table.ts";
import { STYLES } from "./alert-words.ts";

export const list: Command = {
  name: "list",
  usage: "",
  summary: "shows what fires; exit code 1 where something critical does that nobody has acknowledged",
  options: { all: { type: "boolean", short: "a", describe: "also what has only begun, and what ended lately" } },
  arity: [0, 0],
  async run({ settings, options, out }) {
    const client = new ApiClient(settings);
    const known = await client.get<Alert[]>("/api/organism/alerts");
    const shown = options["all"] ? known : known.filter(({ state }) => state === "firing");
    if (options["json"]) out(JSON.stringify(shown));
    else {
      const { faults } = await client.get<AlertDefinitions>("/api/organism/alerts/definitions");
      const text = shown.length === 0 ? "no alert fires" : alertTable(shown, Date.now());
      out([text, ...faultNote(faults)].join("\n"));
    }
    return known.some(isUrgent) ? 1 : 0;
  },
};

/** What is told here is what is wrong with the organism; all of a file's faults are shown with the definitions. */
function faultNote(faults: readonly AlertFault[]): string[] {
  if (faults.length === 0) return [];
  const files = [...new Set(faults.map(({ file }) => plain(file ?? "alerts")))];
  return [`  ${paint("red", "fault")}  ${files.join(", ")}: azora alerts definitions says what is wrong`];
}

function isUrgent({ state, severity, acknowledged, silenced }: Alert): boolean {
  return state === "firing" && severity === "critical" && acknowledged === null && silenced === null;
}

const COLUMNS = [
  { title: "ID" },
  { title: "SEVERITY" },
  { title: "ALERT" },
  { title: "ABOUT" },
  { title: "FOR", align: "right" as const },
  { title: "STATE" },
  { title: "SAYS", flexible: true },
];

export function alertTable(alerts: readonly Alert[], now: number): string {
  return table(
    COLUMNS,
    alerts.map((one) => [
      one.id,
      one.state === "firing" ? paint(STYLES[one.severity], one.severity) : paint("dim", one.severity),
      one.alert,
      plain(one.subject),
      duration(Math.max(0, (now - Date.parse(one.endedAt ?? one.startedAt)) / 1000)),
      stateOf(one),
      plain(one.summary),
    ]),
  );
}

/** `firing, by ann, 3 times, not known now` */
function stateOf({ state, end, acknowledged, silenced, unknownSince, times }: Alert): string {
  return [
    end === "disabled" ? "switched off" : end === "gone" ? "gone" : state,
    ...(acknowledged ? [`known to ${plain(acknowledged.by)}`] : []),
    ...(silenced ? ["silenced"] : []),
    ...(times > 1 ? [`${times} times`] : []),
    ...(unknownSince ? ["not known now"] : []),
  ].join(", ");
}
