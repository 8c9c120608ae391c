import type { Condition, Ordering } from "./parse-query.ts";
import type { ScalarKind } from "./paths.ts";
import { literalPrefix } from "./regex.ts";

type Paths = ReadonlyMap<string, ScalarKind>;
type Field = Extract<Condition, { op: "field" }>;

const all = (parts: Condition[]): Condition => joined("and", parts);
const any = (parts: Condition[]): Condition => joined("or", parts);
const NULL = (path: string): Field => ({ op: "field", path, test: { op: "eq", value: null } });

const OPPOSITE: Record<Ordering, Ordering> = { gt: "lte", gte: "lt", lt: "gte", lte: "gt" };

/**
 * An equal condition in a form that indexes serve, where there is one. It holds for the same documents, always:
 *
 * - negations stand at single fields only, and lists in lists of the same kind are one list, so that each condition
 *   that SQL can decide stands for itself;
 * - `$not: {$gt: 5}` is `$lte: 5` or null, `$in: [1, null]` is `$in: [1]` or null;
 * - what a condition implies stands beside it where an index serves that: `/^ab./` lies from `ab` up to, not with, `ac`,
 *   and what does not exist is null.
 *
 * All of this is on declared scalar paths; what is asked of others, arrays among them, is left as it is.
 */
export function normalForm(condition: Condition, paths: Paths): Condition {
  switch (condition.op) {
    case "and":
      return all(condition.parts.map((part) => normalForm(part, paths)));
    case "or":
      return any(condition.parts.map((part) => normalForm(part, paths)));
    case "not":
      return negated(condition.part, paths);
    case "field":
      return field(condition, paths);
  }
}

function negated(condition: Condition, paths: Paths): Condition {
  switch (condition.op) {
    case "and":
      return any(condition.parts.map((part) => negated(part, paths)));
    case "or":
      return all(condition.parts.map((part) => negated(part, paths)));
    case "not":
      return normalForm(condition.part, paths);
    case "field":
      return negatedField(condition, paths);
  }
}

function field(condition: Field, paths: Paths): Condition {
  const { path, test } = condition;
  const kind = paths.get(path);
  if (kind === undefined) return condition;
  if (test.op === "in" && test.values.includes(null)) {
    const values = test.values.filter((value) => value !== null);
    return any([
      ...(values.length > 0 ? [{ op: "field", path, test: { op: "in", values } } as Field] : []),
      NULL(path),
    ]);
  }
  if (test.op === "exists" && !test.value) return all([condition, NULL(path)]);
  if (test.op === "regex" && kind === "string") {
    const range = literalPrefix(test.pattern);
    if (range === undefined) return condition;
    const from: Field = { op: "field", path, test: { op: "gte", value: range.from } };
    const to: Field = { op: "field", path, test: { op: "lt", value: range.to } };
    return all([from, to, condition]);
  }
  return condition;
}

function negatedField(condition: Field, paths: Paths): Condition {
  const { path, test } = condition;
  const kind = paths.get(path);
  const not: Condition = { op: "not", part: condition };
  if (kind === undefined) return not;
  switch (test.op) {
    case "gt":
    case "gte":
    case "lt":
    case "lte": {
      if (typeof test.value !== kind) return not;
      const opposite: Field = { op: "field", path, test: { op: OPPOSITE[test.op], value: test.value } };
      return any([opposite, NULL(path)]);
    }
    case "exists":
      return field({ op: "field", path, test: { op: "exists", value: !test.value } }, paths);
    default:
      return not;
  }
}

function joined(op: "and" | "or", parts: Condition[]): Condition {
  const flat = parts.flatMap((part) => (part.op === op ? part.parts : [part]));
  return flat.length === 1 ? flat[0]! : { op, parts: flat };
}

/**
 * The strictest condition that SQL can decide, and that holds wherever the given one does; undefined where there is none.
 * `{$or: [{a: 1, tags: "x"}, {b: 2}]}` needs a look at each document, but only at those with `a = 1 OR b = 2`.
 */
export function implied(condition: Condition, isSql: (condition: Condition) => boolean): Condition | undefined {
  if (isSql(condition)) return condition;
  if (condition.op === "and") {
    const parts = condition.parts.flatMap((part) => implied(part, isSql) ?? []);
    return parts.length > 0 ? all(parts) : undefined;
  }
  if (condition.op === "or") {
    const parts = condition.parts.map((part) => implied(part, isSql));
    return parts.every((part) => part !== undefined) ? any(parts) : undefined;
  }
  return undefined;
}
