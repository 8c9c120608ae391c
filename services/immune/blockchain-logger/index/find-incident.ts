import type { LeafEntry } from "../../../../tlog/entry.ts";
import { parseLeaf } from "../../../../tlog/entry.ts";
import { CARRIES_REQUEST, Cause, isDecision } from "../../../../tlog/incident/cause.ts";
import { union } from "./postings.ts";
import type { SearchSource } from "./search.ts";
import { positionAt } from "./search.ts";
import { PostingsSource } from "./sql-postings.ts";

/** An entry that belongs to the story of a request. */
export interface IncidentPart {
  index: number;
  /** Why it belongs there, in plain words. */
  because: string;
}

/** Healing that a request led to begins at the latest so long after its last entry, ms. */
const AFTERMATH_MS = 60_000;
/** Entries of the request itself, and decisions, that are told. */
const MOST_OWN = 2000;
const MOST_DECISIONS = 2000;
/** Decisions that are looked at for one story. */
const MOST_LOOKED_AT = 50_000;
const LOOKS_A_TURN = 1000;

/** The entries that carry the request, and the decisions about what it went through, until a minute after it. */
export function* findIncident(source: SearchSource, requestId: string): Generator<undefined, IncidentPart[]> {
  const { index, reader, size } = source;
  const postings = new PostingsSource(index.database);
  const read = (position: number): LeafEntry | undefined => {
    try {
      return parseLeaf(reader.leaf(position));
    } catch {
      return undefined; // pruned
    }
  };
  const own: LeafEntry[] = [];
  const carrying = postings.of("request_id", requestId, "asc");
  for (let at = carrying.seek(0); at !== undefined && own.length < MOST_OWN; at = carrying.seek(at + 1)) {
    const entry = read(at);
    if (entry) own.push(entry);
  }
  const [first, last] = [own[0], own.at(-1)];
  if (!first || !last) return [];

  const cause = new Cause(own);
  const parts = new Map(own.map((entry) => [entry.index, CARRIES_REQUEST]));
  const types = index.typesThat((eventType) => isDecision({ eventType }));
  const decisions = union(types.map((type) => postings.of("event_type", type, "asc")));
  const end = positionAt(index.database, Date.parse(last.timestamp) + AFTERMATH_MS + 1, size);
  let looked = 0;
  for (let at = decisions.seek(first.index); at !== undefined && at < end; at = decisions.seek(at + 1)) {
    if (++looked > MOST_LOOKED_AT || parts.size >= own.length + MOST_DECISIONS) break;
    if (looked % LOOKS_A_TURN === 0) yield;
    const entry = parts.has(at) ? undefined : read(at);
    const because = entry && cause.because(entry);
    if (because) parts.set(at, because);
  }
  return [...parts].sort(([a], [b]) => a - b).map(([index, because]) => ({ index, because }));
}
