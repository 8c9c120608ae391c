import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { plainLines, shown } from "../../../cli/commands/organism/lines.ts";
import { bandOf, bar, look, type OrganismView, picture } from "../../../cli/commands/organism/picture.ts";
import { systemReport } from "../../../cli/commands/organism/system-report.ts";
import type { Alert } from "../../../models/alerts.ts";
import { METRICS, type Metric, SYSTEMS } from "../../../models/metrics.ts";
import type { HarmonyCost, Reading, SystemState } from "../../../models/organism-state.ts";

const metrics = (known: Partial<Record<Metric, number>>) =>
  Object.fromEntries(
    Object.keys(METRICS).map((name) => {
      const value = known[name as Metric] ?? null;
      return [name, { value, age: value === null ? null : 240 }];
    }),
  ) as Record<Metric, Reading>;

const system = (name: string, health: number, known: Partial<Record<Metric, number>>, confidence = 1): SystemState => ({
  system: name as SystemState["system"],
  nodes: [`${name}-1`],
  metrics: metrics(known),
  own: {},
  present: confidence > 0,
  health,
  confidence,
});

const cost = (points: number, why: string): HarmonyCost => ({
  part: "health",
  system: "brain",
  metric: "load",
  value: 91,
  cost: points,
  why,
});

const at = "2026-11-20T15:00:00.000Z";
const alert = (kind: string, subject: string, severity: Alert["severity"], summary: string): Alert => ({
  id: `a-${kind}`,
  alert: kind,
  subject,
  group: "organism",
  severity,
  state: "firing",
  summary,
  value: null,
  rule: null,
  startedAt: at,
  firedAt: at,
  endedAt: null,
  end: null,
  unknownSince: null,
  times: 1,
  revision: 1,
  advice: null,
  acknowledged: null,
  silenced: null,
});

function view(score: number, changes: Partial<OrganismView> = {}, costs: HarmonyCost[] = []): OrganismView {
  const harmony = { score, confidence: 0.973, health: 90, balance: 99.4, flow: 97.2 };
  return {
    state: {
      at,
      systems: SYSTEMS.map((name) => system(name, 98.4, { load: 12, requestRate: 3.21, latencyP95: 1.234, cpu: 4 })),
      flows: [],
      harmony,
    },
    explanation: { ...harmony, costs, best: null, unknown: [] },
    rules: [],
    alerts: [],
    ...changes,
  };
}
const lines = (text: string) => stripVTControlCharacters(text).split("\n");

describe("the picture of the organism", () => {
  test("is quiet where all is well", () => {
    expect(lines(picture(view(99.6), 80))).toEqual([
      `  100  ${"━".repeat(71)}╾`,
      "       ● in harmony  confidence 97 % · health 90 · balance 99 · flow 97",
      "",
      "  system   health                   load                      calls/s       p95",
      ...SYSTEMS.map(
        (name) => `  ${name.padEnd(9)}${"━".repeat(16)}╾    98  ━━───────────────    12 %     3.2   1.23 ms`,
      ),
      "",
      "nothing costs a point",
    ]);
  });

  test("says what costs most and what would give most back, what rules do, and what is wrong", () => {
    const costs = [cost(7.24, "the load of brain is 91 %"), cost(2, "b"), cost(1, "c"), cost(0.4, "d"), cost(0.3, "e")];
    const troubled = view(
      63,
      {
        rules: [
          { id: "calm-brain", name: "Calm the brain", mode: "on", lastFired: null },
          { id: "tried", name: "tried", mode: "shadow", lastFired: null },
        ],
        alerts: [
          alert("harmony-drop", "organism", "warning", "harmony is 63"),
          { ...alert("disk", "heart-1", "critical", "the disk is full"), acknowledged: { by: "ada", at, comment: "" } },
          { ...alert("late", "brain", "warning", "brain is late"), silenced: "s-1" },
        ],
      },
      costs,
    );
    troubled.explanation.best = { system: "brain", metric: "load", gain: 7.24, how: "bring its load below 70 %" };
    troubled.explanation.unknown = ["heart.errorRate"];
    const text = lines(picture(troubled, 80));
    expect(text[1]).toContain("◐ strained");
    expect(text.slice(text.indexOf("costs most"))).toEqual([
      "costs most",
      "    −7.2  the load of brain is 91 %",
      "    −2.0  b",
      "    −1.0  c",
      "    −0.7  all else together",
      "    +7.2  bring its load below 70 %",
      "       ?  not known: heart.errorRate",
      "",
      "rules at work",
      "       ▲  Calm the brain (calm-brain)",
      "       ◌  tried, in the shadow: it only says what it would do",
      "",
      "alerts",
      "       ◐  warning: harmony is 63",
      "       ○  critical: the disk is full (ada is at it)",
      "       ○  warning: brain is late",
    ]);
  });

  test("never is wider than the terminal, from 60 columns on, whatever it has to say", () => {
    const words = fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(
        fc.integer({ min: 60, max: 200 }),
        words,
        fc.double({ min: 0, max: 100, noNaN: true }),
        (width, said, score) => {
          const text = picture(view(score, {}, [cost(9, said.join(" "))]), width);
          expect(Math.max(...lines(text).map((line) => line.length))).toBeLessThanOrEqual(Math.min(width, 100));
        },
      ),
    );
  });

  test("shows what is not known as such, not as nothing", () => {
    const blind = view(97);
    Object.assign(blind.explanation, { score: null, confidence: 0 });
    expect(lines(picture(blind, 80))[0]).toBe(`    -  ${"┄".repeat(72)}`);
    expect(lines(plainLines(blind))[0]).toBe("harmony - of 100, not known yet, confidence 0 %");
    blind.state.systems = [system("brain", 100, {}, 0)];
    const line = lines(picture(blind, 80)).find((one) => one.startsWith("  brain"))!;
    expect(line).toBe(`  brain    ${"┄".repeat(17)}     -  ${"┄".repeat(17)}       -       -         -`);
  });
});

test.each([
  [100, 1, "in harmony"],
  [79.6, 1, "in harmony"],
  [79.4, 1, "strained"],
  [60, 0.5, "strained"],
  [12, 1, "out of balance"],
  [97, 0.4, "a guess: in harmony"],
  [100, 0, "not known yet"],
])("harmony of %d, known to %d, is called %s", (score, confidence, words) => {
  expect(look({ score, confidence, health: 0, balance: 0, flow: 0 }).words).toBe(words);
});

test("a bar goes by halves, and stays within its length", () => {
  expect(stripVTControlCharacters(bar(50, 5, "green"))).toBe("━━╾──");
  expect(stripVTControlCharacters(bar(0, 4, "green"))).toBe("────");
  expect(stripVTControlCharacters(bar(1e9, 4, "green"))).toBe("━━━━");
  expect(stripVTControlCharacters(bar(-5, 4, "green"))).toBe("────");
  expect(bandOf(Number.NaN).words).toBe("out of balance");
});

test("whoever reads through a pipe gets one fact a line, without bars", () => {
  const piped = view(
    63,
    {
      rules: [{ id: "tried", name: "tried", mode: "shadow", lastFired: null }],
      alerts: [alert("disk", "heart-1", "critical", "the disk is full")],
    },
    [cost(7.24, "the load of brain is 91 %"), cost(0.01, "next to nothing")],
  );
  const text = lines(plainLines(piped));
  expect(text.slice(0, 4)).toEqual([
    "harmony 63 of 100, strained, confidence 97 %",
    "health 90, balance 99.4, flow 97.2",
    "SYSTEM   HEALTH  LOAD  CPU  MEMORY  LOOP  CALLS/S  ERRORS      P95  QUEUE",
    "brain      98.4  12 %  4 %       -     -      3.2       -  1.23 ms      -",
  ]);
  expect(text.slice(-3)).toEqual([
    "costs 7.24 brain.load: the load of brain is 91 %",
    "active tried (shadow)",
    "alert critical disk heart-1 a-disk: the disk is full",
  ]);
});

test("of one system all is told: metrics with their age, own ones, and the flows it has part in", () => {
  const brain = system("brain", 71, { load: 91, eventLoopDelay: 84.2 });
  brain.metrics.errorRate = { value: null, age: 8000 };
  brain.own = { "judge.verdicts": { value: 2.5, age: 100 } };
  const whole = view(80, {}, [cost(7.24, "the load of brain is 91 %")]);
  whole.state.flows = [
    { from: "lungs", to: "brain", rate: 12.5, latency: 3.2, errorRate: 1.5 },
    { from: "lungs", to: "heart", rate: 1, latency: 1, errorRate: 0 },
  ];
  const report = (one: Partial<SystemState>) => lines(systemReport({ ...brain, ...one }, whole))[0];
  expect(report({ present: false, confidence: 0, nodes: [] })).toBe(
    "brain  not part of this organism, on no node that tells anything",
  );
  expect(report({ confidence: 0 })).toMatch(/^brain {2}health not known, on /);
  const text = lines(systemReport(brain, whole));
  expect(text[0]).toBe("brain  health 71 (strained), confidence 100 %, on brain-1");
  expect(text.find((line) => line.startsWith("eventLoopDelay"))).toMatch(/ 84\.2 ms +240 ms +99th percentile/);
  expect(text.find((line) => line.startsWith("errorRate"))).toMatch(/ - +8 s, stale /);
  expect(text.find((line) => line.startsWith("restarts"))).toMatch(/ - +never/);
  expect(text.find((line) => line.startsWith("judge.verdicts"))).toMatch(/ 2\.5 +100 ms$/);
  expect(text.slice(-3)).toEqual([
    "lungs → brain  12.5 calls/s, 3.2 ms, 1.5 % errors",
    "",
    "−7.2  the load of brain is 91 %",
  ]);
});

test("values have their units", () => {
  expect(shown("requestRate", 0.03)).toBe("<0.1");
  expect(shown("queueDepth", 12)).toBe("12");
  expect(shown("healthyRatio", 99.6)).toBe("100 %");
});

test("nothing that services and rules say controls the terminal, or makes a line of its own", () => {
  const evil = "full\u001b]0;owned\u0007\u001b[2J\nharmony 100 of 100";
  const shownTo = view(
    63,
    { rules: [{ id: "a", name: evil, mode: "on", lastFired: null }], alerts: [alert("disk", evil, "critical", evil)] },
    [cost(7, evil)],
  );
  for (const text of [picture(shownTo, 80), plainLines(shownTo)]) {
    expect(text).not.toMatch(/\u001b[^[]|\u0007|\u001b\[2J/);
    expect(text.split("\n").filter((line) => line.startsWith("harmony 100"))).toEqual([]);
  }
});
