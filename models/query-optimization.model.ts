import type { Model } from "./model.ts";
import type { OptimizationRecord } from "./performance.ts";

/** A change with all that is needed to undo it after the process that made it has died. Its `_id` is the record's id. */
export interface QueryOptimization extends Omit<OptimizationRecord, "id"> {
  /** Full names of the actions whose latency is compared. */
  actions: string[];
  /** What its knob undoes it by. */
  undoing: Record<string, unknown>;
  /** Ends with its node's process, and is made again when that is back. */
  fleeting: boolean;
}

const name = { type: "string", min: 1, max: 400 } as const;
const sentence = { type: "string", max: 2000 } as const;
const effect = { type: "object", optional: true } as const;

/** Every change that the optimizer made, of queries or of anything else. */
export const queryOptimizationModel: Model<QueryOptimization> = {
  name: "query_optimizations",
  fields: {
    at: { type: "string", pattern: "^\\d{4}-\\d{2}-\\d{2}T[\\d:.]+Z$" },
    service: name,
    node: { ...name, optional: true },
    kind: { type: "string", min: 1, max: 60 },
    change: sentence,
    reason: sentence,
    status: { type: "enum", values: ["measuring", "kept", "taken-back", "failed", "inconclusive"] },
    by: { type: "string", min: 1, max: 200 },
    effect,
    cost: effect,
    duration: { type: "number", min: 0, optional: true },
    outcome: { ...sentence, optional: true },
    actions: { type: "array", items: name, max: 1000, default: () => [] },
    undoing: { type: "object", default: () => ({}) },
    fleeting: { type: "boolean", default: false },
  },
  indexes: [{ fields: ["at"] }, { fields: ["service", "at"] }, { fields: ["status", "at"] }],
};
