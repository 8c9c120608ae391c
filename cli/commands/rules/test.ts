import { existsSync } from "node:fs";
import { relative } from "node:path";
import type { RuleFault } from "../../../models/rules.ts";
import { readRuleTest } from "../../../runtime/rules/rule-test/read-rule-test.ts";
import type { Difference, RuleTestResult } from "../../../runtime/rules/rule-test/rule-test.ts";
import { runRuleTests } from "../../../runtime/rules/rule-test/run-rule-test.ts";
import { timeNotation } from "../../../runtime/rules/rule-test/time-notation.ts";
import { type Command, UsageError } from "../../command.ts";
import { paint } from "../../paint.ts";
import { testFiles } from "./rule-files.ts";
import { faultLines } from "./rule-words.ts";

interface FileResult {
  file: string;
  faults: RuleFault[];
  results: RuleTestResult[];
}

export const test: Command = {
  name: "test",
  usage: "[file|folder] ...",
  summary: "runs tests of rules, without an organism: values in, firings out; without a file, those in rules/",
  arity: [0, 100],
  async run({ args, options, out }) {
    if (args.length === 0 && !existsSync("rules"))
      throw new UsageError("there is no folder rules here; name a test file");
    const files = testFiles(args.length > 0 ? args : ["rules"]);
    if (files.length === 0) throw new UsageError("there are no tests: no file ends with .test.json");
    const all = files.map(runFile);
    out(options["json"] ? JSON.stringify(all) : all.map(fileText).join("\n"));
    return all.every(hasPassed) ? 0 : 1;
  },
};

function runFile(path: string): FileResult {
  const { file, faults } = readRuleTest(path);
  return { file: relative(process.cwd(), path), faults, results: file ? runRuleTests(file) : [] };
}

function hasPassed({ faults, results }: FileResult): boolean {
  return faults.length === 0 && results.every(({ passed }) => passed);
}

export function fileText(result: FileResult): string {
  const { file, faults, results } = result;
  const failed = results.filter(({ passed }) => !passed);
  const count = `${results.length} ${results.length === 1 ? "test" : "tests"}`;
  if (hasPassed(result)) return `${paint("green", "passed")}  ${file}  ${paint("dim", count)}`;
  const told = failed.flatMap(({ name, differences }) => [
    `  ${paint("bold", name)}`,
    ...differences.map(differenceText),
  ]);
  const summary = faults.length > 0 ? "cannot be run" : `${failed.length} of ${count}`;
  return [`${paint("red", "failed")}  ${file}  ${paint("dim", summary)}`, ...faultLines(faults), ...told].join("\n");
}

const SIGNS = { missing: paint("red", "-"), unexpected: paint("green", "+"), otherwise: paint("yellow", "~") };
const VERBS: Record<Difference["of"], string> = {
  firings: "fires",
  ended: "ends",
  active: "is active",
  why: "says",
  conflicts: "fight",
};

/** As in a difference of texts: `-` was expected and did not come, `+` came and was not expected. */
function differenceText({ kind, of, at, rule, why }: Difference): string {
  const when = at === null ? "" : ` at ${timeNotation(at)}`;
  return `    ${SIGNS[kind]} ${rule} ${VERBS[of]}${when}${why === "" ? "" : `: ${why}`}`;
}
