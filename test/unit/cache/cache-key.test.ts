import { Readable } from "node:stream";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { keyOf } from "../../../runtime/cache/cache-key.ts";

const of = (params: unknown, keys?: string[], meta = {}, headers = {}) =>
  keyOf("posts.get", keys, { params, meta, headers } as never);

const text = fc.oneof(
  fc.string(),
  fc.constantFrom("", "|", '"', '"|"', "a|b", "1", "null", "\\", "{", "}", "[", "n|1"),
);
const value = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    text,
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(text, tie("value"), { maxKeys: 3, noNullPrototype: true }),
  ),
})).value;
/** What two values have in common if they are the same, whatever the order of names. */
const canonical = (one: unknown): string =>
  JSON.stringify(one, (_, inner) =>
    inner && typeof inner === "object" && !Array.isArray(inner)
      ? ["fields", ...Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))]
      : Array.isArray(inner)
        ? ["list", ...inner]
        : inner,
  );

describe("the key of a call", () => {
  test("looks as Moleculer's for plain values", () => {
    expect(of({ id: 5 }, ["id"])).toBe("posts.get:5");
    expect(of({ id: "a", page: 2 }, ["id", "page"])).toBe('posts.get:"a"|2');
    expect(of({ limit: 10 })).toBe("posts.get:limit|10");
    expect(of({})).toBe("posts.get:");
    expect(of({ id: 1 }, [])).toBe("posts.get");
    expect(of({ id: 1 }, ["id", "#user.id", "@lang"], { user: { id: 7 } }, { lang: "de" })).toBe('posts.get:1|7|"de"');
    expect(of({ a: { b: 1 } }, ["a.b"])).toBe("posts.get:1");
  });

  test("is the same for the same parameters in another order", () => {
    expect(of({ b: 1, a: [{ y: 2, x: 1 }] })).toBe(of({ a: [{ x: 1, y: 2 }], b: 1 }));
  });

  test("differs where parameters differ, whatever characters they hold", () => {
    fc.assert(
      fc.property(value, value, (one, other) => {
        const params = [{ a: one }, { a: other }];
        const same = canonical(params[0]) === canonical(params[1]);
        expect(of(params[0]) === of(params[1])).toBe(same);
        expect(of(params[0], ["a"]) === of(params[1], ["a"])).toBe(same);
      }),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(text, text, text, text, (a, b, c, d) => {
        expect(of({ x: a, y: b }, ["x", "y"]) === of({ x: c, y: d }, ["x", "y"])).toBe(a === c && b === d);
        expect(of({ [a]: b }) === of({ [c]: d })).toBe(a === c && b === d);
      }),
      { numRuns: 2000 },
    );
  });

  test("differs for dates, buffers and numbers that look alike", () => {
    const all = [5, "5", new Date(5), 5n, Buffer.from("5"), [5], { 0: 5 }, null, undefined, "null", true, "true"];
    const keys = all.map((one) => of({ a: one }, ["a"]));
    expect(new Set(keys).size).toBe(all.length);
  });

  test("stays short", () => {
    const [one, other] = [of({ a: "x".repeat(100_000) }), of({ a: `${"x".repeat(99_999)}y` })];
    expect(one!.length).toBeLessThan(100);
    expect(one).not.toBe(other);
    expect(one).toMatch(/^posts\.get:#/);
  });

  test("is none where a value has no form that says all of it", () => {
    const cyclic: Record<string, unknown> = {};
    cyclic["me"] = cyclic;
    for (const a of [cyclic, () => 1, Symbol("s"), new Map([[1, 2]]), Readable.from([1]), new (class Own {})()])
      expect(of({ a })).toBeUndefined();
    // As an id of a database.
    expect(of({ a: { toJSON: () => "x", constructor: null, __proto__: class {}.prototype } })).toBe('posts.get:a|"x"');
  });
});
