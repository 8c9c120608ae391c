import type { Alert } from "../../../models/alerts.ts";
import { ApiClient } from "../../api-client.ts";
import type { Command } from "../../command.ts";
import { paint, type Style } from "../../paint.ts";
import { plain } from "../../plain.ts";
import { duration, table } from "../../table.ts";

export const list: Command = {
  name: "list",
  usage: "",
  summary: "shows what fires; exit code 1 where something critical does that nobody has acknowledged",
  options: { all: { type: "boolean", short: "a", describe: "also what has only begun, and what ended lately" } },
  arity: [0, 0],
  async run({ settings, options, out }) {
    const known = await new ApiClient(settings).get<Alert[]>("/api/organism/alerts");
    const shown = options["all"] ? known : known.filter(({ state }) => state === "firing");
    if (options["json"]) out(JSON.stringify(shown));
    else out(shown.length === 0 ? "no alert fires" : alertTable(shown, Date.now()));
    return known.some(isUrgent) ? 1 : 0;
  },
};

function isUrgent({ state, severity, acknowledged, silenced }: Alert): boolean {
  return state === "firing" && severity === "critical" && acknowledged === null && silenced === null;
}

const STYLES: Record<Alert["severity"], Style> = { critical: "red", warning: "yellow", info: "cyan" };
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
function stateOf({ state, acknowledged, silenced, unknownSince, times }: Alert): string {
  return [
    state,
    ...(acknowledged ? [`known to ${plain(acknowledged.by)}`] : []),
    ...(silenced ? ["silenced"] : []),
    ...(times > 1 ? [`${times} times`] : []),
    ...(unknownSince ? ["not known now"] : []),
  ].join(", ");
}
