import type { ActionType } from "../../models/healing.ts";
import type { ActionShape, ParameterShape } from "./action-parameters.ts";

/** The healer takes null for what is not said. */
const OR_NULL = { orNull: true } as const;
const FORCE: ParameterShape = { ...OR_NULL, type: "boolean" };
const BY: ParameterShape = { ...OR_NULL, type: "number", min: 1, max: 8, integer: true };
const ANY = ["service", "node"] as const;
const CONNECTIONS = ["bus", "database", "cache"];

/** What the healer's own actions may be told, and whom they can heal: else it refuses them each time that the rule fires. */
export const HEALING_SHAPES: Readonly<Record<ActionType, ActionShape>> = {
  restart: { targets: ANY, parameters: { force: FORCE } },
  "scale-up": { targets: ANY, parameters: { force: FORCE, by: BY } },
  "scale-down": { targets: ANY, parameters: { force: FORCE, by: BY } },
  reconnect: {
    targets: ANY,
    parameters: { force: FORCE, what: { ...OR_NULL, type: "choices", choices: CONNECTIONS } },
  },
  "clear-cache": { targets: ["service"], parameters: { force: FORCE } },
  failover: { targets: ["service"], parameters: { force: FORCE } },
  "resource-adjust": {
    targets: ANY,
    parameters: {
      force: FORCE,
      concurrency: { ...OR_NULL, type: "number", min: 1, max: 10_000, integer: true },
      memoryLimitMB: { ...OR_NULL, type: "number", min: 64, max: 65_536, integer: true, unit: "MB" },
      atNextStart: { ...OR_NULL, type: "boolean" },
      niceness: { ...OR_NULL, type: "number", min: -20, max: 19, integer: true },
    },
    only: { concurrency: ["service"] },
    anyOf: ["concurrency", "memoryLimitMB", "niceness"],
  },
};
