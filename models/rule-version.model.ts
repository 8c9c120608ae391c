import type { Model } from "./model.ts";
import type { SymbioticRule } from "./rules.ts";

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

export const ruleVersionModel: Model<RuleVersion> = {
  name: "symbiotic_rule_versions",
  fields: {
    ruleId: { type: "string", min: 1, max: 100 },
    number: { type: "number", integer: true, min: 1 },
    rule: { type: "object", nullable: true },
    change: { type: "string", min: 1, max: 200 },
    by: { type: "string", min: 1, max: 200 },
    at: { type: "string", pattern: "^\\d{4}-\\d{2}-\\d{2}T[\\d:.]+Z$" },
  },
  indexes: [{ fields: ["ruleId", "number"], unique: true }],
};
