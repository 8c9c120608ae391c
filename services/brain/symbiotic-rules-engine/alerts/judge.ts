import type { AlertGroup } from "../../../../models/alerts.ts";
import { ALERT_DEFINITIONS, type AlertDefinition, isBad } from "../../../../runtime/alerts/definitions.ts";
import { type AlertRecord, type beginRecord, gone, look, type RecordChange, unknown } from "./alert-record.ts";
import type { AlertTable } from "./alert-table.ts";
import { ENOUGH_KNOWN, type Memory, OBSERVATIONS, type Observation, type Seen } from "./observe.ts";
import { ScoreTrail } from "./score-trail.ts";
import type { Situation } from "./situation.ts";

export type NewRecord = Omit<Parameters<typeof beginRecord>[0], "id" | "wall">;

export interface JudgeOptions {
  table: AlertTable;
  wall(): number;
  begin(of: NewRecord): AlertRecord;
  changed(record: AlertRecord, what: RecordChange | undefined): void;
}

const NOTHING_KNOWN: Seen = { complete: false, of: [] };

/** Holds the organism's own definitions against what is known, tick by tick. */
export class Judge {
  /** Definitions that could not be judged in all ticks, as their facts were malformed. */
  faults = { count: 0, last: "" };
  /** For which there was no room at the last tick. */
  readonly notKept = new Map<AlertGroup, number>();
  readonly #options: JudgeOptions;
  readonly #scores = new ScoreTrail();

  constructor(options: JudgeOptions) {
    this.#options = options;
  }

  /** @param now monotonic, ms @param step ms since the last tick that count as seen */
  tick(situation: Situation, channels: Memory["channels"], now: number, step: number): void {
    this.notKept.clear();
    this.#guarded("what was before", () => this.#remember(situation, now));
    const memory: Memory = { scores: this.#scores, channels };
    for (const definition of ALERT_DEFINITIONS) this.#judge(definition, situation, memory, step);
  }

  #judge(definition: AlertDefinition, situation: Situation, memory: Memory, step: number): void {
    const { table, changed } = this.#options;
    const wall = this.#options.wall();
    const kept = table.of(definition.id);
    const isQuiet = situation.launching && !definition.duringLaunch;
    const seen = isQuiet ? NOTHING_KNOWN : this.#observe(definition, situation, memory);
    const named = new Set<string>();
    for (const observation of seen.of) {
      named.add(observation.subject);
      this.#take(definition, observation, step, wall);
    }
    for (const record of [...kept.values()]) {
      if (record.state === "resolved" || named.has(record.subject)) continue;
      if (!seen.complete) unknown(record, wall);
      else if (record.state === "pending") table.remove(record);
      else changed(record, gone(record, step, wall));
    }
  }

  #observe(definition: AlertDefinition, situation: Situation, memory: Memory): Seen {
    const seen = this.#guarded(definition.id, () => OBSERVATIONS[definition.id]!(situation, memory));
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

  #take(definition: AlertDefinition, { subject, group, value, says }: Observation, step: number, wall: number): void {
    const { table, begin, changed } = this.#options;
    let record = table.get(definition.id, subject);
    if (!record || record.state === "resolved") {
      const worst =
        value === null ? undefined : definition.levels.findLast((one) => isBad(definition, one, value, false));
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
