import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { PlannedService } from "../../../runtime/discovery/plan.ts";
import { type Gated, LAST_PHASE, launchGate } from "../../../services/nervous/master-orchestrator/launch-gate.ts";
import { SERVICE_STATUSES, type ServiceStatus } from "../../../services/nervous/master-orchestrator/service-status.ts";
import { planned } from "./plans.ts";

const LIMITS = { parallelLaunchLimit: 10, defaultStartupTimeout: 60_000 };

function gated(
  name: string,
  status: ServiceStatus,
  change: Partial<PlannedService> & { startingFor?: number } = {},
): Gated {
  const { startingFor = 0, ...rest } = change;
  return { planned: planned(name, rest), status, startingFor, missing: status === "waiting" };
}
const gate = (services: Gated[], starting = 0) => launchGate(services, starting, LIMITS);
const UP = ["healthy", "degraded"];

describe("the launch", () => {
  test("opens phase after phase", () => {
    const later = gated("b", "waiting", { launchPhase: 3 });
    const first = gate([gated("a", "waiting", { launchPhase: 1 }), later]);
    expect([first.phase, first.open, first.waiting.get("b")]).toEqual([1, ["a"], "waiting for phase 1: a (waiting)"]);
    expect(gate([gated("a", "starting", { launchPhase: 1, startingFor: 2100 }), later]).waiting.get("b")).toBe(
      "waiting for phase 1: a (starting, 2.1 s)",
    );
    for (const status of ["healthy", "degraded", "timeout", "quarantined", "stopped"] as const)
      expect(gate([gated("a", status, { launchPhase: 1 }), later]).open).toEqual(["b"]);
  });

  test("is over when all are settled", () => {
    expect(gate([gated("a", "healthy"), gated("b", "timeout")])).toEqual({
      phase: LAST_PHASE + 1,
      open: [],
      waiting: new Map(),
    });
    expect(gate([]).phase).toBe(LAST_PHASE + 1);
  });

  test("goes on past a service that is over its start-up time", () => {
    const late = (startingFor: number) =>
      gate([gated("a", "starting", { launchPhase: 1, startingFor }), gated("b", "waiting", { launchPhase: 2 })]).open;
    expect(late(60_000)).toEqual([]);
    expect(late(60_001)).toEqual(["b"]);
    const own = gated("a", "unhealthy", { launchPhase: 1, startingFor: 501, startupTimeout: 500 });
    expect(gate([own, gated("b", "waiting", { launchPhase: 2 })]).open).toEqual(["b"]);
  });

  test("is serial in phase 0", () => {
    const systems = ["a", "b", "c"].map((name) => gated(name, "waiting", { launchPhase: 0 }));
    expect(gate(systems).open).toEqual(["a"]);
    const second = gate(systems, 1);
    expect(second.open).toEqual([]);
    expect(second.waiting.get("a")).toBe("waiting for its turn (1 are starting)");
  });

  test("starts ten at a time in the other phases", () => {
    const many = Array.from({ length: 15 }, (_, i) => gated(`s${i}`, "waiting"));
    expect(gate(many).open).toHaveLength(10);
    expect(gate(many, 7).open).toHaveLength(3);
    expect(gate(many, 12).open).toEqual([]);
  });

  test("waits for hard dependencies, and says which", () => {
    const services = [
      gated("auth", "starting", { startingFor: 2100 }),
      gated("shop", "waiting", { dependencies: ["auth"] }),
      gated("other", "waiting"),
    ];
    const { open, waiting } = gate(services);
    expect(open).toEqual(["other"]);
    expect(waiting.get("shop")).toBe("waiting for auth (starting, 2.1 s)");
    expect(gate([gated("auth", "degraded"), services[1]!]).open).toEqual(["shop"]);
  });

  test("is not held up by what waits for something that does not come", () => {
    const services = [
      gated("auth", "timeout", { launchPhase: 1 }),
      gated("shop", "waiting", { launchPhase: 1, dependencies: ["auth"] }),
      gated("till", "waiting", { launchPhase: 1, dependencies: ["shop"] }),
      gated("free", "waiting", { launchPhase: 2 }),
    ];
    const { open, waiting } = gate(services);
    expect(open).toEqual(["free"]);
    expect(waiting.get("shop")).toBe("waiting for auth (timeout)");
    expect(waiting.get("till")).toBe("waiting for shop (waiting)");
  });

  test("lets what was stuck start as soon as what it needs is there", () => {
    const shop = gated("shop", "waiting", { launchPhase: 1, dependencies: ["auth"] });
    const healed = [gated("auth", "healthy", { launchPhase: 1 }), shop, gated("free", "healthy", { launchPhase: 2 })];
    expect(gate(healed).open).toEqual(["shop"]);
  });

  test("answers at once for sixty layers of services that all need the layer before", () => {
    const services = Array.from({ length: 180 }, (_, i) => {
      const layer = Math.floor(i / 3);
      const dependencies = layer === 0 ? [] : [0, 1, 2].map((other) => `s${(layer - 1) * 3 + other}`);
      return gated(`s${i}`, "waiting", { dependencies });
    });
    const start = performance.now();
    expect(gate(services).open).toEqual(["s0", "s1", "s2"]);
    expect(performance.now() - start).toBeLessThan(500);
  });

  test("never opens a service whose hard dependency is not up, and opens within its limits only", () => {
    const names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    const services = fc.tuple(
      ...names.map((name, index) =>
        fc
          .record({
            status: fc.constantFrom(...SERVICE_STATUSES),
            launchPhase: fc.integer({ min: 0, max: LAST_PHASE }),
            startingFor: fc.constantFrom(0, 1000, 70_000),
            dependencies: fc.subarray(names.slice(0, index)),
          })
          .map(({ status, ...change }) => gated(name, status, change)),
      ),
    );
    fc.assert(
      fc.property(services, fc.integer({ min: 0, max: 12 }), (all, starting) => {
        const { phase, open, waiting } = gate(all, starting);
        const byName = new Map(all.map((one) => [one.planned.name, one]));
        for (const name of open) {
          const { planned, missing } = byName.get(name)!;
          expect(missing).toBe(true);
          expect(planned.launchPhase).toBeLessThanOrEqual(phase);
          for (const other of planned.dependencies) expect(UP).toContain(byName.get(other)!.status);
        }
        expect(open.length).toBeLessThanOrEqual(Math.max(0, (phase === 0 ? 1 : 10) - starting));
        // Whoever is missing either starts or is told why not.
        for (const { planned, missing } of all)
          expect(Number(open.includes(planned.name)) + Number(waiting.has(planned.name))).toBe(missing ? 1 : 0);
      }),
    );
  });

  test("always comes to its end, whatever fails on the way", () => {
    const names = ["a", "b", "c", "d", "e", "f"];
    const plan = fc.tuple(
      ...names.map((name, index) =>
        fc.record({
          name: fc.constant(name),
          outcome: fc.constantFrom<ServiceStatus>("healthy", "degraded", "timeout", "quarantined"),
          launchPhase: fc.integer({ min: 0, max: LAST_PHASE }),
          dependencies: fc.subarray(names.slice(0, index)),
        }),
      ),
    );
    fc.assert(
      fc.property(plan, (wanted) => {
        const phaseOf = (name: string): number => {
          const { launchPhase, dependencies } = wanted.find((one) => one.name === name)!;
          return Math.max(launchPhase, ...dependencies.map(phaseOf));
        };
        const all = wanted.map(({ name, dependencies }) =>
          gated(name, "waiting", { dependencies, launchPhase: phaseOf(name) }),
        );
        for (let round = 0; round < 20; round++) {
          const { open } = gate(all);
          if (open.length === 0) break;
          for (const name of open) {
            const one = all.find(({ planned }) => planned.name === name)!;
            Object.assign(one, { status: wanted.find((other) => other.name === name)!.outcome, missing: false });
          }
        }
        expect(gate(all).phase).toBe(LAST_PHASE + 1);
        // What could start has been started.
        for (const { planned, status } of all)
          if (planned.dependencies.every((other) => UP.includes(all.find((one) => one.planned.name === other)!.status)))
            expect(status).not.toBe("waiting");
      }),
    );
  });
});
