import type { AlertGroup, Severity } from "../../../../models/alerts.ts";
import { type AlertRecord, rank } from "./alert-record.ts";

/** Of one group, ended ones included. A storm in one system must not push the alerts of another out. */
export const MAX_PER_GROUP = 250;
/** So many more where they are critical. */
export const MORE_CRITICAL = 50;

/** The alerts that are kept, by what they are and whom they are about. Bounded by group; what finds no room is counted. */
export class AlertTable {
  /** Ended alerts that made room before every channel had told their end. */
  forgotten = 0;
  readonly #records = new Map<string, Map<string, AlertRecord>>();
  readonly #groups = new Map<AlertGroup, Set<AlertRecord>>();
  /** Least severity of an alert for which there is no room in a full group, until something changes. */
  readonly #full = new Map<AlertGroup, number>();

  /** @param kind the definition, or `rule:` and the id that a rule has chosen */
  of(kind: string): ReadonlyMap<string, AlertRecord> {
    return this.#records.get(kind) ?? EMPTY;
  }

  get(kind: string, subject: string): AlertRecord | undefined {
    return this.#records.get(kind)?.get(subject);
  }

  *[Symbol.iterator](): Generator<AlertRecord> {
    for (const group of this.#groups.values()) yield* group;
  }

  group(name: AlertGroup): ReadonlySet<AlertRecord> {
    return this.#groups.get(name) ?? NONE;
  }

  groups(): AlertGroup[] {
    return [...this.#groups.keys()];
  }

  find(id: string): AlertRecord | undefined {
    for (const record of this) if (record.id === id) return record;
    return undefined;
  }

  /**
   * Whether there is room, where need be in the place of one that has ended, or that has only begun and is less severe. One
   * that fires is never left out: nobody would be told its end.
   */
  makeRoom(group: AlertGroup, severity: Severity): boolean {
    const kept = this.group(group);
    if (kept.size < MAX_PER_GROUP + (severity === "critical" ? MORE_CRITICAL : 0)) return true;
    if ((this.#full.get(group) ?? Number.POSITIVE_INFINITY) >= rank(severity) && this.#full.has(group)) return false;
    const victim = leastOf(kept);
    if (!victim || weight(victim) >= weightOfPending(severity)) {
      this.#full.set(group, rank(severity));
      return false;
    }
    if (victim.state === "resolved" && !isTold(victim)) this.forgotten++;
    this.remove(victim);
    return true;
  }

  add(record: AlertRecord): void {
    const kind = kindOf(record);
    if (!this.#records.has(kind)) this.#records.set(kind, new Map());
    this.#records.get(kind)!.set(record.subject, record);
    if (!this.#groups.has(record.group)) this.#groups.set(record.group, new Set());
    this.#groups.get(record.group)!.add(record);
  }

  remove(record: AlertRecord): void {
    const kind = kindOf(record);
    const records = this.#records.get(kind);
    if (records?.get(record.subject) === record) records.delete(record.subject);
    if (records?.size === 0) this.#records.delete(kind);
    this.#groups.get(record.group)?.delete(record);
    this.settled();
  }

  /** Something may have become less important: full groups are looked through again. */
  settled(): void {
    this.#full.clear();
  }
}

const EMPTY: ReadonlyMap<string, AlertRecord> = new Map();
const NONE: ReadonlySet<AlertRecord> = new Set();

export function kindOf({ alert, group }: Pick<AlertRecord, "alert" | "group">): string {
  return group === "rules" ? `rule:${alert}` : alert;
}

const FIRING = 100;

/** Ended ones matter least, of these those whose end is told; then those that have only begun, the less severe first. */
function weight(record: AlertRecord): number {
  if (record.state === "resolved") return isTold(record) ? 0 : 1;
  return record.state === "pending" ? weightOfPending(record.severity) : FIRING;
}

function weightOfPending(severity: Severity): number {
  return 10 + rank(severity);
}

function isTold({ told, revision }: AlertRecord): boolean {
  return Object.values(told).every((one) => one >= revision);
}

function leastOf(records: Iterable<AlertRecord>): AlertRecord | undefined {
  let least: AlertRecord | undefined;
  for (const record of records) if (!least || weight(record) < weight(least)) least = record;
  return least;
}
