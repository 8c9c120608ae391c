import type { ExecutionResult, RuleWhy } from "../../../../models/rule-results.ts";
import type { CompleteRule } from "../../../../models/rules.ts";

export type ActionResult = ExecutionResult["actions"][number];

/** A rule that is being carried out. */
export interface Firing {
  rule: CompleteRule;
  why: RuleWhy;
  by: "rules" | "operator";
  /** Its conditions hold no longer. Acts of one system wait for each other. */
  isOver(): boolean;
  /** Nothing may be changed any more. */
  isStopped(): boolean;
  /** Says that something will be changed; once for all actions. */
  announce(): Promise<void>;
  /** Tells what has become known of the effects. */
  tell(): Promise<void>;
}

export const STOPS = "the engine stops";
