import { styleText } from "node:util";

export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "blue" | "cyan" | "magenta" | "gray";

/** Colours a text where the output is a terminal that wants it. */
export function paint(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout });
}

const STATUS_STYLE: Record<string, Style> = {
  healthy: "green",
  up: "green",
  degraded: "yellow",
  starting: "cyan",
  waiting: "cyan",
  launching: "cyan",
  unhealthy: "red",
  critical: "red",
  down: "red",
  hung: "red",
  timeout: "yellow",
  quarantined: "magenta",
  stopped: "gray",
  stopping: "gray",
};

const STATUS_SIGN: Record<string, string> = {
  healthy: "●",
  up: "●",
  degraded: "◐",
  starting: "◌",
  waiting: "◌",
  launching: "◌",
  stopped: "○",
  stopping: "○",
};

/** A status with its sign and colour; the word stays, so that colour alone never carries the meaning. */
export function paintStatus(status: string): string {
  return paint(STATUS_STYLE[status] ?? "dim", `${STATUS_SIGN[status] ?? "✖"} ${status}`);
}
