import { randomBytes } from "node:crypto";
import type { Alert, AlertChange, AlertGroup, Matchers, Severity, Silence } from "../../../../models/alerts.ts";
import type { AlertDefinition } from "../../../../runtime/alerts/definition.ts";
import type { Clock } from "../../../../runtime/clock.ts";
import { AzoraError } from "../../../../runtime/errors.ts";
import { type AlertRecord, beginRecord, REMEMBERED_MS, type RecordChange, unmeasured } from "./alert-record.ts";
import { AlertTable, kindOf } from "./alert-table.ts";
import { alertOf, byImportance, isRecord } from "./alert-views.ts";
import { ChangeFeed } from "./change-feed.ts";
import { type AlertTrial, Judge, type Keeping, type NewRecord } from "./judge.ts";
import type { Memory } from "./observations/observation.ts";
import { RaisedAlerts } from "./raised-alerts.ts";
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
/** What is wrong, since when, and whether anyone knows. Pure: it is fed once a second, and tells what has changed. */
export class AlertManager {
  readonly table = new AlertTable();
  /** What rules raise. */
  readonly raised: RaisedAlerts;
  readonly #options: AlertManagerOptions;
  readonly #silences: Silences;
  readonly #newId: () => string;
  readonly #feed: ChangeFeed;
  readonly #judge: Judge;
  #last: number | undefined;
  #changes = 0;

  constructor(options: AlertManagerOptions) {
    this.#options = options;
    this.#newId = options.newId ?? (() => randomBytes(6).toString("hex"));
    this.#silences = new Silences(options.clock, options.wall, this.#newId);
    this.#feed = new ChangeFeed(options.changed);
    const keeping: Keeping = {
      table: this.table,
      wall: options.wall,
      begin: (of) => this.#begin(of),
      changed: (record, what) => this.#changed(record, what),
    };
    this.#judge = new Judge(keeping);
    this.raised = new RaisedAlerts(keeping);
  }

  /** What is an alert now. */
  get definitions(): readonly AlertDefinition[] {
    return this.#judge.definitions;
  }

  /** What is an alert from now on. What fires by a definition that is no more ends. */
  define(definitions: readonly AlertDefinition[]): void {
    this.#judge.definitions = definitions;
    this.#judge.endUndefined();
  }

  /** What would be bad now by a definition, whether it is in use or not. */
  trial(definition: AlertDefinition, situation: Situation): AlertTrial {
    return this.#judge.trial(definition, situation, this.#options.channels?.() ?? []);
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
    this.#judge.notKept.set("rules", this.raised.tick(situation.activeRules ?? null, step));
    this.#feed.flush();
  }

  /** Those that fire first, the most severe and newest before the others. */
  list(): Alert[] {
    return [...this.table].toSorted(byImportance).map((record) => this.view(record));
  }

  view(record: AlertRecord): Alert {
    return alertOf(record, this.silencedBy(record), this.#judge.adviceOf(record));
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

  /** Whether a stretch is measured that began or ends an alert: these pass without a change. */
  isMeasuring(): boolean {
    for (const { state, overFor, milderFor } of this.table)
      if (state === "pending" || (state === "firing" && overFor + milderFor > 0)) return true;
    return false;
  }

  /**
   * What does not look as it should is left out.
   * @param isRecent stretches go on; else they begin anew
   * @returns how many entries were left out
   */
  restore(saved: unknown, isRecent = true): number {
    const { records, silences } = (saved ?? {}) as Partial<Record<keyof AlertsSnapshot, unknown>>;
    let leftOut = 0;
    for (const record of Array.isArray(records) ? records : []) {
      const isNew = isRecord(record) && this.table.get(kindOf(record), record.subject) === undefined;
      if (!isNew || !this.table.makeRoom(record.group, record.severity)) leftOut++;
      else if (isRecent) this.table.add(structuredClone(record));
      else if (record.state !== "pending") this.table.add(unmeasured(record));
    }
    for (const silence of Array.isArray(silences) ? silences : []) {
      try {
        this.#silences.restore(silence);
      } catch {
        leftOut++;
      }
    }
    // A release or a file of before has known more alerts: these would never end.
    this.#judge.endUndefined();
    return leftOut;
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
