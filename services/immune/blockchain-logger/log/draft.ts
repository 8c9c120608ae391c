import { randomBytes } from "node:crypto";
import { AzoraError } from "../../../../runtime/errors.ts";
import { canonicalize, NotCanonical } from "../../../../tlog/canonical-json.ts";
import { idOfKey, MAX_LEAF_BYTES } from "../../../../tlog/entry.ts";

export interface EntryOptions {
  /** Delivering the same key twice gives one entry. */
  idempotencyKey?: string;
  /** Whom the data is about; here the pseudonym. */
  subject?: string;
  /** Who did it. */
  actor?: string;
}

/** An entry that has no place in the chain yet: its canonical text, around the members that only the place gives. */
export interface Draft {
  id: string;
  /** `{"actor":…,"data":…,"eventType":…,"id":…,"index":` */
  before: string;
  /** `,"subject":…,"timestamp":"` */
  after: string;
  /** Bytes that it will have, at most. */
  bytes: number;
}

/** Index, previous hash, time and validator. */
const PLACE_BYTES = 16 + 64 + 24 + 128 + 40;

/** @throws AzoraError CHAIN_ENTRY_INVALID naming the field */
export function draftOf(
  eventType: string,
  data: Record<string, unknown>,
  { idempotencyKey, subject, actor }: EntryOptions = {},
  id = entryId(idempotencyKey),
): Draft {
  const before = `{${actor === undefined ? "" : `"actor":${text("actor", actor)},`}"data":${canonical("data", data)},"eventType":${text("eventType", eventType)},"id":"${id}","index":`;
  const after = `${subject === undefined ? "" : `,"subject":${text("subject", subject)}`},"timestamp":"`;
  const bytes = Buffer.byteLength(before) + Buffer.byteLength(after) + PLACE_BYTES;
  if (bytes > MAX_LEAF_BYTES) {
    throw refusal(
      "data",
      `the entry would have ${bytes} bytes, at most ${MAX_LEAF_BYTES} are allowed; log a hash of the data instead`,
    );
  }
  return { id, before, after, bytes };
}

export function entryId(idempotencyKey?: string): string {
  return idempotencyKey === undefined ? timeOrderedId() : idOfKey(idempotencyKey);
}

/** @throws AzoraError CHAIN_ENTRY_INVALID naming the field */
export function canonical(field: string, value: unknown): string {
  try {
    return canonicalize(value, field);
  } catch (error) {
    if (error instanceof NotCanonical) throw refusal(error.path, error.why);
    throw error;
  }
}

/** Most strings need no escape, and then none of the work of finding out. */
function text(field: string, value: string): string {
  return /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/.test(value) ? `"${value}"` : canonical(field, value);
}

function refusal(path: string, why: string): AzoraError {
  return new AzoraError("CHAIN_ENTRY_INVALID", `${path}: ${why}`, { path, why });
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
let pool = randomBytes(0);
let taken = 0;

/** UUID version 7 (RFC 9562): entries of one time stand together in the index. */
function timeOrderedId(): string {
  if (taken + 10 > pool.length) [pool, taken] = [randomBytes(4096), 0];
  const time = Date.now().toString(16).padStart(12, "0");
  const random = pool.subarray(taken, taken + 10);
  taken += 10;
  const hex = (at: number) => HEX[random[at]!]!;
  const version = `7${hex(0)[1]}${hex(1)}`;
  const variant = `${HEX[(random[2]! & 0x3f) | 0x80]}${hex(3)}`;
  return `${time.slice(0, 8)}-${time.slice(8)}-${version}-${variant}-${hex(4)}${hex(5)}${hex(6)}${hex(7)}${hex(8)}${hex(9)}`;
}
