/** Shapes of what the actions take. */
export const ID = { type: "string", pattern: "^[\\x21-\\x7e]{1,100}$" } as const;
export const LIMIT = { type: "number", integer: true, min: 1, max: 1000, default: 100, convert: true } as const;
export const YES = { type: "boolean", convert: true, default: false } as const;
export const MODE = { type: "enum", values: ["shadow", "on"], optional: true } as const;
export const ENABLED = { type: "boolean", convert: true, optional: true } as const;
export const VERSION = { type: "number", integer: true, min: 1, max: 1e9, convert: true } as const;
export const COMMENT = { type: "string", max: 1000, optional: true } as const;
/** ms since the epoch, or ISO 8601, which is checked where it is read. */
export const TIME = [
  { type: "number", integer: true, min: 0, max: 8.64e15, convert: true, optional: true },
  { type: "string", max: 100, optional: true },
] as const;
export const STEP = { type: "enum", values: [1000, 60_000, "1000", "60000"], default: 1000 } as const;
export const RULE = { type: "object" } as const;
/** What a file of alerts holds: it is checked as a file is. */
export const ALERTS = [{ type: "array", max: 1000 }, { type: "object" }] as const;
/** A rule, a list of them, or what a rule file holds: it is checked as a file is. */
export const RULES = [{ type: "array", max: 10_000 }, { type: "object" }] as const;
