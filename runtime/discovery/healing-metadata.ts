import { FAILURES } from "../../models/healing.ts";
import {
  type HealingMetadata,
  type OwnHealingAction,
  STRATEGIES,
  type Strategy,
} from "../../models/healing-metadata.ts";
import { editDistance } from "../nearest.ts";

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
