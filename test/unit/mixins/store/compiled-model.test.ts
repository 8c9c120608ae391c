import { describe, expect, test } from "@jest/globals";
import { compileModel } from "../../../../mixins/store/compiled-model.ts";
import type { FieldRule, Model, ModelIndex } from "../../../../models/model.ts";

const model = (fields: Record<string, FieldRule>, indexes: ModelIndex[] = [], name = "things"): Model => ({
  name,
  fields,
  indexes,
});
const string: FieldRule = { type: "string" };

describe("a model that cannot be kept is refused, saying why", () => {
  test.each([
    ['model name "Order-Lines" must match', model({}, [], "Order-Lines")],
    ["field a.b must match", model({ "a.b": string })],
    ["field x' OR 1 must match", model({ "x' OR 1": string })],
    ['field o.a"b must match', model({ o: { type: "object", props: { 'a"b': string } } })],
    ["the store itself keeps version", model({ version: { type: "number" } })],
    ["the store itself keeps id", model({ id: string })],
    ["field a needs a rule such as", model({ a: "string" as never })],
    ["every object has a toString", model({ o: { type: "object", props: { toString: string } } })],
    ["JSON has no dates", model({ at: { type: "date" } })],
    [
      'an index on "tags" is not possible; indexable are _id, version',
      model({ tags: { type: "array" } }, [{ fields: ["tags"] }]),
    ],
    ['an index on "a" is not possible', model({}, [{ fields: ["a"] }])],
    ["an index needs a field", model({}, [{ fields: [] }])],
  ])("%s", (sentence, wrong) => {
    expect(() => compileModel(wrong)).toThrow(sentence);
  });
});

test("scalar paths are declared strings, numbers and booleans that no array leads to", () => {
  const { paths } = compileModel(
    model({
      s: string,
      n: { type: "number" },
      b: { type: "boolean" },
      e: { type: "enum", values: ["x", "y"] },
      mixedEnum: { type: "enum", values: ["x", 1] },
      any: { type: "any" },
      list: { type: "array", items: { type: "object", props: { k: string } } },
      o: { type: "object", props: { s: string, deep: { type: "object", props: { n: { type: "number" } } } } },
    }),
  );
  const declared = [...paths].filter(
    ([path]) => !["_id", "version", "createdAt", "updatedAt", "deletedAt"].includes(path),
  );
  expect(Object.fromEntries(declared)).toEqual({
    s: "string",
    n: "number",
    b: "boolean",
    e: "string",
    "o.s": "string",
    "o.deep.n": "number",
  });
});

test("a changed index has another name, so that it is made anew", () => {
  const names = [
    [{ fields: ["s"] }],
    [{ fields: ["s"], unique: true }],
    [{ fields: ["s", "t"] }],
    [{ fields: ["t", "s"] }],
  ].map((indexes) => compileModel(model({ s: string, t: string }, indexes)).indexes[0]!.name);
  expect(new Set(names).size).toBe(4);
});

describe("validation", () => {
  const { validate } = compileModel(
    model({
      name: { type: "string", min: 2 },
      note: { type: "string", optional: true },
      end: { type: "string", nullable: true },
    }),
  );

  test("names every wrong field with its value and what is allowed", () => {
    expect(() => validate({ name: "x", colour: "red", end: 5 })).toThrow(
      expect.objectContaining({
        type: "VALIDATION_ERROR",
        message: expect.stringMatching(/^things: name .*2 characters.*; end is 5, but must be a string/),
        data: {
          errors: expect.arrayContaining([
            expect.objectContaining({ field: "colour", allowed: expect.stringContaining("not known here") }),
            expect.objectContaining({ field: "end", value: 5 }),
          ]),
        },
      }),
    );
  });

  test("leaves out an optional field that is null, keeps a null that is a value, and does not change its argument", () => {
    const given = { name: "ab", note: null, end: null };
    expect(validate(given)).toEqual({ name: "ab", end: null });
    expect(given).toEqual({ name: "ab", note: null, end: null });
  });
});
