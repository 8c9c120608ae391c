import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { readSettings, type SettingName, type SettingsError } from "../../../runtime/settings.ts";

const page = readFileSync(new URL("../../../docs/configuration.md", import.meta.url), "utf8");
const rows = [...page.matchAll(/^\| `(AZORA_\w+)` \| (.*?) \| (?:`(.*?)`)? ?\| (.+) \|$/gm)].map(
  ([, name, allowed, byDefault = "", meaning]) => ({ name: name as SettingName, allowed, byDefault, meaning }),
);
const defaults = readSettings({}, "/");

/** What the settings themselves say when they refuse a value that none of them takes. */
function allowedBy(name: SettingName): string {
  try {
    readSettings({ [name]: "\0" });
  } catch (error) {
    return (error as SettingsError).problems[0]!.split("but must be ")[1]!;
  }
  throw new Error(`${name} takes anything`);
}

describe("the table of settings in the configuration page", () => {
  test("names every setting once, in the order of the code", () => {
    expect(rows.map(({ name }) => name)).toEqual(Object.keys(defaults));
  });

  test.each(rows)("tells the default of $name", ({ name, byDefault }) => {
    const told = /_(DIR|PLUGINS)$/.test(name) ? resolve("/", byDefault) : byDefault;
    expect(told).toBe(String(defaults[name]));
  });

  test.each(rows)("tells what $name may be", ({ name, allowed }) => {
    expect(allowed).toBe(allowedBy(name));
  });
});
