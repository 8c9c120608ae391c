import { hash } from "node:crypto";
import type { Scalar } from "./paths.ts";
import { wrong } from "./refusal.ts";

/**
 * A cursor says where a page ended, by the values of the sort order: a document that is inserted or removed meanwhile
 * moves no other across the border. It is opaque to clients, and bound to the query and sort order that it came from.
 *
 * `["q3fk…", ["Ada", "0198…"]]` in base64url
 */
export function encodeCursor(listing: string, values: readonly (Scalar | null)[]): string {
  return Buffer.from(JSON.stringify([listing, values])).toString("base64url");
}

/** @throws AzoraError VALIDATION_ERROR for anything that is not a cursor of this listing */
export function decodeCursor(cursor: string, listing: string, length: number): (Scalar | null)[] {
  const [from, values] = parsed(cursor);
  if (!Array.isArray(values) || !values.every(isKey)) throw wrong("cursor", cursor, "a nextCursor of an earlier page");
  if (from !== listing || values.length !== length) {
    throw wrong("cursor", cursor, "used with the query, sort and withDeleted of the page that it came from");
  }
  return values;
}

/** Names a listing: everything that decides which documents it has and in which order. */
export function listingId(...parts: unknown[]): string {
  return hash("sha256", JSON.stringify(parts), "base64url").slice(0, 12);
}

function parsed(cursor: string): unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString());
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}

const isKey = (value: unknown): value is Scalar | null =>
  value === null || ["string", "number", "boolean"].includes(typeof value);
