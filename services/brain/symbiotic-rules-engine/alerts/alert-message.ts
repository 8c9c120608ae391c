import { createHash } from "node:crypto";
import {
  type Alert,
  type AlertEnd,
  type AlertGroup,
  type AlertMessage,
  SEVERITIES,
  type Severity,
} from "../../../../models/alerts.ts";
import { rank } from "./alert-record.ts";

/** Alerts that are listed in one message; of more it says how many. */
export const MAX_LISTED = 20;

export function messageOf(of: {
  organism: string;
  channel: string;
  group: AlertGroup;
  kind: AlertMessage["kind"];
  /** Counts the repeats, so that each is another message. */
  round: number;
  at: number;
  /** All that has changed. */
  alerts: Alert[];
  /** Of the whole group. */
  firing: number;
}): AlertMessage {
  const { organism, channel, group, kind, round, at, firing } = of;
  const alerts = of.alerts.toSorted(
    (one, other) => Number(isOver(one)) - Number(isOver(other)) || rank(other.severity) - rank(one.severity),
  );
  const content = alerts.map(({ id, revision }) => `${id}.${revision}`).sort();
  const digest = createHash("sha256").update(JSON.stringify([organism, channel, group, kind, round, content]));
  return {
    id: `msg_${digest.digest("hex").slice(0, 32)}`,
    at: new Date(at).toISOString(),
    organism,
    group,
    kind,
    severity: highest(alerts.filter((one) => !isOver(one))) ?? highest(alerts) ?? "info",
    firing,
    alerts: alerts.slice(0, MAX_LISTED),
    more: Math.max(0, alerts.length - MAX_LISTED),
  };
}

function isOver({ state }: Alert): boolean {
  return state === "resolved";
}

function highest(alerts: readonly Alert[]): Severity | undefined {
  return SEVERITIES.findLast((severity) => alerts.some((one) => one.severity === severity));
}

/** `[critical] heart: 3 alerts` */
export function subjectLine({ group, kind, severity, firing, alerts }: AlertMessage): string {
  const [first] = alerts;
  if (kind === "resolved")
    return oneLine(`[resolved] ${group}: ${firing === 0 ? "all is well" : `${firing} still firing`}`);
  const what = firing === 1 && first ? first.summary : `${firing} alerts`;
  return oneLine(`[${severity}${kind === "repeat" ? ", still" : ""}] ${group}: ${what}`);
}

/** Why it ended, where its cause is not simply gone. */
export const ENDS: Record<AlertEnd, string> = {
  cleared: "",
  gone: " (no part of the organism any more)",
  disabled: " (no alert any more)",
};

/** As a person reads it. */
export function textOf(message: AlertMessage): string {
  const lines = message.alerts.map((alert) => {
    const { severity, alert: what, subject, summary, advice, firedAt, endedAt, end, times, rule } = alert;
    const ended = endedAt ? ` – ended ${endedAt}${end === null ? "" : ENDS[end]}` : "";
    const often = times > 1 ? `, fired ${times} times` : "";
    const help = advice && !isOver(alert) ? ` – ${advice}` : "";
    const by = rule ? `, by the rule ${rule}` : "";
    return oneLine(
      `${isOver(alert) ? "resolved" : severity}  ${what} ${subject}: ${summary} (since ${firedAt ?? "?"}${ended}${often}${by})${help}`,
    );
  });
  return [
    `Organism ${message.organism}, group ${message.group}: ${message.firing} firing.`,
    "",
    ...lines,
    ...(message.more > 0 ? [`… and ${message.more} more`] : []),
    "",
    "azora alerts list shows all of them, azora alerts ack <id> stops the repeats.",
    "",
  ].join("\n");
}

/** Names come from services and rules: none of them makes a second line or a header. */
function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ");
}
