import type { Model } from "./model.ts";
import type { CompleteRule, ExecutionResult, RuleFault, RuleOrigin, SymbioticRule } from "./symbiosis.ts";

/** A rule that came through the API, or what the API has changed of one that stands in a file. Its `_id` is the rule's. */
export interface StoredRule {
  /** `null` where the rule itself stands in a file. */
  rule: SymbioticRule | null;
  /** In place of what the file says; `null` where nothing was changed. */
  enabled: boolean | null;
  mode: "shadow" | "on" | null;
  by: string;
}

/** What a rule was, so that it can be had back. */
export interface RuleVersion {
  ruleId: string;
  /** Counts from 1, for each rule. */
  number: number;
  /** `null` where it was removed, or where only a file's rule was enabled, disabled or put into shadow. */
  rule: SymbioticRule | null;
  /** As `added`, `changed`, `removed`, `disabled`, `shadow`, `restored from 3`. */
  change: string;
  by: string;
  /** ISO 8601 */
  at: string;
}

/** A rule as it is shown. */
export interface RuleView extends CompleteRule {
  origin: RuleOrigin;
  /** Where it stands, below the project. */
  file?: string;
  /** 0 for a rule that the API never touched. */
  version: number;
  active: boolean;
  /** ISO 8601; null where it has not fired since it was loaded. */
  lastFired: string | null;
  /** Of its newest text; what runs is then the last version that had none. */
  faults: RuleFault[];
}

/** What a rule did, with all that it was decided on. Its `_id` is the result's id. */
export interface RuleExecution {
  rule: string;
  /** ISO 8601 */
  at: string;
  result: ExecutionResult;
}

/** What the engine has to know again after a restart, by part. */
export interface EngineState {
  state: Record<string, unknown>;
}

const ID = { type: "string", min: 1, max: 100 } as const;
const MODE = { type: "enum", values: ["shadow", "on"], nullable: true } as const;
const RULE = { type: "object", nullable: true } as const;
const BY = { type: "string", min: 1, max: 200 } as const;
const AT = { type: "string", pattern: "^\\d{4}-\\d{2}-\\d{2}T[\\d:.]+Z$" } as const;

export const symbioticRuleModel: Model<StoredRule> = {
  name: "symbiotic_rules",
  fields: { rule: RULE, enabled: { type: "boolean", nullable: true }, mode: MODE, by: BY },
};

export const ruleVersionModel: Model<RuleVersion> = {
  name: "symbiotic_rule_versions",
  fields: {
    ruleId: ID,
    number: { type: "number", integer: true, min: 1 },
    rule: RULE,
    change: { type: "string", min: 1, max: 200 },
    by: BY,
    at: AT,
  },
  indexes: [{ fields: ["ruleId", "number"], unique: true }],
};

export const ruleExecutionModel: Model<RuleExecution> = {
  name: "rule_executions",
  fields: { rule: ID, at: AT, result: { type: "object" } },
  indexes: [{ fields: ["at"] }, { fields: ["rule", "at"] }],
};

export const engineStateModel: Model<EngineState> = {
  name: "engine_states",
  fields: { state: { type: "object" } },
};
