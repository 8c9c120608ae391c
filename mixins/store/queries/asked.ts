import type { QueryKind, QueryShape, ShapeCondition } from "../../../models/query-facts.ts";
import type { Condition, Test } from "../parse-query.ts";
import type { ScalarKind } from "../paths.ts";
import type { SortKey } from "../sort.ts";

/** What a statement is for; with its values, which go no further than `shapeOfAsked`. */
export interface Asked {
  collection: string;
  kind: QueryKind;
  condition?: Condition;
  /** Of the scalar fields of the collection. */
  paths?: ReadonlyMap<string, ScalarKind>;
  sort?: readonly SortKey[];
  limited?: boolean;
  living?: boolean;
  /** It goes on where an earlier page ended. */
  goesOn?: boolean;
  /** It has a predicate: its SQL does not tell it from others. */
  opaque?: boolean;
  /** The same question as another SQL, where there is one. */
  otherwise?: () => string;
}

const SIGNS: Record<string, string> = { eq: "=", in: "$in", gt: ">", gte: ">=", lt: "<", lte: "<=" };
const MAX_TEXT = 500;

/** The shape of a query: what it asks without the values, in an order of its own. */
export function shapeOfAsked({ collection, kind, condition, paths, sort = [], ...rest }: Asked): QueryShape {
  const where = condition === undefined ? [] : shapeOf(condition, paths ?? new Map());
  if (rest.goesOn && sort[0]) {
    where.push({ op: "field", path: sort[0].path, test: "range", operator: "after", indexable: true });
  }
  return {
    collection,
    kind,
    where,
    sort: sort.map(({ path, descending }) => ({ path, descending })),
    limited: rest.limited ?? false,
    living: rest.living ?? false,
  };
}

/** As `find books {lent: =, title: =} sort -pages limited`. */
export function shapeText({ collection, kind, where, sort, limited, living }: QueryShape): string {
  const shown = sort.filter(({ path }) => path !== "_id" || sort.length === 1);
  const isDefault = shown.length === 1 && shown[0]!.path === "_id" && !shown[0]!.descending;
  const order = shown.map(({ path, descending }) => `${descending ? "-" : ""}${path}`).join(", ");
  const words = [
    `${kind}${collection === "" ? "" : ` ${collection}`}`,
    ...(["find", "page", "count"].includes(kind) ? [`{${where.map(text).join(", ")}}`] : []),
    ...(sort.length > 0 && !isDefault ? [`sort ${order}`] : []),
    ...(limited ? ["limited"] : []),
    ...(!living && ["find", "page", "count"].includes(kind) ? ["with deleted"] : []),
  ];
  const whole = words.join(" ");
  return whole.length > MAX_TEXT ? `${whole.slice(0, MAX_TEXT)}…` : whole;
}

function shapeOf(condition: Condition, paths: ReadonlyMap<string, ScalarKind>): ShapeCondition[] {
  if (condition.op !== "and") return [one(condition, paths)];
  return canonical(condition.parts.map((part) => one(part, paths)));
}

/** Alternatives that differ in nothing but their values are one. */
function canonical(parts: ShapeCondition[]): ShapeCondition[] {
  const byText = new Map(parts.map((part) => [text(part), part]));
  return [...byText.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, part]) => part);
}

function one(condition: Condition, paths: ReadonlyMap<string, ScalarKind>): ShapeCondition {
  switch (condition.op) {
    case "and":
    case "or":
      return { op: condition.op, parts: canonical(condition.parts.map((part) => one(part, paths))) };
    case "not": {
      const { part } = condition;
      if (part.op !== "field") return { op: "field", path: "", test: "other", operator: "$not", indexable: false };
      const { path, test } = part;
      const known = paths.has(path) && (test.op === "eq" || test.op === "in");
      const isNull = test.op === "eq" && test.value === null;
      const operator = isNull ? "not null" : test.op === "eq" ? "$ne" : `not ${operatorOf(test)}`;
      return { op: "field", path, test: known ? (isNull ? "exists" : "ne") : "other", operator, indexable: false };
    }
    case "field": {
      const { path, test } = condition;
      const scalar = paths.has(path);
      return { op: "field", path, operator: operatorOf(test), ...kindOf(test, scalar) };
    }
  }
}

function kindOf(test: Test, scalar: boolean): Pick<Extract<ShapeCondition, { op: "field" }>, "test" | "indexable"> {
  if (!scalar) return { test: "other", indexable: false };
  switch (test.op) {
    case "eq":
      return { test: test.value === null ? "null" : "eq", indexable: true };
    case "in":
      return { test: "in", indexable: true };
    case "gt":
    case "gte":
    case "lt":
    case "lte":
      return { test: "range", indexable: true };
    case "exists":
    case "type":
      return { test: test.op, indexable: false };
    default:
      return { test: "other", indexable: false };
  }
}

function operatorOf(test: Test): string {
  if (test.op === "eq" && test.value === null) return "null";
  if (test.op === "elemMatch") return `$elemMatch(${shapeOf(test.element, new Map()).map(text).join(", ")})`;
  if (test.op === "all") return `$all(${[...new Set(test.tests.map(operatorOf))].join(", ")})`;
  return SIGNS[test.op] ?? `$${test.op}`;
}

function text(condition: ShapeCondition): string {
  if (condition.op === "field") return `${condition.path}: ${condition.operator}`;
  return `$${condition.op}(${condition.parts.map(text).join(", ")})`;
}
