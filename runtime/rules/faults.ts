import type { RuleFault } from "../../models/rules.ts";
import { nearest } from "../nearest.ts";
import { MOST_FAULTS } from "./limits.ts";

const LONGEST_VALUE = 80;
const MOST_CHOICES = 16;

/** What is wrong with one rule: each fault names the field, its value, what is allowed, and the name most likely meant. */
export class Faults {
  readonly rule: string;
  readonly list: RuleFault[] = [];
  /** What may be right, and is most likely not meant so. */
  readonly warnings: RuleFault[] = [];

  constructor(rule: string) {
    this.rule = rule;
  }

  get any(): boolean {
    return this.list.length > 0;
  }

  /** `conditions[0].value is "85", but must be a number` */
  wrong(path: string, value: unknown, allowed: string): undefined {
    const is = value === undefined ? "is missing" : `is ${shown(value)}`;
    return this.add(path, `${path || "the rule"} ${is}, but must be ${allowed}`);
  }

  /** `conditions[0].metric is "laod", but must be one of load, cpu …; did you mean load?` */
  unknownName(path: string, value: unknown, names: readonly string[], also = ""): undefined {
    const meant = typeof value === "string" ? nearest(value.slice(0, LONGEST_VALUE), names) : undefined;
    const choices = `one of ${names.slice(0, MOST_CHOICES).join(", ")}${names.length > MOST_CHOICES ? ", …" : ""}`;
    return this.wrong(path, value, `${choices}${also}${meant ? `; did you mean ${meant}?` : ""}`);
  }

  warn(path: string, detail: string): void {
    if (this.warnings.length < MOST_FAULTS) this.warnings.push({ rule: this.rule, path, detail });
  }

  add(path: string, detail: string): undefined {
    if (this.list.length < MOST_FAULTS) this.list.push({ rule: this.rule, path, detail });
    return undefined;
  }
}

/** A value as a reader can tell it apart: strings in quotes, everything short. */
export function shown(value: unknown): string {
  if (typeof value === "number" || value === undefined) return String(value);
  let text: string;
  try {
    text = JSON.stringify(value) ?? typeof value;
  } catch {
    text = typeof value; // cyclic, or holds what JSON does not know
  }
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text;
}
