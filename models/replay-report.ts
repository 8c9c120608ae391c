/** What rules would have done. Shapes only. */
import type { RuleWhy } from "./rule-results.ts";

/**
 * Two rules that push one target in opposite directions, or one whose action undoes its own condition, or a circle of two to four of
 * which each sets off the next.
 */
export interface RuleConflict {
  kind: "opposed" | "undoes-itself" | "chain";
  /** Ids; of a chain in the order in which they set each other off. */
  rules: string[];
  target: string;
  lever: string;
  /**
   * Values of metrics with which all of them fire, as `brain.load`; without what they do themselves. Some chains begin only once the
   * first rule has fired at other values, which `why` tells.
   */
  example: Record<string, number>;
  /** `calculated`: from the conditions, and tried. `recorded`: seen when the rules were played on recorded vitals. */
  found: "calculated" | "recorded";
  /** One sentence. */
  why: string;
}

export interface ReplayReport {
  /** In the order of time; `at` in ms since the epoch. */
  firings: { at: number; rule: string; why: RuleWhy }[];
  ended: { at: number; rule: string }[];
  conflicts: RuleConflict[];
  /** Share of the values that the rules read that were not known, 0 to 1. */
  unknownShare: number;
  /** Moments that were looked at, and the first and the last of them, ms since the epoch; null where there are none. */
  rows: number;
  from: number | null;
  to: number | null;
  /** Firings and ends beyond the first 10,000, which are not told. */
  dropped: number;
}
