import { isPlain } from "./operands.ts";
import { type Condition, type Ordering, type Test, VALUE_ITSELF } from "./parse-query.ts";

/**
 * Decides a condition on one document by MongoDB's rules. SQL asks it for what an SQL expression cannot say: a path that
 * may lead into arrays, and the operators on arrays, types and patterns.
 */
export function matches(condition: Condition, document: unknown): boolean {
  switch (condition.op) {
    case "and":
      return condition.parts.every((part) => matches(part, document));
    case "or":
      return condition.parts.some((part) => matches(part, document));
    case "not":
      return !matches(condition.part, document);
    case "field": {
      const { path, test } = condition;
      if (path === VALUE_ITSELF) return testValue(test, document, [document]);
      const leaves: unknown[] = [];
      collectLeaves(document, path.split("."), 0, leaves);
      return test.op === "exists"
        ? leaves.some((leaf) => leaf !== undefined) === test.value
        : leaves.some((leaf) => testValue(test, leaf, Array.isArray(leaf) ? [...leaf, leaf] : [leaf]));
    }
  }
}

/**
 * Every value that a path leads to: an array on the way stands for each object in it, and a number also for that place.
 * `undefined` is a missing value; an array without objects leads nowhere.
 */
function collectLeaves(value: unknown, path: string[], from: number, leaves: unknown[]): void {
  const segment = path[from];
  if (segment === undefined) {
    leaves.push(value);
  } else if (Array.isArray(value)) {
    for (const element of value) if (isPlain(element)) collectLeaves(element, path, from, leaves);
    if (/^\d+$/.test(segment) && Number(segment) < value.length) {
      collectLeaves(value[Number(segment)], path, from + 1, leaves);
    }
  } else if (isPlain(value) && Object.hasOwn(value, segment)) {
    collectLeaves(value[segment], path, from + 1, leaves);
  } else {
    leaves.push(undefined);
  }
}

/** `candidates` are the value and, for an array that may be looked into, its elements. */
function testValue(test: Test, value: unknown, candidates: unknown[]): boolean {
  switch (test.op) {
    case "eq":
      return candidates.some((each) => equal(each, test.value));
    case "in":
      return candidates.some((each) => test.values.some((wanted) => equal(each, wanted)));
    case "gt":
    case "gte":
    case "lt":
    case "lte":
      return candidates.some((each) => ordered(test.op, each, test.value));
    case "regex":
      return candidates.some((each) => typeof each === "string" && test.pattern.test(each));
    case "type":
      return candidates.some((each) => test.types.includes(typeName(each)));
    case "exists":
      return (value !== undefined) === test.value;
    case "size":
      return Array.isArray(value) && value.length === test.value;
    case "all":
      return test.tests.length > 0 && test.tests.every((each) => testValue(each, value, candidates));
    case "elemMatch":
      return (
        Array.isArray(value) &&
        value.some((each) => (test.of === "values" || isPlain(each)) && matches(test.element, each))
      );
  }
}

/** Missing equals `null`. The order of an object's keys does not matter. */
function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (a === undefined || a === null || b === undefined || b === null) return (a ?? null) === (b ?? null);
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((each, i) => exact(each, b[i]));
  }
  if (!isPlain(a) || !isPlain(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && exact(a[key], b[key]));
}

const exact = (a: unknown, b: unknown) => (a === null) === (b === null) && equal(a, b);

/** Values of different types are in no order. */
function ordered(op: Ordering, a: unknown, b: string | number | boolean): boolean {
  if (typeof a !== typeof b) return false;
  const order = typeof a === "string" ? compareUtf8(a, b as string) : Number(a) - Number(b);
  if (op === "gt") return order > 0;
  if (op === "gte") return order >= 0;
  return op === "lt" ? order < 0 : order <= 0;
}

/** By code point, as UTF-8 bytes and so SQLite and MongoDB order; JavaScript's `<` puts U+FF5E after U+1F600. */
export function compareUtf8(a: string, b: string): number {
  const end = Math.min(a.length, b.length);
  for (let i = 0; i < end; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

const rank = (unit: number) => (unit < 0xd800 ? unit : unit >= 0xe000 ? unit - 0x800 : unit + 0x2000);

function typeName(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return typeof value === "boolean" ? "bool" : typeof value;
}
