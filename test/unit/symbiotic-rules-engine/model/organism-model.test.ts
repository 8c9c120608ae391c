import { describe, expect, it } from "@jest/globals";
import { SYSTEMS } from "../../../../models/metrics.ts";
import { bucketOf } from "../../../../runtime/vitals/histogram.ts";
import { ModelBench, metricsOf, path } from "./reports.ts";

describe("the organism's model", () => {
  it("tells of each system what its nodes say, and the age of it", () => {
    const bench = new ModelBench();
    bench.seconds(6, {
      "heart-1": { cpu: 40, utilisation: 0.5, heap: 0.2, delay: 12, calls: 250, faults: 1, latency: 20 },
    });
    bench.model.services([{ name: "heart-service", system: "heart", status: "healthy", restarts: { "heart-1": 3 } }]);
    bench.pass(500);
    const state = bench.model.tick();
    const heart = metricsOf(state, "heart");
    expect(heart).toMatchObject({
      load: 50,
      cpu: 40,
      memoryUsage: 20,
      eventLoopDelay: 12,
      requestRate: 250,
      errorRate: 0.4,
      queueDepth: 0,
      concurrency: 0,
      healthyRatio: 100,
      restarts: 0,
      saturation: 0,
    });
    expect(heart["latencyP50"]).toBeCloseTo(20, -1);
    expect(state.systems.find(({ system }) => system === "heart")).toMatchObject({
      nodes: ["heart-1"],
      confidence: 1,
      health: 100,
      metrics: { load: { age: 500 }, healthyRatio: { age: 500 } },
    });
    expect(state.harmony).toMatchObject({ score: 100, confidence: 1 });
    expect(state.at).toBe("2026-01-01T00:00:06.500Z");
  });

  it("writes to the columns what it knows, and NaN for what it does not", () => {
    const bench = new ModelBench();
    bench.second({ "heart-1": { cpu: 40 } });
    const value = (key: string) => bench.columns.values[bench.columns.find(key)!];
    expect(value("heart.cpu")).toBe(40);
    expect(value("heart.latencyP95")).toBeNaN();
    expect(value("brain.cpu")).toBeNaN();
    expect(value("organism.harmony")).toBe(100);
    expect(bench.columns.keys).toHaveLength(7 * 14 + 2);
  });

  it("knows nothing of a system whose nodes have been silent for 3.5 s, and does not take silence for recovery", () => {
    const bench = new ModelBench();
    const hot = { "heart-1": { utilisation: 1, cpu: 100, running: 10, waiting: 40, calls: 50 } };
    const before = bench.seconds(5, hot);
    bench.pass(3500);
    expect(metricsOf(bench.model.tick(), "heart")["load"]).toBe(100);
    bench.pass(1);
    const after = bench.model.tick();
    for (const value of Object.values(metricsOf(after, "heart"))) expect(value).toBeNull();
    expect(after.harmony.score).toBeCloseTo(before.harmony.score, 9);
    expect(after.harmony.confidence).toBe(0);
    expect(after.explanation.unknown).toContain("heart.load");
    expect(after.explanation.costs[0]!.why).toMatch(/was last known at/);
    expect(after.systems[1]!.metrics.load).toEqual({ value: null, age: 3501 });
    // What nobody knows any more costs less and less, and at last nothing.
    bench.pass(50_000);
    const later = bench.model.tick().harmony.score;
    expect(later).toBeGreaterThan(after.harmony.score);
    bench.pass(60_000);
    expect(bench.model.tick().harmony.score).toBe(100);
  });

  it("goes on with what a silent node said last, while the others of its system are well", () => {
    const bench = new ModelBench();
    const before = bench.seconds(5, { "heart-1": { utilisation: 1, delay: 900 }, "heart-2": {} });
    const after = bench.seconds(4, { "heart-2": {} });
    expect(metricsOf(after, "heart")).toMatchObject({ load: 2, eventLoopDelay: 3 });
    expect(after.harmony.score).toBeCloseTo(before.harmony.score, 9);
    expect(after.harmony.confidence).toBeLessThan(0.9);
  });

  it("forgets at once a node that is down, and takes nothing of its dead life any more", () => {
    const bench = new ModelBench();
    bench.seconds(4, { "heart-1": { utilisation: 1 }, "heart-2": {} });
    bench.model.nodeDown("heart-1");
    expect(metricsOf(bench.second({ "heart-2": {} }), "heart")["load"]).toBe(2);
    bench.tell("heart-1", { utilisation: 1 });
    expect(bench.model.tick().systems[1]!.nodes).toEqual(["heart-2"]);
    bench.life = "life-2";
    bench.tell("heart-1", {});
    expect(bench.model.tick().systems[1]!.nodes).toEqual(["heart-1", "heart-2"]);
  });

  it("hears a node again that was out of reach and is back, without a restart", () => {
    const bench = new ModelBench();
    bench.seconds(4, { "heart-1@far": {}, "heart-2": {} });
    bench.model.nodeDown("heart-1@far");
    bench.tell("heart-1@far");
    expect(bench.model.tick().systems[1]!.nodes).toEqual(["heart-2"]);
    bench.model.nodeUp("heart-1@far");
    const state = bench.seconds(2, { "heart-1@far": {}, "heart-2": {} });
    expect(state.systems[1]!.nodes).toEqual(["heart-1@far", "heart-2"]);
    expect(metricsOf(state, "heart")["restarts"] ?? 0).toBe(0);
  });

  it("takes nothing of a dead life once there is a new one, whenever it is said to be up", () => {
    const bench = new ModelBench();
    bench.seconds(4, { "heart-1": {} });
    bench.model.nodeDown("heart-1");
    bench.model.nodeUp("heart-1");
    bench.life = "life-2";
    bench.second({ "heart-1": {} });
    bench.life = "life-1";
    bench.tell("heart-1", { utilisation: 1 });
    bench.life = "life-2";
    expect(metricsOf(bench.seconds(2, { "heart-1": {} }), "heart")["load"]).toBe(2);
  });

  it("takes a report once, and none that is older than what it has", () => {
    const bench = new ModelBench();
    bench.second({ "heart-1": { calls: 100 } });
    bench.model.vitals(bench.vitals("heart-1", 0, { calls: 100 }));
    expect(metricsOf(bench.model.tick(), "heart")["requestRate"]).toBe(100);
    expect(bench.model.faults()).toEqual([{ node: "heart-1", what: "vitals: late or twice", count: 1 }]);
  });

  it("takes no latency from actions that last as long as what they wait for, and counts their calls", () => {
    const bench = new ModelBench();
    const work = { service: "heart-service", faults: 0, inFlight: 0, sum: 0 };
    const order = { ...work, name: "heart-service.order", errors: 1, faults: 1, isUntimed: true, buckets: [300, 1] };
    const call = { ...work, name: "heart-service.work", errors: 0, buckets: [bucketOf(5000), 4] };
    const alone = metricsOf(bench.second({ "heart-1": { vitals: { actions: [order] } } }), "heart");
    expect(alone).toMatchObject({ requestRate: 1, errorRate: 100, latencyP50: null, latencyP95: null });
    const both = metricsOf(bench.second({ "heart-1": { vitals: { actions: [order, call] } } }), "heart");
    expect(both).toMatchObject({ requestRate: 3, latencyP50: expect.closeTo(5, 0), latencyP95: expect.closeTo(5, 0) });
  });

  it("says no latency where nobody calls, and that no call failed", () => {
    const bench = new ModelBench();
    const state = bench.seconds(3, { "heart-1": {} });
    expect(metricsOf(state, "heart")).toMatchObject({
      latencyP50: null,
      latencyP95: null,
      errorRate: 0,
      requestRate: 0,
    });
    expect(state.explanation.unknown).not.toContain("heart.latencyP95");
  });

  it("adds up the nodes of a system: calls, the worst of some, the mean of others", () => {
    const bench = new ModelBench();
    const state = bench.seconds(6, {
      "lungs-1": { cpu: 80, heap: 0.5, delay: 50, calls: 30, latency: 10, running: 4, waiting: 6 },
      "lungs-2@far.example": { cpu: 20, heap: 0.1, delay: 5, calls: 10, latency: 100, running: 2 },
    });
    expect(metricsOf(state, "lungs")).toMatchObject({
      cpu: 50,
      memoryUsage: 50,
      eventLoopDelay: 50,
      requestRate: 40,
      queueDepth: 6,
      concurrency: 6,
    });
    const { latencyP50, latencyP95, load } = metricsOf(state, "lungs");
    expect(latencyP50).toBeGreaterThan(9);
    expect(latencyP50).toBeLessThan(11);
    expect(latencyP95).toBeGreaterThan(96);
    // The mean of 80 and 20, and the worst: half of each.
    expect(load).toBe(65);
  });

  it("takes for load what has least left: processor, event loop, heap, or places", () => {
    const load = (second: Parameters<ModelBench["seconds"]>[1][string]) =>
      metricsOf(new ModelBench().seconds(4, { "brain-1": second }), "brain")["load"];
    expect(load({ cpu: 70 })).toBe(70);
    expect(load({ cpu: 380 })).toBe(100);
    expect(load({ utilisation: 0.8 })).toBe(80);
    expect(load({ heap: 0.9 })).toBeCloseTo(90, 9);
    expect(load({ running: 10, waiting: 3 })).toBe(100);
    expect(load({ running: 10 })).toBe(90);
    // One call in one place stands in nobody's way.
    expect(load({ running: 1, limit: 1 })).toBe(2);
    expect(load({ running: 1, limit: 1, waiting: 1 })).toBe(100);
    expect(load({ running: 50, limit: null })).toBe(2);
  });

  it("does not take a second's burst for load", () => {
    const bench = new ModelBench();
    bench.seconds(5, { "brain-1": { utilisation: 0.05 } });
    expect(metricsOf(bench.second({ "brain-1": { utilisation: 1 } }), "brain")["load"]).toBeCloseTo(36.7, 1);
    expect(metricsOf(bench.seconds(2, { "brain-1": { utilisation: 1 } }), "brain")["load"]).toBe(100);
  });

  it("says the same however often it is asked within a second", () => {
    const [often, seldom] = [new ModelBench(), new ModelBench()];
    for (let i = 0; i < 40; i++) {
      const second = {
        "brain-1": { calls: 50, latency: 100 + 10 * i, running: i % 10, waiting: i % 3, utilisation: 0.1 * (i % 9) },
      };
      for (let ask = 0; ask < 9; ask++) often.model.tick();
      expect(often.second(second)).toEqual(seldom.second(second));
    }
  });

  it.each([
    [1, 5],
    [10, 50],
    [75, 100],
  ])("takes %i %% of refused calls for %i %% of the places, whatever else is seen of them", (refused, saturation) => {
    const bench = new ModelBench();
    const metrics = metricsOf(
      bench.seconds(5, { "heart-1": { calls: 1000 - 10 * refused, refused: 10 * refused } }),
      "heart",
    );
    expect(metrics["refusalRate"]).toBeCloseTo(refused, 0);
    expect(metrics["saturation"]).toBeCloseTo(saturation, 0);
    expect(metrics["load"]).toBeGreaterThanOrEqual(metrics["saturation"]!);
  });

  it("makes little of one refusal in a quiet time", () => {
    const bench = new ModelBench();
    bench.seconds(4, { "brain-1": {} });
    const { harmony, systems } = bench.second({ "brain-1": { refused: 1 } });
    expect(systems[0]!.metrics.refusalRate.value).toBeCloseTo(16.7, 1);
    expect(harmony.score).toBeGreaterThan(60);
    expect(bench.seconds(6, { "brain-1": {} }).harmony.score).toBe(100);
  });

  it("leaves calls out that rules refuse: a rule that sheds would hold itself active", () => {
    const bench = new ModelBench();
    const refused = { limit: 0, overload: 0, late: 0, shed: 90 };
    const served = bench.performance("brain-1", 0, { calls: 10 }).served.map((one) => ({ ...one, refused }));
    const state = bench.seconds(5, { "brain-1": { calls: 10, performance: { served } } });
    expect(metricsOf(state, "brain")).toMatchObject({ refusalRate: 0, saturation: 0, load: 2 });
  });

  it("says who calls whom, how slow that is, and how much of it is waiting", () => {
    const bench = new ModelBench();
    const state = bench.seconds(6, {
      "lungs-1": { paths: [path("lungs-service", "heart-1", 20, 65, 1), path("lungs-1", "lungs-1", 9, 9)] },
      "heart-1": { calls: 20, work: 15, paths: [path("heart-service", "muscles-1", 5, 30)] },
    });
    expect(state.flows).toEqual([
      { from: "heart", to: "muscles", rate: 5, latency: 30, waiting: null, errorRate: 0 },
      { from: "lungs", to: "heart", rate: 20, latency: 65, waiting: 50, errorRate: 5 },
    ]);
    expect(state.harmony.flow).toBeLessThan(100);
  });

  it("keeps in mind that systems wait for each other when the one that told it falls silent", () => {
    const bench = new ModelBench();
    const waits = {
      "lungs-1": { paths: [path("lungs-service", "heart-1", 20, 800)] },
      "heart-1": { calls: 20, work: 1 },
    };
    const { flow } = bench.seconds(6, waits).harmony;
    const after = bench.seconds(4, { "heart-1": { calls: 20, work: 1 } });
    expect(after.flows).toEqual([]);
    expect(flow).toBeLessThan(90);
    expect(after.harmony.flow).toBeCloseTo(flow, 9);
  });

  it("has no harmony before it knows of anything, and no costs for systems that are not there", () => {
    const bench = new ModelBench();
    const { systems, harmony, explanation } = bench.model.tick();
    expect(systems.map(({ system }) => system)).toEqual(SYSTEMS);
    expect(harmony).toMatchObject({ confidence: 0 });
    expect(explanation.costs).toEqual([]);
    expect(explanation.unknown).toEqual([]);
    expect(bench.columns.values[bench.columns.find("organism.harmony")!]).toBeNaN();
    bench.model.services([]);
    expect(bench.second({ "nervous-1": {} }).harmony).toMatchObject({ score: 100, confidence: 1 });
  });

  it("tells usual slowness from new slowness", () => {
    const bench = new ModelBench();
    const usual = bench.seconds(60, { "brain-1": { calls: 50, latency: 2000 } });
    expect(usual.harmony.score).toBe(100);
    const slower = bench.seconds(10, { "brain-1": { calls: 50, latency: 12_000 } });
    expect(slower.explanation.costs.map(({ metric }) => metric)).toEqual(["latencyP95", "latencyP50"]);
    expect(slower.harmony.score).toBeLessThan(90);
  });
});

describe("services of a system", () => {
  const list = (...statuses: string[]) =>
    statuses.map((status, i) => ({ name: `s${i}`, system: "heart", status, restarts: { "heart-1": 0 } }));

  it("are healthy in part: degraded ones count half, those that begin or were stopped not at all", () => {
    const ratio = (...statuses: string[]) => {
      const bench = new ModelBench();
      bench.model.services(list(...statuses));
      return metricsOf(bench.model.tick(), "heart")["healthyRatio"];
    };
    expect(ratio("healthy", "healthy", "degraded", "unhealthy")).toBe(62.5);
    expect(ratio("healthy", "starting", "waiting", "stopped")).toBe(100);
    expect(ratio("timeout", "quarantined")).toBe(0);
    expect(ratio("starting")).toBeNull();
  });

  it("are at once all that is judged of a system whose services are guests of another one's node", () => {
    const bench = new ModelBench();
    const placed = new Set(["nervous"] as const);
    bench.model.services(list("healthy"), placed);
    const { harmony, explanation, systems } = bench.second({ "nervous-1": {} });
    expect(harmony).toMatchObject({ score: 100, confidence: 1 });
    expect(explanation.unknown).toEqual([]);
    expect(systems[1]).toMatchObject({ nodes: [], present: true, health: 100, confidence: 1 });
    // Nobody can say that a system is well that the organism does not have.
    expect(systems[0]).toMatchObject({ nodes: [], present: false, confidence: 0 });
    // A node that should be there and says nothing is another matter.
    bench.model.services(list("healthy"), new Set(["nervous", "heart"] as const));
    expect(bench.second({ "nervous-1": {} }).harmony.confidence).toBeLessThan(0.9);
  });

  it("are all that is judged of a system that has programs and no nodes", () => {
    const bench = new ModelBench();
    bench.seconds(91, { "nervous-1": {} });
    bench.model.services(list("healthy"));
    const { harmony, explanation, systems } = bench.second({ "nervous-1": {} });
    expect(harmony).toMatchObject({ score: 100, confidence: 1 });
    expect(explanation.unknown).toEqual([]);
    expect(systems[1]).toMatchObject({ nodes: [], health: 100, confidence: 1 });
    bench.model.services(list("unhealthy"));
    expect(bench.model.tick().harmony.score).toBeLessThan(25);
  });

  it("cost nothing, and no confidence, while they are being launched", () => {
    const bench = new ModelBench();
    bench.model.services(list("waiting", "starting"));
    const { harmony, explanation } = bench.second({ "heart-1": {} });
    expect(harmony).toMatchObject({ score: 100, confidence: 1 });
    expect(explanation.unknown).toEqual([]);
  });

  it("are unknown when nobody has told of them for 15 s, and a failure is not over for that", () => {
    const bench = new ModelBench();
    bench.model.services(list("unhealthy"));
    const before = bench.second({ "heart-1": {} });
    const after = bench.seconds(15, { "heart-1": {} });
    expect(metricsOf(after, "heart")).toMatchObject({ healthyRatio: null, restarts: null });
    expect(after.harmony.score).toBeCloseTo(before.harmony.score, 9);
    expect(after.harmony.confidence).toBeLessThan(before.harmony.confidence);
  });

  it("tell how often they were restarted in the last ten minutes, and so do new lives of nodes", () => {
    const bench = new ModelBench();
    const restarts = (count: number) => {
      bench.model.services([{ name: "a", system: "heart", status: "healthy", restarts: { "heart-1": count } }]);
      return metricsOf(bench.second({ "heart-1": {} }), "heart")["restarts"];
    };
    expect(restarts(7)).toBe(0);
    expect(restarts(9)).toBe(2);
    bench.pass(10_000);
    bench.life = "life-2";
    expect(restarts(9)).toBe(3);
    bench.pass(10_000);
    // Who counts has begun anew.
    expect(restarts(1)).toBe(3);
    expect(restarts(2)).toBe(4);
    bench.pass(590_000);
    expect(restarts(2)).toBe(1);
    bench.pass(20_000);
    expect(restarts(2)).toBe(0);
  });

  it("count a service whose instances are restarted one after the other as restarted once", () => {
    const bench = new ModelBench();
    const restarts = (...counts: number[]) => {
      const byNode = Object.fromEntries(counts.map((count, i) => [`heart-${i + 1}`, count]));
      bench.model.services([{ name: "a", system: "heart", status: "healthy", restarts: byNode }]);
      return metricsOf(bench.second({ "heart-1": {} }), "heart")["restarts"];
    };
    expect(restarts(0, 0, 0, 0)).toBe(0);
    expect(restarts(1, 1, 0, 0)).toBe(1);
    expect(restarts(1, 1, 1, 1)).toBe(1);
    // One that dies again and again is another matter.
    expect(restarts(4, 1, 1, 1)).toBe(4);
  });

  it("count as one restart when they went down with their node, however many they are", () => {
    const bench = new ModelBench();
    const list = (count: number) =>
      Array.from({ length: 20 }, (_, i) => ({
        name: `s${i}`,
        system: "heart",
        status: "healthy",
        restarts: { "heart-1": count },
      }));
    bench.model.services(list(0));
    bench.second({ "heart-1": {} });
    bench.life = "life-2";
    bench.model.services(list(1));
    const { harmony, systems } = bench.second({ "heart-1": {} });
    expect(systems[1]!.metrics.restarts.value).toBe(1);
    expect(harmony.score).toBe(100);
  });
});

describe("own metrics of services", () => {
  it("stand beside those of their system, by the name of their service", () => {
    const bench = new ModelBench();
    bench.model.own("heart-service", { signups: 12, "refunds-open": 3 });
    bench.pass(1000);
    const { systems } = bench.model.tick();
    expect(systems[1]!.own).toEqual({
      "heart-service.signups": { value: 12, age: 1000 },
      "heart-service.refunds-open": { value: 3, age: 1000 },
    });
    expect(bench.columns.values[bench.columns.find("heart.heart-service.signups")!]).toBe(12);
  });

  it("are stale when they fail to come in the rhythm in which they came", () => {
    const bench = new ModelBench();
    const own = () => bench.model.tick().systems[1]!.own["heart-service.a"]!.value;
    bench.model.own("heart-service", { a: 1 });
    bench.pass(60_000);
    expect(own()).toBe(1);
    bench.pass(1);
    expect(own()).toBeNull();
    bench.model.own("heart-service", { a: 1 });
    bench.pass(10_000);
    bench.model.own("heart-service", { a: 2 });
    bench.pass(35_000);
    expect(own()).toBe(2);
    bench.pass(1);
    expect(own()).toBeNull();
  });

  it("are bounded for each service and in all, and what is too much is counted", () => {
    const bench = new ModelBench();
    const many = (prefix: string) => Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`${prefix}${i}`, i]));
    bench.model.own("heart-service", many("a"));
    bench.model.own("heart-service", many("b"));
    bench.model.own("nobody", { a: 1 });
    bench.model.own("heart-service", { "bad name": 1, "x.y": 2 });
    bench.model.own("heart-service", "text");
    expect(Object.keys(bench.model.tick().systems[1]!.own)).toHaveLength(50);
    expect(bench.model.faults()).toEqual(
      expect.arrayContaining([
        { node: "heart-service", what: "too many own metrics", count: 70 },
        { node: "heart-service", what: "an own metric has a name that is none", count: 2 },
        { node: "heart-service", what: "own metrics are no object", count: 1 },
        { node: "nobody", what: "own metrics of an unknown service", count: 1 },
      ]),
    );
  });
});
