import type { DatabaseSync } from "node:sqlite";
import type { LogReader } from "../../../../tlog/log-reader.ts";
import type { IndexFile } from "./index-file.ts";
import { everything, intersection, type Postings, union } from "./postings.ts";
import { DEFAULT_LIMIT, type Page, type QueryParams, typeFits } from "./query-params.ts";
import { type Direction, PostingsSource } from "./sql-postings.ts";
import { TextSearch } from "./text-search.ts";

/** Jumps within lists that one page may cost; about a second. */
const MOST_JUMPS = 300_000;
/** Files of 256 entries that one page may read for a text; some seconds. */
const MOST_FILES = 16_384;
/** Work after which others get their turn. */
const JUMPS_A_TURN = 5_000;
const FILES_A_TURN = 32;

export interface SearchSource {
  index: IndexFile;
  reader: LogReader;
  folder: string;
  /** Entries known to the index. */
  size: number;
}

/** One page. Each `yield` is a moment in which others may get their turn. */
export function* search(source: SearchSource, params: QueryParams): Generator<undefined, Page> {
  const { index, reader, folder, size } = source;
  const { order = "asc", limit = DEFAULT_LIMIT, text, after } = params;
  const sign = order === "asc" ? 1 : -1;
  const range = rangeOf(index.database, params, size);
  if (!range) return { indexes: [] };
  const [first, last] = sign === 1 ? range : [-range[1], -range[0]];

  let jumps = 0;
  let files = 0;
  const lists = [...conditions(index, params, order), everything(last)];
  const found = intersection(lists, () => ++jumps <= MOST_JUMPS);
  const words = text === undefined ? undefined : new TextSearch(folder, reader, text);
  const indexes: number[] = [];
  let from = after === undefined ? first : Math.max(first, sign * Number(after) + 1);
  let turn = 0;
  for (;;) {
    if (jumps - turn > JUMPS_A_TURN) {
      turn = jumps;
      yield;
    }
    const at = found.seek(from);
    // Not through, but enough for one page: whoever asks goes on behind what was looked at.
    if (at === undefined)
      return found.at === Number.POSITIVE_INFINITY ? { indexes } : page(indexes, sign, found.at - 1);
    const position = sign * at;
    if (words) {
      if (words.isCostly(position)) {
        if (++files > MOST_FILES) return page(indexes, sign, at - 1);
        if (files % FILES_A_TURN === 0) yield;
      }
      if (!words.fileMayHold(position)) {
        from = sign * words.endOfFile(position, sign);
        continue;
      }
      if (!words.holds(position)) {
        from = at + 1;
        continue;
      }
    }
    indexes.push(position);
    from = at + 1;
    if (indexes.length === limit) return from > last ? { indexes } : page(indexes, sign, at);
  }
}

/** `walked`: all up to here was looked at. */
function page(indexes: number[], sign: 1 | -1, walked: number): Page {
  return { indexes, next: String(Math.max(0, sign * walked)) };
}

function conditions(index: IndexFile, params: QueryParams, direction: Direction): Postings[] {
  const { eventType, subject, actor, requestId } = params;
  const source = new PostingsSource(index.database);
  const lists: Postings[] = [];
  if (requestId !== undefined) lists.push(source.of("request_id", requestId, direction));
  if (subject !== undefined) lists.push(union([subject].flat().map((one) => source.of("subject", one, direction))));
  if (actor !== undefined) lists.push(union([actor].flat().map((one) => source.of("actor", one, direction))));
  if (eventType !== undefined) {
    const types = index.typesThat((name) => typeFits(name, eventType));
    lists.push(union(types.map((type) => source.of("event_type", type, direction))));
  }
  return lists;
}

/** First and last position that time, block and bounds leave over. Times never decrease along the log, so time is a range. */
function rangeOf(db: DatabaseSync, params: QueryParams, size: number): [number, number] | undefined {
  let first = params.least ?? 0;
  let last = Math.min(size - 1, params.most ?? size - 1);
  if (params.from !== undefined) first = Math.max(first, positionAt(db, Date.parse(params.from), size));
  if (params.to !== undefined) last = Math.min(last, positionAt(db, Date.parse(params.to), size) - 1);
  if (params.block !== undefined) {
    const block = db
      .prepare("SELECT first_index AS first, last_index AS last FROM blockchain_blocks WHERE height = ?")
      .get(params.block) as { first: number; last: number } | undefined;
    if (!block) return undefined;
    first = Math.max(first, block.first);
    last = Math.min(last, block.last);
  }
  return first <= last ? [first, last] : undefined;
}

export const TIME_SQL =
  "SELECT position, timestamp FROM blockchain_entries WHERE position >= ? ORDER BY position LIMIT 1";

/** The first entry at this moment or later. */
export function positionAt(db: DatabaseSync, ms: number, size: number): number {
  const probe = db.prepare(TIME_SQL);
  let [low, high] = [0, size];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const row = probe.get(middle) as { position: number; timestamp: number } | undefined;
    if (!row || row.position >= high || row.timestamp >= ms) high = middle;
    else low = row.position + 1;
  }
  return low;
}
