/** What came of a rule, and why. Shapes only. */

import type { ActionType } from "./rules.ts";

export type Truth = "true" | "false" | "unknown";

/** Why a rule did or did not fire. */
export interface RuleWhy {
  rule: string;
  at: string;
  /** At this moment: a rule that is active fires once in its cooldown. */
  result: "fired" | "would fire" | "did not fire";
  /** ISO 8601; null while it is not active. */
  activeSince?: string | null;
  /** One sentence. */
  why: string;
  conditions: {
    path: string;
    text: string;
    truth: Truth;
    read: { system: string; metric: string; value: number | null; age: number | null }[];
  }[];
  /** ms */
  cooldownLeft: number;
  heldFor: number;
}

/** What came of a rule. */
export interface ExecutionResult {
  id: string;
  rule: string;
  at: string;
  mode: "shadow" | "on";
  why: RuleWhy;
  actions: {
    type: ActionType;
    target: string;
    status: "done" | "refused" | "failed" | "shadow" | "unchanged";
    /** What was done, or why not. */
    what: string;
    /** What was to get better, watched afterwards. */
    effect?: {
      metric: string;
      before: number | null;
      after: number | null;
      verdict: "watching" | "better" | "no change" | "worse" | "unknown";
      rolledBack: boolean;
      /** How the verdict was found, in a sentence; once there is one. */
      why?: string;
    };
  }[];
}
