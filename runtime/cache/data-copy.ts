/** A value of its own, how much memory it takes, and whether JSON gives it back as it is. */
export interface DataCopy {
  value: unknown;
  /** Estimated for V8: within a factor of two, mostly above what it really takes. */
  bytes: number;
  isJson: boolean;
}

/** Deeper data is not copied. */
const MAX_DEPTH = 64;
const POINTER = 8;
const OBJECT = 32;
const HASHED_PROPERTY = 64;
/** V8 keeps the names of larger objects in a table of their own. */
const MANY_PROPERTIES = 64;

class NoCopy extends Error {}
const noCopy = new NoCopy("too large, or too deep");

/** What is left of the limit, and what was seen, of the copy that is being made: copying calls nobody else's code. */
let left = 0;
let isJson = true;

/**
 * A copy of plain data, with dates, buffers, maps and sets. Instances of other classes are not copied, since nobody can
 * know what they are made of: they are in the copy themselves.
 * @returns undefined where it would take more bytes than `limit`, or is nested deeper than 64
 */
export function copyData(value: unknown, limit = Number.POSITIVE_INFINITY): DataCopy | undefined {
  left = Number.MAX_SAFE_INTEGER;
  const room = Math.min(limit, left);
  left = room;
  isJson = true;
  try {
    const copy = measured(value, MAX_DEPTH);
    return { value: copy, bytes: room - left, isJson };
  } catch (error) {
    if (error === noCopy) return undefined;
    throw error;
  }
}

/** The same without measuring, for data that was copied before. */
export function cloneData(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const copy = new Array(value.length);
    for (let i = 0; i < value.length; i++) {
      const item = value[i];
      copy[i] = typeof item === "object" && item !== null ? cloneData(item) : item;
    }
    return copy;
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return cloneKnown(value, cloneData) ?? value;
  const copy: Record<string, unknown> = plainCopy(value, prototype);
  for (const name in copy) {
    const item = copy[name];
    if (typeof item === "object" && item !== null) copy[name] = cloneData(item);
  }
  return copy;
}

function measured(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case "string":
      take(stringBytes(value));
      return value;
    case "number":
      if (!Number.isFinite(value)) isJson = false;
      return value;
    case "bigint":
      isJson = false;
      take(16 + Math.ceil(value.toString(16).length / 2));
      return value;
    case "object":
      return value === null ? null : measuredObject(value, depth);
    case "function":
    case "symbol":
      isJson = false;
      return value;
    default:
      return value;
  }
}

function measuredObject(value: object, depth: number): unknown {
  if (depth === 0) throw noCopy;
  if (Array.isArray(value)) {
    take(OBJECT + POINTER * value.length);
    const copy = new Array(value.length);
    for (let i = 0; i < value.length; i++) {
      const item = value[i];
      if (item === undefined) isJson = false;
      copy[i] = typeof item === "number" && Number.isFinite(item) ? item : measured(item, depth - 1);
    }
    return copy;
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    isJson = false;
    take(knownBytes(value));
    const copy = cloneKnown(value, (item) => measured(item, depth - 1));
    if (copy === undefined)
      for (const item of Object.values(value)) {
        take(POINTER);
        measured(item, depth - 1);
      }
    return copy ?? value;
  }
  const copy = plainCopy(value, prototype);
  let count = 0;
  for (const name in copy) {
    count++;
    const item = copy[name];
    if (typeof item === "object" && item !== null) copy[name] = measuredObject(item, depth - 1);
    else if (item !== undefined) measured(item, depth);
    // Numbers that are no small integers stand beside the object.
    if (typeof item === "number" && !Number.isInteger(item)) take(16);
  }
  take(OBJECT + POINTER * count);
  if (count > MANY_PROPERTIES) for (const name in copy) take(HASHED_PROPERTY + name.length);
  // JSON would call it before it looks at the data.
  if (typeof copy["toJSON"] === "function") isJson = false;
  return copy;
}

/** `__proto__` as a field of its own stays one. */
function plainCopy(value: object, prototype: object | null): Record<string, unknown> {
  if (prototype !== null) return { ...value };
  isJson = false;
  return Object.assign(Object.create(null), value);
}

function cloneKnown(value: object, clone: (item: unknown) => unknown): object | undefined {
  if (value instanceof Date) return new Date(value.getTime());
  if (ArrayBuffer.isView(value)) return Buffer.isBuffer(value) ? Buffer.from(value) : structuredClone(value);
  if (value instanceof Map) return new Map(Array.from(value, ([key, item]) => [clone(key), clone(item)]));
  if (value instanceof Set) return new Set(Array.from(value, (item) => clone(item)));
  return undefined;
}

function knownBytes(value: object): number {
  if (ArrayBuffer.isView(value)) return 200 + value.byteLength;
  return value instanceof Map || value instanceof Set ? OBJECT + HASHED_PROPERTY * value.size : 96;
}

function take(bytes: number): void {
  left -= bytes;
  if (left < 0) throw noCopy;
}

/** V8 takes one byte for a character where all are in Latin-1, else two. */
export function stringBytes(text: string): number {
  const { length } = text;
  if (length <= 32) return 16 + length;
  return 16 + (Buffer.byteLength(text) === length ? length : 2 * length);
}

/** Whether several callers can get the same answer: streams are read once. */
export function canBeShared(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return typeof value !== "function";
  const { pipe, getReader } = value as { pipe?: unknown; getReader?: unknown };
  return typeof pipe !== "function" && typeof getReader !== "function" && !(Symbol.asyncIterator in value);
}
