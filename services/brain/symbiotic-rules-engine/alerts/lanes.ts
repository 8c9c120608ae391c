import type { AlertGroup, AlertMessage } from "../../../../models/alerts.ts";
import { type AlertRecord, rank } from "./alert-record.ts";
import type { Channel } from "./channel.ts";

/** What a channel knows of a group. */
export interface Told {
  channel: string;
  group: AlertGroup;
  /** Wall time of the last message, ms. */
  at: number;
  /** Repeats so far. */
  round: number;
}

export interface Line {
  /** Since when the group has something to tell, and when it may be tried again; in the clock's time. */
  since: number | undefined;
  notBefore: number;
  /** When something was sent last, in the clock's time. */
  sent: number | undefined;
  sentAt: number;
  round: number;
  failures: number;
}

export interface Lane {
  channel: Channel;
  lines: Map<AlertGroup, Line>;
  /** No message is tried before, since the receiver itself does not answer. */
  notBefore: number;
  /** In a row. */
  failures: number;
  /** Why it failed last; empty when there is nothing left that it has not taken. */
  why: string;
  sent: number;
  failed: number;
  running: Promise<void> | undefined;
}

export interface Due {
  line: Line;
  records: AlertRecord[];
  message: AlertMessage;
}

/** That alerts do not arrive by it is nothing to tell by it. */
export function isOwnTrouble({ alert, subject, group }: AlertRecord, channel: string): boolean {
  return group === "organism" && alert === "alerts-undelivered" && subject === channel;
}

export function lineOf({ lines }: Lane, group: AlertGroup): Line {
  let line = lines.get(group);
  if (!line) {
    line = { since: undefined, notBefore: 0, sent: undefined, sentAt: 0, round: 0, failures: 0 };
    lines.set(group, line);
  }
  return line;
}

export function kindOf(records: readonly AlertRecord[], isNews: boolean): AlertMessage["kind"] {
  if (!isNews) return "repeat";
  return records.every(({ state }) => state === "resolved") ? "resolved" : "firing";
}

export function urgency(records: readonly AlertRecord[]): number {
  return Math.max(...records.map(({ severity, state }) => rank(severity) + (state === "firing" ? 10 : 0)));
}
