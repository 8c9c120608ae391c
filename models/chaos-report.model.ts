import type { Model } from "./model.ts";

/** A run of chaos-monkey as it is kept. */
export interface ChaosReport {
  /** Id of the run. */
  run: string;
  kind: "experiment" | "suite" | "dependencies";
  /** Of the experiment or suite. */
  name: string;
  status: string;
  /** ISO 8601 */
  startedAt: string;
  /** The report as JSON. */
  report: string;
}

export const chaosReportModel: Model<ChaosReport> = {
  name: "chaos_reports",
  fields: {
    run: { type: "string", min: 1, max: 100 },
    kind: { type: "enum", values: ["experiment", "suite", "dependencies"] },
    name: { type: "string", max: 100 },
    status: { type: "string", max: 20 },
    startedAt: { type: "string", max: 40 },
    report: { type: "string", max: 4_000_000 },
  },
  indexes: [{ fields: ["run"], unique: true }, { fields: ["startedAt"] }, { fields: ["status"] }],
};
