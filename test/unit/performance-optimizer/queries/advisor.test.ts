import { describe, expect, test } from "@jest/globals";
import type { QueryShape, ServiceQueries } from "../../../../models/query-facts.ts";
import { type AdvisorOptions, advise } from "../../../../services/muscles/performance-optimizer/queries/advisor.ts";
import {
  decidesAll,
  wishesFor,
  withoutPrefixes,
} from "../../../../services/muscles/performance-optimizer/queries/index-wishes.ts";
import { eq, find, inArray, index, measured, ne, or, oracle, range, search, service, statistics } from "./facts-of.ts";

const fieldsFor = (shape: QueryShape) => wishesFor(shape, () => 0).map(({ fields }) => fields);
const sorted = (...paths: string[]) => ({
  sort: [...paths, "_id"].map((path) => ({ path: path.replace("-", ""), descending: path.startsWith("-") })),
  limited: true,
});

describe("which indexes would serve a query", () => {
  test.each<[string, QueryShape, string[][]]>([
    ["one condition", find([eq("a")]), [["a"]]],
    ["equal fields, then a range", find([range("t"), eq("b"), eq("a")]), [["a", "b", "t"]]],
    ["only one of two ranges", find([range("t"), range("u")]), [["t"]]],
    ["equal fields, then the order", find([eq("a"), range("t")], sorted("at")), [["a", "at", "_id"]]],
    ["an order alone", find([], sorted("at")), [["at", "_id"]]],
    ["no order where all are wanted", find([eq("a")], { ...sorted("at"), limited: false }), [["a"]]],
    ["no order in two directions", find([eq("a")], sorted("-at")), [["a"]]],
    ["one for each alternative", find([or(eq("a"), eq("b"))]), [["a"], ["b"]]],
    ["none where one alternative cannot be looked up", find([or(eq("a"), inArray("tags"))]), []],
    ["what is unequal, for its other form", find([ne("status")]), [["status"]]],
    ["none for arrays", find([inArray("tags")]), []],
    ["none for everything", find([]), []],
  ])("%s", (_, shape, fields) => {
    expect(fieldsFor(shape)).toEqual(fields);
  });

  test("deleted documents are left out where the query leaves them out", () => {
    expect(wishesFor(find([eq("a")]), () => 0)[0]!.living).toBe(true);
    expect(wishesFor(find([eq("a")], { living: false }), () => 0)[0]!.living).toBe(false);
  });

  test("the beginning of another is left out, unless it has deleted documents that the other has not", () => {
    const wish = (fields: string[], living = true) => ({ collection: "orders", fields, living });
    expect(withoutPrefixes([wish(["a"]), wish(["a", "b"]), wish(["b"])])).toEqual([wish(["a", "b"]), wish(["b"])]);
    expect(withoutPrefixes([wish(["a"], false), wish(["a", "b"])])).toHaveLength(2);
    expect(withoutPrefixes([wish(["a"]), wish(["a"])])).toEqual([wish(["a"])]);
  });

  test("an index decides all only where every condition is on its fields", () => {
    const wish = [{ collection: "orders", fields: ["a", "b"], living: true }];
    expect(decidesAll(find([eq("a"), eq("b")]), wish)).toBe(true);
    expect(decidesAll(find([eq("a"), eq("c")]), wish)).toBe(false);
    expect(decidesAll(find([eq("a"), inArray("b")]), wish)).toBe(false);
  });
});

const adviceOn = (facts: ServiceQueries, told = statistics(), options?: AdvisorOptions) =>
  advise(facts, oracle(facts, told), options);
const kinds = async (facts: ServiceQueries, told = statistics()) =>
  (await adviceOn(facts, told)).map(({ kind }) => kind);

describe("missing indexes", () => {
  test("a query that looks at all for a few gets one, with its figures", async () => {
    const [first, ...others] = await adviceOn(service([measured("q", find([eq("a")]))]));
    expect(others).toEqual([]);
    expect(first).toMatchObject({
      kind: "missing-index",
      applicable: true,
      what: 'Make an index of orders (a), for "q"',
      changes: [{ do: "create", wish: { collection: "orders", fields: ["a"], living: true } }],
      shapes: ["q"],
      actions: ["shop.list"],
      writeCost: 15,
    });
    expect(first!.expectedGain).toBeGreaterThan(0.99);
    expect(first!.evidence).toEqual([
      '100 runs of "q" took 50 ms each, 100 % of the service\'s time in queries',
      "one looked at 100000 documents and returned 10; about 10 would do",
      "it would take about 3.8 MiB, and each write about 15 µs longer",
    ]);
  });

  test("one index serves several queries, where one begins the other", async () => {
    const facts = service([measured("q", find([eq("a")])), measured("r", find([eq("a"), eq("b")]))]);
    const given = await adviceOn(facts);
    expect(given).toHaveLength(1);
    expect(given[0]).toMatchObject({ shapes: ["q", "r"], changes: [{ wish: { fields: ["a", "b"] } }] });
  });

  test("the field that more queries ask for comes first", async () => {
    const facts = service([
      measured("q", find([eq("a"), eq("b")])),
      measured("r", find([eq("b")])),
      measured("s", find([eq("b"), range("c")])),
    ]);
    const fields = (await adviceOn(facts)).flatMap(({ changes }) =>
      changes.map((change) => (change.do === "create" ? change.wish.fields : [])),
    );
    expect(fields).toEqual(
      expect.arrayContaining([
        ["b", "a"],
        ["b", "c"],
      ]),
    );
    expect(fields).toHaveLength(2);
  });

  test("alternatives get theirs together", async () => {
    const [first] = await adviceOn(service([measured("q", find([or(eq("a"), eq("b"))]))]));
    expect(first!.changes).toMatchObject([{ wish: { fields: ["a"] } }, { wish: { fields: ["b"] } }]);
  });

  test("what is unequal gets its index and its other form, or the form alone where the index is there", async () => {
    const shape = measured("q", find([ne("status")]), { rewrite: "possible" });
    const [both] = await adviceOn(service([shape]));
    expect(both).toMatchObject({ kind: "missing-index", changes: [{ do: "create" }, { do: "rewrite", shape: "q" }] });
    const [form] = await adviceOn(service([shape], { indexes: [index("there_already", ["status"])] }));
    expect(form).toMatchObject({ kind: "rewrite", changes: [{ do: "rewrite", shape: "q" }] });
  });

  test.each([
    ["that returns what it looks at", { sampled: { runs: 2, examined: 200_000, returned: 100_000 } }],
    ["of few documents", { sampled: { runs: 2, examined: 600, returned: 2 } }],
    ["that was looked at once only", { sampled: { runs: 1, examined: 100_000, returned: 10 } }],
    ["without a plan", { plan: null }],
  ])("none for a query %s", async (_, rest) => {
    expect(await kinds(service([measured("q", find([eq("a")]), rest)]))).toEqual([]);
  });

  test("none that the writes would pay more for", async () => {
    const shapes = [
      measured("q", find([eq("a")]), { count: 3, timed: 1, sum: 50_000 }),
      measured("w", find([], { kind: "insert" }), { count: 10_000, timed: 10_000, sum: 100_000, plan: null }),
    ];
    expect(await kinds(service(shapes))).toEqual([]);
  });

  test("an import of long ago does not count among the writes", async () => {
    const shapes = [
      measured("q", find([eq("a")]), { count: 3, timed: 1, sum: 50_000 }),
      measured("w", find([], { kind: "insert" }), {
        count: 10_000,
        recent: 0,
        timed: 10_000,
        sum: 100_000,
        plan: null,
      }),
    ];
    expect(await kinds(service(shapes))).toEqual(["missing-index"]);
  });

  test("none on a field that hardly tells documents apart", async () => {
    const facts = service([measured("q", find([eq("open"), inArray("tags")]))]);
    expect(await kinds(facts, statistics({ selectivity: [0.5] }))).toEqual([]);
  });

  test("none that the database would not use", async () => {
    const facts = service([measured("q", find([eq("a")]))]);
    const stubborn = { ...oracle(facts), whatIf: async () => ({ q: facts.shapes[0]!.plan! }) };
    expect(await advise(facts, stubborn)).toEqual([]);
  });

  test("none that would make another query sort, which stops early without it", async () => {
    const healthy = measured("page", find([range("a")], { limited: true }), {
      sampled: { runs: 2, examined: 20, returned: 20 },
    });
    const facts = service([measured("q", find([eq("a")])), healthy]);
    const careless = {
      ...oracle(facts),
      whatIf: async () => ({ q: search("advised_a"), page: { ...search("advised_a"), sorts: true } }),
    };
    expect(await advise(facts, careless)).toEqual([]);
  });

  test("a query that no index can serve is told to whoever writes the service", async () => {
    const [first] = await adviceOn(service([measured("q", find([inArray("tags")]))]));
    expect(first).toMatchObject({ kind: "unindexable-query", applicable: false, changes: [] });
  });
});

describe("indexes too many", () => {
  const shape = measured("q", find([eq("a")]), {
    plan: search("one"),
    sampled: { runs: 2, examined: 20, returned: 20 },
    count: 5000,
  });
  const two = [index("one", ["a"], { uses: 5000 }), index("both", ["a", "b"], { uses: 1 })];

  test("the beginning of another is dropped, and the one left serves", async () => {
    const [first, ...others] = await adviceOn(service([shape], { indexes: two }));
    expect(others).toEqual([]);
    expect(first).toMatchObject({
      kind: "redundant-index",
      what: "Drop the index one of orders (a), and remove it from the model",
      changes: [{ do: "drop", name: "one", origin: "model" }],
      writeCost: -15,
    });
  });

  test.each([
    ["a unique one", [index("one", ["a"], { unique: true, living: true }), two[1]!]],
    [
      "one that has deleted documents, where the other has none",
      [two[0]!, index("both", ["a", "b"], { living: true })],
    ],
    ["one whose fields stand elsewhere in the other", [two[0]!, index("both", ["b", "a"])]],
    ["one of another collection", [two[0]!, index("both", ["a", "b"], { collection: "others" })]],
  ])("%s stays", async (_, indexes) => {
    expect(await kinds(service([shape], { indexes }))).toEqual([]);
  });

  test("of two that are equal one stays", async () => {
    const given = await adviceOn(service([shape], { indexes: [index("one", ["a"]), index("again", ["a"])] }));
    expect(given.flatMap(({ changes }) => changes)).toMatchObject([{ name: "again" }]);
  });

  test("one that a plan would be worse without stays", async () => {
    const facts = service([shape], { indexes: two });
    const worse = { ...oracle(facts), whatIf: async () => ({ q: { ...search("both"), sorts: true } }) };
    expect(await advise(facts, worse)).toEqual([]);
  });

  const idle = [index("one", ["a"], { uses: 5000 }), index("idle", ["z"])];
  const DAY = 86_400_000;

  test("one that nobody used for a day is dropped", async () => {
    const given = await adviceOn(service([shape], { indexes: idle, at: DAY }));
    expect(given).toMatchObject([{ kind: "unused-index", changes: [{ name: "idle" }] }]);
    expect(given[0]!.evidence[0]).toBe("none of 5000 queries of orders has used idle in 24 hours");
  });

  test.each<[string, Partial<ServiceQueries>]>([
    ["it was not observed for long enough", { at: DAY - 1 }],
    ["some queries were not told apart", { at: DAY, others: { count: 1, sum: 1 } }],
    ["nearly nobody asked", { at: DAY, shapes: [{ ...shape, count: 5 }] }],
    ["it is unique", { at: DAY, indexes: [idle[0]!, { ...idle[1]!, unique: true }] }],
  ])("not where %s", async (_, rest) => {
    expect(await kinds(service([shape], { indexes: idle, ...rest }))).toEqual([]);
  });
});

describe("patterns of calls", () => {
  const lookUp = (rest = {}) =>
    measured("get orders", find([], { kind: "get" }), {
      plan: null,
      count: 4000,
      timed: 4000,
      sum: 40_000,
      sampled: { runs: 0, examined: 0, returned: 0 },
      actions: { list: 4000 },
      repeats: { calls: 100, runs: 4000, largest: 60, action: "list" },
      ...rest,
    });

  test("one query for each of many documents is found, with the action that does it", async () => {
    const [first] = await adviceOn(service([lookUp()]));
    expect(first).toMatchObject({
      kind: "n-plus-one",
      applicable: false,
      what: "Let shop.list ask orders once, with {_id: {$in: […]}}, instead of 40 times for one document each",
      actions: ["shop.list"],
    });
    expect(first!.evidence[0]).toBe("100 calls of list ran it 40 times each, one of them 60 times");
  });

  test("where calls overlap it is found by queries for each call", async () => {
    const facts = service([lookUp({ repeats: { calls: 0, runs: 0, largest: 0, action: "" } })]);
    expect(await kinds(facts)).toEqual(["n-plus-one"]);
    expect(await kinds({ ...facts, actions: { list: 4000 } })).toEqual([]);
  });

  test("one or two such calls are no pattern", async () => {
    const repeats = { calls: 2, runs: 80, largest: 60, action: "list" };
    expect(await kinds(service([lookUp({ repeats, actions: { "": 4000 } })]))).toEqual([]);
  });

  test("of updates one by one the commits are told, not the reading before each", async () => {
    const commits = lookUp({ id: "c", text: "commit", shape: find([], { kind: "commit" }), sum: 4_000_000 });
    const given = await adviceOn(service([lookUp(), commits]));
    expect(given.map(({ what }) => what)).toEqual([
      "Let shop.list make its 40 writes in one transaction, or by insertMany: each of them waits for the disk now",
    ]);
  });

  test("another service that calls again and again is found", async () => {
    const streak = { action: "get", caller: "cart", calls: 3, runs: 120, largest: 60 };
    const [first] = await adviceOn(service([], { streaks: [streak] }));
    expect(first).toMatchObject({
      kind: "n-plus-one",
      what: "Let cart call shop.get once for all, instead of 40 times: get takes up to 100 ids",
    });
    expect(await kinds(service([], { streaks: [{ ...streak, calls: 2 }] }))).toEqual([]);
  });

  test("a find that returns thousands is told to take a limit; one that has a limit is not", async () => {
    const large = { returned: 200_000, largest: 4000, sampled: { runs: 2, examined: 4000, returned: 4000 } };
    expect(await kinds(service([measured("q", find([]), large)]))).toEqual(["unbounded-find"]);
    expect(await kinds(service([measured("q", find([], { limited: true }), large)]))).toEqual([]);
  });
});

test("the same advice has the same id, whenever it is given, and the best comes first", async () => {
  const facts = service([measured("q", find([eq("a")]), { sum: 98 * 2000 }), measured("r", find([eq("b")]))]);
  const [one, two] = [await adviceOn(facts), await adviceOn({ ...facts, at: facts.at + 5 })];
  expect(one.map(({ id }) => id)).toEqual(two.map(({ id }) => id));
  expect(one.map(({ shapes }) => shapes)).toEqual([["r"], ["q"]]);
});
