import { describe, expect, test } from "@jest/globals";
import type { SymbioticRule } from "../../../../models/rules.ts";
import { FlapBudget } from "../../../../services/brain/symbiotic-rules-engine/conflicts/flap-budget.ts";
import { rule, settled, World, why } from "./actor.ts";

const flag = (name: string, value = true): SymbioticRule["actions"][number] => ({
  type: "setFlag",
  target: "heart",
  parameters: { flag: name, value },
});

describe("rules that fire again and again", () => {
  test("a firing is announced once, before the first of its actions, and not at all where it changes nothing", async () => {
    const said: string[] = [];
    const world: World = new World({
      announce: async ({ id }) => {
        await settled();
        said.push(`${id} ${JSON.stringify(world.flags)}`);
      },
    });
    const two = rule("two", [flag("a"), flag("b")]);
    await world.actor.act(two, why("two"));
    expect(said).toEqual(["two undefined"]);
    await world.actor.act(two, why("two"));
    const { actions } = await world.actor.act(two, why("two"));
    expect(actions.map(({ status }) => status)).toEqual(["unchanged", "unchanged"]);
    expect(said).toHaveLength(1);
  });

  test("nodes are told together what rules lend at one time", async () => {
    const world = new World();
    let words = 0;
    Object.defineProperty(world, "flags", { set: () => words++ });
    const firings = ["organism", "heart", "brain", "lungs", "immune"].map((target) =>
      rule(target, [{ ...flag("a"), target }]),
    );
    await Promise.all(firings.map((one) => world.actor.act(one, why(one.id))));
    expect(world.actor.flags()).toHaveLength(5);
    expect(words).toBeLessThan(4);
  });

  test("thousands of rules that change nothing are kept once a minute each", async () => {
    const world = new World();
    const rules = Array.from({ length: 2000 }, (_, i) => rule(`r${i}`, [flag("same")]));
    for (const one of rules) await world.actor.act(one, why(one.id));
    const first = world.kept.length;
    for (const one of rules) await world.actor.act(one, why(one.id));
    // The one that set the flag said something else before.
    expect([first, world.kept.length]).toEqual([2000, 2001]);
  });

  test("an alert that fires is not raised again, unless it is of another severity", async () => {
    const world = new World();
    const raise = (severity: string) =>
      world.actor.act(rule("calm", [{ type: "alert", target: "heart", parameters: { severity } }]), why("calm"));
    const done = [await raise("warning"), await raise("warning"), await raise("critical"), await raise("critical")];
    expect(done.map(({ actions }) => actions[0]!.status)).toEqual(["done", "unchanged", "done", "unchanged"]);
    expect(world.alerts.map(({ severity }) => severity)).toEqual(["warning", "critical"]);
  });

  test("an alert for which there is no room is refused, and not said to be raised", async () => {
    const world = new World();
    const raise = (id: string) => world.actor.act(rule(id, [{ type: "alert", target: "heart" }]), why(id));
    for (const id of ["a", "b", "c"]) await raise(id);
    expect((await raise("d")).actions).toEqual([
      expect.objectContaining({ status: "refused", what: expect.stringContaining("no room") }),
    ]);
  });

  test("two rules that set a flag, or the number of nodes, to different things are stopped as those that push are", async () => {
    const world = new World({ flaps: new FlapBudget() });
    const setting = (id: string, value: string | number) =>
      rule(id, [{ type: "setFlag", target: "heart", parameters: { flag: "mode", value } }]);
    const scaling = (id: string, to: number) =>
      rule(id, [{ type: "scaleSystem", target: "heart", parameters: { to } }]);
    const refused: string[] = [];
    for (let round = 0; round < 6; round++) {
      for (const one of [setting("slow", "slow"), setting("fast", "fast"), scaling("two", 2), scaling("three", 3)]) {
        const [action] = (await world.actor.act(one, why(one.id))).actions;
        if (action!.status === "refused") refused.push(`${one.id}: ${action!.what}`);
        await world.seconds(10);
      }
    }
    expect(refused).toContain("fast: fast and slow push flag:mode of heart to and fro, and may try again in 300 s");
    expect(refused.some((what) => /three and two push instances of heart to and fro/.test(what))).toBe(true);
    expect(world.orders.length).toBeLessThanOrEqual(5);
  });

  test("one rule may set a flag to one thing after the other", async () => {
    const world = new World({ flaps: new FlapBudget() });
    for (let value = 0; value < 10; value++) {
      const { actions } = await world.actor.act(
        rule("count", [{ type: "setFlag", target: "heart", parameters: { flag: "n", value: value % 2 } }]),
        why("count"),
      );
      expect(actions[0]!.status).toBe("done");
    }
  });
});
