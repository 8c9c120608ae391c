import type { Model } from "./model.ts";
import type { SymbioticRule } from "./rules.ts";

/** A rule that came through the API, or what the API has changed of one that stands in a file. Its `_id` is the rule's. */
export interface StoredRule {
  /** `null` where the rule itself stands in a file. */
  rule: SymbioticRule | null;
  /** In place of what the file says; `null` where nothing was changed. */
  enabled: boolean | null;
  mode: "shadow" | "on" | null;
  by: string;
}

export const symbioticRuleModel: Model<StoredRule> = {
  name: "symbiotic_rules",
  fields: {
    rule: { type: "object", nullable: true },
    enabled: { type: "boolean", nullable: true },
    mode: { type: "enum", values: ["shadow", "on"], nullable: true },
    by: { type: "string", min: 1, max: 200 },
  },
};
