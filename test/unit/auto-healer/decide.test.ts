import { describe, expect, test } from "@jest/globals";
import type { Failure, HealingTarget } from "../../../models/healing.ts";
import { decide } from "../../../services/immune/auto-healer/decide.ts";
import type { Finding, Signs } from "../../../services/immune/auto-healer/detection/finding.ts";
import { predictiveMode } from "../../../services/immune/auto-healer/predictive.ts";
import type { Situation } from "../../../services/immune/auto-healer/situation.ts";
import { nodeOf, serviceOf } from "../../../services/immune/auto-healer/topology.ts";
import { knownNode, knownService, topologyOf } from "../../support/topology.ts";

const topology = topologyOf(
  [
    knownService("ledger", { dependencies: ["bank"] }),
    knownService("bank"),
    knownService("one", { singleton: true }),
    knownService("master-orchestrator", { organ: "nervous", capabilities: ["orchestrator"], runtimeSystem: true }),
    knownService("auto-healer", { organ: "immune", runtimeSystem: true, singleton: true }),
  ],
  [knownNode("heart-1", ["ledger", "bank", "one"])],
);

function situation(
  failure: Failure,
  target: HealingTarget,
  signs: Signs = {},
  more: Partial<Finding & Situation> = {},
): Situation {
  const { error, severity = "failure", ...rest } = more;
  return {
    finding: { failure, target, severity, evidence: ["so it is."], ...(error ? { error } : {}) },
    signs,
    topology,
    service: target.service ? serviceOf(topology, target.service) : undefined,
    node: target.node ? nodeOf(topology, target.node) : undefined,
    tried: new Map(),
    cooling: () => 0,
    others: [],
    self: { service: "auto-healer", node: "immune-1" },
    ...rest,
  };
}

const ledger = { service: "ledger", node: "heart-1" };

describe("the choice of a remedy", () => {
  test("is the cheapest that fits, with why, and why not the others", () => {
    const { decision, step } = decide(
      situation("erroring", ledger, {}, { error: "Error: connect ECONNREFUSED 10.0.0.1:5432" }),
    );
    expect(decision).toEqual({
      chosen: "reconnect",
      why: "the errors speak of a connection; the cheapest that fits (about 200 ms)",
      alternatives: [
        { action: "clear-cache", why: "nothing points to the cache" },
        { action: "restart", why: "it costs more (about 500 ms)" },
        { action: "failover", why: "no other node of heart is up, and it has no standby" },
        { action: "scale-up", why: "more instances would fail in the same way" },
      ],
    });
    expect(step).toMatchObject({ action: "reconnect", target: ledger, parameters: {} });
  });

  test("goes on to the next where one did not help, and ends with the operator", () => {
    const tried = new Map([["reconnect", "it fails still"]]);
    const error = "Error: connect ECONNREFUSED";
    expect(decide(situation("erroring", ledger, {}, { error, tried })).decision.chosen).toBe("restart");
    tried.set("restart", "it fails still");
    const { decision, step } = decide(situation("erroring", ledger, {}, { error, tried }));
    expect([decision.chosen, decision.why, step]).toEqual([
      "none",
      "nothing that is left fits; the operator is told",
      undefined,
    ]);
    expect(decision.alternatives[2]).toEqual({
      action: "restart",
      why: "it was tried and did not help: it fails still",
    });
  });

  test("leaves alone what fails because another fails, and what cools down", () => {
    const upstream = {
      failure: "erroring",
      target: { service: "bank", node: "heart-1" },
      severity: "failure",
      evidence: [],
    } as const;
    const { decision } = decide(situation("erroring", ledger, {}, { others: [upstream as never] }));
    expect(decision.chosen).toBe("none");
    expect(decision.alternatives[0]!.why).toBe("bank, which it needs, fails too: that one is healed first");
    const cooled = decide(situation("erroring", ledger, {}, { cooling: () => 12_000 }));
    expect(cooled.decision.alternatives.find(({ action }) => action === "restart")!.why).toBe(
      "it was carried out just now; it may be again in 12 s",
    );
  });

  test("takes many services with one error for one cause upstream: connections are made anew, nothing is restarted", () => {
    const alike = (service: string, error: string) =>
      ({ failure: "erroring", target: { service }, severity: "failure", evidence: [], error }) as const;
    const error = "Error: connect ECONNREFUSED 10.0.0.1:5432";
    const others = ["a", "b", "c"].map(
      (name, i) => alike(name, `Error: connect ECONNREFUSED 10.0.0.${i}:5432`) as never,
    );
    expect(decide(situation("erroring", ledger, {}, { error, others })).decision.chosen).toBe("reconnect");
    const tried = new Map([["reconnect", "it fails still"]]);
    const { decision } = decide(situation("erroring", ledger, {}, { error, others, tried }));
    expect(decision.chosen).toBe("none");
    expect(decision.alternatives.find(({ action }) => action === "restart")!.why).toBe(
      "3 other services fail with the same error: the cause is upstream",
    );
  });

  test("leaves to the ladder what the ladder is at", () => {
    const ill = { ...knownService("ledger"), status: "starting" };
    expect(decide(situation("slow", ledger, {}, { service: ill })).decision.chosen).toBe("none");
    expect(decide(situation("crashed", { node: "heart-1" })).decision).toEqual({
      chosen: "none",
      why: "the orchestrator's ladder heals this by itself",
      alternatives: [],
    });
  });

  test.each<[string, Signs, HealingTarget, string]>([
    ["waits for something: restart", { loop: 0.1, machine: 0.2, inFlight: 3 }, ledger, "restart"],
    [
      "works at its limit on a free machine: one more node",
      { loop: 0.95, machine: 0.5, inFlight: 3 },
      ledger,
      "scale-up",
    ],
    ["works at its limit on a busy machine: nothing", { loop: 0.95, machine: 0.95, inFlight: 3 }, ledger, "none"],
    ["is a singleton at its limit: nothing", { loop: 0.95, machine: 0.5 }, { service: "one", node: "heart-1" }, "none"],
    ["has a full heap: its cache", { loop: 0.1, heap: 0.8 }, ledger, "clear-cache"],
    ["has very many calls at once: fewer of them", { loop: 0.1, inFlight: 200, rate: 1 }, ledger, "resource-adjust"],
  ])("for a slow service that %s", (_case, signs, target, chosen) => {
    expect(decide(situation("slow", target, signs)).decision.chosen).toBe(chosen);
  });

  test("restarts a process that runs out of memory or files, and none for a full disk", () => {
    const node = { node: "heart-1" };
    expect(decide(situation("resource exhausted", node, { resource: "heap" })).step).toMatchObject({
      action: "restart",
      target: node,
    });
    expect(decide(situation("resource exhausted", node, { resource: "files" })).decision.chosen).toBe("restart");
    expect(decide(situation("resource exhausted", node, { resource: "disk" })).decision).toMatchObject({
      chosen: "none",
      why: "no action makes room on a disk; the operator is told",
    });
  });

  test("takes what a service or a plug-in offers into account, by its cost", () => {
    const own = {
      action: "data-repair",
      target: ledger,
      parameters: {},
      cost: { time: 50, calls: 0 },
      why: "it offers this",
    };
    expect(decide(situation("erroring", ledger), [own]).decision.chosen).toBe("data-repair");
    expect(decide(situation("erroring", ledger), [{ ...own, cost: { time: 5000, calls: 0 } }]).decision.chosen).toBe(
      "restart",
    );
  });

  test("never falls on the healer, its node or the orchestrator", () => {
    for (const target of [{ service: "auto-healer" }, { service: "master-orchestrator" }]) {
      const { decision } = decide(situation("slow", target, { loop: 0.1 }));
      expect([target, decision.chosen]).toEqual([target, "none"]);
    }
    const immune = situation("resource exhausted", { node: "immune-1" }, { resource: "heap" });
    const known = topologyOf(topology.services, [knownNode("immune-1", ["auto-healer"])]);
    expect(decide({ ...immune, topology: known }).decision.chosen).toBe("none");
  });
});

test.each([
  ["off", "leaking", "off"],
  ["on", "slow", "on"],
  ["leaking=on,slow=shadow", "leaking", "on"],
  ["leaking=on,slow=shadow", "slow", "shadow"],
  ["leaking=on", "slow", "off"],
  ["on,slow=off", "slow", "off"],
] as const)("predictive healing set to %s is for %s %s", (setting, failure, mode) => {
  expect(predictiveMode(setting, failure)).toBe(mode);
});
