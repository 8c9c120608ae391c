import { type Alert, SEVERITIES } from "../../../../models/alerts.ts";
import { SYSTEMS } from "../../../../models/metrics.ts";
import { type AlertRecord, rank } from "./alert-record.ts";

export function alertOf(record: AlertRecord, silenced: string | null, advice: string | null): Alert {
  const { id, alert, subject, group, severity, state, summary, value, rule, end, times, revision, acknowledged } =
    record;
  const iso = (at: number | null) => (at === null ? null : new Date(at).toISOString());
  return {
    id,
    alert,
    subject,
    group,
    severity,
    state,
    summary,
    advice,
    value,
    rule,
    startedAt: iso(record.startedAt)!,
    firedAt: iso(record.firedAt),
    endedAt: iso(record.endedAt),
    end,
    unknownSince: iso(record.unknownSince),
    times,
    revision,
    acknowledged,
    silenced,
  };
}

/** Those that fire first, the most severe and newest before the others. */
export function byImportance(one: AlertRecord, other: AlertRecord): number {
  const order = { firing: 0, pending: 1, resolved: 2 };
  return (
    order[one.state] - order[other.state] ||
    rank(other.severity) - rank(one.severity) ||
    (other.firedAt ?? other.startedAt) - (one.firedAt ?? one.startedAt)
  );
}

const GROUPS: readonly string[] = [...SYSTEMS, "organism", "chain", "rules"];
const TEXTS = ["id", "alert", "subject", "summary"] as const;
const COUNTS = [
  "startedAt",
  "times",
  "revision",
  "firedRevision",
  "overFor",
  "milderFor",
  "goneFor",
  "endedFor",
] as const;
const MOMENTS = ["firedAt", "endedAt", "unknownSince"] as const;

/** Whether something read from a file is a whole record. */
export function isRecord(read: unknown): read is AlertRecord {
  const one = read as AlertRecord;
  return (
    typeof read === "object" &&
    read !== null &&
    TEXTS.every((name) => typeof one[name] === "string") &&
    COUNTS.every((name) => isMoment(one[name])) &&
    MOMENTS.every((name) => one[name] === null || isMoment(one[name])) &&
    GROUPS.includes(one.group) &&
    SEVERITIES.includes(one.severity) &&
    ["pending", "firing", "resolved"].includes(one.state) &&
    Array.isArray(one.held) &&
    one.held.every((held) => held === null || isMoment(held)) &&
    (one.yardstick === undefined || typeof one.yardstick === "string") &&
    isTable(one.told) &&
    isTable(one.sent)
  );
}

function isTable(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.values(value).every(isMoment);
}

/** A number that a Date can be made of. */
function isMoment(value: unknown): boolean {
  return typeof value === "number" && Math.abs(value) <= 8.64e15;
}
