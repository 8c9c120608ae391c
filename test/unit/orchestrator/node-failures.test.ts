import { beforeEach, describe, expect, test } from "@jest/globals";
import type { KeeperContext } from "../../../services/nervous/master-orchestrator/keeper-context.ts";
import { NodeFailures } from "../../../services/nervous/master-orchestrator/node-failures.ts";
import { OrganismState } from "../../../services/nervous/master-orchestrator/organism-state.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { planOf } from "./plans.ts";

describe("a node that nobody reaches over the bus", () => {
  let clock: FakeClock;
  let state: OrganismState;
  let done: string[];
  let failures: NodeFailures;
  let late: boolean;
  let recorded: Promise<void> | undefined;
  const up = (id: string, remote = false) => Object.assign(state.node(id, "heart", remote), { status: "up" });
  beforeEach(() => {
    clock = new FakeClock();
    state = new OrganismState(planOf([]), []);
    done = [];
    late = false;
    recorded = undefined;
    const context = {
      clock,
      state,
      mesh: { send: (id: string, type: string) => done.push(`${type} to ${id}`) },
      fleet: { get: () => undefined, kill: (id: string) => done.push(`kill ${id}`) },
      healing: { onRecord: () => recorded },
      broker: {
        registry: { nodes: { get: () => ({ instanceID: "life-1" }) } },
        broadcast: async (event: string, params: object) => done.push(`${event} ${JSON.stringify(params)}`),
        emit: async () => {},
      },
      isLate: () => late,
    };
    failures = new NodeFailures(
      context as unknown as KeeperContext,
      () => false,
      (node, why) => done.push(`${node.id} is given up: ${why}`),
    );
  });

  test("connects anew first, and is killed where that does not help", () => {
    up("heart-1");
    failures.unreachable("heart-1", 3000, "it is silent");
    failures.unreachable("heart-1", 4000, "it is silent");
    expect(done).toEqual(["reconnect-bus to heart-1"]);
    clock.advance(5000);
    expect(done).toEqual(["reconnect-bus to heart-1", "kill heart-1"]);
    expect(failures.take("heart-1")).toEqual({ failure: "unreachable", silentFor: 8000, why: "it is silent" });
  });

  test("connects anew only when that is on record, and not where it answers meanwhile", async () => {
    const onDisk = Promise.withResolvers<void>();
    recorded = onDisk.promise;
    up("heart-1");
    up("heart-2");
    for (const id of ["heart-1", "heart-2"]) failures.unreachable(id, 3000, "it is silent");
    expect(done).toEqual([]);
    failures.reachable("heart-2");
    onDisk.resolve();
    await recorded;
    expect(done).toEqual(["reconnect-bus to heart-1"]);
  });

  test("lives on where it answers again in time", () => {
    const node = up("heart-1");
    failures.unreachable("heart-1", 3000, "it is silent");
    expect(node.why).toContain("made anew");
    failures.reachable("heart-1");
    clock.advance(60_000);
    expect([done, node.why]).toEqual([["reconnect-bus to heart-1"], ""]);
  });

  test("of another machine is given up by everybody at once", () => {
    up("heart-2@far", true);
    failures.unreachable("heart-2@far", 3000, "it is silent");
    expect(done).toEqual([
      'node-host.lost {"id":"heart-2@far","instanceID":"life-1"}',
      "heart-2@far is given up: it is silent",
    ]);
  });

  test("is left alone while the orchestrator itself was late, or is the orchestrator's own", () => {
    up("nervous-1");
    up("heart-1");
    failures.unreachable("nervous-1", 3000, "it is silent");
    late = true;
    failures.unreachable("heart-1", 3000, "it is silent");
    expect(done).toEqual([]);
  });
});
