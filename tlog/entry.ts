/** Entries: the leaves of the log. */
import { hash } from "node:crypto";
import { canonicalize } from "./canonical-json.ts";
import { MalformedLog } from "./malformed-log.ts";
import { aCount, aHash, aText, aTime, checkShape, NO_HASH, parseCanonical, type Shape } from "./shape.ts";

/** Most bytes that a leaf may have. */
export const MAX_LEAF_BYTES = 60 * 1024;

/** The members that are hashed. The leaf's bytes are their canonical JSON. */
export interface LeafEntry {
  /** Who did it. */
  actor?: string;
  data: Record<string, unknown>;
  /** `user.created` */
  eventType: string;
  /** UUID version 7, or version 8 where it is made of an idempotency key. */
  id: string;
  /** Place in the log, from 0. */
  index: number;
  /** Leaf hash of the entry before, hex; 64 zeros for the first. */
  previousHash: string;
  /** Whom it is about; for sealed data the pseudonym of the subject's key. */
  subject?: string;
  /** ISO 8601, UTC, with milliseconds; never before that of the entry before. */
  timestamp: string;
  /** Id of the node that wrote it. */
  validator: string;
}

/** An entry as people see it. */
export interface Entry extends LeafEntry {
  /** Leaf hash, hex. */
  hash: string;
  /** Height of the block that it is in. */
  blockHeight: number;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[78][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

const SHAPE: Shape = {
  actor: { ...aText, optional: true },
  data: {
    must: "be an object",
    is: (value) => value !== null && typeof value === "object" && !Array.isArray(value),
  },
  eventType: aText,
  id: { must: "be a UUID of version 7 or 8", is: (value) => typeof value === "string" && UUID.test(value) },
  index: aCount,
  previousHash: aHash,
  subject: { ...aText, optional: true },
  timestamp: aTime,
  validator: aText,
};

/**
 * The bytes that are hashed and stored. Members that a leaf does not have (`hash`, `blockHeight`) are left out.
 * @throws NotCanonical with the path of the value that JSON cannot hold; MalformedLog for a member of a wrong shape and
 * for more than 61,440 bytes
 */
export function leafBytes(entry: LeafEntry): Buffer {
  const { actor, data, eventType, id, index, previousHash, subject, timestamp, validator } = entry;
  const leaf = { actor, data, eventType, id, index, previousHash, subject, timestamp, validator };
  checkShape(leaf, SHAPE);
  const bytes = Buffer.from(canonicalize(leaf));
  checkLeaf(bytes.length, index, previousHash);
  return bytes;
}

/** @throws MalformedLog for bytes that `leafBytes` would not have written */
export function parseLeaf(bytes: Buffer): LeafEntry {
  const leaf = parseCanonical(bytes, SHAPE) as unknown as LeafEntry;
  checkLeaf(bytes.length, leaf.index, leaf.previousHash);
  return leaf;
}

/** The id of the entry that an idempotency key stands for: a UUIDv8 of its SHA-256, so that the id finds duplicates. */
export function idOfKey(idempotencyKey: string): string {
  const digest = hash("sha256", idempotencyKey, "hex");
  const variant = ((Number.parseInt(digest[16]!, 16) & 0x3) | 0x8).toString(16);
  return [
    digest.slice(0, 8),
    digest.slice(8, 12),
    `8${digest.slice(13, 16)}`,
    variant + digest.slice(17, 20),
    digest.slice(20, 32),
  ].join("-");
}

function checkLeaf(length: number, index: number, previousHash: string): void {
  if (length > MAX_LEAF_BYTES) throw new MalformedLog(`has ${length} bytes, but may have ${MAX_LEAF_BYTES} at most`);
  if ((index === 0) !== (previousHash === NO_HASH))
    throw new MalformedLog("must have a previousHash of zeros if first");
}
