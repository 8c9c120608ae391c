/** The story of one request as one JSON file that can be checked where the log is not. */
import type { OpenedCheckpoint } from "../checkpoint.ts";
import type { LeafEntry } from "../entry.ts";
import { openLogCheckpoint } from "../export-file.ts";
import type { Verifier } from "../keys.ts";
import { MalformedLog } from "../malformed-log.ts";
import { BadProof, parseProof, verifyBundle } from "../proof-bundle.ts";
import { CARRIES_REQUEST } from "./cause.ts";
import { sayEntry } from "./words.ts";

export const INCIDENT_FORMAT = "azora-incident/1";

export interface IncidentFile {
  format: typeof INCIDENT_FORMAT;
  requestId: string;
  /** The log's name. */
  origin: string;
  /** When the file was made, ISO 8601. */
  made: string;
  /** Signed note; the same one stands in every proof. */
  checkpoint: string;
  /** vkeys of the log: a stranger's word, until they are compared with those that one has from elsewhere. */
  keys: string[];
  story: StoryLine[];
  /** One C2SP tlog-proof for each line of the story. */
  proofs: string[];
}

export interface StoryLine {
  index: number;
  /** ISO 8601 */
  at: string;
  /** What the entry says, in plain words. */
  words: string;
  /** Why it belongs to the story. */
  because: string;
}

export function storyLine(entry: LeafEntry, because: string): StoryLine {
  return { index: entry.index, at: entry.timestamp, words: sayEntry(entry), because };
}

export interface VerifiedIncident extends OpenedCheckpoint {
  requestId: string;
  story: (StoryLine & { entry: LeafEntry; hash: string })[];
}

/** @throws MalformedLog where the text is no incident file */
export function parseIncident(text: string): IncidentFile {
  let file: Partial<IncidentFile>;
  try {
    file = JSON.parse(text);
  } catch {
    throw new MalformedLog("is no JSON");
  }
  if (file?.format !== INCIDENT_FORMAT) throw new MalformedLog(`is not of the format ${INCIDENT_FORMAT}`);
  const { requestId, checkpoint, story, proofs, keys } = file;
  if (typeof requestId !== "string" || typeof checkpoint !== "string" || !areTexts(proofs) || !areTexts(keys))
    throw new MalformedLog("must have requestId, checkpoint, keys and proofs");
  if (!Array.isArray(story) || story.length !== proofs.length)
    throw new MalformedLog("must have one proof for each line of its story");
  return file as IncidentFile;
}

/**
 * Checks that each line of the story is an entry of the log and says what that entry says. That nothing was left out of the
 * story, no file can prove.
 * @throws MalformedLog, MalformedNote, BadSignature, BadProof, naming the line
 */
export function verifyIncident(file: IncidentFile, verifiers: readonly Verifier[]): VerifiedIncident {
  const opened = openLogCheckpoint(file.checkpoint, verifiers);
  if (file.origin !== opened.checkpoint.origin)
    throw new MalformedLog(`says that it is of ${file.origin}, but its checkpoint is of ${opened.checkpoint.origin}`);
  let before = -1;
  const story = file.story.map((line, i) => {
    const place = `line ${i + 1} of the story`;
    const told = checkedLine(file, line, file.proofs[i]!, verifiers, place);
    if (told.index <= before) throw new MalformedLog(`${place} stands behind a later one`);
    before = told.index;
    return told;
  });
  return { ...opened, requestId: file.requestId, story };
}

function checkedLine(
  file: IncidentFile,
  line: StoryLine,
  bundle: string,
  verifiers: readonly Verifier[],
  place: string,
): StoryLine & { entry: LeafEntry; hash: string } {
  if (parseProof(bundle).checkpoint !== file.checkpoint) throw new BadProof(`${place} is proven by another checkpoint`);
  const { entry, hash } = verifyBundle(bundle, verifiers);
  const really = storyLine(entry, line.because);
  for (const member of ["index", "at", "words"] as const) {
    if (line[member] === really[member]) continue;
    throw new BadProof(
      `${place} says ${JSON.stringify(line[member])}, but its entry ${JSON.stringify(really[member])}`,
    );
  }
  const { requestId } = (entry.data["source"] ?? entry.data) as { requestId?: unknown };
  if (line.because === CARRIES_REQUEST && requestId !== file.requestId)
    throw new BadProof(`${place} does not carry the request ${file.requestId}`);
  return { ...really, entry, hash };
}

function areTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}
