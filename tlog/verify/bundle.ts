/** One bundle of entries beside the tile that holds their hashes, and which of the two is right where they differ. */
import { hash } from "node:crypto";
import { HASH_SIZE } from "../hashes.ts";
import { TILE_WIDTH, tilePath } from "../tiles.ts";
import type { LogFiles } from "./log-files.ts";
import type { Problems } from "./problem.ts";
import { differences } from "./tile-hashes.ts";

/** More than these are told as one. */
const TOLD_ONE_BY_ONE = 3;

export interface Bundle {
  /** Index of the bundle; its first entry is 256 times that. */
  index: number;
  width: number;
  /** Leaf hashes, one after the other, as far as they are known: what everything above is computed from. */
  hashes: Buffer | undefined;
  /** The file, until the next bundle is read; undefined where it is not there or not to be looked at. */
  bytes: Buffer | undefined;
  /** Where each entry begins in the bytes, and where the last one ends plus 2. */
  starts: number[];
  /** Hex leaf hashes as computed. */
  hex: string[];
  /** Entries that are told of already: what they say is worth nothing. */
  altered: Set<number>;
  isMissing: boolean;
}

/** Which of two lists of leaf hashes the rest of the log knows. */
export type Arbiter = (hashes: Buffer) => boolean;

/** Bundles have a reader of their own: their bytes are looked at while other files are read. */
export interface BundleFiles {
  files: LogFiles;
  bundles: LogFiles;
}

export function readBundle(
  { files, bundles }: BundleFiles,
  at: { index: number; width: number; wanted: boolean },
  arbiter: Arbiter,
  problems: Problems,
): Bundle {
  const { index, width, wanted } = at;
  const bundle: Bundle = {
    index,
    width,
    hashes: readHashes(files, index, width, problems),
    bytes: undefined,
    starts: [],
    hex: [],
    altered: new Set(),
    isMissing: false,
  };
  if (!wanted) return bundle;
  const file = bundles.tile("entries", index, width);
  if (!file) {
    bundle.isMissing = true;
    return bundle;
  }
  const computed = Buffer.alloc(width * HASH_SIZE);
  const why = hashEntries(file.bytes, bundle, computed, file.path.includes(".p/"));
  if (why === undefined) return settle(bundle, computed, { entries: file.path, arbiter, problems });
  const whole = bundle.hex.length;
  const known = bundle.hashes ? (differences(computed, bundle.hashes, whole)[0] ?? whole) : whole;
  const first = index * TILE_WIDTH + Math.min(known, width - 1);
  problems.file(file.path, `it ${why}; the first entry that cannot be read is ${first}`, first);
  bundle.bytes = undefined;
  return bundle;
}

function readHashes(files: LogFiles, index: number, width: number, problems: Problems): Buffer | undefined {
  const file = files.tile(0, index, width);
  const wanted = width * HASH_SIZE;
  if (!file) {
    problems.file(tilePath(0, index, width), "it is missing");
    return undefined;
  }
  const isWhole = file.path.includes(".p/")
    ? file.bytes.length === wanted
    : file.bytes.length === TILE_WIDTH * HASH_SIZE;
  if (isWhole) return Buffer.from(file.bytes.subarray(0, wanted));
  problems.file(file.path, `it has ${file.bytes.length} bytes, not ${wanted}`);
  return undefined;
}

/** Fills in what the bundle's bytes say; returns why they are no bundle of this width. */
function hashEntries(bytes: Buffer, bundle: Bundle, computed: Buffer, isPartial: boolean): string | undefined {
  const { width, starts, hex } = bundle;
  bundle.bytes = bytes;
  let at = 0;
  while (at < bytes.length && hex.length < width) {
    if (at + 2 > bytes.length) return `ends within the length of its entry ${hex.length}`;
    const end = at + 2 + bytes.readUInt16BE(at);
    if (end > bytes.length) return `ends within its entry ${hex.length}`;
    // The prefix of a leaf is written over the length before it: that spares a copy of each entry.
    bytes[at + 1] = 0;
    const digest = hash("sha256", bytes.subarray(at + 1, end), "hex");
    computed.write(digest, hex.length * HASH_SIZE, "hex");
    starts.push(at + 2);
    hex.push(digest);
    at = end;
  }
  starts.push(at + 2);
  if (hex.length < width) return `has ${hex.length} entries, not ${width}`;
  // A full bundle that stands for a partial one has more, which no checkpoint covers yet.
  return at < bytes.length && (isPartial || width === TILE_WIDTH) ? `has more than ${width} entries` : undefined;
}

function settle(
  bundle: Bundle,
  computed: Buffer,
  { entries, arbiter, problems }: { entries: string; arbiter: Arbiter; problems: Problems },
): Bundle {
  const { index, width, hashes } = bundle;
  if (!hashes) return { ...bundle, hashes: computed };
  const different = differences(computed, hashes, width);
  if (different.length === 0) return { ...bundle, hashes: computed };
  const base = index * TILE_WIDTH;
  if (arbiter(computed) && !arbiter(hashes)) {
    const first = base + different[0]!;
    problems.file(
      tilePath(0, index, width),
      different.length === 1
        ? `its hash ${different[0]} is not that of entry ${first}, whose own neighbours know it`
        : `${different.length} of its hashes, from ${different[0]} on, are not those of the entries`,
      first,
    );
    return { ...bundle, hashes: computed };
  }
  for (const i of different) bundle.altered.add(i);
  if (different.length > TOLD_ONE_BY_ONE) {
    const first = base + different[0]!;
    problems.file(entries, `${different.length} of its entries, from entry ${first} on, were altered`, first);
  } else {
    for (const i of different) {
      problems.entry(base + i, "its bytes do not have the hash that the tree has for it: it was altered", entries);
    }
  }
  return bundle;
}
