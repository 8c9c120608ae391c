import { AzoraError } from "../errors.ts";
import type { Targets } from "./targets.ts";

/** As callers write it. */
export interface GivenTargets {
  keys?: string | readonly string[];
  patterns?: string | readonly string[];
  tags?: string | readonly string[];
}

const FIELDS = ["keys", "patterns", "tags"] as const;
const MAX_LENGTH = 10_000;
const MAX_WILDCARDS = 8;

/** @throws AzoraError VALIDATION_ERROR with field, value and what is allowed */
export function givenTargets(given: GivenTargets): Targets {
  const unknown = Object.keys(given).filter((name) => !(FIELDS as readonly string[]).includes(name));
  if (unknown.length > 0) throw wrong(unknown[0]!, "left out", "keys, patterns and tags are known");
  return Object.fromEntries(FIELDS.map((field) => [field, checked(field, given[field] ?? [])]));
}

function checked(field: (typeof FIELDS)[number], given: string | readonly string[]): string[] {
  const list = [given].flat() as unknown[];
  for (const one of list) {
    if (typeof one !== "string" || one === "" || one.length > MAX_LENGTH)
      throw wrong(field, String(one), `a name of 1 to ${MAX_LENGTH} characters`);
    if (field === "patterns" && one.split(/[*?]+/).length > MAX_WILDCARDS + 1)
      throw wrong(field, one, `a pattern with at most ${MAX_WILDCARDS} wildcards`);
  }
  return list as string[];
}

function wrong(field: string, value: string, allowed: string): AzoraError {
  const shown = value.length > 100 ? `${value.slice(0, 100)}…` : value;
  return new AzoraError(
    "VALIDATION_ERROR",
    `${field} of what is to be invalidated is "${shown}", but must be ${allowed}`,
    {
      field,
      value: shown,
      allowed,
    },
  );
}
