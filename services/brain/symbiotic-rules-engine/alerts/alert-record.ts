import { type Alert, type AlertEnd, type AlertGroup, SEVERITIES, type Severity } from "../../../../models/alerts.ts";
import { type AlertDefinition, isBad } from "../../../../runtime/alerts/definition.ts";

/** An alert as it is kept. Stretches of time are counted up from tick to tick, so no clock can make them jump. */
export interface AlertRecord
  extends Omit<Alert, "startedAt" | "firedAt" | "endedAt" | "unknownSince" | "silenced" | "advice"> {
  /** Wall time, ms; only to be shown. */
  startedAt: number;
  firedAt: number | null;
  endedAt: number | null;
  unknownSince: number | null;
  /** For each level of the definition: how long it has been seen to hold, ms; null while it does not. */
  held: (number | null)[];
  /** By what `held` was measured; left out where it was never measured, and by earlier releases. */
  yardstick?: string;
  /** How long it has been seen to be over, to be less severe, or that its subject is gone, ms. */
  overFor: number;
  milderFor: number;
  goneFor: number;
  /** Since it ended, ms. */
  endedFor: number;
  /** Revision with which it last fired. */
  firedRevision: number;
  /** Revision that each channel has taken, and that it was sent, whether it came to an answer or not. */
  told: Record<string, number>;
  sent: Record<string, number>;
}

export type RecordChange = "firing" | "resolved" | "severity";

/** What is missing from a complete list for so long is gone; a list may lack a node for a moment. */
export const GONE_MS = 60_000;
/** An alert that ended so long ago is forgotten; one that comes again before is the same. */
export const REMEMBERED_MS = 30 * 60_000;
/** One that comes again and again is kept twice as long each time, at most so long. */
const LONGEST_KEEP_MS = 10 * 60_000;

export function rank(severity: Severity): number {
  return SEVERITIES.indexOf(severity);
}

export function beginRecord(of: {
  id: string;
  alert: string;
  subject: string;
  group: AlertGroup;
  severity: Severity;
  rule: string | null;
  levels: number;
  wall: number;
}): AlertRecord {
  const { levels, wall, ...named } = of;
  return {
    ...named,
    state: "pending",
    summary: "",
    value: null,
    startedAt: wall,
    firedAt: null,
    endedAt: null,
    end: null,
    unknownSince: null,
    times: 0,
    revision: 0,
    acknowledged: null,
    held: Array.from({ length: levels }, () => null),
    overFor: 0,
    milderFor: 0,
    goneFor: 0,
    endedFor: 0,
    firedRevision: 0,
    told: {},
    sent: {},
  };
}

export function fire(record: AlertRecord, severity: Severity, wall: number): RecordChange {
  if (record.state === "resolved") record.startedAt = wall;
  record.state = "firing";
  record.severity = severity;
  record.firedAt = wall;
  record.endedAt = null;
  record.end = null;
  record.acknowledged = null;
  record.times++;
  record.firedRevision = ++record.revision;
  record.overFor = 0;
  record.milderFor = 0;
  record.endedFor = 0;
  return "firing";
}

export function resolve(record: AlertRecord, end: AlertEnd, wall: number): RecordChange {
  record.state = "resolved";
  record.end = end;
  record.endedAt = wall;
  record.endedFor = 0;
  record.unknownSince = null;
  record.held.fill(null);
  record.revision++;
  return "resolved";
}

/** It cannot be told how it is. No stretch grows, and what had begun to look over has to begin anew. */
export function unknown(record: AlertRecord, wall: number): void {
  record.unknownSince ??= wall;
  record.value = null;
  record.overFor = 0;
  record.milderFor = 0;
}

/** @param step ms since the last tick */
export function gone(record: AlertRecord, step: number, wall: number): RecordChange | undefined {
  record.goneFor += step;
  return record.goneFor >= GONE_MS ? resolve(record, "gone", wall) : undefined;
}

/** As it was, but for how long what of it has been seen. */
export function unmeasured(record: AlertRecord): AlertRecord {
  const held = record.held.map(() => null);
  return { ...structuredClone(record), held, overFor: 0, milderFor: 0, goneFor: 0 };
}

/** It is measured by other bounds from now on: what was seen by those of before says nothing about these. */
export function remeasure(record: AlertRecord, { levels }: AlertDefinition, yardstick: string): void {
  record.held = levels.map(() => null);
  record.overFor = 0;
  record.milderFor = 0;
  record.yardstick = yardstick;
}

/**
 * One value more. A pending one that does not hold any more has no level left in `held`.
 * @param step ms since the last tick
 */
export function look(
  record: AlertRecord,
  definition: AlertDefinition,
  value: number,
  step: number,
  wall: number,
): RecordChange | undefined {
  // What happened while nothing was known does not count.
  const seen = record.unknownSince === null ? step : 0;
  record.unknownSince = null;
  record.goneFor = 0;
  record.value = value;
  const isFiring = record.state === "firing";
  let due = -1;
  for (const [i, level] of definition.levels.entries()) {
    const held = record.held[i] ?? null;
    const fired = isFiring && rank(record.severity) >= rank(level.severity);
    if (!isBad(definition, level, value, fired)) record.held[i] = null;
    else record.held[i] = held === null ? 0 : held + seen;
    if (record.held[i] !== null && record.held[i]! >= level.for) due = i;
  }
  if (!isFiring) return due >= 0 ? fire(record, definition.levels[due]!.severity, wall) : undefined;
  return goOn(record, definition, due, seen, wall);
}

function goOn(
  record: AlertRecord,
  { levels, keepFor }: AlertDefinition,
  due: number,
  seen: number,
  wall: number,
): RecordChange | undefined {
  const keep = Math.min(keepFor * 2 ** (record.times - 1), Math.max(keepFor, LONGEST_KEEP_MS));
  const highest = record.held.findLastIndex((held) => held !== null);
  record.overFor = highest < 0 ? record.overFor + seen : 0;
  if (highest < 0) return record.overFor >= keep ? resolve(record, "cleared", wall) : undefined;
  if (due >= 0 && rank(levels[due]!.severity) > rank(record.severity)) return change(record, levels[due]!.severity);
  const isMilder = rank(levels[highest]!.severity) < rank(record.severity);
  record.milderFor = isMilder ? record.milderFor + seen : 0;
  return isMilder && record.milderFor >= keep ? change(record, levels[highest]!.severity) : undefined;
}

/** What was acknowledged was the milder alert. */
export function change(record: AlertRecord, severity: Severity): RecordChange {
  if (rank(severity) > rank(record.severity)) record.acknowledged = null;
  record.severity = severity;
  record.milderFor = 0;
  record.revision++;
  return "severity";
}
