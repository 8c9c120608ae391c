import type { CompleteRule } from "../../../models/rules.ts";

/** What rules are expected to do on values that are written down. Times are ms since the beginning of the series. */
export interface RuleTest {
  name: string;
  /** Between two values, ms. */
  interval: number;
  /** Wall time of the first value, ms since the epoch: matters to rules that expire. */
  start: number;
  /** As `brain.load`; null is unknown. The shorter ones are unknown at their end. */
  series: { key: string; values: (number | null)[] }[];
  /** All firings, and only these; left out: not compared. */
  firings?: { at: number; rule: string }[];
  ended?: { at: number; rule: string }[];
  /** Who is active at a moment, and nobody else. */
  active?: { at: number; rules: string[] }[];
  /** What the sentence that says why contains. */
  why?: { at: number; rule: string; says: string }[];
}

export interface RuleTestFile {
  rules: CompleteRule[];
  tests: RuleTest[];
  /** Rules that fight, as sorted lists of ids; left out: not compared. */
  conflicts?: string[][];
}

/** What was expected and did not come, or came and was not expected. */
export interface Difference {
  kind: "missing" | "unexpected" | "otherwise";
  /** As `firings`. */
  of: "firings" | "ended" | "active" | "why" | "conflicts";
  /** ms since the beginning of the series; null where it is about the rules alone. */
  at: number | null;
  rule: string;
  /** What was seen instead, and why. */
  why: string;
}

export interface RuleTestResult {
  name: string;
  passed: boolean;
  differences: Difference[];
}
