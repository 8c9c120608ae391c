import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { discover } from "../../../runtime/discovery/discover.ts";
import { PACKAGE_ROOT } from "../../../runtime/node-executable.ts";

describe("reading a folder of services", () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "azora-discover-"));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const put = (files: Record<string, string>) => {
    for (const [name, text] of Object.entries({ "package.json": "{}", ...files })) {
      mkdirSync(dirname(join(root, name)), { recursive: true });
      writeFileSync(join(root, name), text);
    }
  };
  const read = async (fileTimeout = 10_000) => {
    const project = { root, services: join(root, "services"), foreign: true };
    const outcome = await discover(project, { fileTimeout, env: { ...process.env, FROM_ENV: "yes" } });
    const own = outcome.plan?.services.filter(({ file }) => !file.startsWith(PACKAGE_ROOT));
    return {
      ...outcome,
      own: own?.map(({ name, version, description, dependencies }) => ({ name, version, description, dependencies })),
    };
  };

  test("takes schemas, factories and classes, in CommonJS, modules and TypeScript, with their mixins, and starts none", async () => {
    const traps = 'created() { throw new Error("created ran"); }, started() { throw new Error("started ran"); }';
    put({
      "services/schema.service.js": `module.exports = { name: "schema", version: 2, metadata: { description: process.env.FROM_ENV }, ${traps} };`,
      "services/factory.service.cjs": `module.exports = (broker) => ({ name: "factory", metadata: { description: broker.nodeID ? "made" : "" }, ${traps} });`,
      "services/klass.service.cjs":
        'const { Service } = require("moleculer"); module.exports = class extends Service { constructor(broker) { super(broker); this.parseServiceSchema({ name: "klass" }); } };',
      "services/esm.service.mjs": `const late = await Promise.resolve("late"); export default { name: "esm", metadata: { description: late }, dependencies: ["v2.schema"], ${traps} };`,
      "services/typed.service.ts":
        'import { base } from "./base"; enum Kind { A = "from an enum" } class Holder { constructor(public kind: Kind) {} } export default { name: "typed", mixins: [base], metadata: { description: new Holder(Kind.A).kind as string } };',
      "services/base.ts": 'export const base = { dependencies: ["esm"], metadata: { priority: "low" } };',
    });
    const { own, problems } = await read();
    expect(problems).toEqual([]);
    expect(own).toEqual([
      { name: "esm", version: undefined, description: "late", dependencies: ["v2.schema"] },
      { name: "factory", version: undefined, description: "made", dependencies: [] },
      { name: "klass", version: undefined, description: "", dependencies: [] },
      { name: "v2.schema", version: 2, description: "yes", dependencies: [] },
      { name: "typed", version: undefined, description: "from an enum", dependencies: ["esm"] },
    ]);
  });

  test("tells each file that hangs, ends its process, throws or exports nothing, and reads the others", async () => {
    put({
      "services/a-hangs.service.js": "while (true);",
      "services/b-exits.service.js": "process.exit(3);",
      "services/c-kills.service.js": 'process.kill(process.pid, "SIGKILL");',
      "services/d-ends.service.js": "process.reallyExit(0);",
      "services/e-throws.service.js": 'throw new Error("no luck");',
      "services/f-empty.service.js": "",
      "services/g-waits.service.mjs": "await new Promise(() => {}); export default {};",
      "services/h-nameless.service.js": "module.exports = {};",
      "services/i-well.service.js": 'module.exports = { name: "well" };',
      "services/j.service.json": "{",
    });
    const { problems } = await read(2500);
    const told = Object.fromEntries(
      problems.map(({ file, problem }) => [file.split("/").pop()!.split(".")[0], problem]),
    );
    expect(told["a-hangs"]).toBe("does not load: did not finish loading within 2.5 s");
    expect(told["b-exits"]).toMatch(/calls process.exit\(3\) while it is loaded/);
    expect(told["c-kills"]).toMatch(/ends the process that loads it/);
    expect(told["d-ends"]).toMatch(/ends the process that loads it/);
    expect(told["e-throws"]).toContain("does not load: no luck (services/e-throws.service.js:1");
    expect(told["f-empty"]).toMatch(/name/i);
    expect(told["g-waits"]).toMatch(/does not load/);
    expect(told["h-nameless"]).toMatch(/name/i);
    expect(told["i-well"]).toBeUndefined();
    expect(told["j"]).toMatch(/is no JSON/);
  });
});
