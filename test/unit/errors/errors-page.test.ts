import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { ERROR_CODES } from "../../../runtime/errors.ts";

const page = readFileSync(new URL("../../../docs/errors.md", import.meta.url), "utf8");
const sections = page.split(/^## /m).slice(1);

test("the page has one section for each code, in the order of the table", () => {
  expect(sections.map((section) => section.split("\n", 1)[0])).toEqual(Object.keys(ERROR_CODES));
});

test.each(Object.entries(ERROR_CODES))("%s says its status and title, what it means and what to do", (code, entry) => {
  const section = sections.find((text) => text.startsWith(`${code}\n`))!;
  const [head, meaning, remedy] = section.split("\n\n").slice(1);
  expect(head).toBe(`**${entry.status}** · ${entry.title}`);
  expect(meaning!.length).toBeGreaterThan(20);
  expect(remedy).toMatch(/^\*What to do:\* \S.{10,}/s);
});
