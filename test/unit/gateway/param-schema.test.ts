import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Validators } from "moleculer";
import { paramsSchema, ruleSchema } from "../../../services/lungs/azora-api-gateway/param-schema.ts";
import { accepts } from "./json-schema-check.ts";

describe("a rule becomes a JSON Schema", () => {
  test.each<[unknown, unknown]>([
    ["string", { type: "string" }],
    ["string|min:3|max:10", { type: "string", minLength: 3, maxLength: 10 }],
    ["string|length:4|alphanum", { type: "string", minLength: 4, maxLength: 4, pattern: "^[a-zA-Z0-9]+$" }],
    ["string|no-empty", { type: "string", minLength: 1 }],
    ["string|trim|min:1|max:5", { type: "string", minLength: 1, description: "At most 5 characters, trimmed." }],
    ["string|optional", { type: ["string", "null"] }],
    [
      { type: "string", enum: ["a", "b"], optional: true },
      { type: ["string", "null"], enum: ["a", "b", null] },
    ],
    [
      { type: "string", pattern: /^x+$/ },
      { type: "string", pattern: "^x+$" },
    ],
    [{ type: "string", pattern: /^x+$/i }, { type: "string" }],
    [{ type: "string", pattern: {} }, { type: "string" }],
    ["number|integer|positive|max:9", { type: "integer", maximum: 9, exclusiveMinimum: 0 }],
    ["number|convert|default:3", { type: ["number", "null"], default: 3 }],
    ["boolean", { type: "boolean" }],
    ["email", { type: "string", format: "email" }],
    ["url", { type: "string", format: "uri" }],
    ["uuid", { type: "string", format: "uuid" }],
    ["date|convert", { type: "string", format: "date-time" }],
    ["string[]", { type: "array", items: { type: "string" } }],
    [{ type: "enum", values: [1, "b"] }, { enum: [1, "b"] }],
    [{ type: "equal", value: "yes", strict: true }, { const: "yes" }],
    [["string", "number"], { anyOf: [{ type: "string" }, { type: "number" }] }],
    [
      { type: "array", items: "number", min: 1, unique: true },
      { type: "array", items: { type: "number" }, minItems: 1, uniqueItems: true },
    ],
    [
      { type: "record", key: "string", value: "number" },
      { type: "object", additionalProperties: { type: "number" } },
    ],
    [
      { type: "object", strict: true, props: { a: "string" } },
      { type: "object", properties: { a: { type: "string" } }, required: ["a"], additionalProperties: false },
    ],
    [
      { $$type: "object|optional", a: "number" },
      { type: ["object", "null"], properties: { a: { type: "number" } }, required: ["a"] },
    ],
    [
      { type: "string", description: "The name." },
      { type: "string", description: "The name." },
    ],
    [{ type: "custom", check() {} }, {}],
    ["somebodys-own-rule", {}],
  ])("%j", (rule, schema) => {
    expect(ruleSchema(rule)).toEqual(schema);
  });

  test("params are an object; what has a default is not required; $$strict closes it", () => {
    expect(paramsSchema({ a: "string", b: "number|default:1", c: "any|optional", $$strict: true })).toEqual({
      type: "object",
      properties: { a: { type: "string" }, b: { type: ["number", "null"], default: 1 }, c: {} },
      required: ["a"],
      additionalProperties: false,
    });
    expect(paramsSchema({ a: "string", $$strict: "remove" }).additionalProperties).toBeUndefined();
    expect(paramsSchema(undefined)).toEqual({ type: "object" });
  });
});

const common = fc.record({ optional: fc.boolean(), nullable: fc.boolean() }, { requiredKeys: [] });
const small = fc.integer({ min: 0, max: 4 });
const some = (model: Record<string, fc.Arbitrary<unknown>>) => fc.record(model, { requiredKeys: [] });
const rule = (type: string, model: Record<string, fc.Arbitrary<unknown>>) =>
  fc.tuple(common, some(model)).map(([base, own]) => ({ type, ...base, ...own }) as Record<string, unknown>);

const { any } = fc.letrec<{ any: Record<string, unknown> }>((tie) => ({
  any: fc.oneof(
    { depthSize: "small" },
    rule("string", {
      min: small,
      max: small,
      empty: fc.boolean(),
      alpha: fc.boolean(),
      numeric: fc.boolean(),
      trim: fc.boolean(),
      lowercase: fc.boolean(),
      hex: fc.boolean(),
      singleLine: fc.boolean(),
      contains: fc.constantFrom("a", "."),
    }),
    rule("string", { enum: fc.constant(["a", "bb", "1"]), uppercase: fc.boolean() }),
    rule("number", {
      min: small,
      max: small,
      integer: fc.boolean(),
      positive: fc.boolean(),
      negative: fc.boolean(),
      notEqual: small,
    }),
    rule("boolean", {}),
    rule("any", {}),
    rule("email", { empty: fc.boolean() }),
    rule("enum", {}).map((one) => ({ ...one, values: ["a", 1, true] })),
    rule("equal", { strict: fc.boolean() }).map((one) => ({ ...one, value: "a" })),
    rule("forbidden", { remove: fc.boolean() }),
    rule("array", { min: small, max: small, unique: fc.boolean(), items: tie("any"), empty: fc.boolean() }),
    rule("tuple", { empty: fc.boolean() }).chain((one) =>
      fc.array(tie("any"), { minLength: 1, maxLength: 3 }).map((items) => ({ ...one, items })),
    ),
    rule("record", { value: tie("any") }),
    rule("object", {
      strict: fc.constantFrom(true, "remove"),
      minProps: small,
      maxProps: small,
      props: fc.dictionary(fc.constantFrom("a", "b"), tie("any")),
    }),
    rule("multi", {}).chain((one) =>
      fc.array(tie("any"), { minLength: 1, maxLength: 3 }).map((rules) => ({ ...one, rules })),
    ),
  ),
}));

const leaf = fc.oneof(
  fc.constantFrom("", "a", "bb", "1", "-1.5", " a ", "A", "0f", "x\ny", "a@b.c"),
  fc.integer({ min: -2, max: 5 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.boolean(),
  fc.constant(null),
);
const { value: values } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    leaf,
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom("a", "b", "c"), tie("value"), { maxKeys: 3 }),
  ),
}));

test("what the validator accepts is accepted by the schema", () => {
  let accepted = 0;
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom("x", "y"), any), fc.boolean(), values, values, (params, strict, x, y) => {
      const rules = strict ? { ...params, $$strict: true } : params;
      const sent = { ...(x === null ? {} : { x }), y };
      const check = new Validators.Fastest().compile(rules as never);
      if (check(structuredClone(sent) as never) !== true) return true;
      accepted++;
      return accepts(paramsSchema(rules), sent);
    }),
    { numRuns: 8000 },
  );
  expect(accepted).toBeGreaterThan(300);
});
