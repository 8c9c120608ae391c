import { randomBytes } from "node:crypto";
import {
  type Alert,
  type AlertChange,
  type AlertGroup,
  type Matchers,
  SEVERITIES,
  type Severity,
  type Silence,
} from "../../../../models/alerts.ts";
import { ALERT_DEFINITIONS } from "../../../../runtime/alerts/definitions.ts";
import type { Clock } from "../../../../runtime/clock.ts";
import { AzoraError } from "../../../../runtime/errors.ts";
import {
  type AlertRecord,
  beginRecord,
  change,
  fire,
  REMEMBERED_MS,
  type RecordChange,
  rank,
  resolve,
} from "./alert-record.ts";
import { AlertTable, kindOf } from "./alert-table.ts";
import { alertOf, isRecord } from "./alert-views.ts";
import { ChangeFeed } from "./change-feed.ts";
import { Judge, type NewRecord } from "./judge.ts";
import type { Memory } from "./observe.ts";
import { Silences } from "./silences.ts";
import type { Situation } from "./situation.ts";

export interface AlertManagerOptions {
  /** Monotonic. */
  clock: Clock;
  /** ms since the epoch; only for what is shown. */
  wall(): number;
  /** Told at once of what changes: at most some dozen a tick, of more only how many. */
  changed(change: AlertChange): void;
  /** Channels that fail have an alert of their own. @default none */
  channels?(): Memory["channels"];
  /** @default random */
  newId?(): string;
}

/** What a rule raises. */
export interface RaisedAlert {
  id: string;
  subject: string;
  severity: Severity;
  summary: string;
  rule?: string;
}

/** All that survives a restart of the engine. */
export interface AlertsSnapshot {
  records: AlertRecord[];
  silences: ReturnType<Silences["snapshot"]>;
}

/**
 * Time between two ticks that counts as seen, ms: where the engine hung or its machine slept for longer, nobody knows what
 * was meanwhile.
 */
const LONGEST_STEP_MS = 5000;
/** What was raised ends when its rule has not been active for so long, ms. */
const RAISED_MS = 60_000;

/** What is wrong, since when, and whether anyone knows. Pure: it is fed once a second, and tells what has changed. */
export class AlertManager {
  readonly table = new AlertTable();
  readonly #options: AlertManagerOptions;
  readonly #silences: Silences;
  readonly #newId: () => string;
  readonly #feed: ChangeFeed;
  readonly #judge: Judge;
  #last: number | undefined;
  #raisedNotKept = 0;
  #changes = 0;

  constructor(options: AlertManagerOptions) {
    this.#options = options;
    this.#newId = options.newId ?? (() => randomBytes(6).toString("hex"));
    this.#silences = new Silences(options.clock, options.wall, this.#newId);
    this.#feed = new ChangeFeed(options.changed);
    this.#judge = new Judge({
      table: this.table,
      wall: options.wall,
      begin: (of) => this.#begin(of),
      changed: (record, what) => this.#changed(record, what),
    });
  }

  /** Grows with everything that a snapshot would hold differently, passing time excepted. */
  get changes(): number {
    return this.#changes;
  }

  /** Definitions that could not be judged in all ticks, as their facts were malformed. */
  get faults(): { count: number; last: string } {
    return this.#judge.faults;
  }

  tick(situation: Situation): void {
    const now = this.#options.clock.now();
    const step = Math.min(LONGEST_STEP_MS, Math.max(0, now - (this.#last ?? now)));
    this.#last = now;
    this.#silencesEnd();
    this.#forget(step);
    this.#judge.tick(situation, this.#options.channels?.() ?? [], now, step);
    this.#judge.notKept.set("rules", this.#raisedNotKept);
    this.#raisedNotKept = 0;
    this.#judgeRaised(situation.activeRules ?? null, step);
    this.#feed.flush();
  }

  /** A rule's alert: it fires at once, and until it is cleared. Raising it again refreshes it. */
  raise({ id, subject, severity, summary, rule }: RaisedAlert): boolean {
    const wall = this.#options.wall();
    const given = SEVERITIES.includes(severity) ? severity : "warning";
    const about = String(subject).slice(0, 200);
    const alert = String(id).slice(0, 100);
    let record = this.table.get(`rule:${alert}`, about);
    if (!record) {
      if (!this.table.makeRoom("rules", given)) {
        this.#raisedNotKept++;
        return false;
      }
      record = this.#begin({ alert, subject: about, group: "rules", severity: given, rule: rule ?? null, levels: 0 });
    }
    record.summary = String(summary).slice(0, 1000);
    record.rule = rule ?? record.rule;
    record.overFor = 0;
    if (record.state !== "firing") this.#changed(record, fire(record, given, wall));
    else if (record.severity !== given) this.#changed(record, change(record, given));
    return true;
  }

  /** How severe a raised alert is that fires now; undefined where none does. */
  raised(id: string, subject: string): Severity | undefined {
    const record = this.table.get(`rule:${id.slice(0, 100)}`, subject.slice(0, 200));
    return record?.state === "firing" ? record.severity : undefined;
  }

  clear(id: string, subject: string): void {
    const record = this.table.get(`rule:${String(id).slice(0, 100)}`, String(subject).slice(0, 200));
    if (record?.state === "firing") this.#changed(record, resolve(record, "cleared", this.#options.wall()));
  }

  /** All that a rule has raised: it has ended, or there is no such rule any more. */
  clearRule(rule: string): void {
    for (const record of this.table.group("rules"))
      if (record.rule === rule && record.state === "firing")
        this.#changed(record, resolve(record, "cleared", this.#options.wall()));
  }

  /** Those that fire first, the most severe and newest before the others. */
  list(): Alert[] {
    return [...this.table].toSorted(byImportance).map((record) => this.view(record));
  }

  view(record: AlertRecord): Alert {
    return alertOf(record, this.silencedBy(record));
  }

  silencedBy(record: AlertRecord): string | null {
    return this.#silences.covering(record);
  }

  /** Firing now, silenced and acknowledged ones among them. */
  counts(): Record<Severity, number> & { notKept: number; forgotten: number } {
    const counts = { info: 0, warning: 0, critical: 0, notKept: 0, forgotten: this.table.forgotten };
    for (const { state, severity } of this.table) if (state === "firing") counts[severity]++;
    for (const more of this.#judge.notKept.values()) counts.notKept += more;
    return counts;
  }

  /** Alerts of a group that there was no room for at the last tick. */
  notKept(group: AlertGroup): number {
    return this.#judge.notKept.get(group) ?? 0;
  }

  /** @throws AzoraError NOT_FOUND, or CONFLICT where it does not fire */
  acknowledge(id: string, by: string, comment = ""): Alert {
    const record = this.table.find(id);
    if (!record) throw new AzoraError("NOT_FOUND", `there is no alert "${id}"; azora alerts list shows them`);
    if (record.state !== "firing")
      throw new AzoraError("CONFLICT", `${record.alert} of ${record.subject} is ${record.state}, not firing`);
    const at = new Date(this.#options.wall()).toISOString();
    record.acknowledged = { by: by.slice(0, 200), at, comment: comment.slice(0, 1000) };
    this.#changed(record, "acknowledged");
    return this.view(record);
  }

  /** @param of.until wall time, ms. @throws AzoraError VALIDATION_ERROR or CONFLICT */
  silence(of: { matchers: Matchers; until: number; by: string; comment?: string }): Silence {
    return this.#resilence(() => this.#silences.add(of));
  }

  silences(): Silence[] {
    this.#silencesEnd();
    return this.#silences.list();
  }

  /** @throws AzoraError NOT_FOUND */
  removeSilence(id: string): Silence {
    return this.#resilence(() => this.#silences.remove(id));
  }

  snapshot(): AlertsSnapshot {
    return { records: [...this.table].map((record) => structuredClone(record)), silences: this.#silences.snapshot() };
  }

  /** What does not look as it should is left out. @returns how many entries that were */
  restore(saved: unknown): number {
    const { records, silences } = (saved ?? {}) as Partial<Record<keyof AlertsSnapshot, unknown>>;
    let leftOut = 0;
    for (const record of Array.isArray(records) ? records : []) {
      if (!isRecord(record) || !this.#isNew(record) || !this.table.makeRoom(record.group, record.severity)) leftOut++;
      else this.table.add(structuredClone(record));
    }
    for (const silence of Array.isArray(silences) ? silences : []) {
      try {
        this.#silences.restore(silence);
      } catch {
        leftOut++;
      }
    }
    return leftOut;
  }

  /** Not there yet, and of a kind that this release judges: another one would never end. */
  #isNew(record: AlertRecord): boolean {
    const isJudged = record.group === "rules" || ALERT_DEFINITIONS.some(({ id }) => id === record.alert);
    return isJudged && this.table.get(kindOf(record), record.subject) === undefined;
  }

  /** The engine may have died before it knew of an end, and what a person has raised has no rule that would end. */
  #judgeRaised(active: ReadonlySet<string> | null, step: number): void {
    if (!active) return;
    for (const record of this.table.group("rules")) {
      if (record.state !== "firing" || record.rule === null) continue;
      record.overFor = active.has(record.rule) ? 0 : record.overFor + step;
      if (record.overFor >= RAISED_MS) this.#changed(record, resolve(record, "cleared", this.#options.wall()));
    }
  }

  #begin(of: NewRecord): AlertRecord {
    const record = beginRecord({ ...of, id: this.#newId(), wall: this.#options.wall() });
    this.table.add(record);
    return record;
  }

  #changed(record: AlertRecord, what: RecordChange | "acknowledged" | undefined): void {
    if (what === undefined) return;
    this.#changes++;
    if (what !== "acknowledged") this.table.settled();
    this.#feed.add({ change: what, alert: this.view(record) });
  }

  #forget(step: number): void {
    for (const record of this.table) {
      if (record.state !== "resolved") continue;
      record.endedFor += step;
      if (record.endedFor >= REMEMBERED_MS) this.table.remove(record);
    }
  }

  #silencesEnd(): void {
    if (this.#silences.isAnyOver()) this.#resilence(() => this.#silences.expire());
  }

  /** Tells which firing alerts are silenced from now on, and which are not any more. */
  #resilence<T>(run: () => T): T {
    const before = new Map([...this.table].map((record) => [record, this.silencedBy(record)]));
    const result = run();
    this.#changes++;
    for (const [record, was] of before) {
      const is = this.silencedBy(record);
      if (record.state !== "firing" || (was === null) === (is === null)) continue;
      this.#feed.add({ change: is === null ? "unsilenced" : "silenced", alert: this.view(record) });
    }
    return result;
  }
}

function byImportance(one: AlertRecord, other: AlertRecord): number {
  const order = { firing: 0, pending: 1, resolved: 2 };
  return (
    order[one.state] - order[other.state] ||
    rank(other.severity) - rank(one.severity) ||
    (other.firedAt ?? other.startedAt) - (one.firedAt ?? one.startedAt)
  );
}
