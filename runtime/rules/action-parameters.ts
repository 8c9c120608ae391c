import { ACTION_TYPES as HEALING_ACTIONS } from "../../models/healing.ts";
import type { ActionType } from "../../models/symbiosis.ts";
import type { TargetKind } from "./targets.ts";

/** Shape of one parameter of an action. */
export type ParameterShape = { required?: boolean } & (
  | { type: "number"; min: number; max: number; integer?: boolean; unit?: string }
  | { type: "boolean" }
  | { type: "text"; longest: number; pattern?: RegExp; what: string }
  | { type: "choice"; choices: readonly string[] }
  /** One of these, or another well-formed name that is not near any of them: plug-ins add their own. */
  | { type: "open choice"; choices: readonly string[] }
  /** A number, true or false, or a short text. */
  | { type: "scalar" }
  | { type: "object" }
);

export interface ActionShape {
  targets: readonly TargetKind[];
  parameters: Readonly<Record<string, ParameterShape>>;
  /** At least one of these has to be there. */
  anyOf?: readonly string[];
  /** At most one of these may be there. */
  oneOf?: readonly string[];
}

const HOW_LONG: ParameterShape = { type: "number", min: 1000, max: 3_600_000, unit: "ms" };
const SCALE: Readonly<Record<string, ParameterShape>> = {
  by: { type: "number", min: -8, max: 8, integer: true },
  to: { type: "number", min: 1, max: 64, integer: true },
};

/** What each action may be told. What it may do at one time is bounded again where it acts. */
export const ACTION_SHAPES: Readonly<Record<ActionType, ActionShape>> = {
  adjustResourceAllocation: {
    targets: ["system", "service", "node"],
    parameters: {
      increaseCpu: { type: "number", min: -90, max: 400, unit: "%" },
      increaseMemory: { type: "number", min: -90, max: 400, unit: "%" },
    },
    anyOf: ["increaseCpu", "increaseMemory"],
  },
  scaleService: { targets: ["service", "system"], parameters: SCALE, oneOf: ["by", "to"] },
  scaleSystem: { targets: ["system"], parameters: SCALE, oneOf: ["by", "to"] },
  heal: {
    targets: ["service", "node"],
    parameters: {
      action: { type: "open choice", choices: HEALING_ACTIONS },
      parameters: { type: "object" },
    },
  },
  shed: {
    targets: ["system", "service"],
    parameters: {
      share: { type: "number", min: 1, max: 90, unit: "%" },
      below: { type: "choice", choices: ["critical", "high", "medium", "low"] },
      duration: HOW_LONG,
    },
  },
  throttle: {
    targets: ["system", "service"],
    parameters: {
      rate: { type: "number", min: 1, max: 1_000_000, unit: "calls/s", required: true },
      duration: HOW_LONG,
    },
  },
  setFlag: {
    targets: ["organism", "system", "service"],
    parameters: {
      flag: {
        type: "text",
        longest: 64,
        pattern: /^[A-Za-z][A-Za-z0-9_.-]*$/,
        what: "a name of letters, digits, - _ and .",
        required: true,
      },
      value: { type: "scalar", required: true },
      duration: HOW_LONG,
    },
  },
  clearCache: { targets: ["organism", "system", "service", "node"], parameters: {} },
  alert: {
    targets: ["organism", "system", "service", "node"],
    parameters: {
      severity: { type: "choice", choices: ["info", "warning", "critical"] },
      summary: { type: "text", longest: 500, what: "a text" },
    },
  },
};
