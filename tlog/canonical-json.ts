/** Canonical JSON (RFC 8785): each value has one spelling, so that it can be hashed. */

/** Nesting that is still taken; deeper values are refused, and cycles with them. */
const MAX_DEPTH = 100;
/** From here on JavaScript writes numbers with an exponent, so that nobody takes them for exact integers. */
const EXPONENT_FROM = 1e21;
const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;
/** Text that needs no escape and holds no surrogates: most of it. */
const PLAIN = /^[ !#-[\]-~]*$/;

/** A value that has no canonical form. `path` leads to it: `data.items[3].price`. */
export class NotCanonical extends Error {
  override readonly name = "NotCanonical";
  readonly path: string;
  readonly why: string;

  constructor(path: string, why: string) {
    super(`${path || "the value"} ${why}`);
    this.path = path;
    this.why = why;
  }
}

type Trail = (string | number)[];

/**
 * The RFC 8785 text of a value. Members whose value is undefined are left out, and `toJSON` is honoured, as
 * `JSON.stringify` does; whatever else JSON cannot hold exactly is refused: NaN and infinities, lone surrogates,
 * integers beyond 2^53-1 that would be written as such, undefined in arrays, functions, symbols, bigints, objects of a
 * class, cycles and nesting beyond 100.
 * @param path what the value is called in the path of a refusal
 * @throws NotCanonical
 */
export function canonicalize(value: unknown, path = ""): string {
  const text = write(value, "", path ? [path] : [], []);
  if (text === undefined) throw new NotCanonical(path, "is undefined");
  return text;
}

function write(given: unknown, key: string, trail: Trail, above: object[]): string | undefined {
  const value = ownJson(given, key);
  switch (typeof value) {
    case "string":
      return quote(value, trail);
    case "number":
      return number(value, trail);
    case "boolean":
      return value ? "true" : "false";
    case "undefined":
      return undefined;
    case "object":
      break;
    default:
      throw refusal(trail, `is a ${typeof value}, which JSON cannot hold`);
  }
  if (value === null) return "null";
  if (above.includes(value)) throw refusal(trail, "contains itself");
  if (above.length >= MAX_DEPTH) throw refusal(trail, `is nested deeper than ${MAX_DEPTH}`);
  above.push(value);
  const text = Array.isArray(value) ? array(value, trail, above) : object(value, trail, above);
  above.pop();
  return text;
}

function array(items: unknown[], trail: Trail, above: object[]): string {
  let text = "[";
  for (let i = 0; i < items.length; i++) {
    trail.push(i);
    const item = write(items[i], String(i), trail, above);
    if (item === undefined) throw refusal(trail, "is undefined, which an array cannot hold");
    text += i === 0 ? item : `,${item}`;
    trail.pop();
  }
  return `${text}]`;
}

function object(value: object, trail: Trail, above: object[]): string {
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== null && !isObjectPrototype(prototype)) {
    throw refusal(trail, `is a ${value.constructor?.name || "class instance"}, not a plain object`);
  }
  let text = "{";
  for (const key of sortedKeys(value)) {
    trail.push(key);
    const member = write((value as Record<string, unknown>)[key], key, trail, above);
    if (member !== undefined) text += `${text === "{" ? "" : ","}${quote(key, trail, "has a name that")}:${member}`;
    trail.pop();
  }
  return `${text}}`;
}

/** By UTF-16 code units, as RFC 8785 wants and as JavaScript compares strings. Most objects that are read are in order. */
function sortedKeys(value: object): string[] {
  const keys = Object.keys(value);
  for (let i = 1; i < keys.length; i++) if (keys[i - 1]! > keys[i]!) return keys.sort();
  return keys;
}

/** Objects may come from another realm (a vm context, as in tests): its Object.prototype is another object. */
function isObjectPrototype(prototype: object): boolean {
  return prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}

function ownJson(value: unknown, key: string): unknown {
  const own = value !== null && typeof value === "object" ? (value as { toJSON?: unknown }).toJSON : undefined;
  return typeof own === "function" ? own.call(value, key) : value;
}

function quote(text: string, trail: Trail, what = ""): string {
  if (PLAIN.test(text)) return `"${text}"`;
  if (!text.isWellFormed()) throw refusal(trail, `${what} has half a surrogate pair in it`.trimStart());
  return JSON.stringify(text);
}

function number(value: number, trail: Trail): string {
  if (!Number.isFinite(value)) throw refusal(trail, `is ${value}, which JSON cannot hold`);
  if (Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) < EXPONENT_FROM) {
    throw refusal(trail, `is ${value}, an integer beyond 2^53-1, which is not exact; give it as a string`);
  }
  return String(value);
}

function refusal(trail: Trail, why: string): NotCanonical {
  const path = trail.reduce<string>((before, step) => {
    if (typeof step === "number") return `${before}[${step}]`;
    if (!step.isWellFormed() || !(IDENTIFIER.test(step) || before === "")) return `${before}[${JSON.stringify(step)}]`;
    return before === "" ? step : `${before}.${step}`;
  }, "");
  return new NotCanonical(path, why);
}
