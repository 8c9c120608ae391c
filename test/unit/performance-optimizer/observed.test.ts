import { describe, expect, test } from "@jest/globals";
import type { VitalsReport } from "../../../runtime/vitals/node-vitals.ts";
import { Observed } from "../../../services/muscles/performance-optimizer/observed.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { report } from "./report.ts";

const MB = 1024 * 1024;
const vitals = (change: Partial<VitalsReport> = {}) =>
  ({
    node: "heart-1",
    instanceId: "life-1",
    memory: 90 * MB,
    heapLimit: 500 * MB,
    loopDelay: { p99: 4 },
    ...change,
  }) as VitalsReport;
const setUp = () => {
  const clock = new FakeClock();
  return { clock, observed: new Observed({ now: () => clock.now(), after: (ms, run) => clock.after(ms, run) }) };
};

describe("what nodes tell", () => {
  test("is of reports and of vitals; what is no number is not known", () => {
    const { observed } = setUp();
    expect(observed.report(report({ heapAfterGc: 50 * MB }))).toMatchObject({ isNew: true });
    observed.vitals(vitals());
    observed.vitals(vitals({ node: "heart-2", loopDelay: { p99: Number.NaN } as never }));
    expect(observed.memory.status().map(({ node }) => node)).toEqual(["heart-1", "heart-2"]);
    expect([observed.loopDelayOf("heart-1"), observed.loopDelayOf("heart-2")]).toEqual([4, undefined]);
    observed.vitals(vitals({ node: 7 as never }));
    expect(observed.report({ node: 7 })).toBeUndefined();
  });

  test("of a node that goes down is forgotten, also its last word that comes late", () => {
    const { clock, observed } = setUp();
    observed.report(report());
    observed.vitals(vitals());
    observed.nodeDown("heart-1");
    expect(observed.memory.status()).toEqual([]);
    observed.vitals(vitals());
    clock.advance(60_000);
    observed.vitals(vitals({ node: "heart-2" }));
    clock.advance(60_001);
    observed.tidy();
    expect(observed.memory.status().map(({ node }) => node)).toEqual(["heart-2"]);
    expect(observed.loopDelayOf("heart-1")).toBeUndefined();
    expect(observed.measurements.nodes.size).toBe(0);
  });

  test("is missed since the last report, and since it began where none came", () => {
    const { clock, observed } = setUp();
    clock.advance(3000);
    expect(observed.silence).toBe(3000);
    observed.report(report());
    clock.advance(1000);
    expect(observed.silence).toBe(1000);
  });
});
