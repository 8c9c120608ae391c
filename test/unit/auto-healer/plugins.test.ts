import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { loadPlugins, problemOf } from "../../../services/immune/auto-healer/actions/plugins.ts";
import { writeFiles } from "../../support/write-files.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "azora-healing-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const silent = { info() {}, warn() {}, error() {} };
const load = () => loadPlugins(folder, { call: async () => undefined, logger: silent });
const order = {
  id: "x",
  action: "sweep",
  target: { service: "ledger" },
  priority: "medium",
  parameters: { room: 1 },
  timeout: 1000,
  by: "operator",
  reason: "",
} as const;

test("a plug-in's action runs, and is judged by what it says it saw", async () => {
  writeFiles(folder, {
    "sweep.healing.mjs": `let dirt = 3;
      export default {
        type: "sweep", description: "Sweeps.", params: { room: "number" }, timeout: 50, failures: ["slow"], cost: 7,
        observe: () => dirt + " crumbs",
        run: ({ parameters }) => { dirt -= 3 * parameters.room; return { success: dirt === 0, reason: "swept" }; },
      };`,
    "notes.txt": "no plug-in",
  });
  const { actions, problems } = await load();
  expect(problems).toEqual([]);
  expect(actions).toMatchObject([
    { type: "sweep", origin: "plug-in", timeout: 50, cooldown: 60_000, failures: ["slow"], cost: 7 },
  ]);
  expect(await actions[0]!.carryOut(order, new AbortController().signal)).toEqual({
    success: true,
    observed: { before: "3 crumbs", after: "0 crumbs" },
    reason: "swept",
  });
});

test("a plug-in that does not say that it saw the wanted state has failed", async () => {
  writeFiles(folder, {
    "mute.healing.mjs": `export default { type: "mute", description: "Says nothing.", observe: () => "?", run() {} };`,
  });
  const { actions } = await load();
  expect(await actions[0]!.carryOut(order, new AbortController().signal)).toMatchObject({
    success: false,
    reason: "it did not say that it saw the wanted state",
  });
});

test("bad files are named with what is wrong, and the good ones work all the same", async () => {
  const good = `export default { type: "good", description: "Good.", observe: () => "", run: () => ({ success: true }) };`;
  writeFiles(folder, {
    "a-throws.healing.mjs": `throw new Error("no config");`,
    "b-empty.healing.mjs": "",
    "c-broken.healing.mjs": "export default {",
    "d-taken.healing.mjs": good.replace("good", "restart"),
    "e-good.healing.mjs": good,
    "f-twice.healing.mjs": good,
  });
  const { actions, problems } = await load();
  expect(actions.map(({ type }) => type)).toEqual(["good"]);
  expect(problems).toEqual([
    "a-throws.healing.mjs cannot be loaded: no config",
    "b-empty.healing.mjs: its default export is missing, but must be an object with type, description, observe and run",
    expect.stringMatching(/^c-broken\.healing\.mjs cannot be loaded: /),
    'd-taken.healing.mjs: type is "restart", which is built in',
    'f-twice.healing.mjs: type is "good", which another file has already',
  ]);
});

test.each([
  [null, "its default export is object, but must be an object with type, description, observe and run"],
  [{ type: "No Name" }, 'type is "No Name", but must be small letters, digits and -, 1 to 40 characters'],
  [{ type: "a" }, "description is missing, but must be a text"],
  [{ type: "a", description: "b", params: { a: 12 } }, /^params is \{"a":12\}, but must be fastest-validator rules \(/],
  [{ type: "a", description: "b", timeout: -1 }, "timeout is -1, but must be ms from 1 to 600000"],
  [{ type: "a", description: "b", failures: ["tired"] }, /^failures is \["tired"\], but must be a list of crashed, /],
  [{ type: "a", description: "b", observe: "x" }, 'observe is "x", but must be a function'],
  [{ type: "a", description: "b", observe() {} }, "run is missing, but must be a function"],
])("%j is no plug-in", (plugin, problem) => {
  expect(problemOf(plugin)).toEqual(problem instanceof RegExp ? expect.stringMatching(problem) : problem);
});

test("a folder that is not there holds no plug-ins", async () => {
  expect(await loadPlugins(join(folder, "nowhere"), { call: async () => undefined, logger: silent })).toEqual({
    actions: [],
    problems: [],
  });
});
