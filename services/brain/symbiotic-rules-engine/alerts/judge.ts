import type { AlertGroup } from "../../../../models/alerts.ts";
import { BUILT_IN_ALERTS } from "../../../../runtime/alerts/built-in/definitions.ts";
import { type AlertDefinition, type AlertLevel, isBad, yardstickOf } from "../../../../runtime/alerts/definition.ts";
import {
  type AlertRecord,
  type beginRecord,
  gone,
  look,
  type RecordChange,
  remeasure,
  resolve,
  unknown,
} from "./alert-record.ts";
import type { AlertTable } from "./alert-table.ts";
import { ENOUGH_KNOWN, type Memory, type Observation, type Seen } from "./observations/observation.ts";
import { observed } from "./observations/observe.ts";
import { ScoreTrail } from "./score-trail.ts";
import type { Situation } from "./situation.ts";

export type NewRecord = Omit<Parameters<typeof beginRecord>[0], "id" | "wall">;

/** Where alerts are kept, and who is told. */
export interface Keeping {
  table: AlertTable;
  wall(): number;
  begin(of: NewRecord): AlertRecord;
  changed(record: AlertRecord, what: RecordChange | undefined): void;
}

/** What a definition would make of what is known now. */
export interface AlertTrial {
  /** How many things were seen, and of how many of them the value is not known. */
  seen: number;
  unknown: number;
  bad: { subject: string; value: number; level: AlertLevel; says: string }[];
}

interface Judged {
  definition: AlertDefinition;
  yardstick: string;
}

const NOTHING_KNOWN: Seen = { complete: false, of: [] };

/** Holds the organism's own definitions against what is known, tick by tick. */
export class Judge {
  /** Definitions that could not be judged in all ticks, as their facts were malformed. */
  faults = { count: 0, last: "" };
  /** For which there was no room at the last tick. */
  readonly notKept = new Map<AlertGroup, number>();
  readonly #options: Keeping;
  #judged: Judged[] = [];
  #advice = new Map<string, string>();
  readonly #scores = new ScoreTrail();

  constructor(options: Keeping) {
    this.#options = options;
    this.definitions = BUILT_IN_ALERTS;
  }

  get definitions(): readonly AlertDefinition[] {
    return this.#judged.map(({ definition }) => definition);
  }

  set definitions(definitions: readonly AlertDefinition[]) {
    this.#judged = definitions.map((definition) => ({ definition, yardstick: yardstickOf(definition) }));
    this.#advice = new Map(definitions.map(({ id, advice }) => [id, advice]));
  }

  /** The first thing to do about an alert; null where nobody says. */
  adviceOf({ alert, group }: Pick<AlertRecord, "alert" | "group">): string | null {
    return group === "rules" ? null : (this.#advice.get(alert) ?? null);
  }

  /** What fires, or is about to, though nobody calls it an alert any more. */
  endUndefined(): void {
    const { table, changed, wall } = this.#options;
    const metrics = new Map(this.#judged.map(({ definition: { id, metric } }) => [id, metric]));
    for (const record of [...table]) {
      const { group, alert, subject, state } = record;
      if (group === "rules" || (metrics.has(alert) && (metrics.get(alert) ?? subject) === subject)) continue;
      if (state === "pending") table.remove(record);
      else if (state === "firing") changed(record, resolve(record, "disabled", wall()));
    }
  }

  /** @param now monotonic, ms @param step ms since the last tick that count as seen */
  tick(situation: Situation, channels: Memory["channels"], now: number, step: number): void {
    this.notKept.clear();
    this.#guarded("what was before", () => this.#remember(situation, now));
    const memory: Memory = { scores: this.#scores, channels };
    for (const judged of this.#judged) this.#judge(judged, situation, memory, step);
  }

  /** What would be bad now by a definition, whether it is one of these or not. */
  trial(definition: AlertDefinition, situation: Situation, channels: Memory["channels"]): AlertTrial {
    const { of } = this.#observe(definition, situation, { scores: this.#scores, channels });
    const bad = of.flatMap(({ subject, value, says }) => {
      const level = value === null ? undefined : worstOf(definition, value);
      return value === null || !level ? [] : [{ subject, value, level, says: says() }];
    });
    return { seen: of.length, unknown: of.filter(({ value }) => value === null).length, bad };
  }

  #judge({ definition, yardstick }: Judged, situation: Situation, memory: Memory, step: number): void {
    const { table, changed } = this.#options;
    const wall = this.#options.wall();
    const kept = table.of(definition.id);
    const isQuiet = situation.launching && !definition.duringLaunch;
    const seen = isQuiet ? NOTHING_KNOWN : this.#observe(definition, situation, memory);
    const named = new Set<string>();
    for (const observation of seen.of) {
      named.add(observation.subject);
      this.#take({ definition, yardstick }, observation, step, wall);
    }
    for (const record of [...kept.values()]) {
      if (record.state === "resolved" || named.has(record.subject)) continue;
      if (!seen.complete) unknown(record, wall);
      else if (record.state === "pending") table.remove(record);
      else changed(record, gone(record, step, wall));
    }
  }

  #observe(definition: AlertDefinition, situation: Situation, memory: Memory): Seen {
    const seen = this.#guarded(definition.id, () => observed(definition)(situation, memory));
    return seen ?? NOTHING_KNOWN;
  }

  /** One malformed fact costs one definition one tick. */
  #guarded<T>(what: string, run: () => T): T | undefined {
    try {
      return run();
    } catch (error) {
      this.faults = { count: this.faults.count + 1, last: `${what}: ${(error as Error).message}` };
      return undefined;
    }
  }

  #take({ definition, yardstick }: Judged, { subject, group, value, says }: Observation, step: number, wall: number) {
    const { table, begin, changed } = this.#options;
    let record = table.get(definition.id, subject);
    if (!record || record.state === "resolved") {
      const worst = value === null ? undefined : worstOf(definition, value);
      if (!worst) return;
      if (!record) {
        if (!table.makeRoom(group, worst.severity)) {
          this.notKept.set(group, (this.notKept.get(group) ?? 0) + 1);
          return;
        }
        const { severity } = worst;
        const levels = definition.levels.length;
        record = begin({ alert: definition.id, subject, group, severity, rule: null, levels });
      }
    }
    if (value === null) {
      // One that has not fired waits without a claim: its stretch goes on when it is known again.
      unknown(record, wall);
      return;
    }
    if (record.yardstick !== yardstick) remeasure(record, definition, yardstick);
    const what = look(record, definition, value, step, wall);
    if (record.held.some((held) => held !== null)) record.summary = says().slice(0, 1000);
    if (record.state === "pending" && record.held.every((held) => held === null)) table.remove(record);
    changed(record, what);
  }

  #remember({ state, launching }: Situation, now: number): void {
    const isKnown = !launching && state !== null && state.harmony.confidence >= ENOUGH_KNOWN;
    this.#scores.add(isKnown ? state.harmony.score : null, now);
  }
}

function worstOf(definition: AlertDefinition, value: number): AlertLevel | undefined {
  return definition.levels.findLast((level) => isBad(definition, level, value, false));
}
