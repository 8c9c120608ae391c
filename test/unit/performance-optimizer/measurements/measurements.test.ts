import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Measurements } from "../../../../services/muscles/performance-optimizer/measurements/measurements.ts";
import { performanceMetrics } from "../../../../services/muscles/performance-optimizer/measurements/metrics.ts";
import { Ring } from "../../../../services/muscles/performance-optimizer/measurements/ring.ts";
import { timeSpent } from "../../../../services/muscles/performance-optimizer/measurements/time-spent.ts";
import { GarbageKnob } from "../../../../services/muscles/performance-optimizer/pools/garbage-knob.ts";
import { PoolSizer } from "../../../../services/muscles/performance-optimizer/pools/pool-sizer.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { path, pool, report, served } from "../report.ts";

function setUp(options: { maxServices?: number; maxActions?: number; maxPairs?: number; room?: number } = {}) {
  const clock = new FakeClock(600_000);
  const measurements = new Measurements({ now: () => clock.now(), ...options });
  const since = clock.now();
  const metrics = (service?: string) =>
    performanceMetrics({
      measurements,
      now: clock.now(),
      since,
      at: new Date(0),
      service,
      trendOf: () => "steady",
      carriers: new Map(),
    });
  return { clock, measurements, metrics };
}

describe("what nodes tell", () => {
  test("becomes throughput, latency, errors and where the time goes", () => {
    const { clock, measurements, metrics } = setUp();
    for (let seq = 1; seq <= 60; seq++) {
      measurements.take(
        report({
          seq,
          paths: [
            path(10, 20_000, { failures: 1 }),
            path(20, 4000, { caller: "shop", service: "stock", action: "stock.get" }),
          ],
          served: [
            served(10, 18_000, { queueSum: 20_000 }),
            served(20, 3000, { service: "stock", action: "stock.get" }),
          ],
          queries: [{ service: "shop", count: 30, sum: 50_000 }],
          gc: { count: 1, sum: 2400, longest: 2400 },
        }),
      );
      clock.advance(1000);
    }
    const { services, organism, window } = metrics();
    const shop = services.find(({ service }) => service === "shop")!;
    expect(window).toBe(60);
    expect(shop.calls).toBeGreaterThanOrEqual(590);
    expect(shop.throughput).toBeCloseTo(10, 0);
    expect(shop.errorRate).toBeCloseTo(0.1, 5);
    expect(shop.latency.mean).toBeCloseTo(20, 1);
    expect(Math.abs(shop.latency.p95 - 20)).toBeLessThan(1);
    // Of 18 ms: 8 for the stock, 5 for the database, 1.8 % of the second's 2.4 ms of collections, and what is left.
    expect(shop.time.waiting).toEqual([{ service: "stock", time: expect.closeTo(8, 5) }]);
    expect(shop.time.database).toBeCloseTo(5, 5);
    expect(shop.time.queueing).toBeCloseTo(2, 5);
    expect(shop.time.gc).toBeCloseTo(0.0432, 4);
    expect(shop.time.own + shop.time.gc + 13).toBeCloseTo(18, 5);
    expect(shop.time.parallel).toBe(1);
    expect(organism.calls).toBeGreaterThanOrEqual(3 * 590);
    expect(metrics("stock").services.map(({ service }) => service)).toEqual(["stock"]);
  });

  test("calls of programs outside are seen where they are served", () => {
    const { measurements, metrics } = setUp();
    measurements.take(report({ served: [served(10, 8000, { failures: 5 })] }));
    const { services } = metrics();
    expect(services[0]).toMatchObject({ service: "shop", calls: 10, errorRate: 0.5 });
    expect(Math.abs(services[0]!.latency.p50 - 8)).toBeLessThan(0.3);
  });

  test("the last minute forgets what was before it", () => {
    const { clock, measurements, metrics } = setUp();
    measurements.take(report({ paths: [path(10, 1000)] }));
    clock.advance(120_000);
    expect(metrics("shop").services[0]).toMatchObject({ calls: 0, throughput: 0 });
  });
});

describe("reports that are not to be believed", () => {
  test.each([
    ["nothing", undefined],
    ["text", "report"],
    ["no node", { ...report(), node: "" }],
    ["a name without end", { ...report(), node: "x".repeat(10_000) }],
    ["a negative number", { ...report(), seq: -1 }],
    ["no time at all", { ...report(), span: 0 }],
    ["a year", { ...report(), span: 3.2e10 }],
    ["a time that is no number", { ...report(), at: Number.NaN }],
  ])("a report of %s is left out and counted", (_, given) => {
    const { measurements } = setUp();
    expect(measurements.take(given)).toBeUndefined();
    expect(measurements.refused.reports).toBe(1);
    expect(measurements.services.size).toBe(0);
  });

  test.each([
    ["a sum of 10^300", path(1, 1000, { sum: 1e300 })],
    ["a negative count", path(1, 1000, { calls: -5 })],
    ["a count that is no number", path(1, 1000, { calls: Number.NaN })],
    ["endless time", path(1, 1000, { latency: Number.POSITIVE_INFINITY })],
    ["a bucket that does not exist", path(1, 1000, { buckets: [9999, 1] })],
    ["no name", path(1, 1000, { action: undefined as never })],
  ])("of a report only the path with %s is left out", (_, wrong) => {
    const { measurements, metrics } = setUp();
    measurements.take(report({ paths: [wrong, path(7, 1000)] }));
    expect(measurements.refused.parts).toBe(1);
    expect(metrics("shop").services[0]!.calls).toBe(7);
  });

  test("is handed on without what is impossible in it", () => {
    const { measurements } = setUp();
    const given = { ...report(), pools: [pool(), pool({ name: "broken", size: Number.NaN })], served: 7, gc: null };
    const taken = measurements.take(given)!;
    expect(taken.report.pools.map(({ name }) => name)).toEqual(["database"]);
    expect(taken.report).toMatchObject({ served: [], gc: { count: 0, sum: 0, longest: 0 } });
  });

  test("out of order, twice, and of a dead life: once is all that counts", () => {
    const { measurements, metrics } = setUp();
    const one = report({ seq: 5, paths: [path(10, 1000)] });
    expect(measurements.take(one)).toMatchObject({ isNew: true });
    expect(measurements.take(one)).toBeUndefined();
    expect(measurements.take({ ...one, seq: 4 })).toBeUndefined();
    expect(measurements.take({ ...one, instanceId: "life-2", seq: 0 })).toMatchObject({ isNew: true });
    expect(measurements.take({ ...one, seq: 6 })).toBeUndefined();
    expect(measurements.refused.late).toBe(3);
    expect(metrics("shop").services[0]!.calls).toBe(20);
  });

  test("the machine's clock may jump: ages are told by another one", () => {
    const { clock, measurements, metrics } = setUp();
    for (const [seq, at] of [1e12, 1, 9e15, 5].entries()) {
      measurements.take(report({ seq, at, paths: [path(10, 1000)] }));
      clock.advance(1000);
    }
    expect(metrics("shop").services[0]!.calls).toBe(40);
  });

  test("whatever comes, it takes no more room than it may", () => {
    const { measurements } = setUp({ maxServices: 5, maxActions: 10, maxPairs: 4, room: 100 });
    for (let i = 0; i < 500; i++) {
      const name = `s${i}`;
      const change = { caller: `c${i}`, service: name, action: `${name}.a` };
      measurements.take(
        report({
          seq: i + 1,
          node: `n${i % 3}`,
          paths: [path(5, 100 + i, { ...change, node: `n${i % 50}` })],
          served: [served(5, 100, change)],
          pools: [],
        }),
      );
    }
    expect(measurements.services.size).toBe(5);
    expect(measurements.actions.figures().length).toBeLessThanOrEqual(10);
    expect(measurements.actions.latencies.size).toBeLessThanOrEqual(100);
    expect(measurements.refused.room).toBeGreaterThan(900);
  });

  test("no report makes it throw", () => {
    const anything = fc.anything({ withBigInt: true, withNullPrototype: true, withSparseArray: true });
    const field = fc.constantFrom("paths", "served", "caches", "queries", "pools", "gc", "cpu", "heapAfterGc");
    fc.assert(
      fc.property(field, anything, (name, value) => {
        const { measurements, metrics } = setUp();
        const taken = measurements.take({ ...report(), [name]: value });
        // Others look at it too.
        new GarbageKnob(
          async () => {},
          () => 0,
        ).observe(taken!.report);
        new PoolSizer({ record() {}, resize: async () => ({ before: 1, after: 1 }), done() {} }).observe(
          taken!.report,
          0,
        );
        measurements.take(value);
        metrics();
      }),
      { numRuns: 300 },
    );
  });
});

describe("nodes that come and go", () => {
  test("nothing runs, and nothing is let in, on a node that is down; what it did in the minute stays", () => {
    const { measurements } = setUp();
    for (const node of ["heart-1", "heart-2"])
      measurements.take(report({ node, served: [served(10, 1000, { limit: 20, running: 7 })] }));
    measurements.nodeDown("heart-2");
    const figures = measurements.actions.figures("shop");
    expect(figures.find(({ node }) => node === "heart-1")).toMatchObject({ limit: 20, running: 7, served: 10 });
    expect(figures.find(({ node }) => node === "heart-2")).toMatchObject({ limit: null, running: 0, served: 10 });
    expect(measurements.nodes.figures().map(({ node }) => node)).toEqual(["heart-1"]);
  });

  test("a node that is stopped, of which nobody says that it is down, is gone after two minutes of silence", () => {
    const { clock, measurements, metrics } = setUp();
    const told = (node: string, seq: number) =>
      report({ node, seq, served: [served(10, 1000, { limit: 20, running: 7 })], pools: [pool({ name: "database" })] });
    measurements.take(told("heart-2", 1));
    for (let seq = 1; seq <= 180; seq++) {
      measurements.take(told("heart-1", seq));
      clock.advance(1000);
    }
    measurements.tidy();
    expect(metrics().organism.nodes).toBe(1);
    expect(measurements.pools().map(({ node }) => node)).toEqual(["heart-1"]);
    expect(measurements.actions.figures().map(({ node, limit }) => [node, limit])).toEqual([
      ["heart-2", null],
      ["heart-1", 20],
    ]);
    expect(measurements.take(told("heart-2", 200))).toMatchObject({ isNew: false });
  });

  test("new nodes are heard however many have gone before them, as pods do that have a new name each time", () => {
    const { clock, measurements } = setUp();
    for (let i = 0; i < 1500; i++) {
      expect(measurements.take(report({ node: `muscles-1@pod-${i}` }))).toMatchObject({ isNew: true });
      measurements.nodeDown(`muscles-1@pod-${i}`);
    }
    // Of some nobody says that they are down.
    for (let i = 0; i < 1000; i++) measurements.take(report({ node: `muscles-2@pod-${i}` }));
    expect(measurements.take(report({ node: "heart-1" }))).toBeUndefined();
    clock.advance(3 * 60_000);
    measurements.tidy();
    expect(measurements.take(report({ node: "heart-1" }))).toMatchObject({ isNew: true });
  });

  test("a late report of a dead life is told from a new life", () => {
    const { measurements } = setUp();
    measurements.take(report({ seq: 5 }));
    measurements.nodeDown("heart-1");
    expect(measurements.take(report({ seq: 6 }))).toBeUndefined();
    expect(measurements.nodes.size).toBe(0);
    expect(measurements.take(report({ seq: 1, instanceId: "life-2" }))).toMatchObject({ isNew: true });
    expect(measurements.take(report({ seq: 7 }))).toBeUndefined();
  });

  test("a node of another machine that could not be reached for a while is heard again, in the same life", () => {
    const { clock, measurements } = setUp();
    measurements.take(report({ seq: 5 }));
    measurements.nodeDown("heart-1");
    expect(measurements.lifeOf("heart-1")).toBeUndefined();
    clock.advance(10_000);
    expect(measurements.take(report({ seq: 15 }))).toMatchObject({ isNew: false });
    expect(measurements.lifeOf("heart-1")).toBe("life-1");
    expect(measurements.nodes.size).toBe(1);
  });
});

describe("where the time of a call goes", () => {
  const amount = fc.double({ min: 0, max: 1e9, noNaN: true });

  test("the parts make up the whole, whatever runs beside what", () => {
    fc.assert(
      fc.property(
        amount,
        amount,
        amount,
        amount,
        amount,
        amount,
        (servedSum, queueSum, querySum, gcSum, one, other) => {
          const spent = timeSpent({
            served: 10,
            servedSum,
            queueSum,
            querySum,
            gcSum,
            waits: [
              { service: "a", sum: one },
              { service: "b", sum: other },
            ],
          });
          const waiting = spent.waiting.reduce((sum, { time }) => sum + time, 0);
          const whole = (servedSum + queueSum) / 10_000;
          expect(Math.abs(spent.own + spent.gc + spent.database + spent.queueing + waiting - whole)).toBeLessThan(
            1e-3 + whole * 1e-9,
          );
          for (const part of [spent.own, spent.gc, spent.database, spent.queueing])
            expect(part).toBeGreaterThanOrEqual(0);
        },
      ),
    );
  });

  test("children that run at once are cut down to the time of the call, and it says so", () => {
    const waits = ["a", "b", "c"].map((service) => ({ service, sum: 90_000 }));
    const spent = timeSpent({ served: 1, servedSum: 100_000, queueSum: 0, querySum: 0, gcSum: 0, waits });
    expect(spent.parallel).toBeCloseTo(2.7, 5);
    expect(spent.waiting.map(({ time }) => Math.round(time))).toEqual([33, 33, 33]);
    expect(spent.own).toBeCloseTo(0, 5);
  });
});

describe("a ring of sums", () => {
  test("holds what a list of everything would say, also when time stands still or goes back", () => {
    const events = fc.array(fc.tuple(fc.integer({ min: -5000, max: 5000 }), fc.integer({ min: 1, max: 9 })), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(events, (steps) => {
        const ring = new Ring(1, 8, 1000);
        const all: { slot: number; value: number }[] = [];
        let now = 50_000;
        let newest = 0;
        for (const [step, value] of steps) {
          now = Math.max(0, now + step);
          newest = Math.max(newest, Math.floor(now / 1000));
          ring.add(now, 0, value);
          all.push({ slot: newest, value });
        }
        for (const slots of [1, 3, 8]) {
          const wanted = all.filter(({ slot }) => slot > newest - slots).reduce((sum, { value }) => sum + value, 0);
          expect(ring.sum(now, 0, slots * 1000)).toBe(steps.length === 0 ? 0 : wanted);
        }
      }),
    );
  });
});
