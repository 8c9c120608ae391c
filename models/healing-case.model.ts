import type { Detection, HealingDecision, HealingRecord } from "./healing.ts";
import type { Model } from "./model.ts";

/**
 * `open`: it is not over. `healed`: an act ended it. `gone`: it ended by itself. `quarantined`, `given up`: nothing
 * helped. `done`, `failed`: what an operator asked for.
 */
export const CASE_OUTCOMES = ["open", "healed", "gone", "quarantined", "given up", "done", "failed"] as const;
export type CaseOutcome = (typeof CASE_OUTCOMES)[number];

export interface CaseDecision extends HealingDecision {
  /** ISO 8601 */
  at: string;
  /** `shadow`: only what would have been done. `off`: it was named, and healing before it breaks is off. */
  mode: "on" | "shadow" | "off";
}

/** One failure of one target, from its being seen to its end, with all that was thought and done about it. */
export interface HealingCase {
  failure: string;
  service?: string;
  node?: string;
  severity: "warning" | "failure";
  /** `<failure>|<service>|<fingerprint of the error>` */
  signature?: string;
  /** ISO 8601 */
  opened: string;
  closed?: string;
  outcome: CaseOutcome;
  /** Calls that failed meanwhile, as far as they were counted. */
  lost: number;
  /** The newest of each; what is left out of them is in `omitted`. */
  detections: Detection[];
  decisions: CaseDecision[];
  acts: HealingRecord[];
  omitted: number;
}

/** Fields of the parts are checked where they are made. */
const parts = { type: "array", items: { type: "object" }, default: () => [] } as const;
const name = { type: "string", min: 1, max: 200, optional: true } as const;
const time = { type: "string", pattern: "^\\d{4}-\\d{2}-\\d{2}T[\\d:.]+Z$" } as const;

export const healingCaseModel: Model<HealingCase> = {
  name: "healing_cases",
  fields: {
    failure: { type: "string", min: 1, max: 60 },
    service: name,
    node: name,
    severity: { type: "enum", values: ["warning", "failure"] },
    signature: { type: "string", max: 500, optional: true },
    opened: time,
    closed: { ...time, optional: true },
    outcome: { type: "enum", values: [...CASE_OUTCOMES] },
    lost: { type: "number", min: 0 },
    detections: parts,
    decisions: parts,
    acts: parts,
    omitted: { type: "number", integer: true, min: 0, default: 0 },
  },
  indexes: [
    { fields: ["opened"] },
    { fields: ["service", "opened"] },
    { fields: ["node", "opened"] },
    { fields: ["failure", "opened"] },
    { fields: ["outcome"] },
  ],
};
