import type { SignedReport } from "../../../../runtime/accounting/report.ts";
import { MOST_EPOCHS } from "./source.ts";

const HASH = /^[0-9a-f]{32}$/;
const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
const isEpoch = (value: unknown) => isCount(value) && (value as number) < MOST_EPOCHS;

const isText = (value: unknown) => typeof value === "string" && value.length <= 300;

type Row = Record<string, unknown>;

function areRows(value: unknown, texts: string[], counts: string[]): boolean {
  return (
    Array.isArray(value) &&
    value.every(
      (row: Row | null) =>
        row !== null &&
        typeof row === "object" &&
        texts.every((name) => isText(row[name])) &&
        counts.every((name) => (name === "epoch" ? isEpoch : isCount)(row[name])),
    )
  );
}

function areHashed(value: unknown): boolean {
  return (value as Row[]).every((row) => typeof row["hash"] === "string" && HASH.test(row["hash"]));
}

function optional(value: unknown, check: (value: unknown) => boolean): boolean {
  return value === undefined || check(value);
}

/** What a node has written is believed in its shape only where it has that shape. Undefined for anything else. */
export function readReport(value: unknown): SignedReport | undefined {
  const { report, key, signature } = (value ?? {}) as Record<string, unknown>;
  if (typeof key !== "string" || typeof signature !== "string" || report === null || typeof report !== "object")
    return undefined;
  const { node, instance, number, epoch, started, at, sent, received, entries, ...more } = report as Row;
  const isWhole =
    [node, instance].every(isText) &&
    [number, started, at].every(isCount) &&
    isEpoch(epoch) &&
    areRows(sent, ["to", "mark"], ["epoch", "calls", "events"]) &&
    areHashed(sent) &&
    areRows(received, ["from", "mark"], ["epoch", "calls", "events"]) &&
    areHashed(received) &&
    areRows(entries, [], ["epoch", "durable", "bestEffort", "dropped"]) &&
    areHashed(entries) &&
    optional(more["unmarked"], (rows) => areRows(rows, ["from"], ["count"])) &&
    optional(more["lost"], (rows) => areRows(rows, ["to"], ["calls"])) &&
    optional(more["interrupted"], (rows) => areRows(rows, [], ["from", "until"])) &&
    optional(more["waiting"], isCount) &&
    optional(more["asked"], isCount);
  return isWhole ? (value as SignedReport) : undefined;
}
