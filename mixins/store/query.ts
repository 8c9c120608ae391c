import { matches } from "./matcher.ts";
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
}

/**
 * A Mongo-style query as SQL. What concerns declared scalar fields becomes SQL, which indexes serve; the rest becomes a
 * predicate that SQL calls for the rows that are left.
 */
export function compileQuery(query: unknown, paths: ReadonlyMap<string, ScalarKind>): CompiledQuery {
  const compiled: CompiledQuery = { where: "", params: [], predicates: [], hasPattern: false };
  const condition = parseQuery(query);
  const parts = condition.op === "and" ? condition.parts : [condition];
  const inSql = parts.filter((part) => isSql(part, paths));
  const others = parts.filter((part) => !inSql.includes(part));

  const terms = inSql.map((part) => toSql(part, paths, compiled.params));
  if (others.length > 0) {
    const rest: Condition = others.length === 1 ? others[0]! : { op: "and", parts: others };
    compiled.predicates.push((document) => matches(rest, document));
    compiled.hasPattern = hasPattern(rest);
    terms.push(`${MATCH_FUNCTION}(doc, ${compiled.predicates.length - 1})`);
  }
  compiled.where = terms.length > 0 ? terms.map((term) => `(${term})`).join(" AND ") : "1";
  return compiled;
}

function isSql(condition: Condition, paths: ReadonlyMap<string, ScalarKind>): boolean {
  switch (condition.op) {
    case "and":
    case "or":
      return condition.parts.every((part) => isSql(part, paths));
    case "not":
      return isSql(condition.part, paths);
    case "field":
      return paths.has(condition.path) && ["eq", "in", "gt", "gte", "lt", "lte", "exists"].includes(condition.test.op);
  }
}

function toSql(condition: Condition, paths: ReadonlyMap<string, ScalarKind>, params: (string | number)[]): string {
  switch (condition.op) {
    case "and":
    case "or": {
      const terms = condition.parts.map((part) => `(${toSql(part, paths, params)})`);
      return terms.length > 0 ? terms.join(condition.op === "and" ? " AND " : " OR ") : "1";
    }
    case "not":
      // A comparison with NULL is neither true nor false in SQL; in Mongo it is false, and its negation true.
      return `(${toSql(condition.part, paths, params)}) IS NOT TRUE`;
    case "field":
      return testToSql(condition.path, paths.get(condition.path)!, condition.test, params);
  }
}

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
      const terms = wanted.length > 0 ? [`${column} IN (${wanted.map(bound).join(", ")})`] : [];
      if (test.values.includes(null)) terms.push(`${column} IS NULL`);
      return terms.length > 0 ? terms.join(" OR ") : "0";
    }
    case "exists":
      return `json_type(doc, '${jsonPath(path)}') IS ${test.value ? "NOT " : ""}NULL`;
    case "gt":
    case "gte":
    case "lt":
    case "lte":
      return typeof test.value === kind ? `${column} ${SIGNS[test.op]} ${bound(test.value)}` : "0";
    default:
      throw new Error(`no SQL for ${test.op}`);
  }
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
