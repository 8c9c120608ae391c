import type { FieldRule } from "../../models/model.ts";

export type Scalar = string | number | boolean;
export type ScalarKind = "string" | "number" | "boolean";

/** Fields that the store itself writes. */
export const SYSTEM_PATHS = {
  _id: "string",
  version: "number",
  createdAt: "string",
  updatedAt: "string",
  deletedAt: "string",
} as const satisfies Record<string, ScalarKind>;

const STRING_TYPES = new Set(["string", "email", "uuid", "url", "objectID", "currency", "mac", "luhn"]);

/**
 * The paths whose value is never an array nor inside one, with their kind. Only these can be compared by SQL, indexed
 * and sorted by: for any other path Mongo's rules look into arrays, which no SQL index serves.
 *
 * `{ email: {type: "email"}, address: {type: "object", props: {city: {type: "string"}}}, tags: {type: "array"} }`
 * becomes `email: string, address.city: string` and the system fields.
 */
export function scalarPaths(model: { fields: object }): Map<string, ScalarKind> {
  const paths = new Map<string, ScalarKind>(Object.entries(SYSTEM_PATHS));
  collect(model.fields as Record<string, FieldRule>, "", paths);
  return paths;
}

function collect(fields: Record<string, FieldRule>, prefix: string, paths: Map<string, ScalarKind>): void {
  for (const [name, rule] of Object.entries(fields)) {
    const kind = kindOf(rule);
    if (kind) paths.set(prefix + name, kind);
    else if (rule.type === "object" && rule.props) collect(rule.props, `${prefix}${name}.`, paths);
  }
}

function kindOf(rule: FieldRule): ScalarKind | undefined {
  if (STRING_TYPES.has(rule.type)) return "string";
  if (rule.type === "number" || rule.type === "boolean") return rule.type;
  if (rule.type !== "enum") return undefined;
  const kinds = new Set((rule.values ?? []).map((value) => typeof value));
  const [kind] = kinds;
  return kinds.size === 1 && (kind === "string" || kind === "number" || kind === "boolean") ? kind : undefined;
}

/** The SQL expression of a scalar path. Only declared paths come here; their segments are letters, digits, `_` and `-`. */
export function columnOf(path: string): string {
  if (path === "_id" || path === "version" || path === "deletedAt") return path;
  return `json_extract(doc, '${jsonPath(path)}')`;
}

export function jsonPath(path: string): string {
  return `$${path
    .split(".")
    .map((segment) => `."${segment}"`)
    .join("")}`;
}

/**
 * A value as SQL. A number with a fraction goes through SQLite's own JSON reader, as the stored one does: SQLite's and
 * V8's readings of the same digits differ in the last bit for one number in twenty.
 */
export function bind(value: Scalar): { sql: string; param: string | number } {
  if (typeof value === "boolean") return { sql: "?", param: value ? 1 : 0 };
  if (typeof value === "number" && !Number.isSafeInteger(value)) {
    return { sql: "json_extract(?, '$')", param: JSON.stringify(value) };
  }
  return { sql: "?", param: value };
}

/** The value at a path of plain objects; `null` where there is none. */
export function valueAt(document: object, path: string): unknown {
  let value: unknown = document;
  for (const segment of path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, segment)) return null;
    value = (value as Record<string, unknown>)[segment];
  }
  return value ?? null;
}
