import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { OPERATORS } from "../../../models/rules.ts";
import { checkRules } from "../../../runtime/rules/check-rules.ts";

const page = readFileSync(new URL("../../../docs/rules.md", import.meta.url), "utf8");
const examples = [...page.matchAll(/```json\n(.*?)```/gs)].map(([, json]) => JSON.parse(json!));
const rows = [...page.matchAll(/^\| `(\w+)` \| (.+?) \| (.*?) ?\| .*\|$/gm)].map(([, field, allowed, byDefault]) => ({
  field: field!,
  allowed: allowed!,
  byDefault: byDefault!.replaceAll("`", ""),
}));

describe("the page of rules", () => {
  test("shows rules that are right", () => {
    expect(examples.length).toBeGreaterThan(1);
    expect(checkRules(examples).faults).toEqual([]);
  });

  test("names every field once, with its default", () => {
    const { rules } = checkRules(examples[0]);
    const told = rows.map(({ field }) => field);
    expect([...told].sort()).toEqual(Object.keys(rules[0]!).sort());
    const shown = (value: unknown) => (value === null ? "never" : value === rules[0]!.id ? "the id" : String(value));
    for (const { field, byDefault } of rows.filter(({ byDefault }) => byDefault !== "")) {
      expect(`${field} ${byDefault}`).toBe(`${field} ${shown(rules[0]![field as keyof (typeof rules)[0]])}`);
    }
  });

  test("tells the ranges that a rule is held to", () => {
    for (const { field, allowed } of rows) {
      const range = /^(\d+)-(\d+) ms$/.exec(allowed);
      if (!range) continue;
      const [, least, most] = range.map(Number);
      const faults = (value: number) => checkRules({ ...examples[0], [field]: value }).faults.length;
      expect([faults(least!), faults(most!), faults(least! - 1), faults(most! + 1)]).toEqual([0, 0, 1, 1]);
    }
  });

  test("names every operator", () => {
    for (const operator of OPERATORS) expect(page).toContain(`\`${operator}\``);
  });
});
