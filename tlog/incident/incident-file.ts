/** The story of one request as one JSON file that can be checked where the log is not. */
import type { OpenedCheckpoint } from "../checkpoint.ts";
import type { LeafEntry } from "../entry.ts";
import { openLogCheckpoint } from "../export-file.ts";
import type { Verifier } from "../keys.ts";
import { MalformedLog } from "../malformed-log.ts";
import { BadProof, parseProof, type VerifiedBundle, verifyBundle } from "../proof-bundle.ts";
import { CARRIES_REQUEST, Cause, requestIdOf } from "./cause.ts";
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
  const proven = file.story.map((_, i) => proved(file, file.proofs[i]!, verifiers, placeOf(i)));
  const late = proven.findIndex(({ entry }, i) => i > 0 && entry.index <= proven[i - 1]!.entry.index);
  if (late !== -1) throw new MalformedLog(`${placeOf(late)} stands behind a later one`);
  const own = proven.filter(({ entry }) => requestIdOf(entry.data) === file.requestId).map(({ entry }) => entry);
  const cause = new Cause(own);
  const story = proven.map(({ entry, hash }, i) => {
    const because = own.includes(entry) ? CARRIES_REQUEST : cause.because(entry);
    if (because === undefined) throw new BadProof(`${placeOf(i)} has nothing to do with the request`);
    const really = storyLine(entry, because);
    for (const member of ["index", "at", "words", "because"] as const) {
      const [says, is] = [file.story[i]![member], really[member]].map((value) => JSON.stringify(value));
      if (says !== is) throw new BadProof(`${placeOf(i)} says ${says}, but its entry ${is}`);
    }
    return { ...really, entry, hash };
  });
  return { ...opened, requestId: file.requestId, story };
}

function proved(file: IncidentFile, bundle: string, verifiers: readonly Verifier[], place: string): VerifiedBundle {
  if (parseProof(bundle).checkpoint !== file.checkpoint) throw new BadProof(`${place} is proven by another checkpoint`);
  try {
    return verifyBundle(bundle, verifiers);
  } catch (error) {
    throw new BadProof(`${place}: ${(error as Error).message}`);
  }
}

function placeOf(i: number): string {
  return `line ${i + 1} of the story`;
}

function areTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}
