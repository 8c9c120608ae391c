import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type Declaration, declarationErrors, valueErrors } from "../../../services/heart/azora-core/value-shape.ts";

const allowed = (declaration: Declaration, value: unknown) =>
  valueErrors(declaration, value).map((error) => error.allowed);

describe("values", () => {
  test.each<[Declaration, unknown]>([
    [{ type: "string" }, ""],
    [{ type: "string", min: 2, max: 3 }, "ab"],
    [{ type: "string", enum: ["a", "b"] }, "b"],
    [{ type: "number", min: 0, max: 1 }, 0.5],
    [{ type: "number", integer: true }, -3],
    [{ type: "boolean" }, false],
    [{ type: "json" }, { any: ["thing", null] }],
    [{ type: "json", shape: { type: "array", items: { type: "number" }, max: 2 } }, [1, 2]],
    [{ type: "json", shape: { type: "object", properties: { a: { type: "string", optional: true } } } }, {}],
  ])("%j takes %j", (declaration, value) => {
    expect(valueErrors(declaration, value)).toEqual([]);
  });

  test.each<[Declaration, unknown, string]>([
    [{ type: "string" }, 1, "must be a string"],
    [{ type: "string", min: 2, max: 3 }, "a", "must have from 2 to 3 characters"],
    [{ type: "string", enum: ["a", "b"] }, "c", "must be one of a, b"],
    [{ type: "number", min: 0 }, -1, "must be at least 0"],
    [{ type: "number", max: 9 }, 10, "must be at most 9"],
    [{ type: "number" }, "1", "must be a number"],
    [{ type: "number" }, Number.NaN, "must be a number"],
    [{ type: "number", integer: true }, 1.5, "must be a whole number"],
    [{ type: "boolean" }, "true", "must be true or false"],
    [{ type: "json" }, "x".repeat(70_000), "must have at most 65536 characters as JSON (has 70002)"],
  ])("%j refuses %j", (declaration, value, why) => {
    expect(allowed(declaration, value)).toEqual([why]);
  });

  test("each wrong place inside a JSON value is named", () => {
    const shape = {
      type: "object",
      properties: { a: { type: "number" }, b: { type: "array", items: { type: "string" } } },
    } as const;
    const errors = valueErrors({ type: "json", shape } as Declaration, { b: ["x", 1], c: 2 });
    expect(errors.map(({ field, allowed: why }) => `${field}: ${why}`)).toEqual([
      "value.a: is required",
      "value.b[1]: must be a string",
      "value.c: not known here; known are a, b",
    ]);
  });

  test("any value and declaration from outside gives a list, never an exception", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (declaration, value) => {
        const errors = declarationErrors(declaration);
        if (errors.length === 0) expect(Array.isArray(valueErrors(declaration as Declaration, value))).toBe(true);
      }),
    );
  });
});

describe("declarations", () => {
  test.each([
    [null, "declaration: must be an object"],
    [{ type: "date" }, "declaration.type: must be one of string, number, boolean, json"],
    [{ type: "number", minimum: 1 }, "declaration.minimum: not known here; known are min, max, integer, enum"],
    [{ type: "number", min: "1" }, "declaration.min: must be a number"],
    [{ type: "string", min: 3, max: 1 }, "declaration.min: must not be above max, 1"],
    [{ type: "string", enum: [1] }, "declaration.enum: must be a list of 1 to 1000 strings"],
    [{ type: "json", shape: { type: "array", items: { type: "x" } } }, "declaration.shape.items.type: must be one of"],
    [{ type: "boolean", optional: true }, "declaration.optional: belongs to a property"],
  ])("%j is refused", (declaration, why) => {
    const [error] = declarationErrors(declaration);
    expect(`${error!.field}: ${error!.allowed}`).toContain(why);
  });
});
