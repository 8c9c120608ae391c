import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { findConflicts } from "../../../../../runtime/rules/conflicts/find-conflicts.ts";
import { checkRuleTest } from "../../../../../runtime/rules/rule-test/check-rule-test.ts";
import { readRuleTest } from "../../../../../runtime/rules/rule-test/read-rule-test.ts";
import { runRuleTests } from "../../../../../runtime/rules/rule-test/run-rule-test.ts";

const rule = {
  id: "overload",
  for: 3000,
  cooldown: 10_000,
  conditions: [{ system: "brain", metric: "load", operator: "greaterThan", value: 85 }],
  actions: [{ type: "adjustResourceAllocation", target: "brain", parameters: { increaseCpu: 20 } }],
};

const run = (tests: object[], more: object = {}) => {
  const { file, faults } = checkRuleTest({ tests, ...more }, [rule]);
  if (!file) throw new Error(faults.map(({ detail }) => detail).join("; "));
  return runRuleTests(file);
};
const series = { "brain.load": "50x4 90x20" };

describe("a rule test", () => {
  test("passes where exactly those firings come that are expected", () => {
    const firings = [
      { at: "8s", rule: "overload" },
      { at: 18_000, rule: "overload" },
    ];
    expect(run([{ name: "as expected", series, firings, ended: [] }])).toEqual([
      { name: "as expected", passed: true, differences: [] },
    ]);
  });

  test("tells what did not come and why, and what came instead, in the order of time", () => {
    const [result] = run([{ name: "too early", series, firings: [{ at: "5s", rule: "overload" }] }]);
    expect(result!.passed).toBe(false);
    expect(result!.differences).toMatchObject([
      { kind: "missing", of: "firings", at: 5000, rule: "overload" },
      { kind: "unexpected", of: "firings", at: 8000, rule: "overload" },
      { kind: "unexpected", of: "firings", at: 18_000, rule: "overload" },
    ]);
    expect(result!.differences[0]!.why).toContain("must hold for 3 s");
    expect(result!.differences[1]!.why).toContain("brain.load is 90 %, greater than 85 %");
  });

  test("compares only what it speaks of", () => {
    const active = [
      { at: "7s", rules: [] },
      { at: "9s", rules: ["overload"] },
    ];
    expect(run([{ name: "active", series, active }])[0]).toMatchObject({ passed: true });
    const wrong = [{ at: "9s", rules: [] }];
    expect(run([{ name: "active", series, active: wrong }])[0]!.differences).toMatchObject([
      { kind: "unexpected", of: "active", at: 9000, rule: "overload" },
    ]);
  });

  test("compares what ended, and the sentence that says why", () => {
    const down = { "brain.load": "90x9 40x9" };
    const why = [{ at: "12s", rule: "overload", says: "brain.load is 40 %" }];
    expect(run([{ name: "ends", series: down, ended: [{ at: "10s", rule: "overload" }], why }])[0]!.passed).toBe(true);
    const wrong = [{ at: "12s", rule: "overload", says: "brain.load is 41 %" }];
    const [result] = run([{ name: "ends", series: down, ended: [], why: wrong }]);
    expect(result!.differences.map(({ kind, of }) => `${kind} ${of}`)).toEqual(["unexpected ended", "otherwise why"]);
  });

  test("goes by its own interval", () => {
    const minutes = { "brain.load": "50 90x3" };
    // At the first minute it has not held for its three seconds: nothing is known of what was between.
    const firings = ["2m", "3m", "4m"].map((at) => ({ at, rule: "overload" }));
    expect(run([{ name: "minutes", interval: "1m", series: minutes, firings }])[0]!.passed).toBe(true);
  });

  test("begins at a date of its own, which matters to rules that expire", () => {
    const expires = { ...rule, expires: "2026-11-20T12:00:10Z" };
    const tests = [
      { name: "expires", start: "2026-11-20T12:00:00Z", series, firings: [{ at: "8s", rule: "overload" }] },
    ];
    expect(runRuleTests(checkRuleTest({ tests }, [expires]).file!)).toMatchObject([{ passed: true }]);
  });

  test("says which rules fight, or that none do", () => {
    const other = { ...rule, id: "thrift", actions: [{ ...rule.actions[0], parameters: { increaseCpu: -5 } }] };
    const tests = [{ name: "quiet", series: { "brain.load": "1" }, firings: [] }];
    const check = (conflicts: string[][]) =>
      runRuleTests(checkRuleTest({ tests, conflicts }, [rule, other]).file!).at(-1);
    expect(check([["thrift", "overload"]])).toMatchObject({ name: "rules that fight", passed: true });
    expect(check([])!.differences).toMatchObject([
      { kind: "unexpected", of: "conflicts", rule: "overload and thrift" },
    ]);
  });
});

describe("the check of a test file", () => {
  const faultsOf = (input: unknown, rules: unknown[] = [rule]) =>
    checkRuleTest(input, rules).faults.map(({ path }) => path);

  test.each([
    ["heart.load", "50 900x5", 'tests[0].series["heart.load"] has 900, but must have numbers from 0 to 100 %'],
    [
      "heart.restarts",
      "2-1x3",
      'tests[0].series["heart.restarts"] has -1, but must have numbers from 0 to 1000000 per 10 min',
    ],
    [
      "organism.confidence",
      "0+0.5x4",
      'tests[0].series["organism.confidence"] has 1.5, but must have numbers from 0 to 1',
    ],
    [
      "heart.till.sales",
      "1e16",
      'tests[0].series["heart.till.sales"] has 10000000000000000, but must have numbers from -1000000000000000 to 1000000000000000',
    ],
  ])("tells the first value that a metric never has: %s %s", (key, values, detail) => {
    const tests = [{ name: "a", series: { [key]: values }, firings: [] }];
    expect(checkRuleTest({ tests }, [rule]).faults).toEqual([
      { rule: "test", path: `tests[0].series["${key}"]`, detail: `${detail}; _ is a value that is not known` },
    ]);
  });

  test.each([
    ["heart.load", "0+10x10 _x3"],
    ["heart.latencyP95", "2200000"],
    ["heart.till.sales", "-1e15 1e15"],
  ])("takes values that a metric may have: %s %s", (key, values) => {
    expect(faultsOf({ tests: [{ name: "a", series: { [key]: values }, firings: [] }] })).toEqual([]);
  });

  test("tells all faults at once, those of the rules too", () => {
    const faults = faultsOf(
      {
        test: [],
        interval: "1y",
        conflicts: [["overlaod"]],
        tests: [
          { name: "a", series: { "brain.laod": "1", "brain.cpu": "x" }, firings: [{ at: "1h", rule: "overlod" }] },
          { name: "b", series: { "brain.load": "1 2" } },
          { series: {}, firings: {}, active: [{ at: "500ms", rules: "overload" }], start: "noon" },
          7,
        ],
      },
      [rule, { ...rule, id: "other", actions: [] }],
    );
    expect(faults).toEqual([
      "actions",
      "test",
      "interval",
      'tests[0].series["brain.laod"]',
      'tests[0].series["brain.cpu"]',
      "tests[0].firings[0].at",
      "tests[0].firings[0].rule",
      "tests[1]",
      "tests[2].name",
      "tests[2].series",
      "tests[2].start",
      "tests[2].firings",
      "tests[2].active[0].at",
      "tests[2].active[0].at",
      "tests[2].active[0].rules",
      "tests[3]",
      "conflicts[0][0].rule",
    ]);
  });

  test("refuses what is no test at all", () => {
    expect(faultsOf([])).toEqual(["the file"]);
    expect(faultsOf({ tests: [] }, [])).toEqual(["rules", "tests"]);
  });

  test("names what was most likely meant", () => {
    const tests = [{ name: "a", series: { "brain.laod": "1" }, firings: [{ at: 0, rule: "overlaod" }] }];
    const details = checkRuleTest({ tests }, [rule]).faults.map(({ detail }) => detail);
    expect(details[0]).toContain("did you mean load?");
    expect(details[1]).toContain("did you mean overload?");
  });
});

describe("a test file on disk", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "azora-rule-test-"));
    mkdirSync(join(folder, "more"));
    const write = (name: string, content: unknown) => writeFileSync(join(folder, name), JSON.stringify(content));
    const tests = [{ name: "quiet", series: { "brain.load": "1" }, firings: [] }];
    write("one.json", rule);
    write("more/two.json", { rules: [{ ...rule, id: "two" }] });
    write("one.test.json", { tests });
    write("both.test.json", { rules: ["one.json", "./more/two.json", { ...rule, id: "inline" }], tests });
    write("lost.test.json", { rules: "lots.json", tests });
    writeFileSync(join(folder, "broken.test.json"), "{");
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const idsIn = (name: string) => readRuleTest(join(folder, name)).file?.rules.map(({ id }) => id);
  const faultsIn = (name: string) => readRuleTest(join(folder, name)).faults.map(({ detail }) => detail);

  test("is about the rules in the file beside it, or about those that it names", () => {
    expect(idsIn("one.test.json")).toEqual(["overload"]);
    expect(idsIn("both.test.json")).toEqual(["overload", "two", "inline"]);
  });

  test("is refused where a file is missing or cannot be read", () => {
    expect(faultsIn("lost.test.json")).toEqual([expect.stringContaining("rules name lots.json, but there is no file")]);
    expect(faultsIn("broken.test.json")).toEqual([expect.stringContaining("cannot be read")]);
    expect(faultsIn("nowhere.test.json")).toEqual([expect.stringContaining("ENOENT")]);
  });
});

describe("the rules that come with Azora", () => {
  const folder = join(import.meta.dirname, "../../../../../rules/built-in");
  const files = readdirSync(folder).map((name) => join(folder, name));
  const tests = files.filter((path) => path.endsWith(".test.json"));
  const rules = files.filter((path) => path.endsWith(".json") && !tests.includes(path));

  test.each(tests)("do what %s expects of them", (path) => {
    const { file, faults } = readRuleTest(path);
    expect(faults).toEqual([]);
    expect(runRuleTests(file!).filter(({ passed }) => !passed)).toEqual([]);
  });

  test("have the reference rules among them, and fight neither one another nor themselves", () => {
    const { file, faults } = readRuleTestOf(rules);
    expect(faults).toEqual([]);
    const ids = file!.rules.map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining(["heart-overload-protection", "custom-brain-protection"]));
    expect(findConflicts(file!.rules)).toEqual([]);
  });
});

/** All rules of some files, read as those of a test. */
function readRuleTestOf(files: string[]) {
  const folder = mkdtempSync(join(tmpdir(), "azora-rule-test-"));
  const path = join(folder, "all.test.json");
  writeFileSync(
    path,
    JSON.stringify({ rules: files, tests: [{ name: "quiet", series: { "brain.load": "1" }, firings: [] }] }),
  );
  const read = readRuleTest(path);
  rmSync(folder, { recursive: true });
  return read;
}
