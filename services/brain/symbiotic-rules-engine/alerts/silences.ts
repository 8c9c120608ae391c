import { type Alert, MATCHER_NAMES, type Matchers, type Silence } from "../../../../models/alerts.ts";
import type { Clock } from "../../../../runtime/clock.ts";
import { AzoraError } from "../../../../runtime/errors.ts";
import { nearest } from "../../../../runtime/nearest.ts";

export const MAX_SILENCES = 200;
export const LONGEST_SILENCE_MS = 30 * 24 * 3_600_000;
const MAX_TEXT = 200;

interface Kept extends Silence {
  /** In the clock's time: a wall clock that is set back must not lengthen a silence. */
  ends: number;
}

/** What shall not be told for a while. */
export class Silences {
  readonly #clock: Clock;
  readonly #wall: () => number;
  readonly #newId: () => string;
  #silences: Kept[] = [];

  constructor(clock: Clock, wall: () => number, newId: () => string) {
    this.#clock = clock;
    this.#wall = wall;
    this.#newId = newId;
  }

  /**
   * @param of.until wall time, ms
   * @throws AzoraError VALIDATION_ERROR, or CONFLICT when there are too many
   */
  add(of: { matchers: Matchers; until: number; by: string; comment?: string }): Silence {
    const matchers = checked(of.matchers);
    const wall = this.#wall();
    const duration = of.until - wall;
    if (!(duration > 0 && duration <= LONGEST_SILENCE_MS))
      throw wrong("until", of.until, "a moment within the next 30 days");
    this.expire();
    if (this.#silences.length >= MAX_SILENCES)
      throw new AzoraError("CONFLICT", `there are ${MAX_SILENCES} silences already; remove one`);
    const silence: Kept = {
      id: this.#newId(),
      matchers,
      by: of.by.slice(0, MAX_TEXT),
      comment: (of.comment ?? "").slice(0, MAX_TEXT * 5),
      from: new Date(wall).toISOString(),
      until: new Date(of.until).toISOString(),
      ends: this.#clock.now() + duration,
    };
    this.#silences.push(silence);
    return shown(silence);
  }

  /** @throws AzoraError NOT_FOUND */
  remove(id: string): Silence {
    const found = this.#silences.find((silence) => silence.id === id);
    if (!found) throw new AzoraError("NOT_FOUND", `there is no silence "${id}"`);
    this.#silences = this.#silences.filter((silence) => silence !== found);
    return shown(found);
  }

  isAnyOver(): boolean {
    const now = this.#clock.now();
    return this.#silences.some(({ ends }) => ends <= now);
  }

  /** Forgets those that are over. */
  expire(): void {
    const now = this.#clock.now();
    this.#silences = this.#silences.filter(({ ends }) => ends > now);
  }

  list(): Silence[] {
    return this.#silences.map(shown);
  }

  /** Id of the silence that covers an alert. */
  covering(alert: Pick<Alert, "alert" | "subject" | "group" | "severity" | "rule">): string | null {
    for (const { id, matchers } of this.#silences)
      if (Object.entries(matchers).every(([name, pattern]) => matches(pattern, alert[name as "alert"] ?? "")))
        return id;
    return null;
  }

  /** What is left of each, ms: wall times alone would let a clock that jumps while nothing runs lengthen them. */
  snapshot(): (Silence & { left: number })[] {
    const now = this.#clock.now();
    return this.#silences.map((silence) => ({ ...shown(silence), left: silence.ends - now }));
  }

  /** @throws AzoraError VALIDATION_ERROR where it is not one */
  restore({ left, id, matchers, by, comment, from, until }: Silence & { left: number }): void {
    const rest = Math.min(left, Date.parse(until) - this.#wall(), LONGEST_SILENCE_MS);
    if (!(rest > 0) || this.#silences.length >= MAX_SILENCES) return;
    const ends = this.#clock.now() + rest;
    this.#silences.push({ id, matchers: checked(matchers), by, comment, from, until, ends });
  }
}

function shown({ ends: _ends, ...silence }: Kept): Silence {
  return silence;
}

/** @throws AzoraError VALIDATION_ERROR naming the matcher */
function checked(matchers: Matchers): Matchers {
  const entries = Object.entries(matchers ?? {});
  if (entries.length === 0) throw wrong("matchers", "none", `at least one of ${MATCHER_NAMES.join(", ")}`);
  for (const [name, value] of entries) {
    if (!MATCHER_NAMES.some((one) => one === name)) {
      const meant = nearest(name, MATCHER_NAMES);
      const hint = meant ? `; did you mean ${meant}?` : "";
      throw wrong("matchers", name.slice(0, MAX_TEXT), `one of ${MATCHER_NAMES.join(", ")}${hint}`);
    }
    if (typeof value !== "string" || value === "" || value.length > MAX_TEXT)
      throw wrong(`matchers.${name}`, typeof value, `a text of 1 to ${MAX_TEXT} characters`);
  }
  return Object.fromEntries(entries);
}

function wrong(field: string, value: unknown, allowed: string): AzoraError {
  return new AzoraError("VALIDATION_ERROR", `${field} is ${JSON.stringify(value)}, but must be ${allowed}`, {
    errors: [{ field, value, allowed }],
  });
}

/** `*` stands for anything. Not by a regular expression: several stars in one may take exponential time. */
export function matches(pattern: string, text: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  if (rest.length === 0) return first === text;
  if (!text.startsWith(first)) return false;
  const last = rest.pop()!;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}
