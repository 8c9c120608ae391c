import { SEVERITIES, type Severity } from "../../../../models/alerts.ts";
import { change, fire, resolve } from "./alert-record.ts";
import type { Keeping } from "./judge.ts";

/** What a rule raises. */
export interface RaisedAlert {
  id: string;
  subject: string;
  severity: Severity;
  summary: string;
  rule?: string;
}

/** It ends when its rule has not been active for so long, ms. */
const RAISED_MS = 60_000;

/** Alerts that rules raise: nobody judges them but the rule. */
export class RaisedAlerts {
  readonly #keeping: Keeping;
  /** For which there was no room since the last tick. */
  #notKept = 0;

  constructor(keeping: Keeping) {
    this.#keeping = keeping;
  }

  /** It fires at once, and until it is cleared. Raising it again refreshes it. False where there is no room for it. */
  raise({ id, subject, severity, summary, rule }: RaisedAlert): boolean {
    const { table, begin, changed, wall } = this.#keeping;
    const given = SEVERITIES.includes(severity) ? severity : "warning";
    const about = String(subject).slice(0, 200);
    const alert = String(id).slice(0, 100);
    let record = table.get(`rule:${alert}`, about);
    if (!record) {
      if (!table.makeRoom("rules", given)) {
        this.#notKept++;
        return false;
      }
      record = begin({ alert, subject: about, group: "rules", severity: given, rule: rule ?? null, levels: 0 });
    }
    record.summary = String(summary).slice(0, 1000);
    record.rule = rule ?? record.rule;
    record.overFor = 0;
    if (record.state !== "firing") changed(record, fire(record, given, wall()));
    else if (record.severity !== given) changed(record, change(record, given));
    return true;
  }

  /** How severe a raised alert is that fires now; undefined where none does. */
  raised(id: string, subject: string): Severity | undefined {
    const record = this.#keeping.table.get(`rule:${id.slice(0, 100)}`, subject.slice(0, 200));
    return record?.state === "firing" ? record.severity : undefined;
  }

  /** All that a rule has raised: it has ended, or there is no such rule any more. */
  clearRule(rule: string): void {
    const { table, changed, wall } = this.#keeping;
    for (const record of table.group("rules"))
      if (record.rule === rule && record.state === "firing") changed(record, resolve(record, "cleared", wall()));
  }

  /**
   * The engine may have died before it knew of an end, and what a person has raised has no rule that would end.
   * @param active null where it is not known which rules are
   * @returns for how many there was no room since the last tick
   */
  tick(active: ReadonlySet<string> | null, step: number): number {
    const { table, changed, wall } = this.#keeping;
    const notKept = this.#notKept;
    this.#notKept = 0;
    if (!active) return notKept;
    for (const record of table.group("rules")) {
      if (record.state !== "firing" || record.rule === null) continue;
      record.overFor = active.has(record.rule) ? 0 : record.overFor + step;
      if (record.overFor >= RAISED_MS) changed(record, resolve(record, "cleared", wall()));
    }
    return notKept;
  }
}
