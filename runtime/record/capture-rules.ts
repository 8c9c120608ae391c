import type { Grade } from "./record.ts";

/** Which events are recorded, and how. */
export interface CaptureRule {
  /** Name of an event, or a pattern: `*` stands for one part of a name, `**` for any number of them. */
  event: string;
  grade: Grade;
  /** Path in the payload. Only changes of what stands there are recorded, for each event name by itself. */
  changesOf?: string;
  /** Path in the payload to whom the data is about; several by `|`, of which the first that is there counts. */
  subject?: string;
  /** Path in the payload to who did it, likewise. @default the user of the call in which the event was emitted */
  actor?: string;
}

/** Documents of the stores carry theirs as `_id`. */
const SUBJECT = "user.id|user._id|userId|subjectId|subject|id";

/** What is recorded without anything being configured. */
export const DEFAULT_RULES: readonly CaptureRule[] = [
  { event: "security.**", grade: "durable", subject: "userId|user.id|user._id|subjectId|subject" },
  { event: "user.**", grade: "durable", subject: SUBJECT },
  { event: "mint.**", grade: "durable" },
  { event: "healing.**", grade: "durable" },
  { event: "rule.**", grade: "durable" },
  { event: "rules.**", grade: "durable" },
  { event: "education.enrollment.**", grade: "best-effort" },
  { event: "forge.service.**", grade: "best-effort" },
  { event: "health.check.**", grade: "best-effort", changesOf: "status" },
  { event: "organism.service", grade: "durable" },
  { event: "organism.node", grade: "durable" },
];

/**
 * What no pattern takes in: Moleculer's own, what every node tells every second, and what the chain says of itself, which
 * would give a new entry for each entry.
 */
const NEVER = /^(?:\$|node\.(?:vitals|performance)$|node-host\.|organism\.closures$|chain\.|health\.checked$)/;
const MOST_NAMES = 10_000;

/** Finds the rule of an event's name. */
export class CaptureRules {
  readonly #known = new Map<string, CaptureRule | null>();
  #rules: readonly { rule: CaptureRule; pattern: RegExp }[] = [];

  constructor(rules: readonly CaptureRule[]) {
    this.replace(rules);
  }

  get all(): CaptureRule[] {
    return this.#rules.map(({ rule }) => rule);
  }

  /** Of several rules that fit the first counts, but one that says durable before all others. */
  replace(rules: readonly CaptureRule[]): void {
    const byGrade = [...rules].sort((a, b) => Number(b.grade === "durable") - Number(a.grade === "durable"));
    this.#rules = byGrade.map((rule) => ({ rule, pattern: patternOf(rule.event) }));
    this.#known.clear();
  }

  of(event: string): CaptureRule | null {
    const known = this.#known.get(event);
    if (known !== undefined) return known;
    // Names that somebody makes up without end must not fill the memory.
    if (this.#known.size >= MOST_NAMES) this.#known.clear();
    const rule = NEVER.test(event) ? null : (this.#rules.find(({ pattern }) => pattern.test(event))?.rule ?? null);
    this.#known.set(event, rule);
    return rule;
  }
}

function patternOf(event: string): RegExp {
  const source = event
    .split(/(\*\*|\*)/)
    .map((part) => (part === "**" ? ".*" : part === "*" ? "[^.]*" : part.replace(/[.?+^$[\]\\(){}|-]/g, "\\$&")));
  return new RegExp(`^${source.join("")}$`);
}

/** What stands at the first of the paths that leads somewhere, if it is a text or a number. */
export function textAt(payload: unknown, paths: string): string | undefined {
  for (const path of paths.split("|")) {
    const value = valueAt(payload, path);
    if (typeof value === "string" && value !== "") return value;
    if (typeof value === "number") return String(value);
  }
  return undefined;
}

export function valueAt(payload: unknown, path: string): unknown {
  let value: unknown = payload;
  for (const part of path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}
