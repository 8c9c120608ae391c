import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { parse } from "yaml";
import { BUILT_IN_ALERTS } from "../../../../runtime/alerts/built-in/definitions.ts";
import { checkAlerts } from "../../../../runtime/alerts/check-alerts.ts";
import type { AlertDefinition } from "../../../../runtime/alerts/definition.ts";
import { effectiveAlerts } from "../../../../runtime/alerts/effective-alerts.ts";
import { nameOf, prometheusRules } from "../../../../runtime/alerts/prometheus-rules.ts";
import { gaugesOf } from "../../../../services/brain/symbiotic-rules-engine/alerts/gauges.ts";
import type { Situation } from "../../../../services/brain/symbiotic-rules-engine/alerts/situation.ts";
import { organismText } from "../../../../services/nervous/monitoring-service/organism-text.ts";
import { describeWith } from "../../../support/needs.ts";
import { AlertWorld, node, service, situation, stateOf } from "./situations.ts";

interface Rules {
  groups: { rules: { alert: string; expr: string; for?: string; labels: { severity: string } }[] }[];
}

describe("rules for Prometheus", () => {
  const { rules } = (parse(prometheusRules(BUILT_IN_ALERTS)) as Rules).groups[0]!;

  test("are one for each severity of each definition, and one for an engine that is silent", () => {
    const wanted = BUILT_IN_ALERTS.flatMap(({ id, levels }) =>
      levels.map(({ severity }) => `${nameOf(id)} ${severity}`),
    );
    expect(rules.map(({ alert, labels }) => `${alert} ${labels.severity}`)).toEqual([
      ...wanted,
      "AzoraSilent critical",
    ]);
    expect(new Set(wanted).size).toBe(wanted.length);
  });

  test("leave no gap between a severity and the next one", () => {
    for (const { id, levels, keepFor } of BUILT_IN_ALERTS)
      for (const [i, level] of levels.slice(1).entries())
        expect([id, level.for <= levels[i]!.for && level.for <= keepFor]).toEqual([id, true]);
  });

  test("ask only for families that Azora tells", () => {
    const pages = ["alerts.md", "vitals.md", "performance-metrics.md"].map((name) =>
      readFileSync(new URL(`../../../../docs/${name}`, import.meta.url), "utf8"),
    );
    const asked = new Set(rules.flatMap(({ expr }) => expr.match(/azora_\w+/g) ?? []));
    for (const family of asked)
      expect([family, pages.some((page) => page.includes(`\`${family}\``))]).toEqual([family, true]);
  });

  test("are explained in the page about alerts, bound by bound", () => {
    const page = readFileSync(new URL("../../../../docs/alerts.md", import.meta.url), "utf8");
    const time = (ms: number) => (ms === 0 ? "at once" : ms % 60_000 === 0 ? `${ms / 60_000} min` : `${ms / 1000} s`);
    for (const { id, measures, bad, levels } of BUILT_IN_ALERTS)
      for (const [i, { severity, bound, clear, for: held }] of levels.entries()) {
        const head = i === 0 ? `| \`${id}\` | ${measures} |` : "|  |  |";
        const from = `${bad === "above" ? "≥" : "≤"} ${bound}${clear === undefined ? "" : ` (${clear})`}`;
        expect(page).toContain(`${head} ${from} | ${time(held)} | ${severity} |`);
      }
  });
});

const STEP_S = 15;
const WELL_S = 480;
const BAD_S = 360;

interface Scenario {
  bad: Situation;
  /** @default an organism that is well */
  well?: Situation;
  /** Families that nodes tell by themselves, well and bad. */
  vitals?: Record<string, [number, number]>;
  channels?: { failing: boolean };
  /** Looked at so many seconds after it became bad. @default up to 2 min 30 s, and when it is well again */
  at?: number[];
}

const system = (of: object, health = 100): Situation => {
  const state = stateOf();
  Object.assign(state.systems[1]!, { health });
  for (const [metric, value] of Object.entries(of))
    Object.assign(state.systems[1]!.metrics, { [metric]: { value, age: 0 } });
  return situation({ state });
};
const chain = (code: string) => situation({ chain: { intact: true, alarms: [{ code, why: "so" }], gaps: [] } });
const heap = (used: number) => situation({ nodes: [node("heart-1", { heap: { used, limit: 100 } }), node("brain-1")] });
const services = (...of: ReturnType<typeof service>[]) => situation({ services: [service("shop"), ...of] });
const HEAP = 'azora_heap_limit_bytes{node="heart-1"}';
const DISK = (name: string) => `azora_disk_${name}_bytes{node="heart-1"}`;

const TILL = service("till", "healthy", { priority: "critical" });

const SCENARIOS: Record<string, Scenario> = {
  "critical-service-failed": { bad: services(service("till", "unhealthy", { priority: "critical" })) },
  "service-failed": { bad: situation({ services: [service("shop", "quarantined"), TILL] }) },
  "service-degraded": { bad: services(service("till", "degraded", { priority: "critical" })) },
  "service-flapping": { bad: services(service("till", "healthy", { restarts: 4 })) },
  "service-flapping critically": { bad: services(service("till", "healthy", { restarts: 12 })) },
  "system-degraded": { bad: system({}, 50) },
  "system-degraded critically": { bad: system({}, 12) },
  "system-errors": { bad: system({ errorRate: 9, requestRate: 100 }) },
  "system-errors critically": { bad: system({ errorRate: 70, requestRate: 100 }) },
  "system-saturated": { bad: system({ saturation: 93 }) },
  "system-saturated critically": { bad: system({ saturation: 100 }) },
  "node-down": { bad: situation({ nodes: [node("heart-1", { status: "hung" }), node("brain-1")] }) },
  "places-exhausted": {
    bad: situation({ nodes: [node("heart-1", { places: [{ name: "database", inUse: 20, max: 20, waiting: 3 }] })] }),
    vitals: {
      'azora_pool_in_use{node="heart-1",pool="database",kind="database"}': [1, 20],
      'azora_pool_max{node="heart-1",pool="database",kind="database"}': [20, 20],
      'azora_pool_waiting{node="heart-1",pool="database",kind="database"}': [0, 3],
    },
  },
  "memory-exhausted": {
    bad: heap(88),
    vitals: { 'azora_node_heap_used_bytes{node="heart-1"}': [10, 88], [HEAP]: [100, 100] },
  },
  "memory-exhausted critically": {
    bad: heap(97),
    vitals: { 'azora_node_heap_used_bytes{node="heart-1"}': [10, 97], [HEAP]: [100, 100] },
  },
  "files-exhausted": {
    bad: situation({ nodes: [node("heart-1", { files: { open: 99, limit: 100 } })] }),
    vitals: { 'azora_open_files{node="heart-1"}': [9, 99], 'azora_open_files_limit{node="heart-1"}': [100, 100] },
  },
  "disk-exhausted": {
    bad: situation({
      nodes: [node("heart-1", { disk: { free: 2, total: 100 } }), node("brain-1", { disk: { free: 2, total: 100 } })],
    }),
    vitals: {
      [DISK("free")]: [50, 2],
      [DISK("total")]: [100, 100],
      [DISK("free").replace("heart", "brain")]: [50, 2],
      [DISK("total").replace("heart", "brain")]: [100, 100],
    },
  },
  "chain-broken": { bad: situation({ chain: { intact: false, alarms: [], gaps: [] } }) },
  "chain-gaps": { bad: situation({ chain: { intact: true, alarms: [], gaps: ["one"] } }) },
  "chain-stalled": { bad: chain("CHAIN_UNAVAILABLE") },
  "chain-unwitnessed": { bad: chain("CHAIN_UNWITNESSED") },
  "harmony-low": { bad: situation({ state: stateOf(76) }) },
  "harmony-dropped": { bad: situation({ state: stateOf(50) }), at: [0, 15, 30, 45] },
  "harmony-unknown": { bad: situation({ state: stateOf(98, 0.4) }) },
  "alerts-undelivered": { bad: situation(), channels: { failing: true }, at: [0, 150, 285, 300, 330] },
};

/** What a file may say. */
const CHANGES = [
  {
    id: "service-failed",
    levels: [
      { severity: "info", bound: 0.5, for: 45_000 },
      { severity: "critical", bound: 0, for: 15_000 },
    ],
  },
  { id: "node-down", levels: [{ severity: "warning", bound: 0, for: 60_000 }], keepFor: 60_000 },
  { id: "system-errors", enabled: false },
  { id: "memory-exhausted", levels: [{ severity: "critical", bound: 0.5, for: 0 }], keepFor: 0 },
  {
    id: "harmony-low",
    levels: [
      { severity: "info", bound: 90, for: 90_000 },
      { severity: "warning", bound: 80, for: 45_000 },
      { severity: "critical", bound: 60, for: 15_000 },
    ],
    keepFor: 60_000,
  },
  {
    id: "signups-low",
    metric: "heart.shop.signups",
    bad: "below",
    levels: [{ severity: "warning", bound: 5, for: 30_000 }],
    keepFor: 90_000,
    summary: "only {value} {{sign-ups}}",
    advice: 'say "hello" at {{ shop }}',
  },
  {
    id: "queue-long",
    metric: "heart.queueDepth",
    bad: "above",
    levels: [
      { severity: "info", bound: 10, clear: 5, for: 60_000 },
      { severity: "warning", bound: 50.5, for: 30_000 },
      { severity: "critical", bound: 90, for: 0 },
    ],
  },
  { id: "half-blind", metric: "organism.confidence", bad: "below", levels: [{ severity: "info", bound: 0.9 }] },
];

const shop = (signups: number) => {
  const state = stateOf();
  state.systems[1]!.own["shop.signups"] = { value: signups, age: 0 };
  return situation({ state });
};

const CHANGED_SCENARIOS: Record<string, Scenario> = {
  "service-failed mildly": { bad: services(service("cart", "degraded")), well: services(service("cart")) },
  "harmony-low a little": { bad: situation({ state: stateOf(85) }) },
  "harmony-low badly": { bad: situation({ state: stateOf(30) }) },
  "signups-low": { bad: shop(3), well: shop(20) },
  "queue-long": { bad: system({ queueDepth: 12 }) },
  "queue-long severely": { bad: system({ queueDepth: 60 }) },
  "queue-long critically": { bad: system({ queueDepth: 99 }) },
  "half-blind": { bad: situation({ state: stateOf(98, 0.7) }) },
};

const checked = checkAlerts(CHANGES);
const { alerts: changed } = effectiveAlerts(checked.alerts.map((one) => ({ one, file: "alerts/a.json" })));

/** Definitions, and what is tried by them. */
const SETS: [string, readonly AlertDefinition[], Record<string, Scenario>][] = [
  ["that are built in", BUILT_IN_ALERTS, SCENARIOS],
  [
    "that files have changed",
    changed.filter(({ enabled }) => enabled).map(({ definition }) => definition),
    { ...SCENARIOS, ...CHANGED_SCENARIOS },
  ],
];

/** What the engine says fires, as `AzoraNodeDown critical 1`, and what it tells Prometheus meanwhile. */
function engine({ bad, well = situation(), channels, at }: Scenario, definitions: readonly AlertDefinition[]) {
  const state = { channel: "webhook", sent: 0, failed: 0, failing: false, why: "" };
  const world = new AlertWorld({ channels: () => [state] });
  world.manager.define(definitions);
  const gauges = (of: Situation) => samplesOf(organismText(gaugesOf(of, world.manager, [state])));
  const times = at ?? [
    0,
    15,
    30,
    45,
    60,
    75,
    90,
    105,
    120,
    135,
    150,
    BAD_S - STEP_S,
    BAD_S + 15,
    BAD_S + 30,
    BAD_S + 60,
  ];
  world.pass(WELL_S - 1, well);
  const before = gauges(well);
  const fires = new Map<number, string[]>();
  const texts = { well: before, bad: before };
  for (let second = 0; second <= BAD_S + 60; second++) {
    const isBad = second < BAD_S;
    state.failing = isBad && channels?.failing === true;
    world.pass(1, isBad ? bad : well);
    if (second === 0) texts.bad = gauges(bad);
    if (times.includes(second)) fires.set(second, countsOf(world));
  }
  return { fires, texts };
}

function countsOf(world: AlertWorld): string[] {
  const counts = new Map<string, number>();
  for (const { alert, severity, state } of world.manager.list())
    if (state === "firing")
      counts.set(`${nameOf(alert)} ${severity}`, (counts.get(`${nameOf(alert)} ${severity}`) ?? 0) + 1);
  return [...counts].map(([name, count]) => `${name} ${count}`).sort();
}

function samplesOf(text: string): Map<string, string> {
  const lines = text.split("\n").filter((line) => line && !line.startsWith("#"));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), line.slice(line.lastIndexOf(" ") + 1)]));
}

describeWith(
  "promtool",
  "rules for Prometheus by its own tool",
  () =>
    describe.each(SETS)("of alerts %s", (_, definitions, scenarios) => {
      let folder: string;
      beforeAll(() => {
        folder = mkdtempSync(join(tmpdir(), "azora-rules-"));
        writeFileSync(join(folder, "azora.rules.yml"), prometheusRules(definitions));
      });
      afterAll(() => rmSync(folder, { recursive: true, force: true }));

      test("are well formed", () => {
        const { status, stdout } = spawnSync("promtool", ["check", "rules", "azora.rules.yml"], {
          cwd: folder,
          encoding: "utf8",
        });
        expect([status, stdout]).toEqual([0, expect.stringContaining("SUCCESS")]);
      });

      test("have a scenario for each definition", () => {
        expect(checked.faults).toEqual([]);
        const tried = new Set(Object.keys(scenarios).map((name) => name.split(" ")[0]));
        for (const { id } of definitions) expect([id, tried.has(id)]).toEqual([id, true]);
      });

      test("fire and end at the same seconds as the engine's own alerts", () => {
        const tests = Object.entries(scenarios).map(([name, scenario]) => {
          const { fires, texts } = engine(scenario, definitions);
          const fired = [...fires.values()].flat().map((one) => one.split(" ")[0]);
          const [id = ""] = name.split(" ");
          const isThere = definitions.some((one) => one.id === id);
          expect([name, fired.includes(nameOf(id))]).toEqual([name, isThere]);
          const [wells, bads] = [WELL_S / STEP_S - 1, BAD_S / STEP_S - 1];
          const phases = (well: string, bad: string) => {
            const stretch = (value: string, more: number) => (value === "_" ? `_x${more + 1}` : `${value}x${more}`);
            return `${stretch(well, wells)} ${stretch(bad, bads)} ${stretch(well, 10)}`;
          };
          const series = [...new Set([...texts.well.keys(), ...texts.bad.keys()])].map((key) => ({
            series: key,
            values: phases(texts.well.get(key) ?? "_", texts.bad.get(key) ?? "_"),
          }));
          for (const [key, [well, bad]] of Object.entries(scenario.vitals ?? {}))
            series.push({ series: key, values: phases(String(well), String(bad)) });
          return {
            name,
            interval: `${STEP_S}s`,
            input_series: series,
            promql_expr_test: [...fires].map(([second, firing]) => ({
              expr: 'count by (alertname, severity) (ALERTS{alertstate="firing"})',
              eval_time: `${WELL_S + second}s`,
              exp_samples: firing.map((one) => {
                const [alertname, severity, value] = one.split(" ");
                return { labels: `{alertname="${alertname}", severity="${severity}"}`, value: Number(value) };
              }),
            })),
          };
        });
        const file = { rule_files: ["azora.rules.yml"], evaluation_interval: `${STEP_S}s`, tests };
        writeFileSync(join(folder, "test.yml"), JSON.stringify(file));
        const { status, stdout, stderr } = spawnSync("promtool", ["test", "rules", "test.yml"], {
          cwd: folder,
          encoding: "utf8",
        });
        expect([status, stdout + stderr]).toEqual([0, expect.stringContaining("SUCCESS")]);
      });

      test("fire when nobody tells of harmony any more", () => {
        const tests = [
          {
            interval: "15s",
            input_series: [{ series: "azora_harmony_score", values: "98x4 _x40" }],
            promql_expr_test: [
              { expr: 'count(ALERTS{alertname="AzoraSilent",alertstate="firing"})', eval_time: "1m", exp_samples: [] },
              {
                expr: 'count(ALERTS{alertname="AzoraSilent",alertstate="firing"})',
                eval_time: "9m",
                exp_samples: [{ labels: "{}", value: 1 }],
              },
            ],
          },
        ];
        writeFileSync(
          join(folder, "silent.yml"),
          JSON.stringify({ rule_files: ["azora.rules.yml"], evaluation_interval: "15s", tests }),
        );
        const { status, stdout, stderr } = spawnSync("promtool", ["test", "rules", "silent.yml"], {
          cwd: folder,
          encoding: "utf8",
        });
        expect([status, stdout + stderr]).toEqual([0, expect.stringContaining("SUCCESS")]);
      });
    }),
  "prometheus",
);
