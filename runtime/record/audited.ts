import type { CaptureRule } from "./capture-rules.ts";
import { GRADES, type Grade } from "./record.ts";

/** What stands in `metadata.audited`: names of events or patterns, or rules. `true`: all events `<service>.**`. */
export type Audited = true | readonly (string | DeclaredRule)[];

export interface DeclaredRule {
  event: string;
  /** @default "durable" */
  grade?: Grade;
  /** See `CaptureRule`. */
  changesOf?: string;
  subject?: string;
  actor?: string;
}

export interface AuditedProblem {
  field: string;
  value: unknown;
  allowed: string;
}

const PATTERN = {
  allowed: "an event's name, 1 to 200 characters, with * for one part of it and ** for any number of them",
  fits: (value: unknown) =>
    typeof value === "string" && value.length <= 200 && value.split(".").every((part) => /^[^\s?$\p{C}]+$/u.test(part)),
};
const PATH = {
  allowed: "a path in the payload, as user.id; several by |",
  fits: (value: unknown) =>
    typeof value === "string" && value.length <= 200 && /^[^\s.|]+(?:[.|][^\s.|]+)*$/.test(value),
};
const FIELDS: Record<keyof DeclaredRule, { allowed: string; fits(value: unknown): boolean }> = {
  event: PATTERN,
  grade: { allowed: `one of ${GRADES.join(", ")}`, fits: (value) => GRADES.includes(value as Grade) },
  changesOf: PATH,
  subject: PATH,
  actor: PATH,
};

export function isEventPattern(value: unknown): value is string {
  return PATTERN.fits(value);
}

/** Everything that is wrong in `metadata.audited`, with what would be right. */
export function checkAudited(audited: unknown): AuditedProblem[] {
  const field = "metadata.audited";
  if (audited === true || audited === undefined) return [];
  if (!Array.isArray(audited) || audited.length > 100)
    return [{ field, value: audited, allowed: "true, or a list of at most 100 event names or rules" }];
  return audited.flatMap((rule: unknown, index) => checkRule(`${field}[${index}]`, rule));
}

function checkRule(field: string, rule: unknown): AuditedProblem[] {
  if (typeof rule === "string") return PATTERN.fits(rule) ? [] : [{ field, value: rule, allowed: PATTERN.allowed }];
  if (typeof rule !== "object" || rule === null || Array.isArray(rule))
    return [
      { field, value: rule, allowed: `${PATTERN.allowed}, or {event, ${Object.keys(FIELDS).slice(1).join(", ")}}` },
    ];
  const problems: AuditedProblem[] = [];
  if (!("event" in rule)) problems.push({ field: `${field}.event`, value: undefined, allowed: PATTERN.allowed });
  for (const [name, value] of Object.entries(rule)) {
    const known = Object.hasOwn(FIELDS, name) ? FIELDS[name as keyof DeclaredRule] : undefined;
    if (!known)
      problems.push({ field: `${field}.${name}`, value, allowed: `one of ${Object.keys(FIELDS).join(", ")}` });
    else if (!known.fits(value)) problems.push({ field: `${field}.${name}`, value, allowed: known.allowed });
  }
  return problems;
}

/** The rules that a service declares. What is wrong there was told when its file was discovered, and counts for nothing. */
export function auditedRules(service: string, audited: unknown): CaptureRule[] {
  if (audited === true) return [{ event: `${service}.**`, grade: "durable" }];
  if (!Array.isArray(audited) || checkAudited(audited).length > 0) return [];
  return (audited as (string | DeclaredRule)[]).map((rule) =>
    typeof rule === "string" ? { event: rule, grade: "durable" } : { ...rule, grade: rule.grade ?? "durable" },
  );
}
