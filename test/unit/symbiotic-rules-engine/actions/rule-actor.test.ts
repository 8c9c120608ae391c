import { describe, expect, test } from "@jest/globals";
import type { RuleAction } from "../../../../models/rules.ts";
import { rule, settled, World, why } from "./actor.ts";

const more = (target = "brain-service", increaseCpu = 20): RuleAction => ({
  type: "adjustResourceAllocation",
  target,
  parameters: { increaseCpu },
});
const shed: RuleAction = { type: "shed", target: "heart" };

describe("The actor of rules", () => {
  test("lends the nodes of an organ processor time, and says what they made of it", async () => {
    const world = new World();
    const result = await world.actor.act(rule("r", [more()]), why("r"));
    expect(result.actions[0]).toMatchObject({
      status: "done",
      what: "gives brain 20 % more processor time than its neighbours: brain-1: niceness -1",
    });
    expect(world.lent.get("brain-1")).toMatchObject({ share: 20, epoch: 1, lease: 15_000 });
    expect(world.lent.has("heart-1")).toBe(false);
    expect(world.actor.held()).toMatchObject([{ target: "brain", lever: "cpu-share", value: 20, rule: "r" }]);
  });

  test("adds up to a bound, and no further", async () => {
    const world = new World();
    const seen: (string | undefined)[] = [];
    for (let i = 0; i < 4; i++) {
      const { actions } = await world.actor.act(rule("r", [more("brain", 40)]), why("r"));
      seen.push(actions[0]?.status);
    }
    expect(seen).toEqual(["done", "done", "done", "unchanged"]);
    expect(world.lent.get("brain-1")?.share).toBe(100);
  });

  test("renews what it lends, also to a node in a new life, and says so when it is over", async () => {
    const world = new World();
    await world.actor.act(rule("r", [more()]), why("r"));
    world.lent.clear();
    await world.seconds(6, ["r"]);
    expect(world.lent.get("brain-1")?.share).toBe(20);
  });

  test.each([
    ["brian", "there is no system, service or node brian; did you mean brain?"],
    ["ledgr", "there is no system, service or node ledgr; did you mean ledger?"],
  ])("refuses the unknown target %s, with the nearest", async (target, what) => {
    const world = new World();
    const { actions } = await world.actor.act(rule("r", [more(target), more("brain")]), why("r"));
    expect(actions).toMatchObject([{ status: "refused", what }, { status: "done" }]);
  });

  test("says in shadow mode what it would do, and does nothing", async () => {
    const world = new World();
    const { actions } = await world.actor.act(rule("r", [more(), shed], { mode: "shadow" }), why("r"));
    expect(actions).toMatchObject([
      { status: "shadow", what: "would: gives brain 20 % more processor time than its neighbours" },
      { status: "shadow" },
    ]);
    expect(world.lent.size).toBe(0);
    expect(world.actor.held()).toEqual([]);
  });

  test("leaves a firing out while the last one of the rule is being carried out, and others go on", async () => {
    const world = new World();
    const [first, second, other] = await Promise.all([
      world.actor.act(rule("r", [more()]), why("r")),
      world.actor.act(rule("r", [more()]), why("r")),
      world.actor.act(rule("other", [shed]), why("other")),
    ]);
    expect(first.actions[0]?.status).toBe("done");
    expect(second.actions[0]).toMatchObject({ status: "refused", what: "its last firing is still being carried out" });
    expect(other.actions[0]?.status).toBe("done");
    expect(world.actor.skipped).toBe(1);
  });

  test("keeps once a minute that a rule changes nothing", async () => {
    const world = new World();
    const fire = () => world.actor.act(rule("r", [more("brian")]), why("r"));
    for (let i = 0; i < 30; i++) {
      await fire();
      await world.seconds(4, []);
    }
    expect(world.kept).toHaveLength(2);
    await world.actor.act(rule("r", [more("brian")]), why("r"), { by: "operator" });
    expect(world.kept).toHaveLength(3);
  });

  test("goes on with the next action where one fails, and where its results cannot be kept", async () => {
    const world = new World({ keep: () => Promise.reject(new Error("the disk is full")) });
    world.healing = () => ({ success: false, reason: "it did not come up" });
    const heal: RuleAction = { type: "heal", target: "judge", parameters: { action: "restart" } };
    const { actions } = await world.actor.act(rule("r", [heal, more()]), why("r"));
    expect(actions).toMatchObject([
      { status: "failed", what: expect.stringContaining("it did not come up") },
      { status: "done" },
    ]);
    expect(world.log).toContain("what came of r could not be kept: the disk is full");
  });

  test("heals a service or a node through the healer, and never a whole organ", async () => {
    const world = new World();
    const parameters = { action: "failover", parameters: { force: true } };
    const of = async (target: string) =>
      (await world.actor.act(rule(target, [{ type: "heal", target, parameters }]), why(target))).actions[0];
    expect(await of("store")).toMatchObject({ status: "done" });
    expect(await of("heart-1")).toMatchObject({ status: "done" });
    expect(await of("heart")).toMatchObject({ status: "refused" });
    expect(world.orders).toMatchObject([
      { service: "shop", actionType: "failover", parameters: { force: true } },
      { node: "heart-1", actionType: "failover" },
    ]);
  });

  test("does nothing for a rule that has ended while it waited for the act of another one", async () => {
    const active = new Set(["first", "second"]);
    const world = new World({ isActive: (id) => active.has(id) });
    world.healing = () => {
      active.delete("second");
      return { success: true };
    };
    const heal: RuleAction = { type: "heal", target: "shop" };
    const [first, second] = await Promise.all([
      world.actor.act(rule("first", [heal]), why("first")),
      world.actor.act(rule("second", [heal]), why("second")),
    ]);
    expect(first.actions[0]?.status).toBe("done");
    expect(second.actions[0]).toMatchObject({
      status: "refused",
      what: "its conditions had ceased to hold when its turn came",
    });
    expect(world.orders).toHaveLength(1);
    const byHand = await world.actor.act(rule("second", [heal]), why("second"), { by: "operator" });
    expect(byHand.actions[0]?.status).toBe("done");
  });

  test("counts a refusal of the healer as refused", async () => {
    const world = new World();
    world.healing = () => {
      throw Object.assign(new Error("it was carried out just now"), { type: "HEALING_COOLDOWN" });
    };
    const { actions } = await world.actor.act(rule("r", [{ type: "heal", target: "judge" }]), why("r"));
    expect(actions[0]).toMatchObject({ status: "refused", what: "it was carried out just now" });
  });

  test("raises an alert with the reason of the rule", async () => {
    const world = new World();
    await world.actor.act(rule("r", [{ type: "alert", target: "brain" }]), why("r"));
    expect(world.alerts).toEqual([
      { id: "r", subject: "brain", severity: "warning", summary: "brain.load is 92 %, above 85 %", rule: "r" },
    ]);
  });

  test("clears the caches of all services of a system that run", async () => {
    const world = new World();
    const { actions } = await world.actor.act(rule("r", [{ type: "clearCache", target: "heart" }]), why("r"));
    expect(actions[0]?.status).toBe("done");
    expect(world.orders.map(({ service, actionType }) => `${actionType} ${service}`)).toEqual([
      "clear-cache ledger",
      "clear-cache shop",
    ]);
    expect(actions[0]?.what).toBe("forgets what was cached of 2 services of heart: done by all");
  });

  test("names the services whose caches are not cleared, and why", async () => {
    const world = new World();
    world.healing = ({ service }) =>
      service === "shop" ? { success: false, reason: "shop has no cache" } : { success: true };
    const { actions } = await world.actor.act(rule("r", [{ type: "clearCache", target: "heart" }]), why("r"));
    expect(actions[0]).toMatchObject({
      status: "done",
      what: "forgets what was cached of 2 services of heart: done by 1 of 2; shop: shop has no cache",
    });
  });

  test("asks the flap budget first, and says why it may not", async () => {
    const asked: unknown[] = [];
    const world = new World({
      flaps: {
        allow: (...args) => {
          asked.push(args.slice(0, 4));
          return { ok: false, why: "r and s push cpu-share of brain to and fro" };
        },
      },
    });
    const { actions } = await world.actor.act(rule("r", [more()]), why("r"));
    expect(actions[0]).toMatchObject({ status: "refused", what: "r and s push cpu-share of brain to and fro" });
    expect(asked).toEqual([["brain", "cpu-share", 1, "r"]]);
    expect(world.lent.size).toBe(0);
  });
});

describe("What rules hold while they are active", () => {
  test("calls of low priority are refused, then less and less of them, when the rule has ended", async () => {
    const world = new World();
    await world.actor.act(rule("r", [shed]), why("r"));
    expect(world.lent.get("heart-1")?.shed).toEqual([{ priority: "low", share: 100 }]);
    await world.seconds(60, ["r"]);
    expect(world.lent.get("heart-1")?.shed).toEqual([{ priority: "low", share: 100 }]);
    world.actor.ended("r");
    const shares: (number | undefined)[] = [];
    for (let i = 0; i < 5; i++) {
      await world.seconds(10, []);
      shares.push(world.lent.get("heart-1")?.shed[0]?.share);
    }
    expect(shares).toEqual([50, 25, undefined, undefined, undefined]);
    expect(world.actor.held()).toEqual([]);
  });

  test("all is refused again at once when the rule fires while it is given back, and the next time that takes longer", async () => {
    const world = new World();
    await world.actor.act(rule("r", [shed]), why("r"));
    await world.seconds(11, []);
    expect(world.lent.get("heart-1")?.shed[0]?.share).toBe(50);
    await world.actor.act(rule("r", [shed]), why("r"));
    expect(world.lent.get("heart-1")?.shed[0]?.share).toBe(100);
    await world.seconds(1, ["r"]);
    await world.seconds(15, []);
    expect(world.lent.get("heart-1")?.shed[0]?.share).toBe(100);
    await world.seconds(10, []);
    expect(world.lent.get("heart-1")?.shed[0]?.share).toBe(50);
  });

  test("what another rule takes over is held by that one since then", async () => {
    const world = new World();
    const below = (priority: string): RuleAction => ({
      type: "shed",
      target: "heart",
      parameters: { below: priority },
    });
    const since = () => world.actor.held()[0]!.since;
    await world.actor.act(rule("weak", [below("medium")]), why("weak"));
    const first = since();
    await world.seconds(5, ["weak"]);
    await world.actor.act(rule("weak", [below("medium")]), why("weak"));
    expect(since()).toBe(first);
    await world.actor.act(rule("strong", [below("high")]), why("strong"));
    expect(Date.parse(since()) - Date.parse(first)).toBe(5000);
  });

  test("a weaker wish of another rule changes nothing", async () => {
    const world = new World();
    const below = (priority: string): RuleAction => ({
      type: "shed",
      target: "heart",
      parameters: { below: priority },
    });
    await world.actor.act(rule("strong", [below("high")]), why("strong"));
    const { actions } = await world.actor.act(rule("weak", [below("medium")]), why("weak"));
    expect(actions[0]).toMatchObject({
      status: "unchanged",
      what: expect.stringContaining("strong refuses more already"),
    });
    expect(world.lent.get("heart-1")?.shed).toEqual([{ priority: "medium", share: 100 }]);
  });

  test("a throttle is shared among the nodes, of the calls that come now where it is a share", async () => {
    const world = new World();
    world.scaled("heart", 2);
    world.set({ "heart.requestRate": 200 });
    const throttle: RuleAction = { type: "throttle", target: "heart", parameters: { percent: 50 } };
    await world.actor.act(rule("r", [throttle]), why("r"));
    expect(world.lent.get("heart-2")?.throttle).toEqual([{ rate: 50 }]);
    // What is let in now is no ground for letting in half of it.
    world.set({ "heart.requestRate": 100 });
    await world.actor.act(rule("r", [throttle]), why("r"));
    expect(world.lent.get("heart-2")?.throttle).toEqual([{ rate: 50 }]);
  });

  test("a share of what is not known is refused", async () => {
    const world = new World();
    const throttle: RuleAction = { type: "throttle", target: "heart", parameters: { percent: 50 } };
    expect((await world.actor.act(rule("r", [throttle]), why("r"))).actions[0]).toMatchObject({
      status: "refused",
      what: "how many calls come to heart is not known, so no share of them is",
    });
  });

  test("a flag is told to the target's nodes, and gone with the rule", async () => {
    const world = new World();
    const flag: RuleAction = { type: "setFlag", target: "brain", parameters: { flag: "short-answers", value: true } };
    await world.actor.act(rule("r", [flag]), why("r"));
    expect(world.flags).toEqual({ lease: 15_000, flags: [{ flag: "short-answers", value: true, nodes: ["brain-1"] }] });
    expect(world.actor.flags()).toEqual([{ flag: "short-answers", value: true, target: "brain", rule: "r" }]);
    await world.seconds(2, []);
    expect(world.flags).toEqual({ lease: 15_000, flags: [] });
  });

  test("what a person asks for ends after its time", async () => {
    const world = new World();
    await world.actor.act(rule("by-hand", [shed]), why("by-hand"), { by: "operator" });
    await world.seconds(59, []);
    expect(world.actor.held()).toHaveLength(1);
    await world.seconds(2, []);
    expect(world.actor.held()).toEqual([]);
    expect(world.lent.get("heart-1")?.shed).toEqual([]);
  });

  test("a rule that is gone holds nothing, also where nobody said that it ended", async () => {
    const world = new World();
    await world.actor.act(rule("r", [shed]), why("r"));
    await world.seconds(45, []);
    expect(world.actor.held()).toEqual([]);
  });
});

describe("Processor time", () => {
  test("is given back by half, as far as the highest need of a minute lets it", async () => {
    const world = new World();
    world.set({ "brain.cpu": 90, "brain.saturation": 10 });
    await world.actor.act(rule("r", [more("brain", 50)]), why("r"));
    await world.seconds(120, []);
    expect(world.lent.get("brain-1")?.share).toBe(50);
    world.set({ "brain.cpu": 20 });
    await world.seconds(50, []);
    expect(world.lent.get("brain-1")?.share).toBe(50);
    await world.seconds(15, []);
    expect(world.lent.get("brain-1")?.share).toBe(25);
    await world.seconds(200, []);
    expect(world.actor.held()).toEqual([]);
  });

  test("stays where nobody knows how much is needed", async () => {
    const world = new World();
    world.set({ "brain.cpu": 10 });
    await world.actor.act(rule("r", [more("brain", 50)]), why("r"));
    world.set({ "brain.cpu": Number.NaN });
    await world.seconds(300, []);
    expect(world.lent.get("brain-1")?.share).toBe(50);
  });
});

describe("What is held of something that is no part of the organism any more", () => {
  test("is forgotten, so that another one of its name has nothing of it", async () => {
    const world = new World();
    world.scaled("heart", 2);
    await world.actor.act(rule("r", [more("heart-2", 50)]), why("r"));
    world.scaled("heart", 1);
    await world.seconds(200, []);
    expect(world.actor.held()).toEqual([]);
  });
});

describe("Scaling", () => {
  const scale = (parameters: Record<string, unknown> = {}, target = "heart"): RuleAction => ({
    type: "scaleSystem",
    target,
    parameters,
  });

  test("adds as many nodes as the need wants, at once, and at most as many as there are", async () => {
    const world = new World();
    world.set({ "heart.cpu": 20, "heart.saturation": 100 });
    await world.actor.act(rule("r", [scale()]), why("r"));
    expect((await world.actor.act(rule("r", [scale()]), why("r"))).actions[0]).toMatchObject({
      status: "refused",
      what: "heart was scaled 0 s ago, and what came of it is not seen yet",
    });
    await world.seconds(8, ["r"]);
    await world.actor.act(rule("r", [scale()]), why("r"));
    expect(world.orders.map(({ service, actionType, parameters }) => [service, actionType, parameters["by"]])).toEqual([
      ["shop", "scale-up", 1],
      ["shop", "scale-up", 2],
    ]);
    expect(world.actor.held()).toMatchObject([{ target: "heart", lever: "instances", value: 4 }]);
  });

  test("counts those who were refused on top of all places, and adds four at most to few", async () => {
    const world = new World();
    world.set({ "heart.cpu": 20, "heart.saturation": 100, "heart.refusalRate": 30 });
    await world.actor.act(rule("r", [scale()]), why("r"));
    // 100 of 70 calls, at 60 % use.
    expect(world.orders.at(-1)?.parameters["by"]).toBe(2);
    world.scaled("heart", 1);
    world.set({ "heart.refusalRate": 85 });
    await world.seconds(10, []);
    await world.actor.act(rule("r", [scale()]), why("r"));
    expect(world.orders.at(-1)?.parameters["by"]).toBe(4);
  });

  test("adds none where what there is is enough, and looks at no need of fewer nodes", async () => {
    const world = new World();
    world.set({ "heart.cpu": 10, "heart.saturation": 100 });
    await world.seconds(8, []);
    await world.actor.act(rule("r", [scale()]), why("r"));
    world.set({ "heart.saturation": 55 });
    await world.seconds(8, ["r"]);
    expect((await world.actor.act(rule("r", [scale()]), why("r"))).actions[0]).toMatchObject({
      status: "unchanged",
      what: "heart has 2 nodes, as many as its use wants",
    });
  });

  test("stays below its ceiling and above its floor", async () => {
    const world = new World();
    const act = async (parameters: object) =>
      (await world.actor.act(rule("r", [scale(parameters as never)]), why("r"), { by: "operator" })).actions[0];
    await act({ by: 8, most: 3 });
    expect(world.topology.nodes.filter(({ organ }) => organ === "heart")).toHaveLength(3);
    expect(await act({ by: 1, most: 3 })).toMatchObject({ status: "unchanged", what: "heart has 3 nodes, the most" });
    await act({ by: -8, least: 2 });
    expect(world.topology.nodes.filter(({ organ }) => organ === "heart")).toHaveLength(2);
  });

  test("takes away node by node, when the highest need of five minutes was low, and never what it did not add", async () => {
    const world = new World();
    world.scaled("heart", 2);
    world.set({ "heart.cpu": 90, "heart.saturation": 100 });
    await world.actor.act(rule("r", [scale({ by: 2 })]), why("r"));
    world.set({ "heart.cpu": 15, "heart.saturation": 10, "heart.queueDepth": 0 });
    const nodes = () => world.topology.nodes.filter(({ organ }) => organ === "heart").length;
    await world.seconds(290, []);
    expect(nodes()).toBe(4);
    await world.seconds(20, []);
    expect(nodes()).toBe(3);
    await world.seconds(1000, []);
    expect(nodes()).toBe(2);
    expect(world.actor.held()).toEqual([]);
  });

  test("tries half a minute after it could not take a node away, however long that took, and not at once", async () => {
    const world = new World();
    world.set({ "heart.cpu": 10, "heart.saturation": 10 });
    await world.actor.act(rule("r", [scale({ by: 1 })]), why("r"));
    world.orders.length = 0;
    let failed = () => {};
    world.healing = () =>
      new Promise((resolve) => {
        failed = () => resolve({ success: false, reason: "it does not drain" });
      });
    await world.seconds(400, []);
    expect(world.orders).toHaveLength(1);
    failed();
    await world.seconds(29, []);
    expect(world.orders).toHaveLength(1);
    await world.seconds(2, []);
    expect(world.orders).toHaveLength(2);
  });

  test("leaves it to whoever has scaled meanwhile", async () => {
    const world = new World();
    world.set({ "heart.cpu": 10, "heart.saturation": 10 });
    await world.actor.act(rule("r", [scale({ by: 1 })]), why("r"));
    world.scaled("heart", 5);
    world.orders.length = 0;
    await world.seconds(700, []);
    expect(world.orders).toEqual([]);
    expect(world.actor.held()).toEqual([]);
  });

  test.each([
    ["a singleton", "ledger", "ledger is a singleton; more nodes would not carry it"],
    [
      "an organ without a service that could move",
      "immune",
      "immune carries nothing but singletons; more nodes would not carry them",
    ],
    ["a node", "heart-1", "heart-1 is a node, which cannot be scaled"],
  ])("is refused for %s", async (_, target, what) => {
    const world = new World();
    expect((await world.actor.act(rule("r", [scale({}, target)]), why("r"))).actions[0]).toMatchObject({
      status: "refused",
      what,
    });
  });

  test("is refused where the organ computes and no core is free, not where it waits", async () => {
    const world = new World();
    world.machine = { cores: 2, busy: 0.97, memory: 1e9 };
    world.set({ "heart.cpu": 95, "heart.saturation": 100 });
    expect((await world.actor.act(rule("r", [scale()]), why("r"))).actions[0]).toMatchObject({
      status: "refused",
      what: expect.stringContaining("there is none for another node"),
    });
    world.set({ "heart.cpu": 20 });
    expect((await world.actor.act(rule("r", [scale()]), why("r"))).actions[0]).toMatchObject({ status: "done" });
  });

  test("of a foreign project's muscles needs somebody who says that its services may run several times", async () => {
    const world = new World();
    world.topology = {
      ...world.topology,
      foreign: true,
      services: world.topology.services.map((one) => ({ ...one, organ: "muscles" })),
    };
    const { actions } = await world.actor.act(rule("r", [scale({}, "muscles")]), why("r"));
    expect(actions[0]).toMatchObject({ status: "refused", what: expect.stringContaining("azora scale muscles <n>") });
  });

  test("is in the stored list before it is done, and out of it where it failed", async () => {
    const lists: unknown[] = [];
    const world: World = new World({ remember: () => void lists.push(structuredClone(world.actor.snapshot())) });
    world.healing = () => {
      expect(lists.at(-1)).toMatchObject({
        held: [{ held: { kind: "nodes", value: { organ: "heart", before: 1, to: 2 } } }],
      });
      return { success: false, reason: "no memory" };
    };
    await world.actor.act(rule("r", [scale({ by: 1 })]), why("r"));
    expect(lists.at(-1)).toMatchObject({ held: [] });
    expect(world.kept.at(-1)?.actions[0]).toMatchObject({
      status: "failed",
      what: expect.stringContaining("no memory"),
    });
  });
});

describe("Where the list of what outlives the engine cannot be stored", () => {
  test("nothing that outlives it is changed, and what is lent is", async () => {
    let isFull = true;
    const world = new World({
      remember: async () => {
        if (isFull) throw new Error("the disk is full");
      },
    });
    const act = () =>
      world.actor.act(
        rule("r", [
          { type: "scaleSystem", target: "heart", parameters: { by: 1 } },
          { type: "adjustResourceAllocation", target: "brain", parameters: { increaseMemory: 15 } },
          { type: "shed", target: "heart" },
        ]),
        why("r"),
      );
    const what = "it could not be given back after a restart of the engine: the disk is full";
    expect((await act()).actions).toEqual([
      expect.objectContaining({ status: "refused", what }),
      expect.objectContaining({ status: "refused", what }),
      expect.objectContaining({ status: "done" }),
    ]);
    expect(world.orders).toEqual([]);
    expect(world.actor.held().map(({ lever }) => lever)).toEqual(["admission"]);
    isFull = false;
    expect((await act()).actions.map(({ status }) => status)).toEqual(["done", "done", "unchanged"]);
  });
});

describe("Nodes that were added", () => {
  const scale = (parameters: Record<string, unknown>): RuleAction => ({
    type: "scaleSystem",
    target: "heart",
    parameters,
  });
  const nodes = (world: World) => world.topology.nodes.filter(({ organ }) => organ === "heart").length;

  test("are given back where only some of them came", async () => {
    const world = new World();
    world.set({ "heart.cpu": 10, "heart.saturation": 10 });
    world.healing = () => {
      world.scaled("heart", 2);
      return { success: false, reason: "heart-3 did not come up" };
    };
    const { actions } = await world.actor.act(rule("r", [scale({ by: 2 })]), why("r"));
    expect(actions[0]).toMatchObject({ status: "failed", what: expect.stringContaining("heart-3 did not come up") });
    expect(world.actor.held()).toMatchObject([{ target: "heart", lever: "instances", value: 2 }]);
    world.healing = () => ({ success: true });
    await world.seconds(700, []);
    expect(nodes(world)).toBe(1);
    expect(world.actor.held()).toEqual([]);
  });

  test("are given back where the healer did not answer, and they came all the same", async () => {
    const world = new World();
    world.set({ "heart.cpu": 10, "heart.saturation": 10 });
    world.healing = () => {
      world.scaled("heart", 2);
      throw Object.assign(new Error("Request is timed out"), { type: "REQUEST_TIMEOUT" });
    };
    await world.actor.act(rule("r", [scale({ by: 1 })]), why("r"));
    world.healing = () => ({ success: true });
    await world.seconds(700, []);
    expect(nodes(world)).toBe(1);
  });

  test("are not forgotten where the rule fires while they are being given back", async () => {
    const world = new World();
    world.set({ "heart.cpu": 10, "heart.saturation": 10 });
    await world.actor.act(rule("r", [scale({ by: 1 })]), why("r"));
    let isDown = () => {};
    world.healing = ({ actionType }) =>
      actionType === "scale-up"
        ? { success: true }
        : new Promise((resolve) => {
            isDown = () => resolve({ success: true });
          });
    await world.seconds(310, []);
    expect(world.orders.map(({ actionType }) => actionType)).toEqual(["scale-up", "scale-down"]);
    const act = world.actor.act(rule("r", [scale({ by: 1 })]), why("r"));
    await settled();
    isDown();
    expect((await act).actions[0]).toMatchObject({ status: "done", what: expect.stringContaining("which has 1") });
    expect(nodes(world)).toBe(2);
    expect(world.actor.held()).toMatchObject([{ target: "heart", value: 2 }]);
    world.healing = () => ({ success: true });
    await world.seconds(700, []);
    expect(nodes(world)).toBe(1);
  });

  test("are not taken away twice, given back and as what made things worse", async () => {
    const world = new World();
    world.scaled("heart", 2);
    world.set({ "heart.cpu": 10, "heart.saturation": 10 });
    await world.seconds(8, []);
    await world.actor.act(
      rule("r", [scale({ by: 1, watch: "heart.saturation", observe: 600_000 })]),
      why("r", ["heart", "saturation"]),
    );
    await world.seconds(320, []);
    expect(nodes(world)).toBe(2);
    world.set({ "heart.saturation": 60 });
    await world.seconds(300, []);
    expect(world.kept.at(-1)?.actions[0]?.effect).toMatchObject({ verdict: "worse", rolledBack: false });
    expect(nodes(world)).toBe(2);
  });

  test("are left alone by a roll-back where somebody has scaled meanwhile", async () => {
    const world = new World();
    world.set({ "heart.cpu": 10, "heart.saturation": 10 });
    await world.seconds(8, []);
    await world.actor.act(rule("r", [scale({ by: 1, watch: "heart.saturation" })]), why("r"));
    world.scaled("heart", 5);
    world.set({ "heart.saturation": 60 });
    await world.seconds(20, ["r"]);
    expect(nodes(world)).toBe(5);
  });
});

describe("Memory", () => {
  test("is a larger heap from the next start on, and given back as it was before", async () => {
    const world = new World();
    world.topology.nodes[0]!.options = { memoryLimitMB: 990 };
    world.set({ "brain.memoryUsage": 30 });
    const { actions } = await world.actor.act(
      rule("r", [{ type: "adjustResourceAllocation", target: "brain", parameters: { increaseMemory: 15 } }]),
      why("r"),
    );
    expect(actions[0]).toMatchObject({
      status: "done",
      what: expect.stringContaining("brain-1 gets 1150 MB at its next start"),
    });
    await world.seconds(3700, []);
    expect(
      world.orders.map(({ node, parameters }) => [node, parameters["memoryLimitMB"], parameters["atNextStart"]]),
    ).toEqual([
      ["brain-1", 1150, true],
      ["brain-1", 990, true],
    ]);
  });

  test("lent twice, to the organ and to its node, is at last as it was before both", async () => {
    const world = new World();
    world.topology.nodes[0]!.options = { memoryLimitMB: 990 };
    world.set({ "brain.memoryUsage": 30 });
    const act = (target: string) =>
      world.actor.act(
        rule(target, [{ type: "adjustResourceAllocation", target, parameters: { increaseMemory: 20 } }]),
        why(target),
      );
    await act("brain");
    world.heap = 1200;
    await act("brain-1");
    expect(world.topology.nodes[0]!.options).toEqual({ memoryLimitMB: 1440 });
    await world.seconds(3700, ["brain-1"]);
    await world.seconds(3700, []);
    expect(world.topology.nodes[0]!.options).toEqual({ memoryLimitMB: 990 });
    expect(world.actor.held()).toEqual([]);
  });

  test("that the healer does not take back is still held, and taken back later", async () => {
    const world = new World();
    world.topology.nodes[0]!.options = { memoryLimitMB: 990 };
    world.set({ "brain.memoryUsage": 30, "brain.requestRate": 100 });
    await world.seconds(8, []);
    const action: RuleAction = {
      type: "adjustResourceAllocation",
      target: "brain",
      parameters: { increaseMemory: 15, watch: "brain.memoryUsage" },
    };
    await world.actor.act(rule("r", [action]), why("r"));
    world.set({ "brain.memoryUsage": 50 });
    world.healing = () => ({ success: false, reason: "it is busy" });
    await world.seconds(16, ["r"]);
    expect(world.kept.at(-1)?.actions[0]?.effect).toMatchObject({ verdict: "worse", rolledBack: false });
    world.healing = () => ({ success: true });
    world.set({ "brain.memoryUsage": 30 });
    await world.seconds(3700, []);
    expect(world.topology.nodes[0]!.options).toEqual({ memoryLimitMB: 990 });
  });

  test("never grows beyond half of the machine's", async () => {
    const world = new World();
    world.machine.memory = 2200 * 1024 * 1024;
    const act = () =>
      world.actor.act(
        rule("r", [{ type: "adjustResourceAllocation", target: "brain", parameters: { increaseMemory: 100 } }]),
        why("r"),
      );
    await act();
    expect(world.orders.at(-1)?.parameters["memoryLimitMB"]).toBe(1100);
    world.heap = 1150;
    expect((await act()).actions[0]).toMatchObject({
      status: "unchanged",
      what: "the heap of brain is as large as it may be, 1100 MB",
    });
  });

  test("does not grow by a next step before the last one is in force", async () => {
    const world = new World();
    const act = async () => {
      const action = { type: "adjustResourceAllocation" as const, target: "brain", parameters: { increaseMemory: 10 } };
      return (await world.actor.act(rule("r", [action]), why("r"))).actions[0]!;
    };
    await act();
    expect(await act()).toMatchObject({ status: "unchanged", what: "brain-1 gets 1100 MB at its next start already" });
    world.heap = 1148;
    expect((await act()).what).toContain("brain-1 gets 1210 MB at its next start");
  });
});

describe("After an act", () => {
  const read = why("r", ["brain", "load"]);

  async function observed(before: Record<string, number>, after: Record<string, number>, options = {}) {
    const world = new World(options);
    world.set({ "brain.requestRate": 100, ...before });
    await world.seconds(8, []);
    await world.actor.act(rule("r", [more("brain")]), read);
    expect(world.kept.at(-1)?.actions[0]?.effect).toMatchObject({
      metric: "brain.load",
      verdict: "watching",
      before: before["brain.load"],
    });
    world.set(after);
    await world.seconds(16, ["r"]);
    return world;
  }

  test("the metric that the rule looked at is watched, and what became of it recorded under the same id", async () => {
    const world = await observed({ "brain.load": 92 }, { "brain.load": 70 });
    expect(new Set(world.kept.map(({ id }) => id)).size).toBe(1);
    expect(world.kept.at(-1)?.actions[0]?.effect).toEqual({
      metric: "brain.load",
      before: 92,
      after: 70,
      verdict: "better",
      rolledBack: false,
      why: "brain.load went from 92 to 70 %",
    });
  });

  test("it is compared with the time in which the rule's conditions held, and not with what was before", async () => {
    const world = new World();
    world.set({ "brain.load": 20 });
    await world.seconds(8, []);
    world.set({ "brain.load": 95 });
    await world.seconds(3, []);
    await world.actor.act(rule("r", [more("brain")]), { ...read, heldFor: 3000 });
    world.set({ "brain.load": 60 });
    await world.seconds(16, ["r"]);
    expect(world.kept.at(-1)?.actions[0]?.effect).toMatchObject({ before: 95, after: 60, verdict: "better" });
  });

  test("no change is left as it is", async () => {
    const world = await observed({ "brain.load": 92 }, { "brain.load": 91 });
    expect(world.kept.at(-1)?.actions[0]?.effect).toMatchObject({ verdict: "no change", rolledBack: false });
    expect(world.lent.get("brain-1")?.share).toBe(20);
  });

  test("what made it worse is taken back, and left alone for longer each time", async () => {
    const world = await observed({ "brain.load": 80 }, { "brain.load": 95 });
    expect(world.kept.at(-1)?.actions[0]?.effect).toMatchObject({ verdict: "worse", rolledBack: true });
    expect(world.lent.get("brain-1")?.share).toBe(0);
    const again = async () => (await world.actor.act(rule("r", [more("brain")]), read)).actions[0];
    expect(await again()).toMatchObject({
      status: "refused",
      what: expect.stringContaining("it made things worse the last time (brain.load went from 80 to 95 %)"),
    });
    await world.seconds(300, []);
    expect(await again()).toMatchObject({ status: "done" });
  });

  test("more calls are no proof that it was the act", async () => {
    const world = await observed({ "brain.load": 80 }, { "brain.load": 95, "brain.requestRate": 150 });
    expect(world.kept.at(-1)?.actions[0]?.effect).toMatchObject({ verdict: "unknown", rolledBack: false });
  });

  test("what is not known is unknown", async () => {
    const world = await observed({ "brain.load": 80 }, { "brain.load": Number.NaN });
    expect(world.kept.at(-1)?.actions[0]?.effect).toMatchObject({ verdict: "unknown", after: null, rolledBack: false });
  });

  test("the next act on the same system ends the watch: later they could not be told apart", async () => {
    const world = new World();
    world.set({ "brain.load": 92 });
    await world.seconds(8, []);
    await world.actor.act(rule("r", [more("brain")]), read);
    await world.seconds(5, ["r"]);
    await world.actor.act(rule("s", [{ ...shed, target: "brain" }]), why("s"));
    await settled();
    expect(world.kept.filter(({ rule: id }) => id === "r").at(-1)?.actions[0]?.effect?.verdict).toBe("no change");
  });

  test("what made it worse is taken back before the next act builds on it", async () => {
    const world = new World();
    world.set({ "brain.load": 80, "brain.requestRate": 100 });
    await world.seconds(8, []);
    await world.actor.act(rule("r", [more("brain", 40)]), read);
    world.set({ "brain.load": 95 });
    await world.seconds(10, ["r"]);
    const { actions } = await world.actor.act(rule("s", [more("brain", 10)]), read);
    expect(world.kept.find(({ rule: id }) => id === "r")).toBeDefined();
    expect(world.kept.filter(({ rule: id }) => id === "r").at(-1)?.actions[0]?.effect).toMatchObject({
      verdict: "worse",
      rolledBack: true,
    });
    expect(actions[0]).toMatchObject({ status: "done", what: expect.stringContaining("gives brain 10 % more") });
    await world.seconds(3, ["r", "s"]);
    expect(world.lent.get("brain-1")?.share).toBe(10);
  });

  test("a rule whose last act is found to have made it worse does not do it again at once", async () => {
    const world = new World();
    world.set({ "brain.load": 80, "brain.requestRate": 100 });
    await world.seconds(8, []);
    await world.actor.act(rule("r", [more("brain", 40)]), read);
    world.set({ "brain.load": 95 });
    await world.seconds(10, ["r"]);
    const { actions } = await world.actor.act(rule("r", [more("brain", 40)]), read);
    expect(actions[0]).toMatchObject({
      status: "refused",
      what: expect.stringContaining("it made things worse the last time"),
    });
    await world.seconds(3, ["r"]);
    expect(world.lent.get("brain-1")?.share).toBe(0);
    expect(world.actor.held()).toEqual([]);
  });

  test("an act that ends after the engine stops leaves nobody waiting for its verdict", async () => {
    const world = new World();
    let healed = () => {};
    world.healing = () =>
      new Promise((resolve) => {
        healed = () => resolve({ success: true });
      });
    world.set({ "heart.errorRate": 10 });
    const heal: RuleAction = { type: "heal", target: "shop" };
    const answer = world.actor.act(rule("r", [heal]), why("r", ["heart", "errorRate"]), {
      by: "operator",
      wait: true,
    });
    await settled();
    await world.actor.stop();
    healed();
    expect((await answer).actions[0]?.effect).toMatchObject({ verdict: "unknown" });
  });

  test("whoever waits gets the verdict", async () => {
    const world = new World();
    world.set({ "brain.load": 92 });
    await world.seconds(8, []);
    const answer = world.actor.act(rule("r", [more("brain")]), read, { by: "operator", wait: true });
    await settled();
    world.set({ "brain.load": 40 });
    await world.seconds(16, []);
    expect((await answer).actions[0]?.effect?.verdict).toBe("better");
  });
});

describe("An engine that stops", () => {
  const heal: RuleAction = { type: "heal", target: "shop" };

  test("begins nothing any more, neither the next action of a rule nor what waits for its turn", async () => {
    const world = new World();
    let healed = () => {};
    world.healing = () =>
      new Promise((resolve) => {
        healed = () => resolve({ success: true });
      });
    const first = world.actor.act(rule("first", [heal, { type: "scaleSystem", target: "heart" }]), why("first"));
    const second = world.actor.act(rule("second", [shed]), why("second"), { by: "operator" });
    await settled();
    await world.actor.stop();
    healed();
    const refused = { status: "refused", what: "the engine stops" };
    expect((await first).actions).toMatchObject([{ status: "done" }, refused]);
    expect((await second).actions).toMatchObject([refused]);
    expect(world.orders).toHaveLength(1);
    expect(world.lent.size).toBe(0);
  });

  test("does not carry out what it has only announced", async () => {
    let announced = () => {};
    const world = new World({
      announce: () =>
        new Promise((resolve) => {
          announced = resolve;
        }),
    });
    const answer = world.actor.act(rule("r", [heal]), why("r"));
    await settled();
    await world.actor.stop();
    announced();
    expect((await answer).actions[0]).toMatchObject({ status: "refused", what: "the engine stops" });
    expect(world.orders).toEqual([]);
  });

  test("leaves the stored list to the next one: what ends later is not written over it", async () => {
    let stored = 0;
    const world = new World({ remember: () => void stored++ });
    let end = () => {};
    world.healing = () =>
      new Promise((resolve) => {
        end = () => resolve({ success: false, reason: "no memory" });
      });
    const scale: RuleAction = { type: "scaleSystem", target: "heart", parameters: { by: 1 } };
    const answer = world.actor.act(rule("r", [scale]), why("r"));
    await settled();
    await world.actor.stop();
    const before = stored;
    end();
    expect((await answer).actions[0]).toMatchObject({ status: "failed" });
    expect(stored).toBe(before);
  });
});

describe("A new engine", () => {
  test("goes on with what the last one held, and gives it back unless its rule fires again", async () => {
    const world = new World();
    world.set({ "heart.cpu": 10, "heart.saturation": 5 });
    await world.actor.act(rule("r", [shed, { type: "scaleSystem", target: "heart", parameters: { by: 1 } }]), why("r"));
    const stored = JSON.parse(JSON.stringify(world.actor.snapshot())) as unknown;
    world.lent.clear();
    world.actor = world.engine();
    world.actor.restore(stored);
    expect(world.actor.held()).toHaveLength(2);
    await world.seconds(7, []);
    expect(world.lent.get("heart-1")).toMatchObject({ epoch: 2, shed: [{ priority: "low", share: 100 }] });
    await world.seconds(400, []);
    expect(world.actor.held()).toEqual([]);
    expect(world.orders.at(-1)).toMatchObject({ actionType: "scale-down", parameters: { by: 1 } });
  });

  test("keeps what it was given until rules are judged again: a flag that is wanted is never gone for a while", async () => {
    const world = new World();
    const flag: RuleAction = { type: "setFlag", target: "brain", parameters: { flag: "calm", value: true } };
    await world.actor.act(rule("r", [flag, { ...shed, target: "brain" }]), why("r"));
    const stored = world.actor.snapshot();
    world.actor = world.engine();
    world.actor.restore(stored);
    await world.seconds(20);
    expect(world.actor.flags()).toMatchObject([{ flag: "calm", value: true }]);
    expect(world.lent.get("brain-1")?.shed).toEqual([{ priority: "low", share: 100 }]);
    await world.seconds(60, ["r"]);
    expect(world.actor.held()).toMatchObject([{ ending: false }, { ending: false }]);
    await world.seconds(1, []);
    expect(world.actor.flags()).toEqual([]);
  });

  test("gives back what it was given where rules are not judged for a minute", async () => {
    const world = new World();
    await world.actor.act(rule("r", [shed]), why("r"));
    const stored = world.actor.snapshot();
    world.actor = world.engine();
    world.actor.restore(stored);
    await world.seconds(59);
    expect(world.actor.held()).toMatchObject([{ value: "100 % of low" }]);
    await world.seconds(60);
    expect(world.actor.held()).toEqual([]);
  });

  test("holds until its time what was asked for until then, whether its rule is active or not", async () => {
    const world = new World();
    const flag: RuleAction = {
      type: "setFlag",
      target: "brain",
      parameters: { flag: "calm", value: true, duration: 600_000 },
    };
    await world.actor.act(rule("by-hand", [flag]), why("by-hand"), { by: "operator" });
    await world.seconds(100, []);
    const stored = JSON.parse(JSON.stringify(world.actor.snapshot())) as unknown;
    world.actor = world.engine();
    world.actor.restore(stored);
    await world.seconds(490, []);
    expect(world.actor.held()).toMatchObject([{ lever: "flag:calm", ending: false }]);
    await world.seconds(11, []);
    expect(world.actor.held()).toEqual([]);
  });

  test("has nothing new to be stored while rules hold nothing", async () => {
    const world = new World();
    const before = JSON.stringify(world.actor.snapshot());
    await world.seconds(60, []);
    expect(JSON.stringify(world.actor.snapshot())).toBe(before);
  });

  test("keeps what its rule wants that is active again", async () => {
    const world = new World();
    await world.actor.act(rule("r", [shed]), why("r"));
    const stored = world.actor.snapshot();
    world.actor = world.engine();
    world.actor.restore(stored);
    await world.seconds(100, ["r"]);
    expect(world.lent.get("heart-1")?.shed).toEqual([{ priority: "low", share: 100 }]);
  });

  test.each([
    undefined,
    null,
    7,
    "x",
    [],
    {},
    { epoch: 1, at: 0, held: [null, 4, { held: { kind: "bomb" } }, { held: { kind: "shed" }, age: "x" }] },
    ...[
      { kind: "memory", lever: "memory", value: {} },
      { kind: "memory", lever: "memory", value: { nodes: [{ node: "brain-1", was: 0, to: "x" }] } },
      { kind: "nodes", lever: "instances", value: { organ: "brain", before: null, to: 2 } },
      { kind: "share", lever: "cpu-share", value: { percent: "20" } },
      { kind: "share", lever: "memory", value: { percent: 20 } },
      { kind: "shed", lever: "admission", value: { priority: "all", share: 100 } },
      { kind: "throttle", lever: "rate", value: { rate: null } },
      { kind: "flag", lever: "flag:calm", value: { flag: "calm" } },
    ].map((held) => ({
      epoch: 1,
      at: 0,
      held: [{ held: { target: "brain", rule: "r", since: 0, ...held }, age: 0, changed: 0 }],
    })),
  ])("takes nothing from %j", async (nonsense) => {
    const world = new World();
    world.actor.restore(nonsense);
    expect(world.actor.held()).toEqual([]);
    await world.seconds(100, []);
    expect(world.lent.size).toBe(0);
  });
});
