import { expect, test } from "@jest/globals";
import { Validators } from "moleculer";
import { ACTION_TYPES } from "../../../../models/healing.ts";
import { checkRules } from "../../../../runtime/rules/check-rules.ts";
import { builtInActions, FORCE } from "../../../../services/immune/auto-healer/actions/built-in.ts";

/** What a person might try. */
const VALUES = [
  undefined,
  null,
  true,
  "x",
  0,
  1,
  5,
  8,
  9,
  64,
  65_537,
  -20,
  20,
  0.5,
  [],
  ["bus"],
  ["bus", "bus"],
  ["x"],
];
const NAMES = ["force", "by", "what", "concurrency", "memoryLimitMB", "atNextStart", "niceness", "other"];

test.each([...ACTION_TYPES])("what a rule may tell the healer's %s is what the healer takes", (type) => {
  const healer = builtInActions(() => Promise.reject(new Error("nothing is done here"))).find(
    (one) => one.type === type,
  )!;
  const check = new Validators.Fastest().compile({ force: FORCE, ...healer.parameters, $$strict: true } as never);
  // One of them has to be there.
  const least = type === "resource-adjust" ? { niceness: 1 } : {};
  for (const name of NAMES)
    for (const value of VALUES) {
      const parameters = value === undefined ? { ...least } : { ...least, [name]: value };
      const { faults } = checkRules({
        id: "a",
        conditions: [{ system: "brain", metric: "load", operator: "greaterThan", value: 85 }],
        actions: [{ type: "heal", target: "till", parameters: { action: type, parameters } }],
      });
      const taken = check(structuredClone(parameters)) === true;
      expect({ parameters, taken: faults.length === 0 }).toEqual({ parameters, taken });
    }
});
