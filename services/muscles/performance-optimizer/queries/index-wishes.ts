import type { IndexWish, QueryShape, ShapeCondition } from "../../../../models/query-facts.ts";

type Field = Extract<ShapeCondition, { op: "field" }>;

/** Widest index that is advised; what a further field would save is little. */
const MAX_FIELDS = 6;

/**
 * Indexes that would serve a shape, all of them together: fields that must be equal first, then the order, then one range
 * (https://www.mongodb.com/docs/manual/tutorial/equality-sort-range-guideline/). Alternatives need one each.
 *
 * `{status: =, total: >} sort -createdAt limited` → `[status, createdAt, _id]`
 * `{$or(mail: =, phone: =)}` → `[mail]` and `[phone]`
 *
 * `rank` says which of two equal fields comes first: the one that more shapes ask for, so that one index serves many.
 */
export function wishesFor(shape: QueryShape, rank: (path: string) => number): IndexWish[] {
  const fields = shape.where.filter((each): each is Field => each.op === "field");
  const equal = unique(fields.filter(({ test }) => test === "eq" || test === "null").map(({ path }) => path));
  const ranked = equal.sort((a, b) => rank(b) - rank(a) || (a < b ? -1 : 1));
  const split = alternativesOf(shape);
  const wish = (paths: string[]): IndexWish => ({
    collection: shape.collection,
    fields: unique(paths).slice(0, MAX_FIELDS),
    living: shape.living,
  });
  if (split !== undefined) {
    // What is equal comes first only where that alone does not serve: a short index serves more shapes.
    return split.map((paths) => wish([...paths, ...ranked]));
  }

  const lists = fields.filter(({ test }) => test === "in").map(({ path }) => path);
  const ranges = fields
    .filter(({ test, operator }) => test === "range" && operator !== "after")
    .map(({ path }) => path);
  const order = orderOf(shape);
  const paths = order.length > 0 ? [...ranked, ...order] : [...ranked, ...lists, ...ranges.slice(0, 1)];
  return paths.length > 0 && paths.some((path) => path !== "_id") ? [wish(paths)] : [];
}

/** An order that an index has forwards or backwards, where few of the documents are wanted; else none. */
function orderOf({ sort, limited, kind }: QueryShape): string[] {
  if (!limited || kind === "count" || sort.some(({ descending }) => descending !== sort[0]!.descending)) return [];
  return sort.map(({ path }) => path);
}

/** Fields of each alternative, where one of the conditions has such and each of them can be looked up. */
function alternativesOf({ where }: QueryShape): string[][] | undefined {
  const unequal = where.find(
    (each): each is Field => each.op === "field" && each.test === "ne" && each.operator === "$ne",
  );
  if (unequal) return [[unequal.path]];
  for (const each of where) {
    if (each.op !== "or") continue;
    const branches = each.parts.map(lookUp);
    if (branches.every((branch) => branch !== undefined)) return distinct(branches);
  }
  return undefined;
}

function lookUp(part: ShapeCondition): string[] | undefined {
  const parts = part.op === "and" ? part.parts : [part];
  const fields = parts.filter((each): each is Field => each.op === "field" && each.indexable);
  const exact = fields.filter(({ test }) => test !== "range").map(({ path }) => path);
  const ranges = fields.filter(({ test }) => test === "range").map(({ path }) => path);
  const paths = unique([...exact, ...ranges.slice(0, 1)]);
  return paths.length > 0 ? paths : undefined;
}

/** Conditions of a shape that an index of these fields decides; the rest is looked up in the documents it leads to. */
export function decidesAll(shape: QueryShape, wishes: readonly IndexWish[]): boolean {
  return shape.where.every((each) => {
    if (each.op !== "field") return each.op === "or";
    return each.indexable || each.test === "ne" ? wishes.some(({ fields }) => fields.includes(each.path)) : false;
  });
}

/** Leaves out what another wish serves as well: `[a]` beside `[a, b]`. */
export function withoutPrefixes(wishes: readonly IndexWish[]): IndexWish[] {
  return wishes.filter(
    (wish, i) =>
      !wishes.some((other, j) => {
        if (i === j || other.collection !== wish.collection || (other.living && !wish.living)) return false;
        const isPrefix = wish.fields.every((field, at) => other.fields[at] === field);
        const isSame = isPrefix && other.fields.length === wish.fields.length && other.living === wish.living;
        return isSame ? j < i : isPrefix;
      }),
  );
}

const unique = <T>(values: readonly T[]): T[] => [...new Set(values)];
const distinct = (lists: readonly string[][]) => [...new Map(lists.map((list) => [list.join("\0"), list])).values()];
