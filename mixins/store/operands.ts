import { AzoraError } from "../../runtime/errors.ts";
import { shown, wrong } from "./refusal.ts";

export const FIELD_OPERATORS = [
  ..."$eq $ne $gt $gte $lt $lte $in $nin $exists $not $regex $options $size $all $elemMatch $type".split(" "),
] as const;
export const TOP_OPERATORS = ["$and", "$or", "$nor"] as const;
export const TYPE_NAMES = ["string", "number", "bool", "object", "array", "null"] as const;

export const MAX_LIST = 1000;

/** The refusal of an operator by its name. */
export function unsupported(operator: string, path?: string): AzoraError {
  const supported = [...FIELD_OPERATORS, ...TOP_OPERATORS];
  const where = path ? ` at ${shown(path)}` : "";
  return new AzoraError(
    "UNSUPPORTED_QUERY",
    `${operator}${where} is not supported; supported are ${supported.join(" ")}`,
    { operator, supported, ...(path ? { field: path } : {}) },
  );
}

/** A value as a document would hold it: dates become ISO strings, as in JSON. */
export function literal(name: string, value: unknown): unknown {
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "string") return value.toWellFormed();
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toISOString();
  if (Array.isArray(value)) return value.map((each) => literal(name, each));
  if (isPlain(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([key, each]) => {
        if (key.startsWith("$")) throw unsupported(key, name);
        return [key, literal(name, each)];
      }),
    );
  }
  throw wrong(name, value, "a JSON value or a date");
}

export function comparable(name: string, operand: unknown): string | number | boolean {
  const value = literal(name, operand);
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  throw wrong(name, operand, "a string, a number, true or false");
}

export function list(name: string, operand: unknown): unknown[] {
  if (!Array.isArray(operand) || operand.length > MAX_LIST)
    throw wrong(name, operand, `a list of up to ${MAX_LIST} values`);
  return operand.map((each) => literal(name, each));
}

export function isPlain(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof RegExp) &&
    !(value instanceof Date)
  );
}
