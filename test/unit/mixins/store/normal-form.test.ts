import { randomInt } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { matches } from "../../../../mixins/store/matcher.ts";
import { normalForm } from "../../../../mixins/store/normal-form.ts";
import { parseQuery } from "../../../../mixins/store/parse-query.ts";
import type { ScalarKind } from "../../../../mixins/store/paths.ts";
import { type CompileOptions, compileQuery, MATCH_FUNCTION, type Predicate } from "../../../../mixins/store/query.ts";
import { literalPrefix } from "../../../../mixins/store/regex.ts";

const PATHS = new Map<string, ScalarKind>(
  Object.entries({ name: "string", count: "number", open: "boolean", deletedAt: "string" }),
);

let db: DatabaseSync;
let predicates: readonly Predicate[] = [];
beforeAll(() => {
  db = new DatabaseSync(":memory:");
  db.exec(
    "CREATE TABLE d (_id INTEGER PRIMARY KEY, doc TEXT, deletedAt TEXT GENERATED ALWAYS AS (json_extract(doc, '$.deletedAt')))",
  );
  // Indexes must not change what is found.
  db.exec(`CREATE INDEX d_name ON d (json_extract(doc, '$."name"')) WHERE deletedAt IS NULL`);
  db.exec(`CREATE INDEX d_count ON d (json_extract(doc, '$."count"'))`);
  db.function(MATCH_FUNCTION, (doc, n) => (predicates[Number(n)]!(JSON.parse(String(doc))) ? 1 : 0));
});
afterAll(() => db.close());

function found(documents: object[], query: object, options: CompileOptions): number[] {
  const compiled = compileQuery(query, PATHS, options);
  db.exec("BEGIN; DELETE FROM d");
  const insert = db.prepare("INSERT INTO d (_id, doc) VALUES (?, ?)");
  for (const [i, document] of documents.entries()) insert.run(i, JSON.stringify(document));
  predicates = compiled.predicates;
  const rows = db.prepare(`SELECT _id FROM d WHERE ${compiled.where} ORDER BY _id`).all(...compiled.params);
  db.exec("COMMIT");
  return rows.map((row) => Number(row["_id"]));
}

/** Document by document, by the query as it was asked: no normal form, no SQL. */
const reference = (documents: object[], query: object) => {
  const condition = parseQuery(query);
  return documents.flatMap((document, i) => (matches(condition, document) ? [i] : []));
};

const word = fc.constantFrom(
  "",
  "a",
  "ab",
  "abc",
  "aB",
  "b",
  "ab.",
  "ab*",
  "a\u0000b",
  "\ud7ff",
  "\ue000",
  "\uffff",
  "😀",
);
const number = fc.oneof(
  fc.constantFrom(-1, 0, 1, 2, 0.1, 1e21, 2 ** 53),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(fc.oneof(value, fc.constant(null)), { nil: undefined, freq: 4 });
const document = fc
  .record({
    name: maybe(word),
    count: maybe(number),
    open: maybe(fc.boolean()),
    tags: maybe(fc.array(word, { maxLength: 2 })),
    deletedAt: fc.constantFrom(null, null, null, "2026-01-01"),
  })
  .map((each) => JSON.parse(JSON.stringify(each)) as object);

const value = fc.oneof(word, number, fc.boolean(), fc.constant(null));
const pattern = fc.constantFrom(
  "^ab",
  "^a",
  "^ab*",
  "^ab?c",
  "^a\\.",
  "^ab\\.",
  "^(ab)",
  "^a|b",
  "b",
  "^",
  "^\ud7ff",
  "^\uffff",
  "^a{0,1}",
  "^ab$",
  "^😀",
);
const operators = fc
  .oneof(
    fc.tuple(fc.constantFrom("$eq", "$ne"), value),
    fc.tuple(fc.constantFrom("$in", "$nin"), fc.array(value, { maxLength: 7 })),
    fc.tuple(fc.constantFrom("$gt", "$gte", "$lt", "$lte"), fc.oneof(word, number, fc.boolean())),
    fc.tuple(fc.constant("$exists"), fc.boolean()),
    fc.tuple(fc.constant("$type"), fc.constantFrom("string", "number", "bool", "null", "array", "object")),
    fc.tuple(fc.constant("$regex"), pattern),
  )
  .map(([name, operand]) => ({ [name]: operand }) as object);
const leaf = fc
  .tuple(
    fc.constantFrom("name", "count", "open", "tags", "elsewhere"),
    fc.oneof(
      { weight: 3, arbitrary: operators },
      operators.map(($not) => ({ $not })),
    ),
  )
  .map(([path, condition]) => ({ [path]: condition }) as object);
const queries = fc.letrec<{ query: object }>((tie) => ({
  query: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    { weight: 3, arbitrary: leaf },
    fc.tuple(leaf, tie("query")).map(([a, b]) => ({ ...a, ...b })),
    fc
      .tuple(fc.constantFrom("$and", "$or", "$nor"), fc.array(tie("query"), { minLength: 1, maxLength: 3 }))
      .map(([name, parts]) => ({ [name]: parts })),
  ),
})).query;

const settings = {
  numRuns: Number(process.env["FUZZ_RUNS"] ?? 1500),
  seed: Number(process.env["FUZZ_SEED"] ?? randomInt(2 ** 31)),
};
const documents = fc.array(document, { minLength: 1, maxLength: 8 });

test("the normal form of a query holds for the same documents", () => {
  fc.assert(
    fc.property(documents, queries, (all, query) => {
      const normal = normalForm(parseQuery(query), PATHS);
      expect(all.flatMap((each, i) => (matches(normal, each) ? [i] : []))).toEqual(reference(all, query));
    }),
    settings,
  );
});

test.each<[string, CompileOptions]>([
  ["as one condition", {}],
  ["with its alternatives looked for apart", { union: "d" }],
])("SQL finds what the query finds document by document, %s", (_, options) => {
  fc.assert(
    fc.property(documents, queries, fc.boolean(), (all, query, living) => {
      const wanted = reference(all, living ? { $and: [query, { deletedAt: null }] } : query);
      expect(found(all, query, { ...options, living })).toEqual(wanted);
    }),
    settings,
  );
});

test("whatever a pattern matches lies in the range of its literal beginning", () => {
  fc.assert(
    fc.property(pattern, fc.string({ unit: "binary", maxLength: 4 }), word, (source, tail, head) => {
      const range = literalPrefix(new RegExp(source));
      const text = `${head}${tail}`.toWellFormed();
      if (range === undefined || !new RegExp(source).test(text)) return;
      const bytes = Buffer.from(text);
      expect(Buffer.compare(bytes, Buffer.from(range.from))).toBeGreaterThanOrEqual(0);
      expect(Buffer.compare(bytes, Buffer.from(range.to))).toBeLessThan(0);
    }),
    settings,
  );
});

describe("forms that no index served", () => {
  const column = (path: string) => `json_extract(doc, '$."${path}"')`;
  test.each([
    [
      "$not of a comparison",
      { count: { $not: { $gt: 5 } } },
      `((${column("count")} <= ?) OR (${column("count")} IS NULL))`,
    ],
    ["$nor", { $nor: [{ count: { $lt: 5 } }, { name: null }] }, `${column("name")} IS NOT NULL`],
    ["$in with null", { name: { $in: ["a", null] } }, `((${column("name")} IN (?)) OR (${column("name")} IS NULL))`],
    ["$exists: false", { name: { $exists: false } }, `${column("name")} IS NULL`],
    ["an anchored pattern", { name: { $regex: "^ab" } }, `(${column("name")} >= ?) AND (${column("name")} < ?)`],
    ["a list in a list", { open: true, $and: [{ tags: "x" }, { name: "a" }] }, `${column("name")} = ?`],
    ["a pattern beside a comparison", { name: { $gte: "b", $regex: "c" } }, `${column("name")} >= ?`],
    [
      "alternatives of which each has a condition that SQL decides",
      { $or: [{ name: "a", tags: "x" }, { count: 1 }] },
      `((${column("name")} = ?) OR (${column("count")} = ?))`,
    ],
    ["a long list", { count: { $in: [1, 2, 3, 4, 5] } }, `${column("count")} IN (SELECT value FROM json_each(?))`],
  ])("%s has one that is equal and that one serves", (_, query, part) => {
    expect(compileQuery(query, PATHS).where).toContain(part);
  });
});

test("each alternative says that the document lives, because SQLite takes a partial index only then", () => {
  db.exec("DELETE FROM d");
  const { where, params } = compileQuery({ $or: [{ name: "a" }, { count: 1 }] }, PATHS, { living: true });
  const plan = db.prepare(`EXPLAIN QUERY PLAN SELECT doc FROM d WHERE ${where}`).all(...params);
  expect(plan.map(({ detail }) => String(detail).split(" (")[0])).toEqual(
    expect.arrayContaining(["MULTI-INDEX OR", "SEARCH d USING INDEX d_name", "SEARCH d USING INDEX d_count"]),
  );
});

test("ninety-nine lists of a thousand values are one query still", () => {
  const list = Array.from({ length: 1000 }, (_, i) => i);
  const query = { $or: Array.from({ length: 99 }, () => ({ count: { $in: list } })) };
  expect(found([{ count: 999 }, { count: 1000 }], query, {})).toEqual([0]);
});
