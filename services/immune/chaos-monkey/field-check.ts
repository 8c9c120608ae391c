import type { FieldError } from "../../../runtime/field-errors.ts";

/** What one field of a file may hold. */
export interface Rule {
  allowed: string;
  fits(value: unknown): boolean;
  /** It may be left out. */
  optional?: boolean;
}

export const text = (max: number): Rule => ({
  allowed: `a text of 1 to ${max} characters`,
  fits: (value) => typeof value === "string" && value.length >= 1 && value.length <= max,
});

export const whole = (min: number, max: number, unit = ""): Rule => ({
  allowed: `a whole number from ${min} to ${max}${unit && ` ${unit}`}`,
  fits: (value) => Number.isInteger(value) && (value as number) >= min && (value as number) <= max,
});

export const oneOf = (...values: readonly string[]): Rule => ({
  allowed: `one of ${values.join(", ")}`,
  fits: (value) => values.includes(value as string),
});

export const some = (of: Rule, most: number): Rule => ({
  allowed: `a list of 1 to ${most}, each ${of.allowed}`,
  fits: (value) => Array.isArray(value) && value.length >= 1 && value.length <= most && value.every(of.fits),
});

export const object: Rule = { allowed: "an object", fits: isObject };

export const optional = (rule: Rule): Rule => ({ ...rule, optional: true });

export function either(...rules: Rule[]): Rule {
  return {
    allowed: rules.map(({ allowed }) => allowed).join(", or "),
    fits: (value) => rules.some((rule) => rule.fits(value)),
  };
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Every wrong, missing or unknown field of an object. `at`: path of the object, "" for the whole. */
export function checkFields(at: string, value: unknown, rules: Record<string, Rule>): FieldError[] {
  if (!isObject(value)) return [{ field: at, value: shown(value), allowed: "an object" }];
  const path = (name: string) => (at === "" ? name : `${at}.${name}`);
  const errors: FieldError[] = [];
  for (const [name, rule] of Object.entries(rules)) {
    const given = Object.hasOwn(value, name) ? value[name] : undefined;
    if (given === undefined ? !rule.optional : !rule.fits(given))
      errors.push({
        field: path(name),
        ...(given === undefined ? {} : { value: shown(given) }),
        allowed: rule.allowed,
      });
  }
  for (const name of Object.keys(value))
    if (!Object.hasOwn(rules, name))
      errors.push({
        field: path(name),
        value: shown(value[name]),
        allowed: `known are ${Object.keys(rules).join(", ")}`,
      });
  return errors;
}

function shown(value: unknown): unknown {
  let json: string | undefined;
  try {
    json = JSON.stringify(value);
  } catch {
    return "something that is no JSON";
  }
  return json !== undefined && json.length > 200 ? `${json.slice(0, 200)}…` : value;
}
