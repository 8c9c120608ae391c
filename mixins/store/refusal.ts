import { AzoraError } from "../../runtime/errors.ts";
import type { FieldError } from "../../runtime/field-errors.ts";

/** The error for one wrong value: names the field, the value and what is allowed. */
export function wrong(field: string, value: unknown, allowed: string): AzoraError {
  const json = jsonOf(value);
  // A long value is not sent back whole.
  const sent: unknown = json === undefined || json.length > 200 ? shown(value) : JSON.parse(json);
  const errors: FieldError[] = [{ field, value: sent, allowed: `must be ${allowed}` }];
  return new AzoraError("VALIDATION_ERROR", `${field} is ${shown(value)}, but must be ${allowed}`, { errors });
}

/** A value as a sentence shows it. */
export function shown(value: unknown): string {
  const text = jsonOf(value) ?? String(value);
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}

function jsonOf(value: unknown): string | undefined {
  try {
    return value instanceof RegExp ? JSON.stringify(String(value)) : JSON.stringify(value);
  } catch {
    return undefined; // a cycle, or a BigInt
  }
}
