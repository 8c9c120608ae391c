import { spawnSync } from "node:child_process";
import { describe, expect, test } from "@jest/globals";
import { Histogram } from "../../../runtime/vitals/histogram.ts";
import type { VitalsReport } from "../../../runtime/vitals/node-vitals.ts";
import { prometheusText } from "../../../services/nervous/monitoring-service/prometheus-text.ts";
import { VitalsStore } from "../../../services/nervous/monitoring-service/vitals-store.ts";
import { describeWith } from "../../support/needs.ts";

function storeWith(...durations: number[]): VitalsStore {
  const histogram = new Histogram();
  const earlier = histogram.counts.slice();
  for (const duration of durations) histogram.record(duration);
  const store = new VitalsStore();
  const actions = [
    {
      name: 'odd"na\\me\n',
      service: "ledger",
      errors: 2,
      inFlight: 1,
      sum: histogram.sum,
      buckets: histogram.deltaSince(earlier),
    },
  ];
  const report: VitalsReport = {
    node: "heart-1",
    at: 0,
    seq: 0,
    instanceId: "a",
    cpu: 50,
    memory: 1e8,
    heapUsed: 5e7,
    heapLimit: 2e9,
    files: { open: 31, limit: 1024 },
    disk: { free: 4e9, total: 1e10 },
    loopDelay: { p50: 1, p99: 12, max: 30 },
    utilisation: 0.25,
    uptime: 60,
    actions,
    breakers: [
      { caller: "teller", callee: "ledger", node: "heart-2", state: "open", failures: 3, since: 0, reason: "x" },
      { caller: "heart-1", callee: "vault", node: "heart-2", state: "half-open", failures: 3, since: 0, reason: "x" },
    ],
    lost: [{ service: "ledger", count: 4 }],
    calls: { retries: 5, refusedHolds: 6 },
    logLinesLost: 7,
    record: {
      recorded: { durable: 9, bestEffort: 8 },
      dropped: { durable: 1, bestEffort: 2 },
      refused: 0,
      delivered: 7,
      waiting: { outbox: 300, memory: 20 },
    },
  };
  store.take(report);
  return store;
}

const values = (text: string) =>
  new Map(
    text
      .split("\n")
      .filter((line) => line && !line.startsWith("#"))
      .map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ") + 1))]),
  );

describe("Prometheus' text format", () => {
  test("tells a node's vitals in base units", () => {
    const found = values(prometheusText(storeWith(100)));
    expect(found.get('azora_node_cpu_ratio{node="heart-1"}')).toBe(0.5);
    expect(found.get('azora_node_memory_bytes{node="heart-1"}')).toBe(1e8);
    expect(found.get('azora_node_event_loop_delay_p99_seconds{node="heart-1"}')).toBe(0.012);
  });

  test("tells what a node has left of its limits", () => {
    const found = values(prometheusText(storeWith(100)));
    expect(found.get('azora_heap_limit_bytes{node="heart-1"}')).toBe(2e9);
    expect(found.get('azora_open_files{node="heart-1"}')).toBe(31);
    expect(found.get('azora_open_files_limit{node="heart-1"}')).toBe(1024);
    expect(found.get('azora_disk_free_bytes{node="heart-1"}')).toBe(4e9);
    expect(found.get('azora_disk_total_bytes{node="heart-1"}')).toBe(1e10);
  });

  test("tells what a node recorded for the audit chain, and what it dropped", () => {
    const found = values(prometheusText(storeWith(100)));
    expect(found.get('azora_audit_recorded_total{node="heart-1",grade="durable"}')).toBe(9);
    expect(found.get('azora_audit_dropped_total{node="heart-1",grade="best-effort"}')).toBe(2);
    expect(found.get('azora_audit_waiting_bytes{node="heart-1"}')).toBe(320);
  });

  test("tells what became of the calls that a node made", () => {
    const found = values(prometheusText(storeWith(100)));
    expect(found.get('azora_calls_lost_total{node="heart-1",service="ledger"}')).toBe(4);
    expect(found.get('azora_calls_retried_total{node="heart-1"}')).toBe(5);
    expect(found.get('azora_holds_refused_total{node="heart-1"}')).toBe(6);
    expect(found.get('azora_log_lines_lost_total{node="heart-1"}')).toBe(7);
    const breaker = (caller: string, callee: string) =>
      found.get(`azora_breaker_open{node="heart-1",caller="${caller}",callee="${callee}",callee_node="heart-2"}`);
    expect([breaker("teller", "ledger"), breaker("heart-1", "vault")]).toEqual([1, 0.5]);
  });

  test("has cumulative buckets that end in the count", () => {
    const found = values(prometheusText(storeWith(50, 300, 300, 2000, 20_000_000)));
    const buckets = [...found].filter(([name]) => name.startsWith("azora_action_duration_seconds_bucket"));
    expect(buckets.map(([, value]) => value)).toEqual([1, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 5]);
    expect(buckets.at(-1)![0]).toContain('le="+Inf"');
    const of = (suffix: string) =>
      [...found].find(([name]) => name.startsWith(`azora_action_duration_seconds_${suffix}`))![1];
    expect([of("count"), of("sum")]).toEqual([5, 20.00265]);
  });

  test("escapes what a label may not hold", () => {
    expect(prometheusText(storeWith(1))).toContain('action="odd\\"na\\\\me\\n"');
  });

  test("of an organism without nodes is empty", () => {
    expect(prometheusText(new VitalsStore()).trim()).toBe("");
  });
});

describeWith(
  "promtool",
  "Prometheus' own checker",
  () => {
    test("finds nothing wrong", () => {
      const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], {
        input: prometheusText(storeWith(1, 100, 1e6)),
        encoding: "utf8",
      });
      expect([status, stdout, stderr]).toEqual([0, "", ""]);
    });
  },
  "prometheus",
);
