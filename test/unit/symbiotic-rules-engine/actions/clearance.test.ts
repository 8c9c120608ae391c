import { describe, expect, test } from "@jest/globals";
import type { Push } from "../../../../runtime/rules/levers.ts";
import { Backoffs } from "../../../../services/brain/symbiotic-rules-engine/actions/backoffs.ts";
import { Clearance, type Flaps } from "../../../../services/brain/symbiotic-rules-engine/actions/clearance.ts";
import type { Target } from "../../../../services/brain/symbiotic-rules-engine/actions/targets.ts";
import { FakeClock } from "../../../support/fake-clock.ts";

const shop: Target = { name: "shop", kind: "service", system: "heart", nodes: ["heart-1"], services: [] };
const push = (lever: Push["lever"], direction: Push["direction"] = 1): Push =>
  ({ lever, direction, moves: {} }) as Push;

function setUp(flaps?: Flaps) {
  const clock = new FakeClock();
  const backoffs = new Backoffs();
  return { clock, backoffs, clearance: new Clearance({ clock, backoffs, flaps }) };
}

describe("whether a rule may push its levers", () => {
  test("it may where nothing speaks against it", () => {
    const { clearance } = setUp();
    expect(() => clearance.mustBeAllowed("r", shop, [push("cpu-share")], 0)).not.toThrow();
  });

  test("it may not for five minutes after that made things worse, and others may", () => {
    const { clearance, backoffs, clock } = setUp();
    backoffs.worse("r", "shop", "cpu-share", "load rose", clock.now());
    const may = (rule: string, lever: Push["lever"]) => () => clearance.mustBeAllowed(rule, shop, [push(lever)], 0);
    expect(may("r", "cpu-share")).toThrow("it made things worse the last time (load rose); it is tried again in 300 s");
    expect(may("r", "memory")).not.toThrow();
    expect(may("s", "cpu-share")).not.toThrow();
    clock.advance(300_000);
    expect(may("r", "cpu-share")).not.toThrow();
  });

  test("it may not push to and fro; nodes are pushed of the whole organ, and a lever without a direction by that of the plan", () => {
    const asked: unknown[] = [];
    const { clearance } = setUp({
      allow: (target, lever, direction) => {
        asked.push([target, lever, direction]);
        return lever === "memory" ? { ok: false, why: "r and s push it to and fro" } : { ok: true };
      },
    });
    clearance.mustBeAllowed("r", shop, [push("instances", 0), push("cpu-share", 1)], -1);
    expect(() => clearance.mustBeAllowed("r", shop, [push("memory")], 0)).toThrow("r and s push it to and fro");
    expect(asked).toEqual([
      ["heart", "instances", -1],
      ["shop", "cpu-share", 1],
      ["shop", "memory", 1],
    ]);
  });
});
