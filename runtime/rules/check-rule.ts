import type { CompleteRule } from "../../models/rules.ts";
import { checkAction } from "./check-action.ts";
import { checkCondition, type Tally } from "./check-condition.ts";
import { checkReach } from "./check-reach.ts";
import type { KnownNames } from "./check-rules.ts";
import type { Faults } from "./faults.ts";
import { booleanField, choiceField, type Fields, listField, numberField, onlyFields, textField } from "./fields.ts";
import {
  DEFAULT_COOLDOWN,
  DEFAULT_PRIORITY,
  LONGEST_ID,
  LONGEST_NAME,
  LONGEST_TIME,
  MOST_ACTIONS,
  MOST_COMPARISONS,
  PRIORITIES,
  SHORTEST_COOLDOWN,
} from "./limits.ts";

export const RULE_ID = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
const RULE_FIELDS = [
  "id",
  "name",
  "conditions",
  "actions",
  "priority",
  "cooldown",
  "enabled",
  "for",
  "keepFor",
  "minActive",
  "mode",
  "expires",
];
const DATE = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/;

/** One rule with its defaults; undefined after a fault. */
export function checkRule(faults: Faults, input: Fields, known: KnownNames, tally: Tally): CompleteRule | undefined {
  onlyFields(faults, "", input, RULE_FIELDS);
  const id = textField(faults, "id", input["id"], {
    longest: LONGEST_ID,
    pattern: RULE_ID,
    what: "an id that begins with a letter or a digit, and has letters, digits, - _ and .,",
  });
  const name = orDefault(input["name"], id ?? "", (value) =>
    textField(faults, "name", value, { longest: LONGEST_NAME, what: "a text" }),
  );
  const before = faults.list.length;
  const conditions = listField(faults, "conditions", input["conditions"], { most: MOST_COMPARISONS, of: "conditions" })
    ?.map((one, i) => checkCondition(faults, `conditions[${i}]`, one, known, tally))
    .filter((one) => one !== undefined);
  // A part that was not understood might be what makes them hold.
  if (conditions && faults.list.length === before) checkReach(faults, conditions);
  const actions = listField(faults, "actions", input["actions"], { most: MOST_ACTIONS, of: "actions" })
    ?.map((one, i) => checkAction(faults, `actions[${i}]`, one, known))
    .filter((one) => one !== undefined);
  const time = (field: string, min: number, otherwise: number) =>
    orDefault(input[field], otherwise, (value) =>
      numberField(faults, field, value, { min, max: LONGEST_TIME, unit: "ms" }),
    );
  const rule = {
    id,
    name,
    conditions,
    actions,
    priority: orDefault(input["priority"], DEFAULT_PRIORITY, (value) => checkPriority(faults, value)),
    cooldown: time("cooldown", SHORTEST_COOLDOWN, DEFAULT_COOLDOWN),
    enabled: orDefault(input["enabled"], true, (value) => booleanField(faults, "enabled", value)),
    for: time("for", 0, 0),
    keepFor: time("keepFor", 0, 0),
    minActive: time("minActive", 0, 0),
    mode: orDefault(input["mode"], "on", (value) => choiceField(faults, "mode", value, ["on", "shadow"])),
    expires: input["expires"] === null ? null : orDefault(input["expires"], null, (value) => checkDate(faults, value)),
  };
  return faults.any ? undefined : (rule as CompleteRule);
}

function orDefault<T, D>(value: unknown, otherwise: D, check: (value: unknown) => T): T | D {
  return value === undefined ? otherwise : check(value);
}

function checkPriority(faults: Faults, value: unknown): number | undefined {
  if (typeof value === "number" && value >= 0 && value <= 1000) return value;
  if (typeof value === "string" && Object.hasOwn(PRIORITIES, value))
    return PRIORITIES[value as keyof typeof PRIORITIES];
  const words = Object.keys(PRIORITIES);
  if (typeof value === "string") return faults.unknownName("priority", value, words, ", or a number from 0 to 1000");
  return faults.wrong("priority", value, `a number from 0 to 1000, or one of ${words.join(", ")}`);
}

function checkDate(faults: Faults, value: unknown): string | undefined {
  if (typeof value === "string" && DATE.test(value) && !Number.isNaN(Date.parse(value))) return value;
  return faults.wrong("expires", value, "a moment in ISO 8601, as 2027-01-31T12:00:00Z");
}
