import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseCheckpoint } from "../../../../tlog/checkpoint.ts";
import type { LogReader } from "../../../../tlog/log-reader.ts";
import { parseNote } from "../../../../tlog/note.ts";
import { formatProof } from "../../../../tlog/proof-bundle.ts";
import { inclusionProof } from "../../../../tlog/proofs.ts";
import type { LogKey, LogKeys } from "./log-keys.ts";

/** How somebody who trusts the first keys comes to trust those of today. */
export interface KeyHistory {
  origin: string;
  /** vkeys with which the log began. */
  first: string[];
  /** For each later change, in order, a proof of its entry under a checkpoint that the keys before it signed. */
  changes: string[];
}

export function keyHistory(reader: LogReader, keys: LogKeys): KeyHistory {
  const { folder } = reader;
  const [begin = 0, ...later] = keptSizes(folder);
  const first = keys.keys.filter(({ addedAt }) => addedAt !== undefined && addedAt < begin).map(({ vkey }) => vkey);
  const changes: string[] = [];
  let before = begin;
  for (const size of later) {
    const checkpoint = readFileSync(join(folder, "checkpoints", String(size)), "utf8");
    if (parseCheckpoint(parseNote(checkpoint).text).origin !== keys.origin) continue;
    for (const index of changesBetween(keys.keys, before, size)) {
      changes.push(
        formatProof({ index, proof: inclusionProof(index, size, reader.node), checkpoint, extra: reader.leaf(index) }),
      );
    }
    before = size;
  }
  return { origin: keys.origin, first, changes };
}

function keptSizes(folder: string): number[] {
  return readdirSync(join(folder, "checkpoints"))
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

function changesBetween(keys: readonly LogKey[], from: number, to: number): number[] {
  return keys
    .flatMap(({ addedAt, retiredAt, revokedAt }) => [addedAt, retiredAt, revokedAt])
    .filter((at): at is number => at !== undefined && at >= from && at < to)
    .sort((a, b) => a - b);
}
