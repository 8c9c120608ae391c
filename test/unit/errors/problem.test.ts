import { describe, expect, test } from "@jest/globals";
import { Errors, Validators } from "moleculer";
import { AzoraError, toProblem } from "../../../runtime/errors.ts";
import type { FieldError } from "../../../runtime/field-errors.ts";

function errorsFor(schema: object, params: unknown): FieldError[] {
  const check = new Validators.Fastest().compile(schema as never);
  const report = check(params as never);
  return toProblem(new Errors.ValidationError("Parameters validation error!", "", report as never), "r")
    .errors as FieldError[];
}

test("an error of the table becomes its problem document", () => {
  expect(toProblem(new AzoraError("NOT_FOUND", "No user 7"), "r-1")).toEqual({
    type: "/errors#NOT_FOUND",
    title: "There is no such thing",
    status: 404,
    detail: "No user 7",
    code: "NOT_FOUND",
    requestId: "r-1",
  });
});

test("an unforeseen error tells nothing of itself", () => {
  const problem = toProblem(new Error("connect postgres://admin:secret@10.0.0.1"), "r-2");
  expect(problem).toMatchObject({ status: 500, code: "INTERNAL_ERROR", requestId: "r-2" });
  expect(JSON.stringify(problem)).not.toMatch(/postgres|secret|stack/);
});

test.each([
  undefined,
  null,
  "text",
  42,
  {},
  { type: "constructor" },
  { type: "__proto__" },
  { type: "toString", code: 200 },
])("whatever is thrown gives a problem: %p", (thrown) => {
  expect(toProblem(thrown, "r")).toMatchObject({ status: 500, code: "INTERNAL_ERROR" });
});

test.each([
  [new Errors.ServiceNotFoundError({ action: "a.b" }), "SERVICE_UNAVAILABLE", 503],
  [new Errors.ServiceNotAvailableError({ action: "a.b" }), "SERVICE_UNAVAILABLE", 503],
  [new Errors.RequestTimeoutError({ action: "a.b", nodeID: "n" }), "REQUEST_TIMEOUT", 504],
  [new Errors.QueueIsFullError({ action: "a.b", nodeID: "n", size: 1, limit: 1 }), "RATE_LIMITED", 429],
  [new Errors.MoleculerError("Service unavailable", 503), "SERVICE_UNAVAILABLE", 503],
  [new Errors.MoleculerError("Bad request", 400, "UNABLE_DECODE_PARAM"), "BAD_REQUEST", 400],
])("Moleculer's %s is %s", (error, code, status) => {
  expect(toProblem(error, "r")).toMatchObject({ code, status });
});

test("a service's own client error keeps its status, code and message", () => {
  const problem = toProblem(new Errors.MoleculerClientError("Out of stock", 410, "SOLD_OUT"), "r");
  expect(problem).toMatchObject({ type: "about:blank", status: 410, code: "SOLD_OUT", detail: "Out of stock" });
});

describe("wrong fields", () => {
  test("each is named once, with its value and what is allowed", () => {
    const schema = { name: "string|min:3", age: "number|integer|min:18", role: { type: "enum", values: ["a", "b"] } };
    expect(errorsFor(schema, { name: "x", age: 7, role: "c" })).toEqual([
      { field: "name", allowed: "length must be greater than or equal to 3 characters long (is 1)" },
      { field: "age", value: 7, allowed: "must be greater than or equal to 18" },
      { field: "role", value: "c", allowed: "must be one of a, b" },
    ]);
  });

  test("alternatives are joined", () => {
    expect(errorsFor({ id: ["string", "number"] }, { id: true })).toEqual([
      { field: "id", value: true, allowed: "must be a string, or must be a number" },
    ]);
  });

  test("unknown parameters are named one by one", () => {
    const errors = errorsFor({ a: "string", $$strict: true }, { a: "1", b: 2, c: 3 });
    expect(errors.map(({ field }) => field)).toEqual(["b", "c"]);
    expect(errors[0]!.allowed).toContain("known are a");
  });

  test("nested fields have their path", () => {
    const schema = { user: { type: "object", props: { tags: { type: "array", items: "string" } } } };
    expect(errorsFor(schema, { user: { tags: ["a", 1] } })[0]!.field).toBe("user.tags[1]");
  });

  test("values of secrets are not sent back", () => {
    const errors = errorsFor({ password: "number", login: "string" }, { password: "hunter2", login: { token: "abc" } });
    expect(JSON.stringify(errors)).not.toMatch(/hunter2|abc/);
  });

  test("long values are shortened, and the problem names the fields", () => {
    const check = new Validators.Fastest().compile({ a: "number" } as never);
    const report = check({ a: "x".repeat(10_000) } as never);
    const problem = toProblem(new Errors.ValidationError("Parameters validation error!", "", report as never), "r");
    expect(problem.detail).toBe("Wrong parameter: a");
    expect(JSON.stringify(problem).length).toBeLessThan(600);
  });
});
