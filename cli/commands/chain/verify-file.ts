import { createReadStream, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { EXPORT_FORMAT, ExportCheck, parseExportHead } from "../../../tlog/export-file.ts";
import {
  INCIDENT_FORMAT,
  parseIncident,
  type StoryLine,
  verifyIncident,
} from "../../../tlog/incident/incident-file.ts";
import type { SignedBy } from "../../../tlog/keys.ts";
import { parseVkey, type Verifier } from "../../../tlog/keys.ts";
import { paint } from "../../paint.ts";
import { storyText } from "./incident.ts";
import { grouped } from "./sizes.ts";

/** What became of a file that was handed out: `azora chain export` or `azora chain incident`. */
export interface FileVerdict {
  isValid: boolean;
  format: typeof EXPORT_FORMAT | typeof INCIDENT_FORMAT;
  /** Why it is not valid, with the line. */
  why?: string;
  origin?: string;
  /** Entries of the tree that the proofs lead to. */
  size?: number;
  /** Entries that were checked. */
  entries: number;
  /** vkeys that were believed, and where they came from. */
  trusted: string[];
  trustedFrom: "given" | "the file itself";
  signedBy: string[];
  requestId?: string;
  story?: StoryLine[];
}

/** Which of the two it is, by its first bytes; undefined for anything else. */
export function formatOfFile(beginning: string): FileVerdict["format"] | undefined {
  const named = /^\{\s*"format":\s*"([^"]+)"/.exec(beginning)?.[1];
  return ([EXPORT_FORMAT, INCIDENT_FORMAT] as const).find((format) => format === named);
}

/** Checks it without any organism. @param keys vkeys to believe; empty: those in the file itself */
export async function verifyGivenFile(
  path: string,
  format: FileVerdict["format"],
  keys: readonly string[],
): Promise<FileVerdict> {
  const verdict: FileVerdict = {
    isValid: false,
    format,
    entries: 0,
    trusted: [...keys],
    trustedFrom: keys.length > 0 ? "given" : "the file itself",
    signedBy: [],
  };
  try {
    if (format === EXPORT_FORMAT) await verifyExport(path, verdict);
    else verifyStory(path, verdict);
    return { ...verdict, isValid: true };
  } catch (error) {
    return { ...verdict, why: (error as Error).message };
  }
}

export function verdictText(verdict: FileVerdict): string {
  const { isValid, why, entries, origin, size, trusted, trustedFrom, signedBy, requestId, story } = verdict;
  const believed =
    trustedFrom === "given" ? "the keys that were given" : "the keys in the file itself; give --key to say which";
  const lines = [`trusts ${believed}:`, ...trusted.map((vkey) => paint("dim", `  ${shortKey(vkey)}`))];
  if (!isValid) return [...lines, `${paint("red", "✖")} ${why}`].join("\n");
  const number = entries === 1 ? "1 entry" : `${grouped(entries)} entries`;
  const what = requestId === undefined ? number : `${number} of the story of ${requestId}`;
  const verified = `${what} ${entries === 1 ? "stands" : "stand"} in the log ${origin} of ${grouped(size!)} entries, signed by ${signedBy.map(shortKey).join(", ")}`;
  return [...lines, `${paint("green", "✔")} ${verified}`, ...(story ? ["", storyText(story)] : [])].join("\n");
}

async function verifyExport(path: string, verdict: FileVerdict): Promise<void> {
  let check: ExportCheck | undefined;
  let number = 0;
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY });
  for await (const line of lines) {
    number++;
    try {
      if (check) check.line(line);
      else {
        const head = parseExportHead(line);
        check = new ExportCheck(head, verifiersOf(verdict, head.keys));
        tell(verdict, check.opened);
      }
    } catch (error) {
      throw new Error(`line ${number}: ${(error as Error).message}`);
    }
    verdict.entries = check.entries;
  }
  if (!check) throw new Error("it is empty");
  check.finish();
}

function verifyStory(path: string, verdict: FileVerdict): void {
  const file = parseIncident(readFileSync(path, "utf8"));
  const verified = verifyIncident(file, verifiersOf(verdict, file.keys));
  tell(verdict, verified);
  const story = verified.story.map(({ index, at, words, because }) => ({ index, at, words, because }));
  Object.assign(verdict, { entries: story.length, requestId: verified.requestId, story });
}

function verifiersOf(verdict: FileVerdict, own: readonly string[]): Verifier[] {
  if (verdict.trustedFrom !== "given") verdict.trusted = [...own];
  return verdict.trusted.map(parseVkey);
}

function tell(
  verdict: FileVerdict,
  { checkpoint, signedBy }: { checkpoint: { origin: string; size: number }; signedBy: SignedBy[] },
): void {
  const { origin, size } = checkpoint;
  Object.assign(verdict, { origin, size, signedBy: signedBy.map(({ verifier }) => verifier.vkey) });
}

/** `<name>+<key id>`, without the key itself. */
function shortKey(vkey: string): string {
  return vkey.split("+").slice(0, 2).join("+");
}
