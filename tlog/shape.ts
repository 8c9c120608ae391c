/** Checks of the small JSON documents of a log: each has exactly one spelling. */
import { canonicalize, NotCanonical } from "./canonical-json.ts";
import { MalformedLog } from "./malformed-log.ts";
import { decodeUtf8 } from "./utf8.ts";

/** 64 hex digits: a hash; and the hash before the first one. */
export const HEX_HASH = /^[0-9a-f]{64}$/;
export const NO_HASH = "0".repeat(64);

/** What a member must be, as a sentence's end and as a test. */
export type Shape = Record<string, { must: string; is(value: unknown): boolean; optional?: true }>;

export const aHash = {
  must: "be 64 hex digits",
  is: (value: unknown) => typeof value === "string" && HEX_HASH.test(value),
};
export const aCount = {
  must: "be a whole number",
  is: (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0,
};
export const aText = {
  must: "be a text that is not empty",
  is: (value: unknown) => typeof value === "string" && value !== "",
};
export const aTime = {
  must: "be a time like 2026-11-20T11:40:00.000Z",
  is: (value: unknown) => typeof value === "string" && isIsoTime(value),
};

/**
 * The object that the bytes are the canonical JSON of, with exactly the members of the shape.
 * @throws MalformedLog
 */
export function parseCanonical(bytes: Uint8Array, shape: Shape): Record<string, unknown> {
  const text = decodeUtf8(bytes);
  if (text === undefined) throw new MalformedLog("is not UTF-8");
  let value: unknown;
  try {
    value = JSON.parse(text);
    if (canonicalize(value) !== text) throw new MalformedLog("is not canonical JSON (RFC 8785)");
  } catch (error) {
    if (error instanceof MalformedLog) throw error;
    throw new MalformedLog(
      error instanceof NotCanonical ? `holds what is not canonical: ${error.message}` : "is not JSON",
    );
  }
  return checkShape(value, shape);
}

/** @throws MalformedLog */
export function checkShape(value: unknown, shape: Shape): Record<string, unknown> {
  if (value === null || typeof value !== "object" || Array.isArray(value)) throw new MalformedLog("is not an object");
  const members = value as Record<string, unknown>;
  const foreign = Object.keys(members).find((name) => !Object.hasOwn(shape, name));
  if (foreign !== undefined) throw new MalformedLog(`has a member ${JSON.stringify(foreign)}, which is not known`);
  for (const name in shape) {
    const { must, is, optional } = shape[name]!;
    const member = Object.hasOwn(members, name) ? members[name] : undefined;
    if (!(optional && member === undefined) && !is(member)) throw new MalformedLog(`has a ${name} that must ${must}`);
  }
  return members;
}

/** Neighbouring entries often have the same one. */
let lastTime = "";

function isIsoTime(text: string): boolean {
  if (text === lastTime) return true;
  const time = /^\d{4}-/.test(text) ? Date.parse(text) : Number.NaN;
  const isTime = Number.isFinite(time) && new Date(time).toISOString() === text;
  if (isTime) lastTime = text;
  return isTime;
}
