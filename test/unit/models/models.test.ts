import { globSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { compileModel } from "../../../mixins/store/compiled-model.ts";
import type { Model } from "../../../models/model.ts";
import { organisationModel } from "../../../models/organisation.model.ts";
import { userModel } from "../../../models/user.model.ts";

const root = join(import.meta.dirname, "../../..");

test.each(globSync("models/*.model.ts", { cwd: root }))("%s declares a model that the store can keep", async (file) => {
  const exported = Object.values((await import(join(root, file))) as Record<string, unknown>);
  const models = exported.filter((each): each is Model => typeof (each as Model)?.fields === "object");
  expect(models).toHaveLength(1);
  expect(compileModel(models[0]!).model).toBe(models[0]);
});

describe("a user", () => {
  const { validate } = compileModel(userModel);

  test("has defaults, and the address in small letters without blanks", () => {
    expect(validate({ email: " Ada@Example.ORG", displayName: " Ada " })).toEqual({
      email: "ada@example.org",
      displayName: "Ada",
      status: "active",
      locale: "en",
    });
  });

  test.each(["en", "de-CH", "zh-Hant-TW", "es-419", "gsw"])("may have the locale %s", (locale) => {
    expect(validate({ email: "a@b.ch", displayName: "A", locale })).toMatchObject({ locale });
  });

  test.each(["EN", "de_CH", "de-ch", "english", ""])("may not have the locale %j", (locale) => {
    expect(() => validate({ email: "a@b.ch", displayName: "A", locale })).toThrow("users: locale");
  });
});

test.each(["-a", "a-", "a--b", "a b", "ä", "a"])("an organisation may not have the slug %j", (slug) => {
  expect(() => compileModel(organisationModel).validate({ name: "A", slug })).toThrow("organisations: slug");
});
