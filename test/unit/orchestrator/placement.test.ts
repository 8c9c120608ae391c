import { describe, expect, test } from "@jest/globals";
import { ORGANS } from "../../../runtime/discovery/metadata.ts";
import { carriesRuntimeOnly } from "../../../runtime/discovery/plan.ts";
import { place, singletonsOf } from "../../../services/nervous/master-orchestrator/placement.ts";
import { planned, planOf } from "./plans.ts";

const show = (nodes: ReturnType<typeof place>) => Object.fromEntries(nodes.map(({ id, services }) => [id, services]));
const orchestrator = planned("master-orchestrator", { organ: "nervous", runtimeSystem: true });

describe("services of Azora's own folder", () => {
  test("give every organ one node; the nervous runtime systems have nervous-1 for themselves", () => {
    const nodes = place(planOf([orchestrator, planned("bell", { organ: "nervous" }), planned("ledger")]), {
      replicas: {},
      cores: 2,
    });
    expect(show(nodes)).toEqual({
      "nervous-1": ["master-orchestrator"],
      "nervous-2": ["bell"],
      "heart-1": ["ledger"],
      "brain-1": [],
      "lungs-1": [],
      "stomach-1": [],
      "muscles-1": [],
      "immune-1": [],
    });
    expect(new Set(nodes.map(({ organ }) => organ))).toEqual(new Set(ORGANS));
  });

  test("need no second nervous node where there is nothing for it", () => {
    const nodes = place(planOf([orchestrator]), { replicas: { nervous: 3 }, cores: 2 });
    expect(nodes.filter(({ organ }) => organ === "nervous")).toHaveLength(1);
  });

  test("run on all nodes of their organ, singletons on the first", () => {
    const plan = planOf([planned("ledger"), planned("mint", { singleton: true })]);
    const nodes = show(place(plan, { replicas: { heart: 3 }, cores: 2 }));
    expect([nodes["heart-1"], nodes["heart-2"], nodes["heart-3"]]).toEqual([
      ["ledger", "mint"],
      ["ledger"],
      ["ledger"],
    ]);
    expect(singletonsOf(plan, "heart")).toEqual(["mint"]);
  });

  test("that are isolated have a process of their own, which scaling the others does not move", () => {
    const plan = planOf([planned("ledger"), planned("vault", { isolate: true })]);
    const one = show(place(plan, { replicas: { heart: 1 }, cores: 2 }));
    const three = show(place(plan, { replicas: { heart: 3 }, cores: 2 }));
    expect(one["heart-1"]).toEqual(["vault"]);
    expect(one["heart-2"]).toEqual(["ledger"]);
    expect(three["heart-1"]).toEqual(["vault"]);
    expect([three["heart-2"], three["heart-3"], three["heart-4"]]).toEqual([["ledger"], ["ledger"], ["ledger"]]);
  });

  test("count the orchestrator's node among the nervous ones", () => {
    const plan = planOf([orchestrator, planned("bell", { organ: "nervous" })]);
    const ids = place(plan, { replicas: { nervous: 4 }, cores: 2 })
      .filter(({ organ }) => organ === "nervous")
      .map(({ id }) => id);
    expect(ids).toEqual(["nervous-1", "nervous-2", "nervous-3", "nervous-4"]);
  });

  test("go to nodes of other machines too, singletons not", () => {
    const plan = planOf([planned("ledger"), planned("mint", { singleton: true }), planned("vault", { isolate: true })]);
    const nodes = show(place(plan, { replicas: {}, remote: [{ id: "heart-1@box", organ: "heart" }], cores: 2 }));
    expect(nodes["heart-1@box"]).toEqual(["ledger"]);
  });

  test("leave an organ without nodes when it is scaled to none", () => {
    const nodes = place(planOf([planned("ledger")]), { replicas: { heart: 0 }, cores: 2 });
    expect(nodes.some(({ organ }) => organ === "heart")).toBe(false);
  });
});

describe("services of a foreign project", () => {
  const services = ["a", "b", "c", "d", "e"].map((name) => planned(name, { organ: "muscles" }));

  test("are balanced over as many muscles as there are cores, four at most", () => {
    const spread = (cores: number) =>
      place(planOf(services, true), { replicas: {}, cores })
        .filter(({ organ }) => organ === "muscles")
        .map((node) => node.services);
    expect(spread(2)).toEqual([
      ["a", "c", "e"],
      ["b", "d"],
    ]);
    expect(spread(1)).toEqual([["a", "b", "c", "d", "e"]]);
    expect(spread(64)).toHaveLength(4);
  });

  test("have nodes for the organs only that they use", () => {
    const nodes = place(planOf([orchestrator, ...services], true), { replicas: {}, cores: 1 });
    expect(nodes.map(({ id }) => id).sort()).toEqual(["muscles-1", "nervous-1"]);
  });

  test("run on every muscle once somebody scales them, singletons on one", () => {
    const plan = planOf([...services, planned("only", { organ: "muscles", singleton: true })], true);
    const nodes = place(plan, { replicas: { muscles: 3 }, cores: 2 }).filter(({ organ }) => organ === "muscles");
    expect(nodes).toHaveLength(3);
    for (const name of ["a", "b", "c", "d", "e"])
      expect(nodes.every((node) => node.services.includes(name))).toBe(true);
    expect(nodes.filter((node) => node.services.includes("only"))).toHaveLength(1);
  });

  test("are all placed, whatever the numbers", () => {
    for (const cores of [1, 2, 3, 5, 8]) {
      const placed = place(planOf([...services, planned("i", { organ: "muscles", isolate: true })], true), {
        replicas: {},
        cores,
      });
      expect(placed.flatMap((node) => node.services).sort()).toEqual(["a", "b", "c", "d", "e", "i"]);
      expect(new Set(placed.map(({ id }) => id)).size).toBe(placed.length);
    }
  });
});

test("a program has no place on a node", () => {
  const nodes = place(planOf([planned("tool", { kind: "program" })]), { replicas: {}, cores: 2 });
  expect(nodes.flatMap(({ services }) => services)).toEqual([]);
});

describe("a service that was failed over", () => {
  const plan = planOf([planned("ledger", { singleton: true }), planned("bank")]);
  const where = (name: string, options: Partial<Parameters<typeof place>[1]>) =>
    place(plan, { replicas: {}, cores: 2, ...options })
      .filter(({ services }) => services.includes(name))
      .map(({ id }) => id);

  test("goes to the next node of its organ, and leaves the others where they are", () => {
    expect(where("ledger", { replicas: { heart: 2 }, away: { ledger: ["heart-1"] } })).toEqual(["heart-2"]);
    expect(where("bank", { replicas: { heart: 2 }, away: { ledger: ["heart-1"] } })).toEqual(["heart-1", "heart-2"]);
  });

  test("gets a node of its own where the organ has no other", () => {
    expect(where("ledger", { away: { ledger: ["heart-1"] } })).toEqual(["heart-2"]);
    expect(where("bank", { away: { ledger: ["heart-1"] } })).toEqual(["heart-1"]);
  });

  test("runs nowhere while a standby takes its calls", () => {
    expect(where("ledger", { closed: new Set(["ledger"]) })).toEqual([]);
  });
});

describe("beside a foreign project", () => {
  test("the immune system has immune-1 for itself, and the project's immune services begin with immune-2", () => {
    const plan = planOf(
      [
        orchestrator,
        planned("auto-healer", { organ: "immune", runtimeSystem: true }),
        planned("guard", { organ: "immune" }),
      ],
      true,
    );
    expect(show(place(plan, { replicas: {}, cores: 2 }))).toEqual({
      "nervous-1": ["master-orchestrator"],
      "immune-1": ["auto-healer"],
      "immune-2": ["guard"],
    });
  });

  test("the brain that judges it shares immune-1 with the immune system, and the project's brain has its nodes for itself", () => {
    const engine = planned("symbiotic-rules-engine", { organ: "brain", runtimeSystem: true, singleton: true });
    const healer = planned("auto-healer", { organ: "immune", runtimeSystem: true });
    const judge = planned("judge", { organ: "brain" });
    const nodes = show(
      place(planOf([orchestrator, engine, healer, judge], true), { replicas: { brain: 2 }, cores: 2 }),
    );
    expect(nodes).toEqual({
      "nervous-1": ["master-orchestrator"],
      "immune-1": ["symbiotic-rules-engine", "auto-healer"],
      "brain-1": ["judge"],
      "brain-2": ["judge"],
    });
    expect(show(place(planOf([orchestrator, engine, healer], true), { replicas: {}, cores: 2 }))).toEqual({
      "nervous-1": ["master-orchestrator"],
      "immune-1": ["symbiotic-rules-engine", "auto-healer"],
    });
  });

  test("only nervous-1 and immune-1 run nothing of the project's, and in Azora's own folder only nervous-1", () => {
    const ids = ORGANS.flatMap((organ) => [`${organ}-1`, `${organ}-2`, `${organ}-11`]);
    const alone = (foreign: boolean) => ids.filter((id) => carriesRuntimeOnly(id, planOf([], foreign).project));
    expect(alone(true).sort()).toEqual(["immune-1", "nervous-1"]);
    expect(alone(false)).toEqual(["nervous-1"]);
  });

  test("the brain is on its own node in Azora's own folder", () => {
    const engine = planned("symbiotic-rules-engine", { organ: "brain", runtimeSystem: true, singleton: true });
    expect(show(place(planOf([orchestrator, engine]), { replicas: {}, cores: 2 }))).toMatchObject({
      "brain-1": ["symbiotic-rules-engine"],
      "immune-1": [],
    });
  });

  test("a runtime system among the muscles shares a node, and changes nobody's place", () => {
    const own = [orchestrator, ...["a", "b", "c"].map((name) => planned(name, { organ: "muscles" }))];
    const optimizer = planned("an-optimizer", { organ: "muscles", runtimeSystem: true, singleton: true });
    const before = show(place(planOf(own, true), { replicas: {}, cores: 2 }));
    const after = show(place(planOf([optimizer, ...own], true), { replicas: {}, cores: 2 }));
    expect(before).toEqual({ "nervous-1": ["master-orchestrator"], "muscles-1": ["a", "c"], "muscles-2": ["b"] });
    expect(after).toEqual({ ...before, "muscles-2": ["b", "an-optimizer"] });
  });

  test("a runtime system among the muscles has a node where the project has none for it", () => {
    const optimizer = planned("an-optimizer", { organ: "muscles", runtimeSystem: true, singleton: true });
    const alone = planned("alone", { organ: "muscles", isolate: true });
    expect(show(place(planOf([orchestrator, optimizer], true), { replicas: {}, cores: 2 }))).toEqual({
      "nervous-1": ["master-orchestrator"],
      "muscles-1": ["an-optimizer"],
    });
    expect(show(place(planOf([orchestrator, alone, optimizer], true), { replicas: {}, cores: 2 }))).toEqual({
      "nervous-1": ["master-orchestrator"],
      "muscles-1": ["alone"],
      "muscles-2": ["an-optimizer"],
    });
  });
});
