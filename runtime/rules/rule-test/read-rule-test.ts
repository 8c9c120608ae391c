import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, relative, resolve } from "node:path";
import type { RuleFault } from "../../../models/rules.ts";
import { isFields } from "../fields.ts";
import { type CheckedTests, checkRuleTest } from "./check-rule-test.ts";

/**
 * Reads a test file and the rule files that it names, which lie relative to it. `x.test.json` that names none is about the
 * rules in `x.json` beside it.
 */
export function readRuleTest(path: string): CheckedTests {
  const faults: RuleFault[] = [];
  const input = readJson(path, path, faults);
  if (faults.length > 0) return { faults };
  const beside = basename(path).replace(/\.test\.json$/, ".json");
  const named = isFields(input) ? (input["rules"] ?? (beside === basename(path) ? [] : beside)) : [];
  const rules = (Array.isArray(named) ? named : [named]).flatMap((one) => {
    if (typeof one !== "string") return [one];
    const file = resolve(dirname(path), one);
    if (existsSync(file)) return rulesIn(readJson(file, relative(dirname(path), file), faults));
    faults.push({ rule: "test", path: "rules", detail: `rules name ${one}, but there is no file ${file}` });
    return [];
  });
  return faults.length > 0 ? { faults } : checkRuleTest(input, rules);
}

/** What a rule file holds: one rule, a list, or `{rules: [...]}`. */
export function rulesIn(content: unknown): unknown[] {
  if (Array.isArray(content)) return content;
  return isFields(content) && Array.isArray(content["rules"]) ? content["rules"] : [content];
}

function readJson(path: string, shown: string, faults: RuleFault[]): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    faults.push({ rule: "test", path: shown, detail: `${shown} cannot be read: ${(error as Error).message}` });
    return undefined;
  }
}
