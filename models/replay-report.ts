/** What rules would have done. Shapes only. */
import type { RuleWhy } from "./symbiosis.ts";

/** Two rules that push one target in opposite directions, or one whose action undoes or feeds its own condition. */
export interface RuleConflict {
  kind: "opposed" | "undoes-itself" | "chain";
  /** Ids. */
  rules: string[];
  target: string;
  lever: string;
  /** Values of metrics with which all of them fire, as `brain.load`. */
  example: Record<string, number>;
  /** One sentence. */
  why: string;
}

export interface ReplayReport {
  /** In the order of time; `at` in ms since the epoch. */
  firings: { at: number; rule: string; why: RuleWhy }[];
  ended: { at: number; rule: string }[];
  conflicts: RuleConflict[];
  /** Share of the values that were not known, 0 to 1. */
  unknownShare: number;
}
