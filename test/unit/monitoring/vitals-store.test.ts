import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { bucketOf } from "../../../runtime/vitals/histogram.ts";
import type { VitalsReport } from "../../../runtime/vitals/node-vitals.ts";
import { VitalsStore } from "../../../services/nervous/monitoring-service/vitals-store.ts";

const report = (seq: number, change: Partial<VitalsReport> = {}): VitalsReport => ({
  node: "heart-1",
  at: 0,
  seq,
  instanceId: "life-1",
  cpu: 50,
  memory: 1000,
  heapUsed: 500,
  heapLimit: 1000,
  loopDelay: { p50: 0, p99: seq, max: 2 },
  utilisation: 0.5,
  uptime: 1,
  actions: [action(seq + 1)],
  breakers: [],
  lost: [{ service: "ledger", count: seq + 1 }],
  calls: { retries: 1, refusedHolds: 2 },
  logLinesLost: 3,
  ...change,
});
const action = (calls: number, change: Partial<VitalsReport["actions"][number]> = {}) => ({
  name: "ledger.add",
  service: "ledger",
  errors: 1,
  inFlight: 0,
  sum: calls * 100,
  buckets: [bucketOf(100), calls],
  ...change,
});

describe("the vitals of all nodes", () => {
  test("are counted once, in whatever order and however often reports come", () => {
    const order = fc
      .subarray(
        Array.from({ length: 12 }, (_, i) => i),
        { minLength: 1 },
      )
      .chain((seqs) =>
        fc.tuple(fc.constant(seqs), fc.shuffledSubarray([...seqs, ...seqs], { minLength: 2 * seqs.length })),
      );
    fc.assert(
      fc.property(order, ([seqs, arrivals]) => {
        const store = new VitalsStore();
        for (const seq of arrivals) store.take(report(seq));
        const { count, errors, latency } = store.ofService("ledger");
        expect(count).toBe(seqs.reduce((sum, seq) => sum + seq + 1, 0));
        expect(errors).toBe(seqs.length);
        expect(latency.sum).toBe(count * 100);
        expect(store.lostOf("ledger")).toBe(count);
        const times = seqs.length;
        expect(store.callers()).toMatchObject([{ retries: times, refusedHolds: 2 * times, logLinesLost: 3 * times }]);
      }),
    );
  });

  test("show the newest state, also where an older report comes later", () => {
    const store = new VitalsStore();
    store.take(report(5, { actions: [action(1, { inFlight: 2 })] }));
    store.take(report(4, { actions: [action(1, { inFlight: 9 })] }));
    expect(store.nodes()[0]!.report).toMatchObject({ seq: 5 });
    expect(store.actions()[0]!.inFlight).toBe(2);
  });

  test("go on counting in the next life of a node, whose numbers begin anew", () => {
    const store = new VitalsStore();
    store.take(report(7));
    store.take(report(0, { instanceId: "life-2" }));
    store.take(report(8));
    expect(store.ofService("ledger").count).toBe(8 + 1 + 9);
    expect(store.nodes()[0]!.report.instanceId).toBe("life-2");
  });

  test("have nothing in flight any longer that a former life of the node has taken with it", () => {
    const store = new VitalsStore();
    store.take(report(7, { actions: [action(1, { inFlight: 3 })] }));
    store.take(report(0, { instanceId: "life-2", actions: [] }));
    expect(store.ofService("ledger").inFlight).toBe(0);
  });

  test("have nothing in flight on a node that reports no longer", () => {
    const store = new VitalsStore();
    store.take(report(0, { actions: [action(1, { inFlight: 3 })] }), 0);
    expect(store.nodes(14_999)).toHaveLength(1);
    expect(store.ofService("ledger", 14_999).inFlight).toBe(3);
    expect(store.nodes(15_000)).toEqual([]);
    expect(store.ofService("ledger", 15_000).inFlight).toBe(0);
    expect(store.ofService("ledger", 15_000).count).toBe(1);
  });

  test("are summed over the nodes of a service, without its health checks", () => {
    const store = new VitalsStore();
    store.take(report(0));
    store.take(
      report(0, {
        node: "heart-2",
        actions: [action(4), action(100, { name: "ledger.health" }), action(9, { service: "other", name: "other.x" })],
      }),
    );
    expect(store.ofService("ledger").count).toBe(5);
    expect(store.ofService("unknown").count).toBe(0);
  });

  test("hold a bounded memory of which reports have come", () => {
    const store = new VitalsStore();
    for (let seq = 0; seq < 5000; seq += 2) store.take(report(seq));
    store.take(report(1));
    // So late that it can no longer be told from a duplicate: not counted.
    expect(store.ofService("ledger").errors).toBe(2500);
  });

  test("show the breakers that are open now, and none of a node that reports no longer", () => {
    const store = new VitalsStore();
    const open = {
      caller: "a",
      callee: "b",
      node: "heart-2",
      state: "open",
      failures: 3,
      since: 0,
      reason: "x",
    } as const;
    store.take(report(0, { breakers: [open] }), 0);
    expect(store.breakers(1)).toEqual([{ ...open, on: "heart-1" }]);
    expect(store.breakers(15_000)).toEqual([]);
    store.take(report(1), 15_000);
    expect(store.breakers(15_000)).toEqual([]);
  });

  test("take the reports of a node that runs older code", () => {
    const { breakers: _b, lost: _l, calls: _c, logLinesLost: _ll, heapLimit: _h, ...older } = report(0);
    const store = new VitalsStore();
    store.take(older as VitalsReport);
    expect([store.breakers(), store.lostOf("ledger"), store.nodes().length]).toEqual([[], 0, 1]);
  });
});
