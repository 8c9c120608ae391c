import { describe, expect, test } from "@jest/globals";
import type { Topology } from "../../../../models/topology.ts";
import { AzoraError } from "../../../../runtime/errors.ts";
import { SituationSource } from "../../../../services/brain/symbiotic-rules-engine/alerts/situation-source.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { stateOf } from "./situations.ts";

function topologyOf(incarnation = 1, nodes = ["heart-1", "brain-1"]): Topology {
  const service = { name: "shop", organ: "heart", status: "healthy", priority: "high", why: "" };
  return {
    launched: true,
    services: [{ ...service, instances: [{ node: "heart-1", pid: 7, incarnation, status: "healthy" }] }],
    nodes: nodes.map((id) => ({ id, organ: id.split("-")[0], status: "up" })),
  } as unknown as Topology;
}

const vitals = {
  node: "heart-1",
  heapUsed: 10,
  heapLimit: 100,
  disk: { free: 5, total: 50 },
  files: { open: 3, limit: 9 },
};
const pool = { name: "database", kind: "database", inUse: 2, max: 20, waiting: 0 };

function world() {
  const clock = new FakeClock();
  const source = new SituationSource({ clock });
  return { clock, source, now: () => source.situation(stateOf()) };
}

describe("what alerts are judged by", () => {
  test("names the nodes that should be there, and what they tell", () => {
    const { source, now } = world();
    source.topology(topologyOf());
    source.vitals(vitals);
    source.performance({
      node: "heart-1",
      pools: [pool, { ...pool, kind: "memory" }, { ...pool, kind: "bus" }, { ...pool, max: Number.NaN }, null],
    });
    const nothing = { heap: null, files: null, disk: null, places: null };
    expect(now().nodes).toEqual([
      {
        node: "heart-1",
        system: "heart",
        status: "up",
        heap: { used: 10, limit: 100 },
        files: vitals.files,
        disk: vitals.disk,
        places: [{ name: "database", inUse: 2, max: 20, waiting: 0 }],
      },
      { node: "brain-1", system: "brain", status: "up", ...nothing },
    ]);
  });

  test("is not known before anyone has told it, and when it is too old", () => {
    const { clock, source, now } = world();
    expect(now()).toMatchObject({
      launching: false,
      services: null,
      nodes: null,
      chain: { intact: null, alarms: null },
    });
    source.topology(topologyOf());
    source.vitals(vitals);
    source.chain({ alarms: [] });
    clock.advance(5001);
    source.topology(null);
    expect(now().nodes![0]).toMatchObject({ status: "up", heap: null, disk: null });
    clock.advance(10_000);
    expect(now()).toMatchObject({ services: null, nodes: null, chain: { intact: null, alarms: null } });
  });

  test("is not shaken by reports that are none", () => {
    const { source, now } = world();
    for (const odd of [null, undefined, 7, "x", {}, { node: 7 }, { node: "a", pools: 3 }, []]) {
      source.vitals(odd);
      source.performance(odd);
      source.chain(odd);
      source.chainAlarm(odd);
    }
    for (let i = 0; i < 5000; i++) source.vitals({ node: `n${i}` });
    source.topology(topologyOf());
    expect(now()).toMatchObject({ nodes: [{ heap: null }, { heap: null }], chain: { intact: null, gaps: [] } });
  });

  test("counts restarts of the last ten minutes, as soon as these are known", () => {
    const { clock, source, now } = world();
    const restarts = () => now().services![0]!.restarts;
    source.topology(topologyOf(40));
    expect(restarts()).toBeNull();
    source.topology(topologyOf(42));
    expect(restarts()).toBeNull();
    source.topology(topologyOf(43));
    expect(restarts()).toBe(3);
    clock.advance(599_000);
    source.topology(topologyOf(44));
    expect(restarts()).toBe(4);
    clock.advance(1000);
    source.topology(topologyOf(44));
    expect(restarts()).toBe(1);
    clock.advance(600_000);
    source.topology(topologyOf(44, ["heart-1"]));
    expect(restarts()).toBe(0);
  });

  test("counts a service whose instances are restarted one after the other as restarted once", () => {
    const { clock, source, now } = world();
    const instances = (...lives: number[]) => {
      const topology = topologyOf();
      const many = lives.map((incarnation, i) => ({ node: `heart-${i + 1}`, pid: 7, incarnation, status: "healthy" }));
      source.topology({ ...topology, services: [{ ...topology.services[0]!, instances: many }] });
    };
    instances(1, 1, 1, 1);
    clock.advance(700_000);
    instances(2, 2, 1, 1);
    clock.advance(2000);
    instances(2, 2, 2, 2);
    expect(now().services![0]!.restarts).toBe(1);
    instances(5, 2, 2, 2);
    expect(now().services![0]!.restarts).toBe(4);
  });

  test("counts no first start, and not the service that is restarted to see whether that works", () => {
    const { clock, source, now } = world();
    const selfTest = (incarnation: number) => {
      const topology = topologyOf(incarnation);
      topology.services[0]!.capabilities = ["runtime", "self-test"];
      return topology;
    };
    source.topology(topologyOf(0));
    source.topology(topologyOf(1));
    clock.advance(600_000);
    source.topology(topologyOf(1));
    expect(now().services![0]!.restarts).toBe(0);
    source.topology(selfTest(9));
    expect(now().services![0]!.restarts).toBeNull();
  });

  test("knows a broken chain by its alarms, or by the error with which it answers", () => {
    const { source, now } = world();
    source.chain({ alarms: [{ code: "CHAIN_UNWITNESSED", why: "nobody" }] });
    expect(now().chain).toMatchObject({ intact: true, alarms: [{ code: "CHAIN_UNWITNESSED" }] });
    source.chain({ alarms: [{ code: "CHAIN_ROLLED_BACK", why: "older" }] });
    expect(now().chain.intact).toBe(false);
    source.chain(new AzoraError("CHAIN_CORRUPT", "entry 7 is altered"));
    expect(now().chain).toMatchObject({
      intact: false,
      alarms: [{ code: "CHAIN_CORRUPT", why: "entry 7 is altered" }],
    });
    source.chain(new AzoraError("CHAIN_UNAVAILABLE", "no disk"));
    expect(now().chain).toMatchObject({ intact: null, alarms: [{ code: "CHAIN_UNAVAILABLE", why: "no disk" }] });
  });

  test("does not take a chain for broken that is only not there", () => {
    const { clock, source, now } = world();
    source.chain({ alarms: [] });
    source.chain(new AzoraError("SERVICE_UNAVAILABLE", "it restarts"));
    expect(now().chain.intact).toBe(true);
    clock.advance(16_000);
    source.chain(new AzoraError("SERVICE_UNAVAILABLE", "it restarts"));
    expect(now().chain).toMatchObject({ intact: null, alarms: null });
  });

  test("remembers gaps for an hour, since no other call tells them", () => {
    const { clock, source, now } = world();
    for (let i = 0; i < 200; i++) source.chainAlarm({ code: "CHAIN_INCOMPLETE", why: `gap ${i}` });
    source.chainAlarm({ code: "CHAIN_UNWITNESSED", why: "no gap" });
    expect(now().chain.gaps).toHaveLength(100);
    expect(now().chain.gaps.at(-1)).toBe("gap 199");
    clock.advance(3_600_000);
    expect(now().chain.gaps).toEqual([]);
  });
});
