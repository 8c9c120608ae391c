import { FAILURES, type Failure } from "../../models/healing.ts";
import { editDistance } from "../nearest.ts";

/** How one OTP supervisor treats the others when one of its children has failed. */
export const STRATEGIES = ["one-for-one", "rest-for-one", "one-for-all"] as const;
export type Strategy = (typeof STRATEGIES)[number];

/** A healing action that the service itself can carry out. */
export interface OwnHealingAction {
  /** Name under which it is asked for, as `data-repair`. */
  type: string;
  /** The service's action, without the service's name. */
  action: string;
  description?: string;
  /** ms @default 30000 */
  timeout?: number;
  /** Time before it is carried out again on the same target, ms. @default 60000 */
  cooldown?: number;
  /** Failures for which it is a remedy by itself. @default none: only when it is asked for */
  failures?: Failure[];
  /** What it costs, as lost time in ms: the cheapest remedy is tried first. @default 1000 */
  cost?: number;
}

/** How a service wants to be healed. Everything is optional. */
export interface HealingMetadata {
  /** Restarts before quarantine. @default AZORA_DEFAULT_MAX_RESTART_ATTEMPTS */
  attempts?: number;
  /** Waits before the attempts, ms; the last again and again. @default [0, 1000, 5000, 15000, 30000, 60000, 60000] */
  backoff?: number[];
  /** Share by which a wait varies, 0 to 1. @default 0.25 */
  jitter?: number;
  /** Time without a failure after which its attempts are forgotten, ms. @default 60000 */
  stableAfter?: number;
  /** More restarts than this within the period, ms, are flapping: quarantine. @default 10 in 600000 */
  intensity?: { restarts: number; period: number };
  /** Time between two trials in quarantine, ms. @default three times AZORA_CIRCUIT_BREAKER_RESET_TIMEOUT */
  trialEvery?: number;
  /**
   * Which others are restarted when it has been: nobody, those that depend on it, or all that share its node.
   * @default "one-for-one"
   */
  strategy?: Strategy;
  /** Service that takes its calls when it is failed over. */
  standby?: string;
  actions?: OwnHealingAction[];
}

interface Rule {
  allowed: string;
  fits(value: unknown): boolean;
}

const number = (min: number, max: number, whole = false): Rule => ({
  allowed: `a ${whole ? "whole " : ""}number from ${min} to ${max}`,
  fits: (value) => typeof value === "number" && value >= min && value <= max && (!whole || Number.isInteger(value)),
});
const text: Rule = { allowed: "a text", fits: (value) => typeof value === "string" && value !== "" };
const ms = number(0, 86_400_000);

const FIELDS: Record<keyof HealingMetadata, Rule> = {
  attempts: number(1, 100, true),
  backoff: {
    allowed: "a list of 1 to 100 times in ms, each up to 86400000",
    fits: (value) => Array.isArray(value) && value.length > 0 && value.length <= 100 && value.every(ms.fits),
  },
  jitter: number(0, 1),
  stableAfter: number(1, 86_400_000),
  intensity: {
    allowed: "{restarts: 1 to 1000, period: 1000 to 86400000 ms}",
    fits: (value) =>
      isObject(value) &&
      number(1, 1000, true).fits(value["restarts"]) &&
      number(1000, 86_400_000).fits(value["period"]),
  },
  trialEvery: number(1000, 86_400_000),
  strategy: { allowed: `one of ${STRATEGIES.join(", ")}`, fits: (value) => STRATEGIES.includes(value as Strategy) },
  standby: text,
  actions: { allowed: "a list of actions", fits: Array.isArray },
};

const ACTION_FIELDS: Record<keyof OwnHealingAction, Rule> = {
  type: {
    allowed: "small letters, digits and -, 1 to 40 characters",
    fits: (value) => typeof value === "string" && /^[a-z][a-z0-9-]{0,39}$/.test(value),
  },
  action: text,
  description: text,
  timeout: number(1, 600_000),
  cooldown: ms,
  failures: {
    allowed: `a list of ${FAILURES.join(", ")}`,
    fits: (value) => Array.isArray(value) && value.every((one) => FAILURES.includes(one)),
  },
  cost: ms,
};

export interface HealingProblem {
  field: string;
  value: unknown;
  allowed: string;
}

/** Every wrong member of `metadata.healing`, with what would be right. */
export function checkHealing(healing: Record<string, unknown>): HealingProblem[] {
  const problems = check("metadata.healing", healing, FIELDS);
  const actions = Array.isArray(healing["actions"]) ? healing["actions"] : [];
  for (const [index, action] of actions.entries()) {
    const field = `metadata.healing.actions[${index}]`;
    if (!isObject(action)) {
      problems.push({ field, value: action, allowed: "an object with type and action" });
      continue;
    }
    for (const needed of ["type", "action"] as const)
      if (action[needed] === undefined)
        problems.push({ field: `${field}.${needed}`, value: undefined, allowed: ACTION_FIELDS[needed].allowed });
    problems.push(...check(field, action, ACTION_FIELDS));
  }
  return problems;
}

function check(prefix: string, value: Record<string, unknown>, fields: Record<string, Rule>): HealingProblem[] {
  return Object.entries(value).flatMap(([name, member]) => {
    const field = `${prefix}.${name}`;
    const rule = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (rule) return member === undefined || rule.fits(member) ? [] : [{ field, value: member, allowed: rule.allowed }];
    const meant = Object.keys(fields).find((known) => editDistance(name.toLowerCase(), known.toLowerCase()) <= 2);
    return [
      {
        field,
        value: member,
        allowed: meant ? `known; did you mean ${meant}?` : `one of ${Object.keys(fields).join(", ")}`,
      },
    ];
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
