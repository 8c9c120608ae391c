import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { describe, expect, test } from "@jest/globals";

describe("reloading a service", () => {
  /** Loads `service.<ending>` twice in a process of its own, with a change between, and tells what each load exported. */
  function reload(
    ending: string,
    foreign: boolean,
    files: Record<string, string>,
    change: Record<string, string>,
  ): unknown[] {
    const script = resolve(import.meta.dirname, "reload-process.ts");
    const { stdout, stderr } = spawnSync(
      process.execPath,
      [
        "--disable-warning=ExperimentalWarning",
        script,
        ending,
        String(foreign),
        JSON.stringify(files),
        JSON.stringify(change),
      ],
      { encoding: "utf8" },
    );
    if (!stdout) throw new Error(stderr);
    return JSON.parse(stdout);
  }
  const PACKAGE = {
    "node_modules/p/package.json": '{"main":"i.cjs"}',
    "node_modules/p/i.cjs": "globalThis.n = (globalThis.n ?? 0) + 1; exports.loads = () => globalThis.n;",
  };

  test("takes its changed module and the changed modules that it imports, and no package anew", () => {
    const files = {
      "service.ts":
        'import p from "p"; import { deep } from "./a.ts"; export default { v: 1 as number, deep, loads: p.loads() };',
      "a.ts": 'import { value } from "./b.ts"; export const deep = value;',
      "b.ts": "export const value: string = 'old';",
      ...PACKAGE,
    };
    const change = { "service.ts": files["service.ts"].replace("v: 1", "v: 2"), "b.ts": "export const value = 'new';" };
    expect(reload("ts", false, files, change)).toEqual([
      { v: 1, deep: "old", loads: 1 },
      { v: 2, deep: "new", loads: 1 },
    ]);
  });

  test("does so for CommonJS", () => {
    const files = {
      "service.cjs":
        'const { loads } = require("p"); module.exports = { deep: require("./b.cjs").value, loads: loads() };',
      "b.cjs": "exports.value = 'old';",
      ...PACKAGE,
    };
    expect(reload("cjs", true, files, { "b.cjs": "exports.value = 'new';" })).toEqual([
      { deep: "old", loads: 1 },
      { deep: "new", loads: 1 },
    ]);
  });

  test("finds modules without their extension in a foreign project", () => {
    const files = {
      "service.ts":
        'import { a } from "./a"; import { b } from "./lib"; import { c } from "./c.js"; export default { a, b, c };',
      "a.ts": "export const a = 1;",
      "lib/index.ts": "export const b = 2;",
      "c.ts": "export const c = 3;",
    };
    expect(reload("ts", true, files, {})).toEqual([
      { a: 1, b: 2, c: 3 },
      { a: 1, b: 2, c: 3 },
    ]);
  });

  test.each([
    ["a project that does not say what its modules are", "ts", undefined],
    ["ES modules", "ts", "module"],
    ["CommonJS", "cts", undefined],
  ])("turns enums and parameter properties of a foreign project into code: %s", (_title, ending, type) => {
    const isModule = ending === "ts";
    const exported = isModule ? "export default" : "module.exports =";
    const files = {
      "package.json": JSON.stringify({ type }),
      [`service.${ending}`]: `${isModule ? 'import { Kind } from "./kind.ts";' : 'const { Kind } = require("./kind.cts");'}
        class Holder { constructor(public kind: string) {} }
        ${exported} { ...new Holder(Kind.A), where: /service[^)]*:(\\d+):/.exec(new Error().stack!)![1] };`,
      "kind.ts": 'export enum Kind { A = "old" }',
      "kind.cts": 'enum Kind { A = "old" } exports.Kind = Kind;',
    };
    const change = {
      "kind.ts": files["kind.ts"]!.replace("old", "new"),
      "kind.cts": files["kind.cts"]!.replace("old", "new"),
    };
    expect(reload(ending, true, files, change)).toEqual([
      { kind: "old", where: "3" },
      { kind: "new", where: "3" },
    ]);
  });

  test("gives a foreign project the one Moleculer that runs it", () => {
    const files = {
      "service.cjs": 'module.exports = { same: require("moleculer").Service === globalThis.MoleculerService };',
      "node_modules/moleculer/package.json": '{"main":"i.cjs"}',
      "node_modules/moleculer/i.cjs": "exports.Service = class {};",
    };
    expect(reload("cjs", true, files, {})).toEqual([{ same: true }, { same: true }]);
  });

  test("unwraps a default export that was compiled to CommonJS", () => {
    const files = {
      "service.cjs": 'Object.defineProperty(exports, "__esModule", { value: true }); exports.default = { v: 1 };',
    };
    expect(reload("cjs", true, files, {})).toEqual([{ v: 1 }, { v: 1 }]);
  });
});
