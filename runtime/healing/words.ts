import { inspect } from "node:util";

/** Longest text of a record, in characters: what others say of themselves must not fill journal and memory. */
export const MOST_WORDS = 2000;

/** What somebody said, as a text of bounded length, whatever it is. */
export function words(value: unknown): string {
  const text = typeof value === "string" ? value : inspect(value, { depth: 2, breakLength: Number.POSITIVE_INFINITY });
  return text.length > MOST_WORDS ? `${text.slice(0, MOST_WORDS)}…` : text;
}
