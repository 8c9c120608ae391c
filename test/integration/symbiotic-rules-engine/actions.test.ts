import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Context, ServiceSchema } from "moleculer";
import type { PerformanceReport } from "../../../models/performance.ts";
import type { Topology } from "../../../models/topology.ts";
import type { NodeBroker } from "../../../runtime/broker.ts";
import { monotonicClock } from "../../../runtime/clock.ts";
import { flagsOf } from "../../../runtime/flags/flags.ts";
import { Columns } from "../../../runtime/rules/columns.ts";
import { flagsOf as flagsOfService } from "../../../sdk/flags.ts";
import { brokerPorts } from "../../../services/brain/symbiotic-rules-engine/actions/ports.ts";
import { RuleActor } from "../../../services/brain/symbiotic-rules-engine/actions/rule-actor.ts";
import { knownNode, knownService, topologyOf } from "../../support/topology.ts";
import { rule, why } from "../../unit/symbiotic-rules-engine/actions/actor.ts";
import { callable, LoadNodes, outcome, until } from "../load/load-nodes.ts";

const shop: ServiceSchema = {
  name: "shop",
  actions: { ask: () => "answer", order: { priority: "high", handler: () => "ordered" } as never },
};

let nodes: LoadNodes;
let caller: NodeBroker;
let heart: NodeBroker;
let topology: Topology;
let actor: RuleActor;
const reports: PerformanceReport[] = [];

beforeEach(async () => {
  reports.length = 0;
  nodes = new LoadNodes();
  const listener: ServiceSchema = {
    name: "listener",
    events: { "node.performance": (ctx: Context<PerformanceReport>) => void reports.push(ctx.params) },
  };
  caller = await nodes.node("brain-1", [listener]);
  heart = await nodes.node("heart-1", [shop]);
  await callable(caller, "shop.ask");
  await callable(caller, "node-performance.lend", 2);
  topology = topologyOf([knownService("shop")], [knownNode("brain-1"), knownNode("heart-1", ["shop"])]);
  actor = new RuleActor({
    ports: brokerPorts(caller.broker, { topology: () => topology }),
    columns: new Columns(),
    clock: monotonicClock,
    logger: { info: () => {}, warn: () => {} },
    keep: async () => {},
  });
});
afterEach(() => nodes.stop());

const ask = (priority?: string, action = "shop.ask") =>
  outcome(caller.broker.call(action, {}, { meta: priority ? { $priority: priority } : {}, timeout: 2000 }));

describe("Rules that act on nodes", () => {
  test("have calls of lower priority refused at the door, and told apart from other refusals", async () => {
    const shed = { type: "shed", target: "shop", parameters: { below: "high" } } as const;
    const { actions } = await actor.act(rule("r", [shed]), why("r"));
    expect(actions[0]).toMatchObject({ status: "done", what: expect.stringContaining("heart-1: in force") });
    expect(await Promise.all([ask(), ask("low"), ask("high"), ask("critical"), ask(undefined, "shop.order")])).toEqual([
      "OVERLOADED",
      "OVERLOADED",
      "answer",
      "answer",
      "ordered",
    ]);
    await until("the node tells", () => reports.some(({ served }) => served.some(({ refused }) => refused.shed === 2)));
  });

  test("let so many calls in and no more", async () => {
    await actor.act(rule("r", [{ type: "throttle", target: "heart", parameters: { rate: 50 } }]), why("r"));
    const since = performance.now();
    let answered = 0;
    while (performance.now() - since < 1000) {
      if ((await ask()) === "answer") answered++;
      await sleep(2);
    }
    const most = 5 + (50 * (performance.now() - since)) / 1000;
    expect(answered).toBeGreaterThan(10);
    expect(answered).toBeLessThanOrEqual(most + 1);
  });

  test("set flags on the nodes of their target alone", async () => {
    await actor.act(
      rule("r", [{ type: "setFlag", target: "heart", parameters: { flag: "short", value: true } }]),
      why("r"),
    );
    await until("the flag is there", () => flagsOf(heart.broker).get("short", false));
    expect(flagsOfService(heart.broker).get("short", false)).toBe(true);
    expect(flagsOf(caller.broker).get("short", false)).toBe(false);
    expect(await heart.broker.call("node-performance.flags", {}, { nodeID: "heart-1" })).toEqual({ short: true });
  });

  test("leave nothing behind when they fall silent", async () => {
    const lending = { epoch: 1, lease: 1000, share: 0, shed: [{ priority: "high", share: 100 }], throttle: [] };
    await caller.broker.call("node-performance.lend", lending, { nodeID: "heart-1" });
    expect(await ask()).toBe("OVERLOADED");
    await sleep(1100);
    expect(await ask()).toBe("answer");
  });

  test.each([
    [{ epoch: 1, lease: 1e9, share: 0, shed: [], throttle: [] }],
    [{ epoch: 1, lease: 5000, share: 1000, shed: [], throttle: [] }],
    [{ epoch: 1, lease: 5000, share: 0, shed: [{ priority: "critical", share: 100 }], throttle: [] }],
    [{ epoch: 1, lease: 5000, share: 0, shed: [], throttle: [{ rate: Number.NaN }] }],
    [{ epoch: 1, lease: 5000, share: 0, shed: [], throttle: [], more: true }],
  ])("cannot have a node do %j", async (lending) => {
    expect(await outcome(caller.broker.call("node-performance.lend", lending, { nodeID: "heart-1" }))).toBe(
      "VALIDATION_ERROR",
    );
  });

  test("are refused by the node where they come from a replaced engine", async () => {
    const lending = { epoch: 7, lease: 5000, share: 0, shed: [{ priority: "low", share: 100 }], throttle: [] };
    await caller.broker.call("node-performance.lend", lending, { nodeID: "heart-1" });
    const { actions } = await actor.act(rule("r", [{ type: "shed", target: "heart" }]), why("r"));
    expect(actions[0]).toMatchObject({
      status: "failed",
      what: expect.stringContaining("Epoch 1 of the rules was replaced by 7"),
    });
  });
});
