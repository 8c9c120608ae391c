import type { Severity } from "../../models/alerts.ts";

/** From when on something is an alert of one severity. */
export interface AlertLevel {
  severity: Severity;
  /** Value from which it holds. */
  bound: number;
  /** Once it holds, it goes on holding until this is passed (hysteresis). @default the bound */
  clear?: number;
  /** How long it must be seen to hold, ms. What is not known does not count, neither way. */
  for: number;
}

/** What is an alert. The engine and Prometheus' rules are both made from it. */
export interface AlertDefinition {
  id: string;
  /** What is measured, with its unit. */
  measures: string;
  /** What can be measured. A bound beyond it would hold always, or never. */
  range: { min: number; max: number };
  /** `above`: a value at or above the bound is bad. */
  bad: "above" | "below";
  /**
   * The least severe first. A more severe one takes no longer than the one before, and no longer than `keepFor`: Prometheus'
   * rules exclude each other, and neither would fire meanwhile.
   */
  levels: readonly AlertLevel[];
  /** How long it must be seen to have ended, ms. */
  keepFor: number;
  /** Also while the organism is launched. */
  duringLaunch: boolean;
  /** Why nobody may change it or switch it off. @default it may be */
  fixed?: string;
  /** Of an own alert: its metric, as `heart.user-management.signups`. */
  metric?: string;
  /** The same in PromQL, without the bound: the engine's own families and those of docs/vitals.md. */
  query: string;
  /** Of a built-in one in Prometheus' template language; of an own one as docs/alerts.md has it, with `{value}`. */
  summary: string;
  /** The first thing to do. */
  advice: string;
}

/** Whether a value is bad. `isHeld`: it was so before, so that it ends only beyond `clear`. */
export function isBad({ bad }: AlertDefinition, level: AlertLevel, value: number, isHeld: boolean): boolean {
  const bound = isHeld ? (level.clear ?? level.bound) : level.bound;
  // At `clear` itself it has ended, at the bound itself it has begun.
  if (isHeld && level.clear !== undefined) return bad === "above" ? value > bound : value < bound;
  return bad === "above" ? value >= bound : value <= bound;
}

/** Another text where another yardstick is used: what was measured by the one says nothing by the other. */
export function yardstickOf({ bad, levels, metric }: AlertDefinition): string {
  return JSON.stringify([
    metric ?? null,
    bad,
    ...levels.map(({ severity, bound, clear }) => [severity, bound, clear ?? null]),
  ]);
}
