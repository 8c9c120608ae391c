import type { Model } from "./model.ts";
import type { ExecutionResult } from "./rule-results.ts";

/** What a rule did, with all that it was decided on. Its `_id` is the result's id. */
export interface RuleExecution {
  rule: string;
  /** ISO 8601 */
  at: string;
  result: ExecutionResult;
}

export const ruleExecutionModel: Model<RuleExecution> = {
  name: "rule_executions",
  fields: {
    rule: { type: "string", min: 1, max: 100 },
    at: { type: "string", pattern: "^\\d{4}-\\d{2}-\\d{2}T[\\d:.]+Z$" },
    result: { type: "object" },
  },
  indexes: [{ fields: ["at"] }, { fields: ["rule", "at"] }],
};
