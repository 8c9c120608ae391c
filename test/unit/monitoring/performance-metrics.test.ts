import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { VitalsRegistry } from "../../../runtime/vitals/action-vitals.ts";
import { NodeVitals } from "../../../runtime/vitals/node-vitals.ts";
import { PerformanceStore } from "../../../services/nervous/monitoring-service/performance-store.ts";
import { performanceText } from "../../../services/nervous/monitoring-service/performance-text.ts";
import { prometheusText } from "../../../services/nervous/monitoring-service/prometheus-text.ts";
import { VitalsStore } from "../../../services/nervous/monitoring-service/vitals-store.ts";
import { describeWith } from "../../support/needs.ts";
import { performanceReport } from "./performance-report.ts";

const DOCS = new URL("../../../docs/", import.meta.url);
const valuesOf = (text: string) =>
  new Map(
    text
      .split("\n")
      .filter((line) => line && !line.startsWith("#"))
      .map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ") + 1))]),
  );
const textOf = (...reports: ReturnType<typeof performanceReport>[]) => {
  const store = new PerformanceStore();
  for (const report of reports) store.take(report);
  return performanceText(store);
};

describe("performance metrics", () => {
  test("tell of everything that a node measures, in base units", () => {
    const found = valuesOf(textOf(performanceReport()));
    const path = '{node="heart-1",caller="shop",service="ledger",callee_node="brain-1"}';
    expect(found.get(`azora_path_duration_seconds_count${path}`)).toBe(20);
    expect(found.get(`azora_path_duration_seconds_sum${path}`)).toBe(0.1);
    expect(found.get(`azora_path_in_flight${path}`)).toBe(6);
    // Of the slowest action, and the least weight.
    expect(found.get(`azora_path_latency_seconds${path}`)).toBe(0.005);
    expect(found.get(`azora_path_weight_ratio${path}`)).toBe(0.75);
    const served = 'node="heart-1",service="shop",action="shop.buy"';
    expect(found.get(`azora_served_work_seconds_sum{${served}}`)).toBe(0.4);
    expect(found.get(`azora_served_queue_seconds_count{${served}}`)).toBe(5);
    expect(found.get(`azora_served_refused_total{${served},reason="overload"}`)).toBe(2);
    expect(found.get(`azora_served_limit{${served}}`)).toBe(8);
    expect(found.get('azora_cache_hits_total{node="heart-1",action="shop.price",level="far"}')).toBe(5);
    expect(found.get('azora_cache_saved_seconds_total{node="heart-1",action="shop.price"}')).toBe(9);
    expect(found.get('azora_query_duration_seconds_sum{node="heart-1",service="shop"}')).toBe(0.024);
    expect(found.get('azora_pool_in_use{node="heart-1",pool="database",kind="database"}')).toBe(3);
    expect(found.get('azora_pool_wait_seconds_total{node="heart-1",pool="database",kind="database"}')).toBe(0.005);
    expect(found.get('azora_gc_duration_seconds_sum{node="heart-1"}')).toBe(0.012);
    expect(found.get('azora_heap_after_gc_bytes{node="heart-1"}')).toBe(50_000_000);
  });

  test("leave out a limit where there is none", () => {
    const [served] = performanceReport().served;
    const text = textOf(performanceReport(0, { served: [{ ...served!, limit: null }] }));
    expect(text).not.toContain("azora_served_limit");
    expect(text).toContain("azora_served_running");
  });

  test("count each report once, in any order of arrival", () => {
    const order = fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 5 });
    fc.assert(
      fc.property(order, fc.array(fc.nat(4)), (seqs, again) => {
        const found = valuesOf(textOf(...[...seqs, ...again].map((seq) => performanceReport(seq))));
        expect(found.get('azora_gc_duration_seconds_count{node="heart-1"}')).toBe(15);
        expect(found.get('azora_query_duration_seconds_count{node="heart-1",service="shop"}')).toBe(60);
      }),
      { numRuns: 30 },
    );
  });

  test("go on over a node's restart, and show nothing of its former life as it is now", () => {
    const store = new PerformanceStore();
    store.take(performanceReport(7));
    store.take(performanceReport(0, { instanceId: "b", pools: [], served: [] }));
    const found = valuesOf(performanceText(store));
    expect(found.get('azora_gc_duration_seconds_count{node="heart-1"}')).toBe(6);
    expect(found.get('azora_pool_refused_total{node="heart-1",pool="database",kind="database"}')).toBe(1);
    expect(found.has('azora_pool_in_use{node="heart-1",pool="database",kind="database"}')).toBe(false);
  });

  test("show counts, but no states, of a node that reports no longer", () => {
    const store = new PerformanceStore();
    store.take(performanceReport(), Date.now() - 20_000);
    const text = performanceText(store);
    expect(text).toContain("azora_path_failures_total");
    expect(text).not.toContain("azora_path_in_flight");
  });

  test("are of bounded number, whatever names there are", () => {
    const store = new PerformanceStore();
    for (let round = 0; round < 12; round++) {
      const queries = Array.from({ length: 1000 }, (_, i) => ({ service: `s-${round}-${i}`, count: 1, sum: 1 }));
      store.take(performanceReport(round, { queries, paths: [], served: [], caches: [], pools: [] }));
    }
    const series = store.series("queries");
    expect(series.length).toBeLessThanOrEqual(5001);
    expect(series.reduce((sum, { sums }) => sum + sums["count"]!, 0)).toBe(12_000);
    expect(series.find(({ labels }) => labels["service"] === "(others)")!.sums["count"]).toBe(7000);
  });

  test("take the reports of a node that runs older code", () => {
    const { queries: _q, gc: _g, heapAfterGc: _h, uncounted: _u, ...older } = performanceReport();
    expect(textOf(older as ReturnType<typeof performanceReport>)).toContain("azora_path_in_flight");
  });
});

/** Names of all samples that are ever exported. */
function exported(): Set<string> {
  const vitals = new NodeVitals({
    node: "heart-1",
    instanceId: "a",
    registry: new VitalsRegistry(),
    tracing: { stats: () => ({ exported: 1, dropped: 1 }) },
  });
  const report = vitals.report();
  vitals.stop();
  const store = new VitalsStore();
  const breaker = {
    caller: "a",
    callee: "b",
    node: "heart-2",
    state: "open",
    failures: 3,
    since: 0,
    reason: "x",
  } as const;
  store.take({
    ...report,
    files: { open: 1, limit: 2 },
    disk: { free: 1, total: 2 },
    breakers: [breaker],
    lost: [{ service: "b", count: 1 }],
    record: {
      recorded: { durable: 0, bestEffort: 0 },
      dropped: { durable: 0, bestEffort: 0 },
      refused: 0,
      delivered: 0,
      waiting: { outbox: 0, memory: 0 },
    },
    actions: [{ name: "b.c", service: "b", errors: 1, inFlight: 1, sum: 1, buckets: [1, 1] }],
  });
  const text = prometheusText(store) + textOf(performanceReport());
  return new Set([...valuesOf(text).keys()].map((name) => name.slice(0, name.indexOf("{"))));
}

describe("the page of performance metrics", () => {
  test("lists every metric that is made of a node's report, and no other", () => {
    const page = readFileSync(new URL("performance-metrics.md", DOCS), "utf8");
    const listed = [...page.matchAll(/^\| `(azora_\w+)` \| (\w+) /gm)].map(([, name, type]) => `${name} ${type}`);
    const families = [...textOf(performanceReport()).matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(
      ([, name, type]) => `${name} ${type}`,
    );
    expect(listed).toEqual(families);
  });
});

interface Panel {
  title: string;
  type: string;
  targets?: { expr: string }[];
}

describe("the Grafana dashboard", () => {
  const dashboard = JSON.parse(readFileSync(new URL("grafana-dashboard.json", DOCS), "utf8")) as {
    panels: (Panel & { id: number; gridPos: { x: number; y: number; w: number; h: number } })[];
    templating: { list: { name: string; type: string; query: string | { query: string } }[] };
  };
  const expressions = dashboard.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({ title, expr })),
  );
  const variables = dashboard.templating.list.map(({ query }) => (typeof query === "string" ? query : query.query));

  test("asks only for metrics that are exported", () => {
    const known = exported();
    const asked = [...expressions.map(({ expr }) => expr), ...variables].join("\n").match(/azora_\w+/g)!;
    expect([...new Set(asked)].filter((name) => !known.has(name))).toEqual([]);
    expect(new Set(asked).size).toBeGreaterThan(30);
  });

  test("takes its data source from a variable, and no panel lies on another", () => {
    expect(dashboard.templating.list[0]).toMatchObject({ name: "datasource", type: "datasource" });
    const uids = JSON.stringify(dashboard.panels).match(/"uid":"[^"]*"/g)!;
    expect([...new Set(uids)].map((uid) => uid.replace("$", ""))).toEqual(['"uid":"{datasource}"']);
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    for (const { gridPos: one, title } of dashboard.panels)
      for (const { gridPos: other, title: otherTitle } of dashboard.panels) {
        if (title === otherTitle && one.y === other.y) continue;
        const apart =
          one.x + one.w <= other.x ||
          other.x + other.w <= one.x ||
          one.y + one.h <= other.y ||
          other.y + other.h <= one.y;
        expect({ title, otherTitle, apart }).toEqual({ title, otherTitle, apart: true });
      }
  });

  describeWith(
    "promtool",
    "before Prometheus' own checker",
    () => {
      test("finds nothing wrong with the metrics", () => {
        const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], {
          input: textOf(performanceReport()),
          encoding: "utf8",
        });
        expect([status, stdout, stderr]).toEqual([0, "", ""]);
      });

      test("asks in expressions that Prometheus reads", () => {
        const folder = mkdtempSync(join(tmpdir(), "azora-dashboard-"));
        try {
          const rules = expressions.map(({ expr }, i) => ({
            record: `panel:${i}`,
            expr: expr.replaceAll("$__rate_interval", "1m").replaceAll("$node", ".*").replaceAll("$service", ".*"),
          }));
          writeFileSync(join(folder, "rules.yml"), JSON.stringify({ groups: [{ name: "dashboard", rules }] }));
          const { status, stdout, stderr } = spawnSync("promtool", ["check", "rules", join(folder, "rules.yml")], {
            encoding: "utf8",
          });
          expect([status, stderr]).toEqual([0, ""]);
          expect(stdout).toContain(`${rules.length} rules found`);
        } finally {
          rmSync(folder, { recursive: true, force: true });
        }
      });
    },
    "prometheus",
  );
});
