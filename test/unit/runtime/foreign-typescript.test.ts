import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { transformTypeScript } from "../../../runtime/foreign-typescript.ts";

const URL_OF_IT = "file:///project/kind.ts";
const SOURCE = 'export enum Kind { A = "a" }';
const before = process.env["NODE_COMPILE_CACHE"];
let cache: string;

beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), "azora-typescript-"));
  process.env["NODE_COMPILE_CACHE"] = cache;
});

afterEach(() => {
  rmSync(cache, { recursive: true });
  if (before === undefined) delete process.env["NODE_COMPILE_CACHE"];
  else process.env["NODE_COMPILE_CACHE"] = before;
});

const keptFile = () => join(cache, "typescript", readdirSync(join(cache, "typescript"))[0]!);

test("a module is transformed once, and kept for the next process", () => {
  const code = transformTypeScript(SOURCE, URL_OF_IT);
  expect(code).toContain("sourceMappingURL");
  writeFileSync(keptFile(), readFileSync(keptFile(), "utf8").replace("Kind", "Kept"));
  expect(transformTypeScript(SOURCE, URL_OF_IT)).toBe(code.replace("Kind", "Kept"));
});

test("a changed module takes the place of what was kept of it", () => {
  transformTypeScript(SOURCE, URL_OF_IT);
  expect(transformTypeScript(SOURCE.replace('"a"', '"b"'), URL_OF_IT)).toContain('"b"');
  expect(readdirSync(join(cache, "typescript"))).toHaveLength(1);
});

test("where nothing can be kept it is done anew", () => {
  process.env["NODE_COMPILE_CACHE"] = join(cache, "no\0folder");
  expect(transformTypeScript(SOURCE, URL_OF_IT)).toContain("Kind");
});
