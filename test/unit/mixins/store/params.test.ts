import { expect, test } from "@jest/globals";
import { pageOptions, updateParams } from "../../../../mixins/store/params.ts";
import { userModel } from "../../../../models/user.model.ts";

test("what is not sent in an update is not set to its default", () => {
  const { status, locale, email, version } = updateParams(userModel) as Record<string, object>;
  for (const rule of [status, locale, email, version]) {
    expect(rule).toMatchObject({ optional: true });
    expect(rule).not.toHaveProperty("default");
  }
});

test("a model that requires the version has it in its parameters", () => {
  expect(updateParams({ ...userModel, requireVersion: true })["version"]).toMatchObject({ optional: false });
});

test("null means that a parameter of a page was not given, and a query may be JSON", () => {
  expect(pageOptions({ query: '{"a":1}', cursor: null, page: null, pageSize: 5, sort: undefined })).toEqual({
    query: { a: 1 },
    pageSize: 5,
  });
  expect(() => pageOptions({ query: "{" })).toThrow(/^query is "{", but must be JSON/);
});
