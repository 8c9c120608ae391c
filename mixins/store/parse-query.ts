import { comparable, isPlain, list, literal, MAX_LIST, TOP_OPERATORS, TYPE_NAMES, unsupported } from "./operands.ts";
import { wrong } from "./refusal.ts";
import { toRegExp } from "./regex.ts";

/** A query as the store understands it; `$ne`, `$nin`, `$not` and `$nor` have become `not`. */
export type Condition =
  | { op: "and" | "or"; parts: Condition[] }
  | { op: "not"; part: Condition }
  | { op: "field"; path: string; test: Test };

export type Ordering = "gt" | "gte" | "lt" | "lte";

/** What is asked of one value. `elem` tests the value as it is, without looking into it. */
export type Test =
  | { op: "eq"; value: unknown }
  | { op: Ordering; value: string | number | boolean }
  | { op: "in"; values: unknown[] }
  | { op: "exists"; value: boolean }
  | { op: "size"; value: number }
  | { op: "all"; tests: Test[] }
  | { op: "type"; types: string[] }
  | { op: "regex"; pattern: RegExp }
  | { op: "elemMatch"; element: Condition; of: "objects" | "values" };

export type Query = Record<string, unknown>;

export const MAX_DEPTH = 12;
export const MAX_CONDITIONS = 200;

/** The path of the value itself inside `$elemMatch: {$gt: 1}`. */
export const VALUE_ITSELF = "";

/**
 * Reads a Mongo-style query.
 * @throws AzoraError UNSUPPORTED_QUERY naming an operator that is not supported; VALIDATION_ERROR for a wrong operand
 */
export function parseQuery(query: unknown): Condition {
  const budget = { conditions: MAX_CONDITIONS };
  return readQuery(query, "query", 1, budget);
}

interface Budget {
  conditions: number;
}

function readQuery(query: unknown, where: string, depth: number, budget: Budget): Condition {
  if (!isPlain(query)) throw wrong(where, query, 'an object such as {"name": "Ada"}');
  if (depth > MAX_DEPTH) throw wrong(where, query, `nested at most ${MAX_DEPTH} deep`);
  const parts = Object.entries(query).map(([key, value]): Condition => {
    if (!key.startsWith("$")) return readField(key, value, depth, budget);
    if (key === "$and" || key === "$or" || key === "$nor") {
      if (!Array.isArray(value) || value.length === 0) throw wrong(key, value, "a list of one or more queries");
      const alternatives = value.map((each, i) => readQuery(each, `${key}[${i}]`, depth + 1, budget));
      if (key === "$nor") return { op: "not", part: { op: "or", parts: alternatives } };
      return { op: key === "$and" ? "and" : "or", parts: alternatives };
    }
    throw unsupported(key);
  });
  return parts.length === 1 ? parts[0]! : { op: "and", parts };
}

function readField(path: string, value: unknown, depth: number, budget: Budget): Condition {
  if (path.length > 200 || path.split(".").some((segment) => segment === "" || segment.includes("\0"))) {
    throw wrong("query", path, "a field's name, dotted inside objects, at most 200 characters");
  }
  return readOperand(path, value, depth, budget);
}

function readOperand(path: string, value: unknown, depth: number, budget: Budget): Condition {
  if (--budget.conditions < 0) throw wrong("query", path, `made of at most ${MAX_CONDITIONS} conditions`);
  if (value instanceof RegExp) return field(path, { op: "regex", pattern: toRegExp(path, value, undefined) });
  if (isPlain(value) && Object.keys(value).some((key) => key.startsWith("$"))) {
    return readOperators(path, value, depth, budget);
  }
  return field(path, { op: "eq", value: literal(path, value) });
}

function readOperators(path: string, operators: Query, depth: number, budget: Budget): Condition {
  if (depth > MAX_DEPTH) throw wrong(path, operators, `nested at most ${MAX_DEPTH} deep`);
  const parts: Condition[] = [];
  for (const [operator, operand] of Object.entries(operators)) {
    if (--budget.conditions < 0) throw wrong("query", path, `made of at most ${MAX_CONDITIONS} conditions`);
    const name = `${path}.${operator}`;
    switch (operator) {
      case "$eq":
        parts.push(field(path, { op: "eq", value: literal(name, operand) }));
        break;
      case "$ne":
        parts.push(not(field(path, { op: "eq", value: literal(name, operand) })));
        break;
      case "$gt":
      case "$gte":
      case "$lt":
      case "$lte":
        parts.push(field(path, { op: operator.slice(1) as Ordering, value: comparable(name, operand) }));
        break;
      case "$in":
        parts.push(field(path, { op: "in", values: list(name, operand) }));
        break;
      case "$nin":
        parts.push(not(field(path, { op: "in", values: list(name, operand) })));
        break;
      case "$exists":
        if (typeof operand !== "boolean") throw wrong(name, operand, "true or false");
        parts.push(field(path, { op: "exists", value: operand }));
        break;
      case "$size":
        if (!Number.isSafeInteger(operand) || (operand as number) < 0)
          throw wrong(name, operand, "a whole number from 0");
        parts.push(field(path, { op: "size", value: operand as number }));
        break;
      case "$all":
        parts.push(field(path, { op: "all", tests: readAll(name, operand, depth, budget) }));
        break;
      case "$type":
        parts.push(field(path, { op: "type", types: readTypes(name, operand) }));
        break;
      case "$regex":
        parts.push(field(path, { op: "regex", pattern: toRegExp(path, operand, operators["$options"]) }));
        break;
      case "$options":
        if (!("$regex" in operators)) throw wrong(name, operand, "beside a $regex");
        break;
      case "$elemMatch":
        parts.push(field(path, readElemMatch(name, operand, depth, budget)));
        break;
      case "$not":
        parts.push(not(readNot(path, operand, depth, budget)));
        break;
      default:
        if (operator.startsWith("$")) throw unsupported(operator, path);
        throw wrong(path, operators, `either operators or a value; "${operator}" beside an operator is neither`);
    }
  }
  return parts.length === 1 ? parts[0]! : { op: "and", parts };
}

function readNot(path: string, operand: unknown, depth: number, budget: Budget): Condition {
  const negatable =
    operand instanceof RegExp || (isPlain(operand) && Object.keys(operand).some((key) => key.startsWith("$")));
  if (!negatable) throw wrong(`${path}.$not`, operand, 'operators such as {"$gt": 5}');
  return operand instanceof RegExp
    ? readOperand(path, operand, depth + 1, budget)
    : readOperators(path, operand as Query, depth + 1, budget);
}

function readAll(name: string, operand: unknown, depth: number, budget: Budget): Test[] {
  if (!Array.isArray(operand) || operand.length > MAX_LIST)
    throw wrong(name, operand, `a list of up to ${MAX_LIST} values`);
  return operand.map((each): Test => {
    if (isPlain(each) && Object.keys(each).some((key) => key.startsWith("$"))) {
      const [first, ...others] = Object.keys(each);
      if (first !== "$elemMatch") throw unsupported(first!, name);
      if (others.length > 0) throw wrong(name, each, 'values, or {"$elemMatch": …} alone');
      return readElemMatch(`${name}.$elemMatch`, each["$elemMatch"], depth, budget);
    }
    return { op: "eq", value: literal(name, each) };
  });
}

function readElemMatch(name: string, operand: unknown, depth: number, budget: Budget): Test {
  if (!isPlain(operand) || Object.keys(operand).length === 0) throw wrong(name, operand, "a query or operators");
  const ofValues = Object.keys(operand).every((key) => key.startsWith("$") && !TOP_OPERATORS.includes(key as never));
  return ofValues
    ? { op: "elemMatch", of: "values", element: readOperators(VALUE_ITSELF, operand, depth + 1, budget) }
    : { op: "elemMatch", of: "objects", element: readQuery(operand, name, depth + 1, budget) };
}

function readTypes(name: string, operand: unknown): string[] {
  const types = Array.isArray(operand) ? operand : [operand];
  if (types.length === 0 || !types.every((type) => TYPE_NAMES.includes(type as never))) {
    throw wrong(name, operand, `one or more of ${TYPE_NAMES.join(", ")}`);
  }
  return types as string[];
}

const field = (path: string, test: Test): Condition => ({ op: "field", path, test });
const not = (part: Condition): Condition => ({ op: "not", part });
