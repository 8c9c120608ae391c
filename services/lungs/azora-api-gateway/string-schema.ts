import type { Rule } from "./rule-notation.ts";

/** A JSON Schema 2020-12 schema. */
export type JsonSchema = Record<string, unknown> | boolean;

/** The entries that say something. */
export const defined = (entries: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined && value !== null));

/** Lengths count UTF-16 units in the validator and characters in JSON Schema; they differ beyond the basic plane. */
export function lengths(rule: Rule, trimmed: boolean) {
  return defined({ minLength: rule.length ?? rule.min, maxLength: trimmed ? undefined : (rule.length ?? rule.max) });
}

const TRIMS = ["trim", "trimLeft", "trimRight"];
const REWRITES = ["lowercase", "uppercase", "localeLowercase", "localeUppercase"];
const PATTERNS: Record<string, string> = {
  numeric: "^-?[0-9]\\d*(\\.\\d+)?$",
  alpha: "^[a-zA-Z]+$",
  alphanum: "^[a-zA-Z0-9]+$",
  alphadash: "^[a-zA-Z0-9_-]+$",
  hex: "^([0-9a-fA-F]{2})+$",
  singleLine: "^[^\\n]*$",
};

export function stringSchema(rule: Rule): JsonSchema {
  const trimmed = TRIMS.some((name) => rule[name]);
  const rewritten = REWRITES.some((name) => rule[name]);
  const padded = rule.padStart || rule.padEnd;
  if (padded) return { type: "string" };
  const patterns = trimmed || rewritten ? [] : patternsOf(rule);
  const schema: Record<string, unknown> = {
    type: "string",
    ...(rule.empty === false ? { minLength: 1 } : {}),
    ...lengths(rule, trimmed),
    ...(patterns.length === 1 ? { pattern: patterns[0] } : {}),
    ...(patterns.length > 1 ? { allOf: patterns.map((pattern) => ({ pattern })) } : {}),
    ...(Array.isArray(rule.enum) && !trimmed && !rewritten ? { enum: [...rule.enum] } : {}),
    ...(trimmed && rule.max != null ? { description: `At most ${rule.max} characters, trimmed.` } : {}),
  };
  const mayBeEmpty = rule.empty === true && Object.keys(schema).length > 1;
  return mayBeEmpty ? { anyOf: [schema, { type: "string", maxLength: 0 }] } : schema;
}

function patternsOf(rule: Rule): string[] {
  const named = Object.entries(PATTERNS).filter(([name]) => rule[name] === true);
  const contained = typeof rule.contains === "string" ? [rule.contains.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")] : [];
  return [...ownPattern(rule), ...contained, ...named.map(([, pattern]) => pattern)];
}

/** JSON Schema has no flags, and a RegExp does not survive its way from another node. */
function ownPattern({ pattern, patternFlags }: Rule): string[] {
  const [source, flags] = pattern instanceof RegExp ? [pattern.source, pattern.flags] : [pattern, patternFlags ?? ""];
  if (typeof source !== "string" || /[ismvy]/.test(String(flags))) return [];
  try {
    new RegExp(source, "u");
    return [source];
  } catch {
    return [];
  }
}
