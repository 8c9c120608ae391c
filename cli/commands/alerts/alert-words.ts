import type { AlertDefinitionView, AlertFault, Severity } from "../../../models/alerts.ts";
import { paint, type Style } from "../../paint.ts";
import { plain } from "../../plain.ts";

export const STYLES: Record<Severity, Style> = { critical: "red", warning: "yellow", info: "cyan" };

/** `≤ 79 (82) for 30 s: warning` */
export function levelText(
  { bad }: Pick<AlertDefinitionView, "bad">,
  { severity, bound, clear, for: held }: AlertDefinitionView["levels"][number],
): string {
  const from = `${bad === "above" ? "≥" : "≤"} ${bound}${clear === undefined ? "" : ` (${clear})`}`;
  return `${from} ${held === 0 ? "at once" : `for ${timeText(held)}`}: ${paint(STYLES[severity], severity)}`;
}

/** To the digit, as it was defined: `90 s`, `2 min` */
export function timeText(ms: number): string {
  const [size, unit] = UNITS.find(([of]) => ms >= of && ms % of === 0) ?? [1, "ms"];
  return `${ms / size} ${unit}`;
}

const UNITS: readonly [number, string][] = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
  [1000, "s"],
];

/** `built in`, `built in, changed in alerts/night.json`, `alerts/own.json` */
export function fromText({ origin, file }: Pick<AlertDefinitionView, "origin" | "file">): string {
  if (origin === "file") return plain(file ?? "file");
  return file === null ? "built in" : `built in, changed in ${plain(file)}`;
}

export function faultLines(faults: readonly AlertFault[]): string[] {
  return faults.map(({ file, alert, detail }) => {
    const where = [file, alert].filter((part) => part !== undefined && part !== "");
    return `  ${paint("red", "fault")}  ${plain([where.join(", "), detail].filter(Boolean).join(": "))}`;
  });
}
