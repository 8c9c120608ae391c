import type { HealingMetadata } from "../../models/healing-metadata.ts";
import { editDistance } from "../nearest.ts";
import { type Audited, checkAudited } from "../record/audited.ts";
import { checkHealing } from "./healing-metadata.ts";

export const ORGANS = ["brain", "heart", "lungs", "stomach", "muscles", "immune", "nervous"] as const;
export type Organ = (typeof ORGANS)[number];

export const PRIORITIES = ["critical", "high", "medium", "low"] as const;
export type Priority = (typeof PRIORITIES)[number];

/** What a service may say of itself under `metadata`. All of it is optional; other members are the service's own. */
export interface ServiceMetadata {
  organ?: Organ;
  /** Launch phase, 0 to 6. @default 4 */
  launchPhase?: number;
  /** @default "medium" */
  priority?: Priority;
  capabilities?: string[];
  description?: string;
  /** Other names by which the service is known. */
  aliases?: string[];
  softDependencies?: string[];
  /** Hard dependencies that are not ours to launch. */
  externalDependencies?: string[];
  /** At most one instance, however many nodes the organ has. */
  singleton?: boolean;
  /** A process of its own. */
  isolate?: boolean;
  /** Time the service may take to start, ms. */
  startupTimeout?: number;
  /** How it wants to be healed. */
  healing?: HealingMetadata;
  /** Events that are recorded in the audit chain. */
  audited?: Audited;
}

interface FieldRule {
  allowed: string;
  fits(value: unknown): boolean;
}

const names: FieldRule = {
  allowed: "a list of names",
  fits: (value) => Array.isArray(value) && value.every((name) => typeof name === "string" && name !== ""),
};
const flag: FieldRule = { allowed: "true or false", fits: (value) => typeof value === "boolean" };
const choice = (values: readonly string[]): FieldRule => ({
  allowed: `one of ${values.join(", ")}`,
  fits: (value) => values.includes(value as string),
});

const FIELDS: Record<keyof ServiceMetadata, FieldRule> = {
  organ: choice(ORGANS),
  launchPhase: {
    allowed: "a whole number from 0 to 6",
    fits: (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 6,
  },
  priority: choice(PRIORITIES),
  capabilities: names,
  description: { allowed: "a text", fits: (value) => typeof value === "string" },
  aliases: names,
  softDependencies: names,
  externalDependencies: names,
  singleton: flag,
  isolate: flag,
  startupTimeout: {
    allowed: "milliseconds, from 1 to 3600000",
    fits: (value) => typeof value === "number" && value >= 1 && value <= 3_600_000,
  },
  healing: {
    allowed: "an object",
    fits: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  },
  audited: { allowed: "true or a list", fits: () => true },
};

export interface FieldProblem {
  field: string;
  problem: string;
  remedy: string;
}

/** Every wrong member of a service's metadata. A member that is one letter off a known one counts as misspelt. */
export function checkMetadata(metadata: unknown): FieldProblem[] {
  if (metadata === undefined) return [];
  if (typeof metadata !== "object" || metadata === null || Array.isArray(metadata)) {
    return [{ field: "metadata", problem: `is ${show(metadata)}`, remedy: "must be an object" }];
  }
  const problems: FieldProblem[] = [];
  for (const [name, value] of Object.entries(metadata)) {
    const rule = Object.hasOwn(FIELDS, name) ? FIELDS[name as keyof ServiceMetadata] : undefined;
    if (rule) {
      if (value !== undefined && !rule.fits(value)) {
        problems.push({ field: `metadata.${name}`, problem: `is ${show(value)}`, remedy: `must be ${rule.allowed}` });
      } else if (name === "healing" && value !== undefined)
        problems.push(...told(checkHealing(value as Record<string, unknown>)));
      else if (name === "audited") problems.push(...told(checkAudited(value)));
      continue;
    }
    if (name.startsWith("$")) continue;
    const meant = Object.keys(FIELDS).find((known) => editDistance(name.toLowerCase(), known.toLowerCase()) <= 1);
    if (meant) {
      problems.push({ field: `metadata.${name}`, problem: "is not known", remedy: `did you mean ${meant}?` });
    }
  }
  return problems;
}

function told(wrong: readonly { field: string; value: unknown; allowed: string }[]): FieldProblem[] {
  return wrong.map(({ field, value, allowed }) => ({
    field,
    problem: value === undefined ? "is missing" : `is ${show(value)}`,
    remedy: `must be ${allowed}`,
  }));
}

export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
