import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { checkRules } from "../../../../runtime/rules/check-rules.ts";
import { RuleFiles } from "../../../../services/brain/symbiotic-rules-engine/rule-store/rule-files.ts";
import { writeFiles } from "../../../support/write-files.ts";

const rule = (id: string, value = 80) => ({
  id,
  conditions: [{ system: "heart", metric: "load", operator: "greaterThan", value }],
  actions: [{ type: "alert", target: "heart" }],
});
const text = (...rules: unknown[]) => JSON.stringify(rules);

describe("rule files", () => {
  let root: string;
  let files: RuleFiles;
  const shown = () => files.rules.map((one) => `${one.origin} ${one.file} ${one.rule.id}`);
  const write = (all: Record<string, string>) => writeFiles(root, all);

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "rule-files-"));
    files = new RuleFiles(
      [
        { path: join(root, "shipped"), origin: "built-in", shown: "shipped" },
        { path: join(root, "rules"), origin: "file", shown: "rules" },
      ],
      (input) => checkRules(input),
    );
  });
  afterEach(() => rmSync(root, { recursive: true }));

  test("folders that are not there hold no rules, and that is no fault", async () => {
    expect(await files.read()).toBe(false);
    expect([files.rules, files.faults]).toEqual([[], []]);
  });

  test("a file holds one rule, a list, or { rules }; tests of rules and other files are left alone", async () => {
    write({
      "rules/one.json": JSON.stringify(rule("one")),
      "rules/list.json": text(rule("two"), rule("three")),
      "rules/named.json": JSON.stringify({ rules: [rule("four")] }),
      "rules/one.test.json": "{}",
      "rules/notes.txt": "not a rule",
    });
    expect(await files.read()).toBe(true);
    expect(shown()).toEqual([
      "file rules/list.json two",
      "file rules/list.json three",
      "file rules/named.json four",
      "file rules/one.json one",
    ]);
    expect(files.faults).toEqual([]);
    expect(await files.read()).toBe(false);
  });

  test("the project's rule takes the place of the shipped one of the same id", async () => {
    write({ "shipped/a.json": text(rule("one", 80)), "rules/b.json": text(rule("one", 60)) });
    await files.read();
    expect(shown()).toEqual(["file rules/b.json one"]);
    unlinkSync(join(root, "rules/b.json"));
    expect(await files.read()).toBe(true);
    expect(shown()).toEqual(["built-in shipped/a.json one"]);
  });

  test("a rule that gets a fault goes on as it was, beside others that changed", async () => {
    write({ "rules/a.json": text(rule("one", 80), rule("two", 80)) });
    await files.read();
    write({ "rules/a.json": text({ ...rule("one", 70), cooldown: "soon" }, rule("two", 70)) });
    expect(await files.read()).toBe(true);
    const bound = (id: string) => files.rules.find((one) => one.rule.id === id)?.rule.conditions[0];
    expect(bound("one")).toMatchObject({ value: 80 });
    expect(bound("two")).toMatchObject({ value: 70 });
    expect(files.faults).toEqual([expect.objectContaining({ file: "rules/a.json", rule: "one", path: "cooldown" })]);
  });

  test("a file that is no JSON keeps its rules, and is named; mended, it is read again", async () => {
    write({ "rules/a.json": text(rule("one")) });
    await files.read();
    write({ "rules/a.json": '[{"id": "one",' });
    expect(await files.read()).toBe(true);
    expect(shown()).toEqual(["file rules/a.json one"]);
    expect(files.faults).toEqual([
      expect.objectContaining({ file: "rules/a.json", detail: expect.stringMatching(/^cannot be read: .*JSON/) }),
    ]);
    write({ "rules/a.json": text(rule("other")) });
    await files.read();
    expect(shown()).toEqual(["file rules/a.json other"]);
    expect(files.faults).toEqual([]);
  });

  test("a rule that never was right is not there, and the others of its file are", async () => {
    write({ "rules/a.json": text({ id: "one" }, rule("two")) });
    await files.read();
    expect(shown()).toEqual(["file rules/a.json two"]);
    expect(files.faults.map(({ path }) => path).sort()).toEqual(["actions", "conditions"]);
  });

  test("one id in two files is a fault that names both", async () => {
    write({ "rules/a.json": text(rule("one", 80)), "rules/b.json": text(rule("one", 60)) });
    await files.read();
    expect(files.rules).toHaveLength(1);
    expect(files.faults).toEqual([
      {
        file: "rules/b.json",
        rule: "one",
        path: "id",
        detail: "stands in rules/a.json too; the one in rules/b.json holds",
      },
    ]);
  });

  test("a file that is too large is not read", async () => {
    write({ "rules/a.json": `[${" ".repeat(4 * 2 ** 20)}]` });
    await files.read();
    expect(files.faults).toEqual([expect.objectContaining({ detail: expect.stringContaining("at most 4194304") })]);
  });

  test("what is no file, or leads nowhere, is named, and hides none of the files behind it", async () => {
    write({ "rules/a.json": text(rule("one")), "rules/z.json": text(rule("two")) });
    mkdirSync(join(root, "rules/folder.json"));
    execFileSync("mkfifo", [join(root, "rules/pipe.json")]);
    symlinkSync("nowhere", join(root, "rules/dangling.json"));
    symlinkSync("self.json", join(root, "rules/self.json"));
    symlinkSync("/dev/zero", join(root, "rules/endless.json"));
    await files.read();
    expect(files.rules.map(({ rule: { id } }) => id)).toEqual(["one", "two"]);
    expect(files.faults.map(({ file, detail }) => `${file} ${detail}`)).toEqual([
      expect.stringMatching(/^rules\/dangling.json cannot be read: ENOENT/),
      "rules/endless.json cannot be read: it is no file",
      "rules/folder.json cannot be read: it is no file",
      "rules/pipe.json cannot be read: it is no file",
      expect.stringMatching(/^rules\/self.json cannot be read: ELOOP/),
    ]);
    expect(await files.read()).toBe(false);
  });

  test("a folder that cannot be read keeps its rules, and is named", async () => {
    write({ "rules/a.json": text(rule("one")) });
    await files.read();
    renameSync(join(root, "rules"), join(root, "elsewhere"));
    writeFileSync(join(root, "rules"), "");
    await files.read();
    expect(shown()).toEqual(["file rules/a.json one"]);
    expect(files.faults.map(({ file, detail }) => `${file} ${detail}`)).toEqual([
      expect.stringMatching(/^rules cannot be read: ENOTDIR/),
    ]);
  });

  test("a byte order mark is no part of the rules", async () => {
    write({ "rules/a.json": `\uFEFF${text(rule("one"))}` });
    await files.read();
    expect([shown(), files.faults]).toEqual([["file rules/a.json one"], []]);
  });
});
