import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { BrokerOptions, Context } from "moleculer";
import type { PerformanceReport } from "../../../models/performance.ts";
import { callable, LoadNodes, outcome, until } from "./load-nodes.ts";

describe("what a node knows of its calls", () => {
  let nodes: LoadNodes;
  beforeEach(() => {
    nodes = new LoadNodes();
  });
  afterEach(() => nodes.stop());

  test("a call that a project's middleware ends by throwing is over", async () => {
    const careless = {
      name: "Careless",
      localAction: () => () => {
        throw new Error("thrown at once");
      },
    };
    const own = { middlewares: [careless], cacher: false } as unknown as BrokerOptions;
    const { broker, load } = await nodes.node("one", [{ name: "mill", actions: { grind: () => "flour" } }], own);
    for (let i = 0; i < 3; i++) expect(await outcome(broker.call("mill.grind"))).toBe("thrown at once");
    expect([...load.loads()].map(({ action, inFlight }) => [action, inFlight])).toEqual([["mill.grind", 0]]);
  });

  test("how long an action works is told without its hooks, which wait for others", async () => {
    const { broker, limits } = await nodes.node("one", [
      {
        name: "mill",
        hooks: { before: { grind: () => sleep(40) as never } },
        actions: { grind: () => "flour" },
      },
    ]);
    for (let i = 0; i < 5; i++) await broker.call("mill.grind");
    const report = limits.gate("mill.grind")!.report()!;
    expect(report).toMatchObject({ calls: 5 });
    expect(report.sum / 5).toBeLessThan(20_000);
  });

  test("a report a second tells of paths and of what was served, in increments that add up", async () => {
    const reports: PerformanceReport[] = [];
    await nodes.node("listener", [
      {
        name: "listener",
        events: { "node.performance": (ctx: Context<PerformanceReport>) => void reports.push(ctx.params) },
      },
    ]);
    await nodes.node("far", [
      { name: "ledger", actions: { add: () => 1, fail: () => Promise.reject(new Error("no")) } },
    ]);
    const near = await nodes.node("near", [
      { name: "teller", actions: { pay: (ctx: Context<{ what: string }>) => ctx.call(`ledger.${ctx.params.what}`) } },
    ]);
    await callable(near, "ledger.add");
    for (let i = 0; i < 300; i++) {
      await outcome(near.broker.call("teller.pay", { what: i % 10 === 0 ? "look" : "add" }));
      await outcome(near.broker.call("teller.pay", { what: i % 100 === 0 ? "fail" : "add" }));
      if (i % 100 === 0) await sleep(400);
    }
    const of = (node: string) => reports.filter((report) => report.node === node);
    const paths = () => of("near").flatMap((report) => report.paths.filter(({ caller }) => caller === "teller"));
    const served = () => of("far").flatMap((report) => report.served);
    const sum = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0);
    await until("all is told", () => sum(paths().map(({ calls }) => calls)) >= 570);
    await until("all is told", () => sum(served().map(({ calls }) => calls)) >= 570);
    const adds = paths().filter(({ action }) => action === "ledger.add");
    expect(sum(adds.map(({ calls }) => calls))).toBe(567);
    expect(sum(adds.flatMap(({ buckets }) => buckets.filter((_, i) => i % 2 === 1)))).toBe(567);
    expect(adds.every(({ node, service }) => node === "far" && service === "ledger")).toBe(true);
    expect(sum(paths().map(({ failures }) => failures))).toBe(3);
    expect(sum(served().map(({ calls }) => calls))).toBe(570);
    expect(sum(served().map(({ failures }) => failures))).toBe(3);
    for (const node of ["near", "far"]) {
      const seqs = of(node).map(({ seq }) => seq);
      expect(seqs).toEqual(seqs.map((_, i) => seqs[0]! + i));
      for (const { span, instanceId, uncounted, cpu } of of(node)) {
        expect(span).toBeGreaterThan(0);
        expect([instanceId.length > 0, uncounted, cpu.user >= 0]).toEqual([true, 0, true]);
      }
    }
    // Nobody calls those of the node itself on somebody's behalf.
    expect(reports.flatMap((report) => report.paths).filter(({ service }) => service === "node-performance")).toEqual(
      [],
    );
  });
});
