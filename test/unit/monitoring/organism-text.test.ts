import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import type { OrganismGauges } from "../../../models/alerts.ts";
import { organismText } from "../../../services/nervous/monitoring-service/organism-text.ts";
import { describeWith } from "../../support/needs.ts";

const page = readFileSync(new URL("../../../docs/alerts.md", import.meta.url), "utf8");

const known: OrganismGauges = {
  harmony: { score: 91.5, confidence: 0.9 },
  systems: [{ system: "heart", health: 88, errorRatio: 0.01, saturation: null }],
  services: [
    { service: "shop", system: "heart", priority: "high", health: 0.5, restarts: 2 },
    { service: "till", system: "heart", priority: "critical", health: null, restarts: null },
  ],
  nodes: [
    { node: "heart-1", up: true },
    { node: "heart-2", up: false },
    { node: "heart-3", up: null },
  ],
  metrics: [
    { system: "heart", name: "user-management.signups", value: 12 },
    { system: "brain", name: "load", value: null },
  ],
  chain: { intact: true, alarms: ["CHAIN_UNWITNESSED"], gaps: 0 },
  alerts: { info: 0, warning: 3, critical: 1 },
  notKept: 7,
  forgotten: 1,
  channels: [{ channel: "webhook", sent: 12, failed: 2, failing: true }],
};

describe("what Prometheus is told of the organism", () => {
  test("is all that is known, and nothing that is not", () => {
    const samples = organismText(known)
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"));
    expect(samples).toEqual([
      "azora_harmony_score 91.5",
      "azora_harmony_confidence 0.9",
      'azora_system_health{system="heart"} 88',
      'azora_system_error_ratio{system="heart"} 0.01',
      'azora_service_health_ratio{service="shop",system="heart",priority="high"} 0.5',
      'azora_service_recent_restarts{service="shop",system="heart"} 2',
      'azora_node_up{node="heart-1"} 1',
      'azora_node_up{node="heart-2"} 0',
      'azora_organism_metric{system="heart",metric="user-management.signups"} 12',
      "azora_chain_intact 1",
      "azora_chain_recent_gaps 0",
      'azora_chain_alarm{code="CHAIN_UNAVAILABLE"} 0',
      'azora_chain_alarm{code="CHAIN_UNWITNESSED"} 1',
      'azora_chain_alarm{code="CHAIN_ROLLED_BACK"} 0',
      'azora_chain_alarm{code="CHAIN_CORRUPT"} 0',
      'azora_alerts{severity="info"} 0',
      'azora_alerts{severity="warning"} 3',
      'azora_alerts{severity="critical"} 1',
      "azora_alerts_not_kept 7",
      "azora_alerts_forgotten_total 1",
      'azora_alert_messages_total{channel="webhook"} 12',
      'azora_alert_failures_total{channel="webhook"} 2',
      'azora_alert_channel_failing{channel="webhook"} 1',
    ]);
  });

  test("stands in the page about alerts, name by name", () => {
    const families = [
      ...organismText({ ...known, systems: [{ ...known.systems[0]!, saturation: 0.2 }] }).matchAll(
        /^# TYPE (\S+) (\S+)$/gm,
      ),
    ];
    const told = [...page.matchAll(/^\| `(azora_\w+)` \| (\w+)/gm)].map(([, name, type]) => [name, type]);
    expect(told).toEqual(families.map(([, name, type]) => [name, type]));
  });
});

describeWith(
  "promtool",
  "Prometheus' own checker",
  () => {
    test("finds nothing wrong with it", () => {
      const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], {
        input: organismText(known),
        encoding: "utf8",
      });
      expect([status, stdout, stderr]).toEqual([0, "", ""]);
    });
  },
  "prometheus",
);
