import { expect, test } from "@jest/globals";
import { UsageError } from "../../../cli/command.ts";
import { heal, parametersOf } from "../../../cli/commands/heal.ts";

test.each([
  [undefined, {}],
  ["by=2", { by: 2 }],
  ["concurrency=8,niceness=-5", { concurrency: 8, niceness: -5 }],
  ['what=["bus","cache"],force=true', { what: ["bus", "cache"], force: true }],
  ["concurrency=null", { concurrency: null }],
  ["note=a=b, c", { note: "a=b, c" }],
])("--set %j gives %j", (given, parameters) => {
  expect(parametersOf(given)).toEqual(parameters);
});

test.each<[string[], Record<string, string | boolean>, string]>([
  [["ledger"], {}, "usage: azora heal <service|node> <action>, or azora heal --list"],
  [["ledger", "restart"], { set: "force" }, 'set is "force", but must be name=value'],
  [["ledger", "restart"], { timeout: "-1" }, 'timeout is "-1", but must be a whole number of ms from 1 to 600000'],
  [["ledger", "restart"], { priority: "soon" }, 'priority is "soon", but must be one of critical, high, medium, low'],
  [[], { list: true, learning: true }, "--list and --learning do not go together"],
  [["ledger"], { history: true }, "--history takes no ledger beside it"],
])("%j with %j is wrong usage", async (args, options, message) => {
  const settings = { AZORA_ORCHESTRATOR_PORT: 1, AZORA_DATA_DIR: "/nowhere" } as never;
  const run = heal.run({ settings, args, options, out: () => {} });
  await expect(run).rejects.toThrow(new UsageError(message));
});
