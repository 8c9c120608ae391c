import { describe, expect, test } from "@jest/globals";
import { BUILT_IN_ALERTS } from "../../../../runtime/alerts/built-in/definitions.ts";
import { OBSERVATIONS } from "../../../../services/brain/symbiotic-rules-engine/alerts/observations/observe.ts";
import { AlertWorld, node, service, situation, stateOf } from "./situations.ts";

const shopFailed = situation({ services: [service("shop", "unhealthy", { why: "it does not answer" })] });
const shopWell = situation({ services: [service("shop")] });

describe("an alert", () => {
  test("is not fired by a healthy organism, however long it is watched", () => {
    const world = new AlertWorld();
    world.pass(3600);
    expect(world.list()).toEqual([]);
    expect(world.changes).toEqual([]);
  });

  test("fires once what it is about has held for its time, and is told once", () => {
    const world = new AlertWorld();
    world.pass(30, shopFailed);
    expect(world.list()).toEqual(["pending service-failed shop"]);
    world.pass(600, shopFailed);
    expect(world.list()).toEqual(["firing service-failed shop"]);
    expect(world.told()).toEqual(["firing service-failed shop"]);
    expect(world.manager.list()[0]).toMatchObject({
      severity: "warning",
      group: "heart",
      summary: "shop is unhealthy: it does not answer",
      value: 0,
      times: 1,
    });
  });

  test("is forgotten where it ends before its time", () => {
    const world = new AlertWorld();
    world.pass(25, shopFailed);
    world.pass(1, shopWell);
    expect(world.list()).toEqual([]);
    world.pass(25, shopFailed);
    expect(world.list()).toEqual(["pending service-failed shop"]);
    expect(world.changes).toEqual([]);
  });

  test("is critical at once for a service without which the organism is critical", () => {
    const world = new AlertWorld();
    world.pass(11, situation({ services: [service("till", "quarantined", { priority: "critical" })] }));
    expect(world.list()).toEqual(["firing critical-service-failed till"]);
    expect(world.manager.counts()).toEqual({ info: 0, warning: 0, critical: 1, notKept: 0, forgotten: 0 });
  });

  test("resolves when its cause has been seen to be gone for a while", () => {
    const world = new AlertWorld();
    world.pass(31, shopFailed);
    world.pass(29, shopWell);
    expect(world.list()).toEqual(["firing service-failed shop"]);
    world.pass(1, shopWell);
    expect(world.list()).toEqual(["resolved service-failed shop"]);
    expect(world.manager.list()[0]).toMatchObject({ end: "cleared", value: 1 });
    world.pass(1800, shopWell);
    expect(world.list()).toEqual([]);
    expect(world.told()).toEqual(["firing service-failed shop", "resolved service-failed shop"]);
  });

  test("becomes more severe with its value, and milder only after a while", () => {
    const world = new AlertWorld();
    const used = (share: number) =>
      situation({ nodes: [node("heart-1", { heap: { used: share * 1000, limit: 1000 } })] });
    world.pass(61, used(0.87));
    expect(world.manager.counts()).toMatchObject({ warning: 1, critical: 0 });
    world.pass(16, used(0.96));
    expect(world.manager.counts()).toMatchObject({ warning: 0, critical: 1 });
    world.pass(60, used(0.92));
    expect(world.manager.counts()).toMatchObject({ warning: 0, critical: 1 });
    world.pass(30, used(0.89));
    expect(world.manager.counts()).toMatchObject({ warning: 1, critical: 0 });
    world.pass(300, used(0.82));
    expect(world.manager.counts()).toMatchObject({ warning: 1, critical: 0 });
    world.pass(30, used(0.7));
    expect(world.told()).toEqual(
      ["firing", "severity", "severity", "resolved"].map((what) => `${what} memory-exhausted heart-1`),
    );
  });

  test.each([
    ["launching", situation({ launching: true, services: [service("shop", "waiting")], state: stateOf(10, 0.1) })],
    [
      "starting and waiting services",
      situation({ services: [service("shop", "starting"), service("till", "waiting")] }),
    ],
    ["a service that someone has stopped", situation({ services: [service("shop", "stopped")] })],
    ["a service that is there", shopWell],
  ])("is none for %s", (_, of) => {
    const world = new AlertWorld();
    world.pass(600, of);
    expect(world.list().filter((one) => one.startsWith("firing"))).toEqual([]);
  });

  test("has an observation for each definition", () => {
    expect(Object.keys(OBSERVATIONS)).toEqual(BUILT_IN_ALERTS.map(({ id }) => id));
  });
});

describe("what is not known", () => {
  const silent = situation({
    services: null,
    nodes: null,
    state: null,
    chain: { intact: null, alarms: null, gaps: [] },
  });

  test("resolves nothing, and is told beside what fires", () => {
    const world = new AlertWorld();
    world.pass(31, shopFailed);
    world.pass(3600, silent);
    expect(world.list()).toEqual(["firing service-failed shop"]);
    expect(world.manager.list()[0]).toMatchObject({ value: null, unknownSince: expect.any(String) });
    world.pass(31, shopWell);
    expect(world.list()).toEqual(["resolved service-failed shop"]);
  });

  test("fires nothing, and neither counts nor breaks a stretch that had begun", () => {
    const world = new AlertWorld();
    world.pass(20, shopFailed);
    world.pass(600, silent);
    expect(world.list()).toEqual(["pending service-failed shop"]);
    world.pass(11, shopFailed);
    expect(world.list()).toEqual(["pending service-failed shop"]);
    world.pass(1, shopFailed);
    expect(world.list()).toEqual(["firing service-failed shop"]);
  });

  test("makes an end that had begun to show begin anew", () => {
    const world = new AlertWorld();
    world.pass(31, shopFailed);
    for (let i = 0; i < 20; i++) {
      world.pass(20, shopWell);
      world.pass(1, silent);
    }
    expect(world.list()).toEqual(["firing service-failed shop"]);
  });

  test("is a node that does not report, not one that has room again", () => {
    const world = new AlertWorld();
    const full = { free: 1, total: 1000 };
    world.pass(11, situation({ nodes: [node("heart-1", { disk: full }), node("heart-1@far")] }));
    expect(world.list()).toEqual(["firing disk-exhausted disk"]);
    world.pass(
      300,
      situation({
        nodes: [node("heart-1", { disk: null, heap: null, files: null, places: null }), node("heart-1@far")],
      }),
    );
    expect(world.list()).toEqual(["firing disk-exhausted disk"]);
  });

  test("is not what has left the organism: its alert ends as gone", () => {
    const world = new AlertWorld();
    world.pass(31, shopFailed);
    world.pass(59, situation({ services: [service("till")] }));
    expect(world.list()).toEqual(["firing service-failed shop"]);
    world.pass(1, situation({ services: [service("till")] }));
    expect(world.manager.list()[0]).toMatchObject({ state: "resolved", end: "gone" });
  });

  test("is what happens while the engine hangs or the machine sleeps", () => {
    const world = new AlertWorld();
    world.pass(2, shopFailed);
    world.clock.advance(3_600_000);
    world.manager.tick(shopFailed);
    expect(world.list()).toEqual(["pending service-failed shop"]);
    world.pass(30, shopFailed);
    world.pass(2, shopWell);
    world.clock.advance(3_600_000);
    world.manager.tick(shopWell);
    expect(world.list()).toEqual(["firing service-failed shop"]);
  });

  test("is an absurd value", () => {
    const world = new AlertWorld();
    const state = stateOf(Number.NaN);
    state.systems[0]!.health = Number.NaN;
    state.systems[1]!.metrics.saturation.value = Number.POSITIVE_INFINITY;
    const heap = { used: Number.NaN, limit: 100 };
    world.pass(300, situation({ state, nodes: [node("heart-1", { heap, disk: { free: 1, total: Number.NaN } })] }));
    expect(world.list()).toEqual([]);
  });

  test("is a malformed fact, and costs no other alert", () => {
    const world = new AlertWorld();
    const broken = { ...shopFailed, nodes: 7, state: { systems: "none" } } as unknown as typeof shopFailed;
    world.pass(31, broken);
    expect(world.list()).toEqual(["firing service-failed shop"]);
    expect(world.manager.faults.count).toBeGreaterThan(0);
    expect(world.manager.faults.last).toMatch(/^[a-z-]+: /);
  });
});

describe("a service that flaps", () => {
  const every = (seconds: number, world: AlertWorld, times: number) => {
    for (let i = 0; i < times; i++) {
      world.pass(seconds, shopFailed);
      world.pass(seconds, shopWell);
    }
  };

  test("is told once while it fails and recovers within the time that an alert is kept", () => {
    const world = new AlertWorld();
    world.pass(31, shopFailed);
    every(15, world, 100);
    expect(world.told()).toEqual(["firing service-failed shop"]);
  });

  test("is told ever less often while it fails and recovers more slowly", () => {
    const world = new AlertWorld();
    every(45, world, 80);
    // Two hours with 80 failures.
    expect(world.changes.length).toBeLessThan(12);
    expect(world.manager.list()[0]!.times).toBeGreaterThan(1);
  });

  test("has an alert of its own where it never fails for long", () => {
    const world = new AlertWorld();
    for (let i = 0; i < 30; i++) {
      world.pass(5, situation({ services: [service("shop", "unhealthy", { restarts: i })] }));
      world.pass(5, situation({ services: [service("shop", "healthy", { restarts: i + 1 })] }));
    }
    expect(world.list()).toEqual(["firing service-flapping shop"]);
    expect(world.told()).toEqual(["firing service-flapping shop", "severity service-flapping shop"]);
  });
});

describe("a jump of the clock", () => {
  test.each([
    ["ahead", 86_400_000],
    ["back", -86_400_000],
  ])("%s fires and ends nothing", (_, ms) => {
    const world = new AlertWorld();
    world.pass(20, shopFailed);
    world.jump += ms;
    world.pass(5, shopFailed);
    expect(world.list()).toEqual(["pending service-failed shop"]);
    world.pass(6, shopFailed);
    world.jump += ms;
    world.pass(20, shopWell);
    expect(world.list()).toEqual(["firing service-failed shop"]);
  });
});

describe("harmony", () => {
  test("is an alert while it is low, and where it drops from high", () => {
    const world = new AlertWorld();
    world.pass(400, situation({ state: stateOf(100) }));
    world.pass(31, situation({ state: stateOf(74.9) }));
    expect(world.list()).toContain("firing harmony-dropped harmony");
    world.pass(31, situation({ state: stateOf(65) }));
    expect(world.list()).toContain("firing harmony-low harmony");
  });

  test("that is hardly known is an alert of its own, and no low harmony", () => {
    const world = new AlertWorld();
    world.pass(120, situation({ state: stateOf(10, 0.3) }));
    expect(world.list()).toEqual(["firing harmony-unknown harmony"]);
  });
});

describe("the audit chain", () => {
  test("is an alert at once when it is not intact, also during the launch", () => {
    const world = new AlertWorld();
    const alarms = [{ code: "CHAIN_CORRUPT", why: "entry 7 is altered" }];
    world.pass(1, situation({ launching: true, chain: { intact: false, alarms, gaps: [] } }));
    expect(world.manager.list()[0]).toMatchObject({
      alert: "chain-broken",
      severity: "critical",
      summary: "the audit chain is not intact: entry 7 is altered",
    });
  });
});

describe("a rule's alert", () => {
  const raised = {
    id: "too-many-orders",
    subject: "heart",
    severity: "warning" as const,
    summary: "12 a second",
    rule: "r1",
  };

  test("fires at once, is refreshed without a word, and ends when the rule does", () => {
    const world = new AlertWorld();
    world.manager.raised.raise(raised);
    world.manager.raised.raise({ ...raised, summary: "13 a second" });
    world.pass(3600);
    expect(world.manager.list()[0]).toMatchObject({
      state: "firing",
      group: "rules",
      rule: "r1",
      summary: "13 a second",
    });
    world.manager.raised.clearRule("r2");
    world.manager.raised.clearRule("r1");
    expect(world.told()).toEqual(["firing too-many-orders heart", "resolved too-many-orders heart"]);
  });

  test("ends a minute after its rule was last seen active, where nobody said that it ended", () => {
    const world = new AlertWorld();
    const active = (...rules: string[]) => situation({ activeRules: new Set(rules) });
    world.manager.raised.raise(raised);
    world.pass(300, active("r1"));
    world.pass(59, active());
    world.pass(1, active("r1"));
    world.pass(59, active());
    expect(world.list()).toEqual(["firing too-many-orders heart"]);
    world.pass(1, active());
    expect(world.manager.list()[0]).toMatchObject({ state: "resolved", end: "cleared" });
  });

  test("stays while it is not known which rules are active, also over a restart", () => {
    const world = new AlertWorld();
    world.manager.raised.raise(raised);
    world.restart(60_000);
    world.pass(600, situation({ activeRules: null }));
    expect(world.list()).toEqual(["firing too-many-orders heart"]);
    world.pass(60, situation({ activeRules: new Set() }));
    expect(world.list()).toEqual(["resolved too-many-orders heart"]);
  });

  test("is another one than the organism's own of the same name", () => {
    const world = new AlertWorld();
    world.manager.raised.raise({ ...raised, id: "service-failed", subject: "shop" });
    world.pass(31, shopFailed);
    world.manager.raised.clearRule(raised.rule);
    expect(world.list()).toEqual(["firing service-failed shop", "resolved service-failed shop"]);
  });
});

describe("a restart of the engine", () => {
  test("tells nothing again, forgets nothing and lets stretches go on", () => {
    const world = new AlertWorld();
    const failed = situation({ services: [service("shop", "unhealthy"), service("cart", "degraded")] });
    world.pass(40, failed);
    expect(world.list()).toEqual(["firing service-failed shop", "pending service-degraded cart"]);
    world.restart(3_600_000);
    expect(world.list()).toEqual(["firing service-failed shop", "pending service-degraded cart"]);
    world.pass(22, failed);
    expect(world.told()).toEqual(["firing service-failed shop", "firing service-degraded cart"]);
    world.restart();
    world.pass(31, situation({ services: [service("shop"), service("cart")] }));
    expect(world.told().slice(2).sort()).toEqual(["resolved service-degraded cart", "resolved service-failed shop"]);
  });

  test("takes what it has left only as far as it is whole", () => {
    const world = new AlertWorld();
    world.pass(31, shopFailed);
    const { records, silences } = world.manager.snapshot();
    const other = world.newManager();
    const odd = [null, 7, {}, { ...records[0], severity: "awful" }, { ...records[0], alert: "of-an-older-release" }];
    expect(other.restore({ records: [...odd, ...records, ...records] as typeof records, silences })).toBe(5);
    expect(other.list().map(({ state, alert, end }) => [state, alert, end])).toEqual([
      ["firing", "service-failed", null],
      // Nobody judges it any more: whoever was told that it fires is told its end.
      ["resolved", "of-an-older-release", "disabled"],
    ]);
    expect(world.newManager().restore({ records: "no list" } as never)).toBe(0);
  });
});
