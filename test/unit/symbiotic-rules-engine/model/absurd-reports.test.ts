import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { METRICS, type Metric } from "../../../../models/metrics.ts";
import type { OrganismState } from "../../../../models/organism-state.ts";
import { ModelBench, metricsOf } from "./reports.ts";

const absurd = fc.oneof(
  fc.constantFrom<unknown>(
    Number.NaN,
    Number.POSITIVE_INFINITY,
    -1,
    1e300,
    -1e300,
    "12",
    null,
    undefined,
    true,
    [],
    {},
    () => 1,
    10n,
    Symbol("x"),
    "__proto__",
  ),
  fc.anything({ withBigInt: true, withNullPrototype: true }),
);

function expectWithinBounds(state: OrganismState): void {
  for (const { metrics, health, confidence } of state.systems) {
    for (const [name, { value, age }] of Object.entries(metrics)) {
      const { min, max } = METRICS[name as Metric];
      if (value !== null) {
        expect(value).toBeGreaterThanOrEqual(min);
        expect(value).toBeLessThanOrEqual(max);
      }
      if (age !== null) expect(age).toBeGreaterThanOrEqual(0);
    }
    for (const share of [health / 100, confidence]) {
      expect(share).toBeGreaterThanOrEqual(0);
      expect(share).toBeLessThanOrEqual(1);
    }
  }
  for (const { rate, latency, errorRate } of state.flows)
    for (const value of [rate, latency, errorRate]) expect(Number.isFinite(value)).toBe(true);
  expect(state.harmony.score).toBeGreaterThanOrEqual(0);
  expect(state.harmony.score).toBeLessThanOrEqual(100);
}

/** A path to some field of a report, and what is put there. */
const damage = fc.array(fc.tuple(fc.nat(40), fc.nat(6), fc.nat(6), absurd), { minLength: 1, maxLength: 6 });

/** Overwrites fields of a report, at most three levels deep. */
function damaged<T extends object>(report: T, hits: [number, number, number, unknown][]): T {
  const copy = structuredClone(report) as Record<string, unknown>;
  for (const [first, second, third, value] of hits) {
    let target = copy;
    const keys = [first, second, third];
    for (let level = 0; level < keys.length; level++) {
      const names = Object.keys(target).filter((name) => !(level === 0 && ["node"].includes(name)));
      if (names.length === 0) break;
      const name = names[keys[level]! % names.length]!;
      const next = target[name];
      if (level < 2 && typeof next === "object" && next !== null && Object.keys(next).length > 0) {
        target = next as Record<string, unknown>;
        continue;
      }
      target[name] = value;
      break;
    }
  }
  return copy as T;
}

describe("a node that sends absurd reports", () => {
  it("never makes the model throw, nor leave its bounds, whatever comes", () => {
    fc.assert(
      fc.property(absurd, absurd, absurd, fc.anything(), (one, two, three, four) => {
        const { model } = new ModelBench();
        model.vitals(one);
        model.performance(two);
        model.own("heart-service", three);
        model.services(four as never);
        model.nodeDown(one as never);
        expectWithinBounds(model.tick());
      }),
      { numRuns: 100 },
    );
  });

  it("does not change what is said of another system, and is itself within bounds", () => {
    fc.assert(
      fc.property(
        fc.array(damage, { minLength: 3, maxLength: 3 }),
        fc.array(damage, { minLength: 3, maxLength: 3 }),
        (vitals, performance) => {
          const [bench, quiet] = [new ModelBench(), new ModelBench()];
          const second = { calls: 10, running: 2, cpu: 30 };
          for (let i = 0; i < 3; i++) {
            for (const one of [bench, quiet]) {
              one.pass(1000);
              one.tell("heart-1", second);
            }
            bench.model.vitals(damaged(bench.vitals("brain-1", i, second), vitals[i]!));
            bench.model.performance(damaged(bench.performance("brain-1", i, second), performance[i]!));
            const state = bench.model.tick();
            expectWithinBounds(state);
            const alone = quiet.model.tick();
            // A service may say that it belongs elsewhere: the call counts alone can be touched by that.
            const heart = metricsOf(state, "heart");
            for (const metric of ["requestRate", "errorRate", "latencyP50", "latencyP95"]) delete heart[metric];
            expect(metricsOf(alone, "heart")).toMatchObject(heart);
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  it.each([
    ["cpu", { cpu: Number.NaN }, "cpu"],
    ["cpu", { cpu: -3 }, "cpu"],
    ["cpu", { cpu: 1e300 }, "cpu"],
    ["loopDelay.p99", { loopDelay: { p99: 1e300 } }, "eventLoopDelay"],
    ["loopDelay.p99", { loopDelay: null }, "eventLoopDelay"],
    ["heapLimit", { heapLimit: "much" }, "memoryUsage"],
  ])(
    "has an unknown metric where %s is absurd (%j), which is counted, and the other node's stands",
    (field, vitals, metric) => {
      const bench = new ModelBench();
      const one = bench.seconds(2, { "brain-1": { vitals } });
      expect(metricsOf(one, "brain")[metric]).toBeNull();
      expect(metricsOf(one, "brain")["load"]).not.toBeNull();
      expect(bench.model.faults()).toContainEqual({ node: "brain-1", what: `vitals.${field} is absurd`, count: 2 });
      const both = bench.second({ "brain-1": { vitals }, "brain-2": { cpu: 50, delay: 7, heap: 0.5 } });
      expect(metricsOf(both, "brain")).toMatchObject({ cpu: expect.any(Number), [metric]: expect.any(Number) });
    },
  );

  it("is told when its clock is off, and is believed otherwise", () => {
    const bench = new ModelBench();
    const state = bench.seconds(2, { "brain-1": { cpu: 33, vitals: { at: 5 }, performance: { at: Number.NaN } } });
    expect(metricsOf(state, "brain")["cpu"]).toBe(33);
    expect(state.systems[0]!.metrics.cpu.age).toBe(0);
    expect(bench.model.faults()).toEqual([
      { node: "brain-1", what: "vitals.at: its clock is off", count: 2 },
      { node: "brain-1", what: "performance.at: its clock is off", count: 2 },
    ]);
  });

  it("cannot make up nodes without end, nor faults", () => {
    const bench = new ModelBench();
    for (let i = 0; i < 1200; i++) bench.model.vitals(bench.vitals(`brain-${i}`, 0));
    expect(bench.model.tick().systems[0]!.nodes).toHaveLength(500);
    expect(bench.model.faults().length).toBeLessThanOrEqual(501);
    expect(bench.model.faults().reduce((sum, { count }) => sum + count, 0)).toBe(700);
  });

  it("cannot fill the model with names of actions", () => {
    const bench = new ModelBench();
    const actions = Array.from({ length: 6000 }, (_, i) => ({
      name: `s.a${i}`,
      service: "s",
      errors: 0,
      buckets: [1, 1],
    }));
    const state = bench.second({ "brain-1": { vitals: { actions } } });
    expect(metricsOf(state, "brain")["requestRate"]).toBe(5000);
    expect(bench.model.faults()).toContainEqual({ node: "brain-1", what: "vitals.actions has too many", count: 1000 });
  });
});
