import { closeSync, existsSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Settings } from "../../../runtime/settings.ts";
import { parseVkey, type Verifier } from "../../../tlog/keys.ts";
import { verifyBundle } from "../../../tlog/proof-bundle.ts";
import { type Verification, type VerifyOptions, verifyFolder } from "../../../tlog/verify/verify-folder.ts";
import { type Command, UsageError } from "../../command.ts";
import { paint } from "../../paint.ts";
import { keysOf } from "./given-keys.ts";
import { grouped } from "./sizes.ts";
import { formatOfFile, verdictText, verifyGivenFile } from "./verify-file.ts";

const PROOF = "c2sp.org/tlog-proof@v1\n";
/** Enough to tell what a file is. */
const BEGINNING_BYTES = 4096;
/** So many problems are printed; `--json` has a hundred. */
const PRINTED = 20;
const PROGRESS_MS = 100;

/** A proof's verdict, as `--json` prints it. */
interface ProofVerdict {
  isValid: boolean;
  why?: string;
  origin?: string;
  size?: number;
  index?: number;
  hash?: string;
  entry?: object;
  trusted: string[];
  trustedFrom: string;
  signedBy: string[];
}

export const verify: Command = {
  name: "verify",
  usage: "[folder|file]",
  summary: "checks a log's folder, a proof, an export or an incident file, without a running organism",
  options: {
    key: { type: "string", short: "k", describe: "the key to trust: a vkey, or a file with one a line" },
    witness: { type: "string", describe: "a witness that must have cosigned: a vkey, or a file with one a line" },
    deep: { type: "boolean", describe: "also parse each entry and compare it with its canonical form" },
    from: { type: "string", describe: "the first entry whose bytes are read (0)" },
    to: { type: "string", describe: "the entry before which reading ends (all)" },
    workers: { type: "string", short: "w", describe: "threads (one a processor)" },
  },
  arity: [0, 1],
  async run({ settings, args, options, out }) {
    const path = resolve(args[0] ?? join(settings.AZORA_DATA_DIR, "chain"));
    const keys = keysOf("key", options["key"]);
    const print = options["json"] ? (value: object) => out(JSON.stringify(value, null, 2)) : undefined;
    if (!existsSync(path)) throw new UsageError(`there is nothing at ${path}`);
    if (statSync(path).isDirectory()) {
      const verification = await checked(folderAt(path), folderOptions(options, keys));
      (print ?? ((value) => out(verificationText(value as Verification))))(verification);
      return verification.isValid ? 0 : 1;
    }
    const beginning = beginningOf(path);
    const format = formatOfFile(beginning);
    if (format) {
      const verdict = await verifyGivenFile(path, format, keys ?? []);
      out(print ? JSON.stringify(verdict, null, 2) : verdictText(verdict));
      return verdict.isValid ? 0 : 1;
    }
    if (!beginning.startsWith(PROOF)) throw new UsageError(`${path} is no log, proof, export or incident file`);
    const verdict = verifyProof(path, keys, keysOf("witness", options["witness"]) ?? [], settings);
    out(print ? JSON.stringify(verdict, null, 2) : proofText(verdict));
    return verdict.isValid ? 0 : 1;
  },
};

async function checked(folder: string, options: VerifyOptions): Promise<Verification> {
  try {
    return await verifyFolder(folder, options);
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message);
    throw error;
  }
}

/** A folder without any sign of a log is a mistake of whoever asks; a log without its checkpoint is not. */
function folderAt(path: string): string {
  const isLog = ["checkpoint", "tile", "keys", "log"].some((name) => existsSync(join(path, name)));
  if (!isLog) throw new UsageError(`there is no log in ${path}`);
  return path;
}

function folderOptions(
  options: Record<string, string | boolean | undefined>,
  keys: string[] | undefined,
): VerifyOptions {
  const witnesses = keysOf("witness", options["witness"]);
  const given = {
    keys,
    witnesses,
    from: wholeNumber("from", options["from"]),
    to: wholeNumber("to", options["to"]),
    workers: wholeNumber("workers", options["workers"]),
    deep: options["deep"] === true,
    onProgress: process.stderr.isTTY && !options["json"] ? progressOn(process.stderr) : undefined,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function wholeNumber(option: string, value: string | boolean | undefined): number | undefined {
  if (typeof value !== "string") return undefined;
  const number = Number(value);
  if (/^\d+$/.test(value) && Number.isSafeInteger(number)) return number;
  throw new UsageError(`--${option} is "${value}", but must be a whole number`);
}

function progressOn(stream: NodeJS.WriteStream): (done: number, total: number) => void {
  let last = performance.now();
  return (done, total) => {
    const isLast = done === total;
    if (!isLast && performance.now() - last < PROGRESS_MS) return;
    last = performance.now();
    stream.write(isLast ? "\r\x1b[K" : `\r\x1b[Kverified ${grouped(done)} of ${grouped(total)} entries`);
  };
}

function beginningOf(path: string): string {
  const file = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(BEGINNING_BYTES);
    return bytes.toString("utf8", 0, readSync(file, bytes));
  } finally {
    closeSync(file);
  }
}

/** Without a key, those beside the proof are taken, else those of this organism's own log. */
function verifyProof(
  path: string,
  given: string[] | undefined,
  witnesses: readonly string[],
  settings: Settings,
): ProofVerdict {
  const beside = [join(dirname(path), "keys"), join(resolve(settings.AZORA_DATA_DIR), "chain/log/keys")].find(
    existsSync,
  );
  const trusted = given ?? (beside ? readFileSync(beside, "utf8").split("\n").filter(Boolean) : undefined);
  if (!trusted) throw new UsageError("no key is at hand to check the proof with: give the log's as --key");
  const about = { trusted, trustedFrom: given ? "the keys that were given" : beside! };
  try {
    const known = [...trusted, ...witnesses].map(parseVkey);
    const { checkpoint, entry, hash, signedBy } = verifyBundle(readFileSync(path, "utf8"), known);
    const missing = witnesses.find((vkey) => !signedBy.some(({ verifier }) => verifier.vkey === vkey));
    if (missing !== undefined) throw new Error(`the witness ${shortKey(missing)} has not cosigned it`);
    const { origin, size } = checkpoint;
    const by = signedBy.map(({ verifier }) => nameOf(verifier));
    return { isValid: true, origin, size, index: entry.index, hash, entry, ...about, signedBy: by };
  } catch (error) {
    return { isValid: false, why: (error as Error).message, ...about, signedBy: [] };
  }
}

function proofText({
  isValid,
  why,
  origin,
  size,
  index,
  hash,
  entry,
  trusted,
  trustedFrom,
  signedBy,
}: ProofVerdict): string {
  const lines = trustText(trusted, trustedFrom);
  if (!isValid) return [...lines, `${paint("red", "✖")} ${why}`].join("\n");
  const says = `entry ${grouped(index!)} stands in the log ${origin} of ${grouped(size!)} entries, signed by ${signedBy.join(", ")}`;
  return [...lines, `${paint("green", "✔")} ${says}`, JSON.stringify({ ...entry, hash }, null, 2)].join("\n");
}

function verificationText(found: Verification): string {
  const {
    isValid,
    origin,
    size,
    blocks,
    trusted,
    trustedFrom,
    signedBy,
    pruned,
    pending,
    problems,
    problemCount,
    seconds,
  } = found;
  const lines = trustText(trusted, trustedFrom);
  const rate = size > 0 ? `, ${grouped(Math.round(size / seconds))} entries/s` : "";
  const extent = `${origin || "the log"}: ${grouped(size)} entries in ${grouped(blocks)} blocks`;
  const took = paint("dim", ` (${seconds.toFixed(2)} s${rate})`);
  if (pruned > 0) lines.push(`${grouped(pruned)} entries were pruned, as the log says: only their hashes are there`);
  if (pending > 0) lines.push(`${grouped(pending)} entries after the checkpoint are linked, and not signed yet`);
  if (isValid) {
    const by = `signed by ${signedBy.join(", ")}`;
    return [...lines, `${paint("green", "✔")} ${extent}, ${by}${took}`].join("\n");
  }
  const many = problemCount === 1 ? "1 thing is" : `${grouped(problemCount)} things are`;
  lines.push(`${paint("red", "✖")} ${extent}; ${many} wrong${took}`);
  for (const { where, why } of problems.slice(0, PRINTED)) lines.push(`  ${paint("bold", where)}: ${why}`);
  if (problemCount > PRINTED) lines.push(paint("dim", `  and ${grouped(problemCount - PRINTED)} more`));
  return lines.join("\n");
}

function trustText(trusted: readonly string[], from: string): string[] {
  const hint = from.startsWith("/") ? paint("dim", " (give --key to say which to trust)") : "";
  return [`trusts ${from}${hint}:`, ...trusted.map((vkey) => paint("dim", `  ${shortKey(vkey)}`))];
}

/** `<name>+<key id>`, without the key itself. */
function shortKey(vkey: string): string {
  return vkey.split("+").slice(0, 2).join("+");
}

function nameOf({ vkey }: Verifier): string {
  return shortKey(vkey);
}
