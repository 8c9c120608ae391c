import { matches } from "./matcher.ts";
import { implied, normalForm } from "./normal-form.ts";
import { type Condition, type Ordering, parseQuery, type Test } from "./parse-query.ts";
import { bind, columnOf, jsonPath, type Scalar, type ScalarKind } from "./paths.ts";

/** The SQL function that decides what SQL cannot: `azora_match(doc, n)` is the n-th predicate. */
export const MATCH_FUNCTION = "azora_match";

export type Predicate = (document: unknown) => boolean;

export interface CompiledQuery {
  /** A WHERE expression; parameters are bound, and only declared paths are written into it. */
  where: string;
  params: (string | number)[];
  predicates: Predicate[];
  /** A pattern is involved: the query runs within a time budget. */
  hasPattern: boolean;
  /** What was asked, in normal form. */
  condition: Condition;
}

export interface CompileOptions {
  /** Only documents that are not deleted. @default false */
  living?: boolean;
  /**
   * Table in which each alternative looks for itself: SQLite otherwise goes through the primary key where it expects to
   * find a page of documents soon, and with few of them that is the whole table. @default none
   */
  union?: string;
}

/**
 * A Mongo-style query as SQL. What concerns declared scalar fields becomes SQL, which indexes serve; the rest becomes a
 * predicate that SQL calls for the rows that are left.
 */
export function compileQuery(
  query: unknown,
  paths: ReadonlyMap<string, ScalarKind>,
  { living = false, union }: CompileOptions = {},
): CompiledQuery {
  const condition = normalForm(parseQuery(query), paths);
  const compiled: CompiledQuery = { where: "", params: [], predicates: [], hasPattern: false, condition };
  const decidable = (part: Condition) => isSql(part, paths);
  const parts = condition.op === "and" ? condition.parts : [condition];
  const others = parts.filter((part) => !decidable(part));
  const inSql = [
    ...parts.filter(decidable),
    ...others.flatMap((part) => implied(part, decidable) ?? []).filter((part) => !isTrue(part)),
  ];

  const { params } = compiled;
  const whole = (each: readonly Condition[]) =>
    [
      ...(living ? ["deletedAt IS NULL"] : []),
      ...each.map(
        (part) => `(${living && part.op === "or" ? livingOr(part, paths, params) : toSql(part, paths, params)})`,
      ),
    ].join(" AND ");
  const split = union === undefined ? undefined : inSql.find((part) => alternatives(part, paths).length > 1);
  const terms: string[] = [];
  if (split === undefined) {
    const sql = whole(inSql);
    if (sql !== "") terms.push(sql);
  } else {
    const rest = inSql.filter((part) => part !== split);
    const branches = alternatives(split, paths).map(
      (each) => `SELECT rowid FROM ${union} WHERE ${whole([each, ...rest])}`,
    );
    terms.push(`rowid IN (${branches.join(" UNION ALL ")})`);
  }
  if (others.length > 0) {
    const rest: Condition = others.length === 1 ? others[0]! : { op: "and", parts: others };
    compiled.predicates.push((document) => matches(rest, document));
    compiled.hasPattern = hasPattern(rest);
    terms.push(`(${MATCH_FUNCTION}(doc, ${compiled.predicates.length - 1}))`);
  }
  compiled.where = terms.join(" AND ") || "1";
  return compiled;
}

/** Whether the query has a form in which its alternatives are looked for apart. */
export function hasAlternatives(condition: Condition, paths: ReadonlyMap<string, ScalarKind>): boolean {
  const parts = condition.op === "and" ? condition.parts : [condition];
  return parts.some((part) => alternatives(implied(part, (each) => isSql(each, paths)) ?? part, paths).length > 1);
}

/** Conditions of which one or more hold where this one does. What is unequal is less, greater or null. */
function alternatives(part: Condition, paths: ReadonlyMap<string, ScalarKind>): Condition[] {
  if (part.op === "or") return isSql(part, paths) ? part.parts : [];
  if (part.op !== "not" || part.part.op !== "field" || part.part.test.op !== "eq") return [];
  const { path, test } = part.part;
  const { value } = test;
  if (value === null || typeof value !== paths.get(path)) return [];
  return [
    { op: "field", path, test: { op: "lt", value: value as Scalar } },
    { op: "field", path, test: { op: "gt", value: value as Scalar } },
    { op: "field", path, test: { op: "eq", value: null } },
  ];
}

/** SQLite takes a partial index for an alternative only where the alternative itself says what the index leaves out. */
function livingOr(
  { parts }: { parts: Condition[] },
  paths: ReadonlyMap<string, ScalarKind>,
  params: (string | number)[],
): string {
  if (parts.length === 0) return "0";
  return parts.map((part) => `(deletedAt IS NULL AND (${toSql(part, paths, params)}))`).join(" OR ");
}

const isTrue = (condition: Condition) => condition.op === "and" && condition.parts.length === 0;

const SQL_TESTS = new Set(["eq", "in", "gt", "gte", "lt", "lte", "exists", "type"]);

function isSql(condition: Condition, paths: ReadonlyMap<string, ScalarKind>): boolean {
  switch (condition.op) {
    case "and":
    case "or":
      return condition.parts.every((part) => isSql(part, paths));
    case "not":
      return isSql(condition.part, paths);
    case "field":
      return paths.has(condition.path) && SQL_TESTS.has(condition.test.op);
  }
}

function toSql(condition: Condition, paths: ReadonlyMap<string, ScalarKind>, params: (string | number)[]): string {
  switch (condition.op) {
    case "and":
    case "or": {
      const terms = condition.parts.map((part) => `(${toSql(part, paths, params)})`);
      if (terms.length === 0) return condition.op === "and" ? "1" : "0";
      return terms.join(condition.op === "and" ? " AND " : " OR ");
    }
    case "not":
      if (condition.part.op === "field" && condition.part.test.op === "eq" && condition.part.test.value === null) {
        return `${columnOf(condition.part.path)} IS NOT NULL`;
      }
      // A comparison with NULL is neither true nor false in SQL; in Mongo it is false, and its negation true.
      return `(${toSql(condition.part, paths, params)}) IS NOT TRUE`;
    case "field":
      return testToSql(condition.path, paths.get(condition.path)!, condition.test, params);
  }
}

/** SQLite's names of the types of JSON values. */
const JSON_TYPES: Record<string, readonly string[]> = {
  string: ["text"],
  number: ["integer", "real"],
  bool: ["true", "false"],
  object: ["object"],
  array: ["array"],
  null: ["null"],
};

const SIGNS: Record<Ordering, string> = { gt: ">", gte: ">=", lt: "<", lte: "<=" };

function testToSql(path: string, kind: ScalarKind, test: Test, params: (string | number)[]): string {
  const column = columnOf(path);
  const bound = (value: unknown) => {
    const { sql, param } = bind(value as Scalar);
    params.push(param);
    return sql;
  };
  switch (test.op) {
    case "eq":
      if (test.value === null) return `${column} IS NULL`;
      return typeof test.value === kind ? `${column} = ${bound(test.value)}` : "0";
    case "in": {
      const wanted = test.values.filter((value) => typeof value === kind);
      const terms = wanted.length > 0 ? [`${column} IN (${listed(wanted as Scalar[], bound, params)})`] : [];
      if (test.values.includes(null)) terms.push(`${column} IS NULL`);
      return terms.length > 0 ? terms.join(" OR ") : "0";
    }
    case "exists":
      return `json_type(doc, '${jsonPath(path)}') IS ${test.value ? "NOT " : ""}NULL`;
    case "type": {
      const types = test.types.flatMap((type) => JSON_TYPES[type] ?? []).map((type) => `'${type}'`);
      return `json_type(doc, '${jsonPath(path)}') IN (${types.join(", ")})`;
    }
    case "gt":
    case "gte":
    case "lt":
    case "lte":
      return typeof test.value === kind ? `${column} ${SIGNS[test.op]} ${bound(test.value)}` : "0";
    default:
      throw new Error(`no SQL for ${test.op}`);
  }
}

/** Lists up to this length are bound value by value, and so are a statement for each length. */
const SHORT_LIST = 4;

/**
 * A long list goes as one parameter: SQLite takes 32,766 at most, and each number of them would be another statement. Its
 * own JSON reader makes the same numbers of it as of the stored ones.
 */
function listed(values: Scalar[], bound: (value: unknown) => string, params: (string | number)[]): string {
  if (values.length <= SHORT_LIST) return values.map(bound).join(", ");
  params.push(JSON.stringify(values));
  return "SELECT value FROM json_each(?)";
}

function hasPattern(condition: Condition): boolean {
  if (condition.op === "not") return hasPattern(condition.part);
  if (condition.op !== "field") return condition.parts.some(hasPattern);
  return testHasPattern(condition.test);
}

function testHasPattern(test: Test): boolean {
  if (test.op === "elemMatch") return hasPattern(test.element);
  return test.op === "regex" || (test.op === "all" && test.tests.some(testHasPattern));
}
