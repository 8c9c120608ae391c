import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { rules } from "../../../cli/commands/rules.ts";
import type { Stretch } from "../../../models/organism-state.ts";
import { parseSeries } from "../../../runtime/rules/rule-test/series-notation.ts";

const ROOT = resolve(import.meta.dirname, "../../..");
const page = readFileSync(join(ROOT, "docs/rule-tests.md"), "utf8");
const [rule, ruleTest, fighting] = [...page.matchAll(/```json\n(.*?)```/gs)].map(([, text]) => text!);
const shown = [...page.matchAll(/```\n\$ azora (rules .*?)\n(.*?)```/gs)].map(([, call, output]) => ({ call, output }));

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "azora-rule-tests-page-"));
  mkdirSync(join(folder, "rules"));
  writeFileSync(join(folder, "rules/lunch.json"), rule!);
  writeFileSync(join(folder, "rules/lunch.test.json"), ruleTest!);
  writeFileSync(join(folder, "fighting.json"), fighting!);
  writeFileSync(join(folder, "noon.json"), JSON.stringify(noon()));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Two minutes of a lunch, with a queue in the second one. */
function noon(): Stretch {
  const values = parseSeries("2x59 30x39 2x19");
  const begin = Date.UTC(2026, 10, 20, 12);
  const rows = values.map((value, i) => ({ at: begin + i * 1000, values: [value] }));
  return { step: 1000, columns: ["stomach.queueDepth"], rows };
}

function azora(call: string): string {
  const env = { ...process.env, NO_COLOR: "1" };
  const args = ["--disable-warning=ExperimentalWarning", join(ROOT, "cli/main.ts"), ...call.split(" ")];
  try {
    return execFileSync(process.execPath, args, { cwd: folder, env, encoding: "utf8" });
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

describe("the page about trying rules", () => {
  test.each(shown)("shows what `azora $call` prints", ({ call, output }) => {
    const isEarly = call!.includes("early");
    const early = { ...JSON.parse(ruleTest!.replace('"15s"', '"12s"')), rules: "lunch.json" };
    if (isEarly) writeFileSync(join(folder, "rules/early.test.json"), JSON.stringify(early));
    expect(azora(call!)).toBe(output);
    if (isEarly) rmSync(join(folder, "rules/early.test.json"));
  });

  test("shows all that it promises", () => {
    expect(shown.map(({ call }) => call!.split(" ")[1])).toEqual(["test", "test", "check", "replay"]);
  });

  test("knows every notation of a series", () => {
    const table = page.slice(page.indexOf("| written | values |"));
    for (const [, written, values] of table.matchAll(/^\| `([^`]+)` \| ([-\d ]+)/gm))
      expect(parseSeries(written!)).toEqual(values!.trim().split(" ").map(Number));
  });

  test("names every command", () => {
    for (const { name } of rules.commands) expect(page).toMatch(new RegExp(`\`(rules )?${name}\\b`));
  });
});
