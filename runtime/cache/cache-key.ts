import { createHash } from "node:crypto";
import type { Context } from "moleculer";

/** Longer ones are replaced by their SHA-256, so that a key is never large. */
const MAX_LENGTH = 512;
const MAX_DEPTH = 16;
/** Names of fields that stand as they are; no other text of a key looks like one. */
const PLAIN_NAME = /^[\w$.-]*$/;

class NoKey extends Error {}
const noKey = new NoKey("these parameters make no key");

/**
 * The key of a call: `posts.get:5`, `posts.find:"a"|"b"` for two declared keys, `posts.list:limit|10|page|2` for all
 * parameters. Calls with different values never have the same key, also where a value holds the characters that divide
 * values; of all parameters the order of their names does not count.
 * @param keys paths in the parameters, `#` before one in the meta, `@` before one in the headers; undefined: all parameters
 * @returns undefined where a value has no form that says all of it, such as a stream: the call is not cached
 */
export function keyOf(
  action: string,
  keys: readonly string[] | undefined,
  ctx: Pick<Context, "params" | "meta" | "headers">,
): string | undefined {
  try {
    if (keys) return keys.length === 0 ? action : `${action}:${shortened(declared(keys, ctx))}`;
    return `${action}:${shortened(all(ctx.params))}`;
  } catch (error) {
    if (error === noKey) return undefined;
    throw error;
  }
}

function all(params: unknown): string {
  if (params === undefined || params === null) return "";
  return Object.getPrototypeOf(params) === Object.prototype ? fields(params, MAX_DEPTH) : textOf(params, MAX_DEPTH);
}

function declared(keys: readonly string[], ctx: Pick<Context, "params" | "meta" | "headers">): string {
  let text = "";
  for (let i = 0; i < keys.length; i++) {
    const value = textOf(valueAt(keys[i]!, ctx), MAX_DEPTH);
    text = i === 0 ? value : `${text}|${value}`;
  }
  return text;
}

function valueAt(path: string, ctx: Pick<Context, "params" | "meta" | "headers">): unknown {
  if (path.charCodeAt(0) === 35 /* # */) return at(ctx.meta, path.slice(1));
  if (path.charCodeAt(0) === 64 /* @ */) return at(ctx.headers, path.slice(1));
  return at(ctx.params, path);
}

function at(from: unknown, path: string): unknown {
  if (from === null || from === undefined) return undefined;
  const own = (from as Record<string, unknown>)[path];
  if (own !== undefined || !path.includes(".")) return own;
  let value: unknown = from;
  for (const name of path.split(".")) value = (value as Record<string, unknown> | null | undefined)?.[name];
  return value;
}

function textOf(value: unknown, depth: number): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "number":
    case "boolean":
      return String(value);
    case "undefined":
      return "undefined";
    case "bigint":
      return `${value}n`;
    case "object":
      return value === null ? "null" : objectText(value, depth);
    default:
      throw noKey;
  }
}

function objectText(value: object, depth: number): string {
  if (depth === 0) throw noKey;
  if (Array.isArray(value)) return `[${value.map((item) => textOf(item, depth - 1)).join("|")}]`;
  if (value instanceof Date) return `@${value.getTime()}`;
  if (ArrayBuffer.isView(value)) {
    const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    return `%${createHash("sha256").update(bytes).digest("base64")}`;
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return `{${fields(value, depth)}}`;
  // As ids of databases: what they are on the bus says all of them.
  const { toJSON } = value as { toJSON?: () => unknown };
  if (typeof toJSON === "function") return textOf(toJSON.call(value), depth - 1);
  throw noKey;
}

function fields(value: object, depth: number): string {
  const record = value as Record<string, unknown>;
  const names = Object.keys(record);
  if (names.length > 1) names.sort();
  let text = "";
  for (let i = 0; i < names.length; i++) {
    const name = names[i]!;
    const shown = PLAIN_NAME.test(name) ? name : JSON.stringify(name);
    text += `${i === 0 ? "" : "|"}${shown}|${textOf(record[name], depth - 1)}`;
  }
  return text;
}

function shortened(text: string): string {
  return text.length <= MAX_LENGTH ? text : `#${createHash("sha256").update(text).digest("base64url")}`;
}
