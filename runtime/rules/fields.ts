import { nearest } from "../nearest.ts";
import type { Faults } from "./faults.ts";

/** Checks of single fields: each gives the value, or tells the fault and gives undefined. */

export type Fields = Record<string, unknown>;

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Names those fields that are not known here. */
export function onlyFields(faults: Faults, path: string, fields: Fields, known: readonly string[]): void {
  const unknown = Object.keys(fields).filter((name) => !known.includes(name));
  for (const whole of unknown.slice(0, MOST_UNKNOWN)) {
    const name = whole.length > LONGEST_NAME_TOLD ? `${whole.slice(0, LONGEST_NAME_TOLD)}…` : whole;
    const at = path === "" ? name : `${path}.${name}`;
    faults.add(at, unknownField(at, name, known));
  }
  const more = unknown.length - MOST_UNKNOWN;
  if (more > 0) faults.add(path, `${path || faults.rule} has ${more} more fields that are not known here`);
}

/** A file may hold half a million of them, and one of four million characters. */
const MOST_UNKNOWN = 20;
const LONGEST_NAME_TOLD = 80;

export interface NumberRange {
  min: number;
  max: number;
  integer?: boolean;
  /** Shown behind the range, as `ms`. */
  unit?: string;
}

export function numberField(faults: Faults, path: string, value: unknown, range: NumberRange): number | undefined {
  const { min, max, integer = false, unit = "" } = range;
  const right = typeof value === "number" && value >= min && value <= max && (!integer || Number.isInteger(value));
  if (right) return value;
  const behind = unit === "" ? "" : unit === "%" ? " %" : ` ${unit}`;
  return faults.wrong(path, value, `a${integer ? " whole" : ""} number from ${min} to ${max}${behind}`);
}

export function textField(
  faults: Faults,
  path: string,
  value: unknown,
  o: { longest: number; pattern?: RegExp; what: string },
): string | undefined {
  const right = typeof value === "string" && value.length > 0 && value.length <= o.longest;
  if (right && (o.pattern === undefined || o.pattern.test(value))) return value;
  return faults.wrong(path, value, `${o.what} of 1 to ${o.longest} characters`);
}

export function booleanField(faults: Faults, path: string, value: unknown): boolean | undefined {
  return typeof value === "boolean" ? value : faults.wrong(path, value, "true or false");
}

export function choiceField<T extends string>(
  faults: Faults,
  path: string,
  value: unknown,
  choices: readonly T[],
): T | undefined {
  const found = choices.find((choice) => choice === value);
  return found ?? faults.unknownName(path, value, choices);
}

export function listField(
  faults: Faults,
  path: string,
  value: unknown,
  o: { most: number; of: string },
): unknown[] | undefined {
  if (Array.isArray(value) && value.length > 0 && value.length <= o.most) return value;
  const is = Array.isArray(value) ? `a list of ${value.length}` : undefined;
  if (is) return faults.add(path, `${path} is ${is}, but must be a list of 1 to ${o.most} ${o.of}`);
  return faults.wrong(path, value, `a list of 1 to ${o.most} ${o.of}`);
}

function unknownField(at: string, name: string, known: readonly string[]): string {
  const meant = nearest(name, known);
  return `${at} is not known here; known are ${known.join(", ")}${meant ? `; did you mean ${meant}?` : ""}`;
}
