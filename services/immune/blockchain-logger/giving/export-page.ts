import { AzoraError } from "../../../../runtime/errors.ts";
import { parseCheckpoint } from "../../../../tlog/checkpoint.ts";
import { exportHead, exportLine } from "../../../../tlog/export-file.ts";
import { parseNote } from "../../../../tlog/note.ts";
import { inclusionProof } from "../../../../tlog/proofs.ts";
import type { Chain } from "../chain.ts";
import type { QueryParams } from "../index/query-params.ts";
import { type NamedQuery, pseudonymous } from "../persons.ts";
import { prunedBefore } from "../pruning.ts";

export interface ExportPage {
  /** Lines of the file, without newlines; on the first page its head goes first. */
  lines: string[];
  /** Entries of the tree that all pages prove their entries in: to be given with the next page. */
  size: number;
  /** To be given as `after`; absent on the last page. The file's end is written by whoever puts the pages together. */
  next?: string;
}

/** Most text of a page, characters; one entry at least is always given. */
const MOST_TEXT = 4 * 1024 * 1024;

export type ExportParams = NamedQuery & { size?: number; sealed: boolean };

/** @throws AzoraError VALIDATION_ERROR where `size` is that of no tree, NOT_FOUND where nothing is signed yet */
export async function exportPage(chain: Chain, { size: given, sealed, ...query }: ExportParams): Promise<ExportPage> {
  const asked = pseudonymous(chain, query, sealed);
  if (given === undefined) await chain.catchUp();
  const { reader } = chain.log;
  // All pages prove their entries in one tree, though the log goes on growing.
  const checkpoint = chain.log.checkpoint;
  if (!checkpoint) throw new AzoraError("NOT_FOUND", "the log has no checkpoint yet");
  const size = given ?? parseCheckpoint(parseNote(checkpoint).text).size;
  if (size > reader.size || size < 1)
    throw new AzoraError("VALIDATION_ERROR", `size is ${size}, but must be from 1 to ${reader.size}`);

  const lines = given === undefined ? [exportHead({ checkpoint, keys: vkeys(chain), query: wordsOf(query) })] : [];
  if (!asked) return { lines, size };
  const least = prunedBefore(reader.folder, reader.size);
  const { indexes, next } = await chain.index.query({ ...asked, least, most: size - 1 });
  let text = 0;
  for (const index of indexes) {
    const line = exportLine(reader.leaf(index), inclusionProof(index, size, reader.node));
    text += line.length;
    lines.push(line);
    if (text > MOST_TEXT && index !== indexes.at(-1)) return { lines, size, next: String(index) };
  }
  return next === undefined ? { lines, size } : { lines, size, next };
}

export function vkeys(chain: Chain): string[] {
  return chain.keys.text().split("\n").filter(Boolean);
}

/** The question as it stands in the file: what page it was is nobody's concern there. */
function wordsOf({ after: _, limit: _limit, ...query }: QueryParams): Record<string, unknown> {
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined));
}
