import { randomInt } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Query } from "mingo";
import { parseQuery } from "../../../../mixins/store/parse-query.ts";
import type { ScalarKind } from "../../../../mixins/store/paths.ts";
import { compileQuery, MATCH_FUNCTION, type Predicate } from "../../../../mixins/store/query.ts";

let db: DatabaseSync;
let predicates: readonly Predicate[] = [];

beforeAll(() => {
  db = new DatabaseSync(":memory:");
  db.exec("CREATE TABLE d (_id INTEGER PRIMARY KEY, doc TEXT)");
  db.function(MATCH_FUNCTION, (doc, n) => (predicates[Number(n)]!(JSON.parse(String(doc))) ? 1 : 0));
});
afterAll(() => db.close());

/** The places of the documents that a query finds. */
function found(documents: object[], query: object, paths: Record<string, ScalarKind> = {}): number[] {
  const compiled = compileQuery(query, new Map(Object.entries(paths)));
  db.exec("BEGIN; DELETE FROM d");
  const insert = db.prepare("INSERT INTO d VALUES (?, ?)");
  for (const [i, document] of documents.entries()) insert.run(i, JSON.stringify(document));
  predicates = compiled.predicates;
  const rows = db.prepare(`SELECT _id FROM d WHERE ${compiled.where} ORDER BY _id`).all(...compiled.params);
  db.exec("COMMIT");
  return rows.map((row) => Number(row["_id"]));
}

const mingoFound = (documents: object[], query: object) => {
  const reference = new Query(query as never);
  return documents.flatMap((document, i) => (reference.test(document as never) ? [i] : []));
};

// Values are drawn from few, so that queries hit; some are the awkward ones.
const word = fc.constantFrom(
  "",
  "a",
  "b",
  "ab",
  "B",
  "ä",
  "0",
  "1",
  "true",
  "null",
  "a\u0000b",
  "line\nbreak",
  "'; --",
);
const number = fc.oneof(
  fc.constantFrom(-1, 0, 1, 2, 3, 0.1, 0.30000000000000004, 1e21, 2 ** 53, -1e-7, 5e-324),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);
const scalar = fc.oneof(word, number, fc.boolean());
const scalarOrNull = fc.oneof({ weight: 5, arbitrary: scalar }, fc.constant(null));
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 4 });

// A field's name says what it holds, and so which operators mingo decides as MongoDB does; see "where mingo differs".
const anyDocument = fc
  .record(
    {
      s: maybe(scalarOrNull),
      o: maybe(
        fc.oneof(
          {
            weight: 4,
            arbitrary: fc.record({ x: maybe(scalarOrNull), y: maybe(fc.record({ z: maybe(scalarOrNull) })) }),
          },
          scalarOrNull,
        ),
      ),
      tags: maybe(fc.array(scalarOrNull, { maxLength: 3 })),
      items: maybe(fc.array(fc.record({ k: maybe(scalar), n: maybe(number) }, { requiredKeys: [] }), { maxLength: 3 })),
      mixed: maybe(
        fc.oneof(scalarOrNull, fc.array(fc.oneof(scalarOrNull, fc.array(scalar, { maxLength: 2 })), { maxLength: 2 })),
      ),
    },
    { requiredKeys: [] },
  )
  .map((document) => JSON.parse(JSON.stringify(document)) as object);

const ordering = fc.constantFrom("$gt", "$gte", "$lt", "$lte");
const pattern = fc.record(
  { $regex: fc.constantFrom("a", "^a", "b$", "^$", "[a-c]+", "A", "."), $options: fc.constantFrom("", "i", "s", "im") },
  { requiredKeys: ["$regex"] },
);
const one = (operator: fc.Arbitrary<string>, operand: fc.Arbitrary<unknown>) =>
  fc.tuple(operator, operand).map(([name, value]) => ({ [name]: value }) as object);
const is = (name: string) => fc.constant(name);

const equality = (operand: fc.Arbitrary<unknown>) =>
  fc.oneof(
    one(fc.constantFrom("$eq", "$ne"), operand),
    one(fc.constantFrom("$in", "$nin"), fc.array(operand, { maxLength: 3 })),
  );
const onScalars = fc.oneof(
  equality(scalarOrNull),
  one(ordering, scalar),
  one(is("$exists"), fc.boolean()),
  one(is("$type"), fc.constantFrom("string", "number", "bool", "null", "object")),
  pattern,
);
const onTags = fc.oneof(
  equality(scalarOrNull),
  one(fc.constantFrom("$eq", "$ne"), fc.array(scalarOrNull, { maxLength: 3 })),
  one(ordering, scalar),
  one(is("$exists"), fc.boolean()),
  one(is("$size"), fc.integer({ min: 0, max: 3 })),
  one(is("$all"), fc.array(scalar, { maxLength: 2 })),
  one(is("$elemMatch"), fc.oneof(one(ordering, scalar), one(is("$in"), fc.array(scalar, { maxLength: 3 })), pattern)),
  pattern,
);
const onItems = fc.oneof(
  one(is("$size"), fc.integer({ min: 0, max: 3 })),
  one(
    is("$elemMatch"),
    fc.record({ k: fc.oneof(scalar, onScalars), n: one(ordering, number) }, { requiredKeys: ["k"] }),
  ),
);
const throughItems = fc.oneof(equality(scalar), one(ordering, scalar), pattern);
const onMixed = fc.oneof(equality(scalar), one(ordering, scalar), one(is("$exists"), fc.boolean()));

const withNot = (operators: fc.Arbitrary<object>) =>
  fc.oneof(
    { weight: 4, arbitrary: operators },
    operators.map(($not) => ({ $not })),
    fc
      .tuple(operators, operators)
      .map(([a, b]) => ({ ...b, ...a, ...("$regex" in a ? {} : { $options: undefined }) }))
      .map(({ $options, ...rest }: Record<string, unknown>) =>
        "$regex" in rest && $options ? { ...rest, $options } : rest,
      ),
  );
const on = (paths: string[], operators: fc.Arbitrary<object>, literals?: fc.Arbitrary<unknown>) =>
  fc
    .tuple(fc.constantFrom(...paths), literals ? fc.oneof(withNot(operators), literals) : withNot(operators))
    .map(([path, condition]) => ({ [path]: condition }) as object);

const condition = fc.oneof(
  on(["s", "o.x", "o.y.z", "nowhere", "s.x"], onScalars, scalarOrNull),
  on(["tags"], onTags, scalarOrNull),
  on(["tags.0"], fc.oneof(one(fc.constantFrom("$eq", "$ne"), scalar), one(ordering, scalar)), scalar),
  on(["items"], onItems),
  on(["items.k", "items.n"], throughItems, scalar),
  on(["mixed"], onMixed, scalar),
);
const queries = (leaf: fc.Arbitrary<object>) =>
  fc.letrec<{ query: object }>((tie) => ({
    query: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      { weight: 4, arbitrary: leaf },
      fc.tuple(leaf, leaf).map(([a, b]) => ({ ...a, ...b })),
      fc
        .tuple(fc.constantFrom("$and", "$or", "$nor"), fc.array(tie("query"), { minLength: 1, maxLength: 3 }))
        .map(([name, parts]) => ({ [name]: parts })),
    ),
  })).query;

// The same, for documents that keep to a model: these conditions become SQL.
const PATHS = { name: "string", count: "number", open: "boolean", "in.city": "string" } as const;
const modelDocument = fc
  .record(
    {
      name: maybe(fc.oneof(word, fc.string({ unit: "grapheme", maxLength: 3 }), fc.constant(null))),
      count: maybe(fc.oneof(number, fc.constant(null))),
      open: maybe(fc.oneof(fc.boolean(), fc.constant(null))),
      in: maybe(fc.oneof(fc.record({ city: maybe(fc.oneof(word, fc.constant(null))) }), fc.constant(null))),
      tags: maybe(fc.array(scalarOrNull, { maxLength: 3 })),
    },
    { requiredKeys: [] },
  )
  .map((document) => JSON.parse(JSON.stringify(document)) as object);
const modelCondition = fc.oneof(
  { weight: 5, arbitrary: on(Object.keys(PATHS), onScalars, scalarOrNull) },
  on(["tags"], onTags),
);

const RANDOM_SEED = Number(process.env["FUZZ_SEED"] ?? randomInt(2 ** 31));
const RUNS = Number(process.env["FUZZ_RUNS"] ?? 1500);

describe.each([
  ["a fixed seed", 20260101],
  ["a random seed", RANDOM_SEED],
])("queries find what mingo finds, with %s (%i)", (_, seed) => {
  test("in documents of any form", () => {
    fc.assert(
      fc.property(fc.array(anyDocument, { minLength: 1, maxLength: 8 }), queries(condition), (documents, query) => {
        expect(found(documents, query)).toEqual(mingoFound(documents, query));
      }),
      { seed, numRuns: RUNS },
    );
  });

  test("in documents that keep to a model", () => {
    fc.assert(
      fc.property(
        fc.array(modelDocument, { minLength: 1, maxLength: 8 }),
        queries(modelCondition),
        (documents, query) => {
          expect(found(documents, query, PATHS)).toEqual(mingoFound(documents, query));
        },
      ),
      { seed, numRuns: RUNS },
    );
  });
});

test("a query decided by SQL finds what the same query decided document by document finds", () => {
  fc.assert(
    fc.property(
      fc.array(modelDocument, { minLength: 1, maxLength: 8 }),
      queries(modelCondition),
      (documents, query) => {
        expect(found(documents, query, PATHS)).toEqual(found(documents, query));
      },
    ),
    { seed: RANDOM_SEED, numRuns: RUNS },
  );
});

describe("where mingo differs, MongoDB's rules hold", () => {
  test.each([
    ["null matches a missing field of any object in an array", { a: [{ b: 1 }, {}] }, { "a.b": null }, true],
    ["an array without objects leads nowhere", { a: [1] }, { "a.b": null }, false],
    [
      "arrays inside an array of objects are looked into",
      { a: [{ b: [1, 9] }, { b: [2] }] },
      { "a.b": { $gt: 5 } },
      true,
    ],
    ["$size asks each array that a path leads to", { a: [{ b: 1 }, { b: 2 }] }, { "a.b": { $size: 2 } }, false],
    ["$all with one value matches that value outside of an array", { a: 1 }, { a: { $all: [1] } }, true],
    ["$in finds a whole array", { a: [1, 2] }, { a: { $in: [[1, 2]] } }, true],
    ["$type asks an array's elements", { a: ["x"] }, { a: { $type: "string" } }, true],
    ["$type asks the array itself", { a: ["x"] }, { a: { $type: "array" } }, true],
    ["$elemMatch with fields passes over plain values", { a: [5] }, { a: { $elemMatch: { k: 5 } } }, false],
    ["a number in a path is also a key", { a: { 0: "x" } }, { "a.0": "x" }, true],
    ["strings are ordered by code point", { a: "\u{1F600}" }, { a: { $gt: "\uFF5E" } }, true],
  ])("%s", (_, document, query, expected) => {
    expect(found([document], query)).toEqual(expected ? [0] : []);
  });
});

describe("a query that is not understood is refused by name", () => {
  test.each([
    [{ $where: "1" }, "$where"],
    [{ $expr: {} }, "$expr"],
    [{ $text: { $search: "x" } }, "$text"],
    [{ a: { $mod: [2, 0] } }, "$mod"],
    [{ a: { $not: { $near: 1 } } }, "$near"],
    [{ a: { $elemMatch: { b: { $geoWithin: 1 } } } }, "$geoWithin"],
    [{ a: { $eq: { $function: 1 } } }, "$function"],
    [{ $and: [{ $or: [{ a: { $foo: 1 } }] }] }, "$foo"],
  ])("%j", (query, operator) => {
    expect(() => parseQuery(query)).toThrow(
      expect.objectContaining({ type: "UNSUPPORTED_QUERY", data: expect.objectContaining({ operator }) }),
    );
    expect(() => parseQuery(query)).toThrow(/supported are \$eq .*\$nor$/);
  });
});

describe("a wrong operand is refused with field, value and what is allowed", () => {
  test.each([
    ["age.$gt is null, but must be a string, a number, true or false", { age: { $gt: null } }],
    ["age.$in is 5, but must be a list of up to 1000 values", { age: { $in: 5 } }],
    ['age.$exists is "no", but must be true or false', { age: { $exists: "no" } }],
    ["tags.$size is -1, but must be a whole number from 0", { tags: { $size: -1 } }],
    ["tags.$elemMatch is {}, but must be a query or operators", { tags: { $elemMatch: {} } }],
    ['age is {"$gt":1,"b":2}, but must be either operators or a value', { age: { $gt: 1, b: 2 } }],
    ["$or is [], but must be a list of one or more queries", { $or: [] }],
    ['name.$regex is "(", but must be a regular expression', { name: { $regex: "(" } }],
    ["at most 256 characters long", { name: { $regex: "a".repeat(257) } }],
    ['name.$options is "g", but must be made of the letters i, m, s', { name: { $regex: "a", $options: "g" } }],
    ['query is "a..b", but must be a field\'s name', { "a..b": 1 }],
    ["a list of up to 1000 values", { id: { $in: Array(1001).fill("x") } }],
    ["made of at most 200 conditions", { $or: Array(201).fill({ a: 1 }) }],
    ["nested at most 12 deep", JSON.parse(`${'{"$and":['.repeat(20)}{"a":1}${"]}".repeat(20)}`) as object],
  ])("%s", (sentence, query) => {
    expect(() => parseQuery(query)).toThrow(sentence);
  });
});

test("dates are compared as the ISO strings that documents hold, and a RegExp is a $regex", () => {
  const documents = [{ at: "2026-01-01T00:00:00.000Z" }, { at: "2026-06-01T00:00:00.000Z" }];
  expect(found(documents, { at: { $lt: new Date("2026-03-01") } }, { at: "string" })).toEqual([0]);
  expect(found(documents, { at: /^2026-06/ }, { at: "string" })).toEqual([1]);
});

test("every number is found by itself, to the last bit", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (count) => {
      const same = { $and: [{ count }, { count: { $gte: count, $lte: count } }, { count: { $in: [count] } }] };
      expect(found([{ count }], same, { count: "number" })).toEqual([0]);
    }),
    { seed: RANDOM_SEED, numRuns: RUNS },
  );
});

test("no part of a query is written into SQL but declared paths", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.string(), (path, value) => {
      fc.pre(!path.startsWith("$") && path !== "name");
      try {
        const { where } = compileQuery({ [path]: value, name: value }, new Map([["name", "string"]]));
        expect(where).toBe("(json_extract(doc, '$.\"name\"') = ?) AND (azora_match(doc, 0))");
      } catch (error) {
        expect(error).toMatchObject({ type: "VALIDATION_ERROR" });
      }
    }),
    { seed: RANDOM_SEED },
  );
});
