/** The text that a checkpoint signs (C2SP tlog-checkpoint). */
import { decodeBase64 } from "./base64.ts";
import { HASH_SIZE } from "./hashes.ts";
import { MalformedLog } from "./malformed-log.ts";

/**
 * ```
 * example.com/log
 * 512
 * <root, base64>
 * block 2 <hash of the block, hex>
 * ```
 */
export interface Checkpoint {
  origin: string;
  /** Leaves of the tree. */
  size: number;
  root: Buffer;
  /** Further lines, without their newlines. */
  extensions: string[];
}

/** @throws MalformedLog */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin = "", size = "", root = "", ...extensions] = text.split("\n");
  if (extensions.pop() !== "") throw new MalformedLog("is not three lines or more, each with a newline");
  if (origin === "") throw new MalformedLog("line 1 (origin) is empty");
  const count = parseSize(size);
  if (count === undefined) throw new MalformedLog(`line 2 (size) is not a whole number: ${JSON.stringify(size)}`);
  const hash = decodeBase64(root);
  if (hash?.length !== HASH_SIZE) throw new MalformedLog("line 3 (root) is not the base64 of 32 bytes");
  const empty = extensions.indexOf("");
  if (empty >= 0) throw new MalformedLog(`line ${empty + 4} (extension) is empty`);
  return { origin, size: count, root: hash, extensions };
}

export function formatCheckpoint({ origin, size, root, extensions }: Checkpoint): string {
  return [origin, String(size), root.toString("base64"), ...extensions].map((line) => `${line}\n`).join("");
}

/** A decimal without leading zeros; undefined for everything else and for what a number cannot hold exactly. */
export function parseSize(text: string): number | undefined {
  const size = Number(text);
  return /^(0|[1-9][0-9]*)$/.test(text) && Number.isSafeInteger(size) ? size : undefined;
}
