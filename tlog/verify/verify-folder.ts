/** Verifies a log from its files alone. */
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { hashOfLine } from "../block.ts";
import type { Checkpoint } from "../checkpoint.ts";
import { parseVkey, type Verifier } from "../keys.ts";
import { LogReader } from "../log-reader.ts";
import { TILE_WIDTH, tilePath } from "../tiles.ts";
import { decodeUtf8 } from "../utf8.ts";
import { checkKept, checkSignatures, type ReadCheckpoint, readCheckpoint, readKept } from "./checkpoint-check.ts";
import { KeyHistory, nameOf } from "./key-history.ts";
import { LogFiles } from "./log-files.ts";
import { type Problem, Problems } from "./problem.ts";
import { checkStalePartials } from "./stale-partials.ts";
import { type CheckedTree, checkTree } from "./tree-check.ts";
import { checkWriteAhead, readWriteAheadFiles, type WriteAheadFile } from "./write-ahead-check.ts";

export type { Problem } from "./problem.ts";

export interface VerifyOptions {
  /** Keys to trust, as vkeys. @default those that the log's own file `keys` lists */
  keys?: string[];
  /** Witnesses that must have cosigned the newest checkpoint, as vkeys. */
  witnesses?: string[];
  /** First entry whose bytes are read. The hashes above all entries are always checked. @default 0 */
  from?: number;
  /** Entry before which reading ends. @default the log's size */
  to?: number;
  /** Threads; 0 works in the calling one. @default one a processor, none for a log of a few thousand entries */
  workers?: number;
  /** Parse each entry and compare it with its canonical form. @default false */
  deep?: boolean;
  onProgress?(done: number, total: number): void;
  signal?: AbortSignal;
}

export interface Verification {
  isValid: boolean;
  origin: string;
  /** Entries that the checkpoint covers. */
  size: number;
  blocks: number;
  /** The first hundred. */
  problems: Problem[];
  problemCount: number;
  /** Keys that were trusted, as vkeys. */
  trusted: string[];
  /** `the keys that were given`, or the file that they were read from. */
  trustedFrom: string;
  /** Keys that have signed the newest checkpoint: `<name>+<key id>`. */
  signedBy: string[];
  /** Entries whose bytes were pruned, as an entry of the log says. */
  pruned: number;
  /** Acknowledged entries that no checkpoint covers yet. */
  pending: number;
  seconds: number;
}

/** Logs of this many entries are verified faster than threads are started. */
const SMALL = 8192;

/**
 * Recomputes every leaf, node, block and link of a log, and checks who has signed it. Memory does not grow with the log.
 * @param folder the log's folder, or the one that holds `log` and `wal`
 * @throws MalformedKey for keys that cannot be read; RangeError for a range that the log does not have. What is wrong
 * with the log itself is returned.
 */
export async function verifyFolder(folder: string, options: VerifyOptions = {}): Promise<Verification> {
  const began = performance.now();
  const problems = new Problems();
  const given = options.keys?.map(parseVkey);
  const witnesses = (options.witnesses ?? []).map(parseVkey);
  const logFolder = existsSync(join(folder, "log")) ? join(folder, "log") : folder;
  const writeAhead = logFolder === folder ? [] : await readWriteAheadFiles(join(folder, "wal"));
  const files = new LogFiles(logFolder);
  const newest = readCheckpoint(files, "checkpoint", problems);
  const trustedFrom = given ? "the keys that were given" : join(logFolder, "keys");
  const found = { origin: newest?.checkpoint.origin ?? "", size: newest?.checkpoint.size ?? 0, trustedFrom };
  let about = { blocks: 0, trusted: given ?? [], signedBy: [] as string[], pruned: 0, pending: 0 };
  if (newest) about = await verifyLog(files, newest, { given, witnesses, writeAhead, options }, problems);
  return {
    isValid: problems.count === 0,
    ...found,
    ...about,
    trusted: about.trusted.map(({ vkey }) => vkey),
    problems: problems.list,
    problemCount: problems.count,
    seconds: (performance.now() - began) / 1000,
  };
}

interface Wanted {
  given: Verifier[] | undefined;
  witnesses: Verifier[];
  writeAhead: WriteAheadFile[];
  options: VerifyOptions;
}

async function verifyLog(files: LogFiles, newest: ReadCheckpoint, wanted: Wanted, problems: Problems) {
  const { checkpoint } = newest;
  const { origin, size, root } = checkpoint;
  const { options, given, witnesses } = wanted;
  const { from, to } = rangeOf(size, options);
  const sealed = lastBlockOf(checkpoint, problems);
  const blocks = sealed ? sealed.height + 1 : 0;
  const keysFile = files.read("keys");
  const keysText = keysFile && decodeUtf8(keysFile);
  const kept = readKept(files, checkpoint, problems);
  const tree = await checkTree(
    {
      folder: files.folder,
      size,
      blocks,
      from,
      to,
      deep: options.deep ?? false,
      workers: options.workers ?? (to - from <= SMALL ? 0 : availableParallelism()),
      sizes: new Set(kept.map((one) => one.checkpoint.size)),
      onProgress: options.onProgress,
      signal: options.signal,
    },
    problems,
  );
  const isRight = tree.root?.equals(root) ?? false;
  tree.finish(isRight);
  if (!isRight) {
    const why = `its root is not that of the ${size} entries in the folder: these or the checkpoint were altered`;
    problems.add({ what: "checkpoint", where: newest.path, why, file: newest.path });
  }
  if (sealed && tree.lastBlock !== undefined && hashOfLine(tree.lastBlock) !== sealed.hash) {
    const why = `block ${sealed.height} does not have the hash that the checkpoint names`;
    problems.add({ what: "link", where: `block ${sealed.height}`, why, height: sealed.height });
  }
  checkKept(kept, tree.roots, problems);
  checkStalePartials(files, size, blocks, problems);
  const pruned = checkPruned(tree, size, problems);
  const keys = new KeyHistory(origin, problems);
  const isWhole = from === 0 && to >= size && tree.missing.length === 0;
  for (const entry of tree.own) keys.apply(entry, isWhole);
  if (isWhole && size > 0 && keys.changes[0] !== 0) problems.entry(0, "it does not announce the log's first key");
  keys.compare(keysText, isWhole);
  const { signedBy, trusted } = checkSignatures(newest, kept, keys, { given, witnesses }, problems);
  const head = { origin, size, blocks, blockHash: sealed?.hash };
  const pending = checkWriteAhead(wanted.writeAhead, new LogReader(files.folder, size), head, problems);
  return { blocks, trusted, signedBy: signedBy.map(({ verifier }) => nameOf(verifier)), pruned, pending };
}

function rangeOf(size: number, { from = 0, to = size }: VerifyOptions): { from: number; to: number } {
  const isIndex = (value: number) => Number.isSafeInteger(value) && value >= 0;
  if (!isIndex(from) || !isIndex(to) || from > to || from > size) {
    throw new RangeError(`from ${from} to ${to} is no range of a log of ${size} entries`);
  }
  return { from, to: Math.min(to, size) };
}

/** The block that the checkpoint ends with: its one extension line, `block <height> <hash>`. */
function lastBlockOf(
  { size, extensions }: Checkpoint,
  problems: Problems,
): { height: number; hash: string } | undefined {
  if (size === 0 && extensions.length === 0) return undefined;
  const [, height, hash] = /^block (0|[1-9][0-9]{0,14}) ([0-9a-f]{64})$/.exec(extensions[0] ?? "") ?? [];
  if (extensions.length === 1 && height && hash && Number(height) < size) return { height: Number(height), hash };
  const why = 'it does not have one line "block <height> <hash>" after its root';
  problems.add({ what: "checkpoint", where: "checkpoint", why, file: "checkpoint" });
  return undefined;
}

/** Bundles may be missing at the beginning, if an entry of the log says so. */
function checkPruned({ own, missing }: CheckedTree, size: number, problems: Problems): number {
  const told = own.filter(({ eventType }) => eventType === "chain.pruned").map(({ data }) => Number(data["before"]));
  const before = Math.max(0, ...told);
  let pruned = 0;
  for (const bundle of missing) {
    const first = bundle * TILE_WIDTH;
    const width = Math.min(TILE_WIDTH, size - first);
    if (first + width <= before) pruned += width;
    else
      problems.file(tilePath("entries", bundle, width), "it is missing, and no entry says that it was pruned", first);
  }
  return pruned;
}
