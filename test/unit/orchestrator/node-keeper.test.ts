import { EventEmitter } from "node:events";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { Advice } from "../../../services/nervous/master-orchestrator/healing/advice.ts";
import { NODE_POLICY } from "../../../services/nervous/master-orchestrator/healing/policy.ts";
import { Restarts } from "../../../services/nervous/master-orchestrator/healing/restarts.ts";
import type { KeeperContext } from "../../../services/nervous/master-orchestrator/keeper-context.ts";
import { NodeKeeper } from "../../../services/nervous/master-orchestrator/node-keeper.ts";
import { OrganismState } from "../../../services/nervous/master-orchestrator/organism-state.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { planOf } from "./plans.ts";

/** Members without processes. */
class FakeFleet extends EventEmitter {
  readonly members = new Map<string, { key: string }>();
  get(key: string) {
    return this.members.get(key);
  }
  readonly spawned: string[] = [];
  spawn(key: string) {
    this.spawned.push(key);
    return new Promise(() => {});
  }
  async terminate(key: string) {
    const member = this.members.get(key);
    if (!member) return;
    this.members.delete(key);
    this.emit("gone", member, "killed by SIGTERM");
  }
}

let fleet: FakeFleet;
let keeper: NodeKeeper;
let state: OrganismState;
let clock: FakeClock;
let failures: string[];
let stopping: boolean;
beforeEach(() => {
  fleet = new FakeFleet();
  clock = new FakeClock();
  stopping = false;
  failures = [];
  state = new OrganismState(planOf([]), []);
  const context = {
    fleet,
    state,
    logger: { warn() {}, error() {} },
    restarts: new Restarts(clock, 1),
    healing: {
      begin: (key: string) => failures.push(key),
      failed() {},
      attempt() {},
      drop() {},
      onRecord() {},
      stepOnRecord() {},
    },
    commands: { shutdown: (id: string) => fleet.terminate(id) },
    changed() {},
    isStopping: () => stopping,
    advice: new Advice(),
    policyOf: () => NODE_POLICY,
    broker: { emit() {} },
  };
  keeper = new NodeKeeper(context as unknown as KeeperContext, { nodeGone() {} } as never, {} as never);
  fleet.on("gone", ({ key }, how) => keeper.gone(key, how));
});

describe("a node that waits for its next attempt", () => {
  beforeEach(() => {
    const node = state.node("heart-1", "heart");
    for (const life of [1, 2]) {
      Object.assign(node, { status: "up", incarnation: life });
      keeper.gone("heart-1", "exit code 1");
    }
    expect(fleet.spawned).toEqual(["heart-1"]);
    expect(node.why).toMatch(/next attempt in/);
  });

  test("is not started once it is no longer wanted", () => {
    keeper.forget(state.nodes.get("heart-1")!);
    expect(state.nodes.has("heart-1")).toBe(false);
    clock.advance(100_000);
    expect(fleet.spawned).toHaveLength(1);
  });

  test("is not started while everything is being stopped", () => {
    stopping = true;
    clock.advance(100_000);
    expect(fleet.spawned).toHaveLength(1);
  });
});

describe("a node that the operator restarts", () => {
  test.each(["up", "starting", "hung"] as const)(
    "and that is %s has ended before it counts as down",
    async (status) => {
      const node = state.node("heart-1", "heart");
      node.status = status;
      fleet.members.set("heart-1", { key: "heart-1" });
      await keeper.restart(node);
      expect([node.status, fleet.get("heart-1")]).toEqual(["down", undefined]);
      // It was wanted, and is no failure.
      expect(failures).toEqual([]);
    },
  );

  test("and that is down already is simply started", async () => {
    const node = state.node("heart-1", "heart");
    await keeper.restart(node);
    expect(node.status).toBe("down");
  });

  test("fails truly the next time", async () => {
    const node = state.node("heart-1", "heart");
    await keeper.restart(node);
    keeper.gone("heart-1", "exit code 1");
    expect(failures).toEqual(["heart-1"]);
  });
});
