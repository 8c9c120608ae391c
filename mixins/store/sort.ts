import { bind, columnOf, type Scalar, type ScalarKind, valueAt } from "./paths.ts";
import { wrong } from "./refusal.ts";

/** `["name", "-createdAt"]`, or the same as one string with commas or blanks between. */
export type Sort = string | readonly string[];

export interface SortKey {
  path: string;
  descending: boolean;
}

export const MAX_SORT_KEYS = 5;

/** Reads a sort order. The `_id` closes it, so that no two documents are equal in it. */
export function parseSort(sort: Sort | undefined, paths: ReadonlyMap<string, ScalarKind>): SortKey[] {
  const names = typeof sort === "string" ? sort.split(/[,\s]+/).filter((name) => name !== "") : [...(sort ?? [])];
  if (names.length > MAX_SORT_KEYS) throw wrong("sort", sort, `at most ${MAX_SORT_KEYS} fields`);
  const keys = names.map((name) => ({ path: name.replace(/^-/, ""), descending: name.startsWith("-") }));
  for (const { path } of keys) {
    if (!paths.has(path)) throw wrong("sort", path, `one of ${[...paths.keys()].join(", ")}, or one with - before it`);
  }
  if (!keys.some(({ path }) => path === "_id")) keys.push({ path: "_id", descending: keys[0]?.descending ?? false });
  return keys;
}

export function orderBy(keys: readonly SortKey[]): string {
  return keys.map(({ path, descending }) => `${columnOf(path)} ${descending ? "DESC" : "ASC"}`).join(", ");
}

/** The values that a document has in a sort order: where a page that ends with it ended. */
export function sortValues(keys: readonly SortKey[], document: object): (Scalar | null)[] {
  return keys.map(({ path }) => valueAt(document, path) as Scalar | null);
}

/**
 * What comes after a place in a sort order, as SQL: `a > 1 OR (a = 1 AND _id > 'x')`. SQLite, as Mongo, has missing
 * values before all others.
 */
export function after(
  keys: readonly SortKey[],
  values: readonly (Scalar | null)[],
  params: (string | number)[],
): string {
  const alternatives = keys.map((key, i) => {
    const same = keys.slice(0, i).map((each, j) => equals(each, values[j]!, params));
    return [...same, beyond(key, values[i]!, params)].join(" AND ");
  });
  return alternatives.map((each) => `(${each})`).join(" OR ");
}

function equals({ path }: SortKey, value: Scalar | null, params: (string | number)[]): string {
  if (value === null) return `${columnOf(path)} IS NULL`;
  const { sql, param } = bind(value);
  params.push(param);
  return `${columnOf(path)} = ${sql}`;
}

function beyond({ path, descending }: SortKey, value: Scalar | null, params: (string | number)[]): string {
  const column = columnOf(path);
  if (value === null) return descending ? "0" : `${column} IS NOT NULL`;
  const { sql, param } = bind(value);
  params.push(param);
  return descending ? `(${column} < ${sql} OR ${column} IS NULL)` : `${column} > ${sql}`;
}
