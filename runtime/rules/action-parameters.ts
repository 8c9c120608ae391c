import { ACTION_TYPES as HEALING_ACTIONS } from "../../models/healing.ts";
import type { ActionType } from "../../models/rules.ts";
import type { TargetKind } from "./targets.ts";

/** Shape of one parameter of an action. */
export type ParameterShape = { required?: boolean; orNull?: boolean } & (
  | { type: "number"; min: number; max: number; integer?: boolean; unit?: string }
  | { type: "boolean" }
  | { type: "text"; longest: number; pattern?: RegExp; what: string }
  | { type: "choice"; choices: readonly string[] }
  /** One or more of these, each once. */
  | { type: "choices"; choices: readonly string[] }
  /** One of these, or another well-formed name that is not near any of them: plug-ins add their own. */
  | { type: "open choice"; choices: readonly string[] }
  /** A number, true or false, or a short text. */
  | { type: "scalar" }
  | { type: "object" }
  /** As `brain.load`. */
  | { type: "metric" }
);

export interface ActionShape {
  targets: readonly TargetKind[];
  parameters: Readonly<Record<string, ParameterShape>>;
  /** Parameters that go with some of the targets only. */
  only?: Readonly<Record<string, readonly TargetKind[]>>;
  /** At least one of these has to be there. */
  anyOf?: readonly string[];
  /** At most one of these may be there. */
  oneOf?: readonly string[];
}

/** For how long what a person asked for is held, ms; what a rule asks for is held while the rule is active. */
const HOW_LONG: ParameterShape = { type: "number", min: 1000, max: 3_600_000, unit: "ms" };
/** Each step, %; what steps add up to is bounded where they are taken. */
const PERCENT: ParameterShape = { type: "number", min: -50, max: 100, unit: "%" };
const NODES: ParameterShape = { type: "number", min: 1, max: 64, integer: true };
/** What is watched afterwards, as `brain.load`, and for how long. */
const WATCHED: Readonly<Record<string, ParameterShape>> = {
  watch: { type: "metric" },
  observe: { type: "number", min: 1000, max: 600_000, unit: "ms" },
};
const SCALE: Readonly<Record<string, ParameterShape>> = {
  by: { type: "number", min: -8, max: 8, integer: true },
  to: NODES,
  least: NODES,
  most: NODES,
  ...WATCHED,
};

/** What each action may be told. What it may do at one time is bounded again where it acts. */
export const ACTION_SHAPES: Readonly<Record<ActionType, ActionShape>> = {
  adjustResourceAllocation: {
    targets: ["system", "service", "node"],
    parameters: { increaseCpu: PERCENT, increaseMemory: PERCENT, ...WATCHED },
    anyOf: ["increaseCpu", "increaseMemory"],
  },
  scaleService: { targets: ["service", "system"], parameters: SCALE, oneOf: ["by", "to"] },
  scaleSystem: { targets: ["system"], parameters: SCALE, oneOf: ["by", "to"] },
  heal: {
    targets: ["service", "node"],
    parameters: {
      action: { type: "open choice", choices: HEALING_ACTIONS },
      parameters: { type: "object" },
      ...WATCHED,
    },
  },
  shed: {
    targets: ["system", "service", "node"],
    parameters: {
      share: { type: "number", min: 1, max: 100, unit: "%" },
      below: { type: "choice", choices: ["critical", "high", "medium"] },
      duration: HOW_LONG,
      ...WATCHED,
    },
  },
  throttle: {
    targets: ["system", "service", "node"],
    parameters: {
      rate: { type: "number", min: 1, max: 1_000_000, unit: "calls/s" },
      percent: { type: "number", min: 1, max: 100, unit: "%" },
      duration: HOW_LONG,
      ...WATCHED,
    },
    // How many calls come is measured of systems.
    only: { percent: ["system"] },
    anyOf: ["rate", "percent"],
    oneOf: ["rate", "percent"],
  },
  setFlag: {
    targets: ["organism", "system", "service", "node"],
    parameters: {
      flag: {
        type: "text",
        longest: 64,
        pattern: /^[A-Za-z][A-Za-z0-9_.-]*$/,
        what: "a name that begins with a letter, and has letters, digits, - _ and .,",
        required: true,
      },
      value: { type: "scalar", required: true },
      duration: HOW_LONG,
    },
  },
  clearCache: {
    targets: ["organism", "system", "service", "node"],
    parameters: { tag: { type: "text", longest: 200, what: "the tag of cached answers" }, ...WATCHED },
  },
  alert: {
    targets: ["organism", "system", "service", "node"],
    parameters: {
      severity: { type: "choice", choices: ["info", "warning", "critical"] },
      summary: { type: "text", longest: 500, what: "a text" },
    },
  },
};
