import type { LeafEntry } from "../../../../tlog/entry.ts";
import { requestIdOf } from "../../../../tlog/incident/cause.ts";

/** Which entries are asked for. All conditions hold together. */
export interface QueryParams {
  /** Exact, or a beginning where it ends with a dot: `user.` is all of `user.created`, `user.deleted` … */
  eventType?: string;
  /** ISO 8601; this moment and later. */
  from?: string;
  /** ISO 8601; before this moment. */
  to?: string;
  /** As it stands in the entry: the pseudonym. Several: any of them. */
  subject?: string | string[];
  /** Several: any of them. */
  actor?: string | string[];
  /** Request that the entry was recorded in: `data.source.requestId`. */
  requestId?: string;
  /** Height. */
  block?: number;
  /** Stands in `data` as it is written there; ASCII letters in either case. */
  text?: string;
  /** Cursor of the page before: the index of the last entry that was looked at. */
  after?: string;
  /** 1 to 1000. @default 100 */
  limit?: number;
  /** @default "asc" */
  order?: "asc" | "desc";
  /** Nothing before this index is given, as where older payload was pruned. @default 0 */
  least?: number;
  /** Nothing behind this index is given, as where a page is about an earlier tree. */
  most?: number;
}

export interface Page {
  /** In the order that was asked for. */
  indexes: number[];
  /**
   * Where to go on, where there may be more. A page may hold fewer than `limit` and yet have a next one: a search looks at
   * a bounded number of entries in one go.
   */
  next?: string;
}

export const DEFAULT_LIMIT = 100;

/** Whether an entry really is what was asked for. The index only says where to look. */
export function fits(entry: LeafEntry, { eventType, from, to, subject, actor, requestId, text }: QueryParams): boolean {
  const at = Date.parse(entry.timestamp);
  return (
    (eventType === undefined || typeFits(entry.eventType, eventType)) &&
    (from === undefined || at >= Date.parse(from)) &&
    (to === undefined || at < Date.parse(to)) &&
    (subject === undefined || [subject].flat().includes(entry.subject ?? "")) &&
    (actor === undefined || [actor].flat().includes(entry.actor ?? "")) &&
    (requestId === undefined || requestIdOf(entry.data) === requestId) &&
    (text === undefined || holdsText(JSON.stringify(entry.data), text))
  );
}

export function typeFits(eventType: string, asked: string): boolean {
  return asked.endsWith(".") ? eventType.startsWith(asked) : eventType === asked;
}

/** Text as people write it, and as it stands in JSON: `say "x"` is `say \"x\"` there. */
export function needlesOf(text: string): string[] {
  const plain = lowerAscii(text);
  const inJson = lowerAscii(JSON.stringify(text).slice(1, -1));
  return plain === inJson ? [plain] : [plain, inJson];
}

export function holdsText(json: string, text: string): boolean {
  const folded = lowerAscii(json);
  return needlesOf(text).some((needle) => folded.includes(needle));
}

function lowerAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
