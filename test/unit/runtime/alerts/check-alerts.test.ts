import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { parse } from "yaml";
import { SEVERITIES } from "../../../../models/alerts.ts";
import { BUILT_IN_ALERTS } from "../../../../runtime/alerts/built-in/definitions.ts";
import { checkAlerts } from "../../../../runtime/alerts/check-alerts.ts";
import { isBad } from "../../../../runtime/alerts/definition.ts";
import { effectiveAlerts, MOST_OWN_ALERTS } from "../../../../runtime/alerts/effective-alerts.ts";
import { literalOf, summaryOf, templateOf } from "../../../../runtime/alerts/own-alerts.ts";
import { prometheusRules } from "../../../../runtime/alerts/prometheus-rules.ts";

const signups = {
  id: "signups-low",
  metric: "heart.user-management.signups",
  bad: "below",
  levels: [{ severity: "warning", bound: 5, clear: 8, for: 60_000 }],
};
const PUBLISHED = ["heart.user-management.signups"];

/** Of one alert that is right but for what is given. */
const told = (change: object) => checkAlerts({ ...signups, ...change }, PUBLISHED).faults.map(({ detail }) => detail);
const toldOf = (alert: unknown) => checkAlerts(alert, PUBLISHED).faults.map(({ detail }) => detail);
const levels = (...of: object[]) => told({ levels: of });

describe("alerts of a file", () => {
  test("are one, a list, or { alerts }", () => {
    const other = { id: "harmony-low", enabled: false };
    for (const input of [[signups, other], { alerts: [signups, other] }])
      expect(checkAlerts(input)).toMatchObject({ alerts: [{ id: "signups-low" }, { id: "harmony-low" }], faults: [] });
    expect(checkAlerts(signups).alerts).toHaveLength(1);
    expect(checkAlerts({ alerts: 7 }).faults).toHaveLength(1);
    expect(checkAlerts("alerts").faults[0]!.detail).toBe(
      'alerts is "alerts", but must be an alert, a list of alerts, or {alerts: [...]}',
    );
  });

  test("change of a built-in one what they name, and nothing else", () => {
    const builtIn = BUILT_IN_ALERTS.find(({ id }) => id === "harmony-low")!;
    const [{ definition }] = checkAlerts({ id: "harmony-low", keepFor: 90_000 }).alerts as [never] as [
      { definition: object },
    ];
    expect(definition).toEqual({ ...builtIn, keepFor: 90_000 });
    expect(
      checkAlerts({ id: "harmony-low", levels: [{ severity: "warning", bound: 60, clear: 65, for: 60_000 }] }).alerts,
    ).toEqual([
      {
        id: "harmony-low",
        enabled: true,
        definition: { ...builtIn, levels: [{ severity: "warning", bound: 60, clear: 65, for: 60_000 }] },
      },
    ]);
  });

  test("have a metric of a system, of a service, or of the organism, within its range", () => {
    for (const metric of ["brain.load", "organism.harmony", "heart.user-management.signups"])
      expect([metric, told({ metric })]).toEqual([metric, []]);
    expect(told({ metric: "heart.laod" })).toEqual([
      expect.stringMatching(/^metric is "laod", but must be one of load, .* did you mean load\?$/),
    ]);
    expect(told({ metric: "hart.load" })).toEqual([expect.stringMatching(/did you mean heart\?$/)]);
    expect(told({ metric: "user-management.signups" })).toEqual([
      'metric is "user-management.signups", but must be a metric with its system; did you mean heart.user-management.signups?',
    ]);
    expect(told({ metric: "organism.confidence" })).toEqual([
      "levels[0].bound is 5, but must be a number from 0, and below 1",
    ]);
  });

  test("that name nothing known are told the nearest name", () => {
    expect(toldOf({ id: "harmoni-low", enabled: false })).toEqual([
      expect.stringMatching(/^id is "harmoni-low", .*an own alert needs a metric.*did you mean harmony-low\?$/),
    ]);
    expect(told({ sumary: "few" })).toEqual([expect.stringMatching(/^sumary is not known here; .*mean summary\?$/)]);
    expect(told({ bad: "bellow" })).toEqual([expect.stringMatching(/did you mean below\?$/)]);
    expect(levels({ severity: "warnin", bound: 5 })).toEqual([expect.stringMatching(/did you mean warning\?$/)]);
  });

  test("are told everything that is wrong with them at once", () => {
    const wrong = {
      id: "signups-low",
      metric: "heart.user-management.signups",
      bad: "low",
      levels: [{ severity: "bad", bound: "5", for: -1, until: 3 }],
      keepFor: 0.5,
      enabled: "yes",
      advice: "",
    };
    expect(checkAlerts(wrong).faults.map(({ path }) => path)).toEqual([
      "bad",
      "enabled",
      "levels[0].until",
      "levels[0].severity",
      "levels[0].bound",
      "levels[0].for",
      "keepFor",
      "advice",
    ]);
  });

  test("that are wrong stop no others, and one id stands for one alert", () => {
    const { alerts, faults } = checkAlerts([{ ...signups, levels: [] }, null, { ...signups, id: "b" }, { id: "b" }, 7]);
    expect(alerts.map(({ id }) => id)).toEqual(["b"]);
    expect(faults.map(({ rule, detail }) => `${rule}: ${detail.slice(0, 40)}`)).toEqual([
      "signups-low: levels is a list of 0, but must be a lis",
      "alert 2: alert is null, but must be an object",
      expect.stringMatching(/^b: id is "b", but must be one of/),
      "alert 5: alert is 7, but must be an object",
    ]);
    expect(checkAlerts([signups, signups]).faults.map(({ detail }) => detail)).toEqual([
      'id is "signups-low", which another alert before it has',
    ]);
  });

  test("have bounds that can be reached, and that not everything reaches", () => {
    const load = (bad: string, bound: unknown) =>
      told({ metric: "brain.load", bad, levels: [{ severity: "warning", bound }] });
    expect([load("above", 1), load("above", 100), load("below", 0), load("below", 99)]).toEqual([[], [], [], []]);
    expect(load("above", 0)).toEqual(["levels[0].bound is 0, but must be a number above 0, 100 at most"]);
    expect(load("below", 100)).toEqual(["levels[0].bound is 100, but must be a number from 0, and below 100"]);
    for (const bound of [101, -1, Number.NaN, JSON.parse("1e309"), null, "85", [85]])
      expect([bound, load("above", bound).length]).toEqual([bound, 1]);
    for (const bound of [1e16, -1e16, JSON.parse("-1e309")])
      expect([bound, levels({ severity: "warning", bound }).length]).toEqual([bound, 1]);
  });

  test("have levels of which each is worse than the one before, and ends before it", () => {
    const one = { severity: "warning", bound: 5, clear: 8, for: 60_000 };
    const two = { severity: "critical", bound: 1, clear: 3, for: 10_000 };
    expect(levels(one, two)).toEqual([]);
    expect(levels(two, one)).toEqual([
      expect.stringMatching(/^levels\[1\].severity is "warning", but must be more severe than that of levels\[0\]/),
      "levels[1].bound is 5, but must be below that of levels[0], 1",
      "levels[1].for is 60000, but must be no longer than that of levels[0], 10000 ms",
      expect.stringMatching(/^levels\[1\].clear is 8, but levels\[0\] ends at 3 already/),
    ]);
    expect(levels(one, { ...two, bound: 5, clear: 6 })).toEqual([expect.stringMatching(/^levels\[1\].bound is 5/)]);
    expect(levels(one, one, two, two)).toEqual(["levels is a list of 4, but must be a list of 1 to 3 levels"]);
    expect(told({ levels: [one, two], keepFor: 5000 })).toEqual([
      expect.stringMatching(/^keepFor is 5000, but must be at least 10000 ms/),
    ]);
  });

  test("end on the side of their bound that is well", () => {
    for (const clear of [5, 4, Number.NaN, JSON.parse("1e309"), "8"])
      expect([clear, levels({ severity: "warning", bound: 5, clear }).length]).toEqual([clear, 1]);
    expect(told({ metric: "brain.load", bad: "above", levels: [{ severity: "info", bound: 80, clear: 85 }] })).toEqual([
      "levels[0].clear is 85, but must be a number from 0, and below the bound, which is 80",
    ]);
  });

  test("that an auditor relies on are neither changed nor switched off", () => {
    for (const id of ["chain-broken", "chain-gaps"])
      for (const change of [{ enabled: false }, { levels: [{ severity: "info", bound: 0, for: 604_800_000 }] }])
        expect(toldOf({ id, ...change })).toEqual([
          `${id} can be neither changed nor switched off: an auditor relies on it; azora alerts silence keeps it quiet for a while`,
        ]);
    expect(toldOf({ id: "chain-unwitnessed", enabled: false })).toEqual([]);
  });

  test("that are built in measure what they measure", () => {
    expect(toldOf({ id: "harmony-low", metric: "brain.load", bad: "above", levels: signups.levels })).toEqual([
      expect.stringContaining("metric is not known here"),
      expect.stringContaining("bad is not known here"),
      "harmony-low is built in and measures what it measures; an own alert has another id",
    ]);
  });

  test("have ids that are names, and texts that are lines", () => {
    for (const id of ["", "A", "__proto__", "a_b", "a--b", "-a", "a-", "7a", "a".repeat(65), "a b", "ä", 7, null, {}])
      expect([id, told({ id }).length]).toEqual([id, 1]);
    for (const id of ["constructor", "a-1", "x".repeat(64)]) expect([id, told({ id })]).toEqual([id, []]);
    for (const summary of ["a\nb", "\ud800", "\u001b[31m", "\u2028", "\ufeffx", "x".repeat(201)])
      expect([summary, told({ summary }).length]).toEqual([summary, 1]);
    const odd = JSON.parse(`{"__proto__": {"id": "harmony-low"}, "enabled": false}`);
    expect(checkAlerts(odd).alerts).toEqual([]);
    expect({}).not.toHaveProperty("enabled");
  });

  test("cost no more to refuse than to read, however long or many names in it are", () => {
    const many = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`f${i}`, 1]));
    const begun = performance.now();
    const { faults } = checkAlerts([
      { ...signups, ...many },
      { ...signups, id: "b", ["x".repeat(1_000_000)]: 1 },
    ]);
    expect(performance.now() - begun).toBeLessThan(2000);
    expect(faults.length).toBeLessThan(30);
    expect(Math.max(...faults.map(({ path, detail }) => path.length + detail.length))).toBeLessThan(500);
    expect(checkAlerts(Array.from({ length: 100_000 }, () => null)).faults.length).toBeLessThan(300);
  });
});

describe("the page about alerts", () => {
  const page = readFileSync(new URL("../../../../docs/alerts.md", import.meta.url), "utf8");

  test("shows alerts that are right", () => {
    const [, example] = /```json\n(.*?)```/s.exec(page)!;
    const { alerts, faults } = checkAlerts(JSON.parse(example!));
    expect([alerts.map(({ id }) => id), faults]).toEqual([["harmony-low", "chain-unwitnessed", "signups-low"], []]);
  });

  test("names each field", () => {
    const { faults } = checkAlerts({ ...signups, nonsense: 1, levels: [{ nonsense: 1 }] });
    const known = faults.flatMap(({ detail }) => /known are ([\w, ]+)/.exec(detail)?.[1]?.split(", ") ?? []);
    expect(known).toHaveLength(12);
    for (const field of known)
      expect(page).toMatch(new RegExp(`^\\| \`(levels\\[\\]\\.)?${field}\` \\| (both|own ones) \\|`, "m"));
  });
});

describe("what anybody may write in a file", () => {
  const anything = fc.oneof(
    fc.jsonValue() as fc.Arbitrary<unknown>,
    fc.constantFrom("warning", "above", "harmony-low", "brain.load", Number.POSITIVE_INFINITY, -0, 1e15),
  );
  const number = fc.oneof(fc.integer({ min: -10, max: 110 }), fc.double(), anything);
  const level = fc.record(
    { severity: fc.oneof(fc.constantFrom(...SEVERITIES), anything), bound: number, clear: number, for: number },
    { requiredKeys: ["severity", "bound"] },
  );
  const alert = fc.record(
    {
      id: fc.oneof(fc.constantFrom(...BUILT_IN_ALERTS.map(({ id }) => id), "own", "own-2"), anything),
      enabled: fc.oneof(fc.boolean(), anything),
      metric: fc.oneof(fc.constantFrom("brain.load", "organism.harmony", "heart.a.b"), anything),
      bad: fc.oneof(fc.constantFrom("above", "below"), anything),
      levels: fc.oneof(fc.array(level, { maxLength: 4 }), anything),
      keepFor: number,
      summary: fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("{{ {value}", "{{{{value}}", "{value}{value}")),
      advice: fc.string(),
    },
    { requiredKeys: ["id"] },
  );

  test("is refused, or is an alert that can begin and end, and that Prometheus' rules can be made of", () => {
    fc.assert(
      fc.property(fc.oneof(fc.array(fc.oneof(alert, anything), { maxLength: 5 }), anything), (input) => {
        const { alerts, faults } = checkAlerts(input);
        const { alerts: all } = effectiveAlerts(alerts.map((one) => ({ one, file: "f" })));
        if (!Array.isArray(input) && alerts.length === 0) expect(faults.length).toBeGreaterThan(0);
        for (const { definition } of all) {
          const { levels, range, bad, keepFor } = definition;
          const [well, ill] = bad === "above" ? [range.min, range.max] : [range.max, range.min];
          for (const [i, one] of levels.entries()) {
            expect([isBad(definition, one, well, true), isBad(definition, one, ill, false)]).toEqual([false, true]);
            expect(isBad(definition, one, one.bound, true)).toBe(true);
            if (i === 0) continue;
            expect(isBad(definition, levels[i - 1]!, one.bound, false)).toBe(true);
            expect(one.for <= levels[i - 1]!.for && one.for <= keepFor).toBe(true);
          }
        }
        const ofFile = all.filter(({ file }) => file !== null).map(({ definition }) => definition);
        expect(() => parse(prometheusRules(ofFile))).not.toThrow();
      }),
      { numRuns: 500 },
    );
  });
});

describe("alerts that hold", () => {
  const found = (...ids: string[]) =>
    ids.flatMap((id) => checkAlerts({ ...signups, id }).alerts.map((one) => ({ one, file: `alerts/${id}.json` })));

  test("are the built-in ones as files have changed them, and the own ones", () => {
    const [change] = checkAlerts({ id: "node-down", enabled: false }).alerts;
    const { alerts } = effectiveAlerts([{ one: change!, file: "alerts/a.json" }, ...found("own")]);
    expect(alerts.map(({ definition: { id } }) => id)).toEqual([...BUILT_IN_ALERTS.map(({ id }) => id), "own"]);
    expect(alerts.filter(({ file }) => file !== null)).toMatchObject([
      { definition: { id: "node-down" }, enabled: false, file: "alerts/a.json" },
      { definition: { id: "own" }, enabled: true, file: "alerts/own.json" },
    ]);
  });

  test("have names of their own for Prometheus too", () => {
    const { alerts, faults } = effectiveAlerts(found("a-1", "a1", "silent", "nodedown", "b"));
    expect(alerts.slice(BUILT_IN_ALERTS.length).map(({ definition: { id } }) => id)).toEqual(["a-1", "nodedown", "b"]);
    expect(faults).toEqual([
      {
        rule: "a1",
        path: "id",
        file: "alerts/a1.json",
        detail: 'id is "a1", which Prometheus would call AzoraA1, as a-1',
      },
      expect.objectContaining({ rule: "silent", detail: expect.stringContaining("AzoraSilent, as that of an engine") }),
    ]);
  });

  test(`may be ${MOST_OWN_ALERTS} own ones; of more it is said that there is no room`, () => {
    const { alerts, faults } = effectiveAlerts(
      found(...Array.from({ length: MOST_OWN_ALERTS + 2 }, (_, i) => `own-${i}`)),
    );
    expect(alerts).toHaveLength(BUILT_IN_ALERTS.length + MOST_OWN_ALERTS);
    expect(faults.map(({ rule }) => rule)).toEqual([`own-${MOST_OWN_ALERTS}`, `own-${MOST_OWN_ALERTS + 1}`]);
  });
});

describe("what an own alert says", () => {
  test("has the value where {value} stands, for Prometheus too", () => {
    expect(summaryOf("{value} of 10, {value}!", "3")).toBe("3 of 10, 3!");
    expect(templateOf("{value} of 10")).toBe("{{ $value }} of 10");
  });

  test("runs no template of Prometheus that somebody wrote into it", () => {
    expect(summaryOf("{{value}} {{ .Labels }}", "3")).toBe("{{value}} {{ .Labels }}");
    expect(templateOf('{{ query "up" }} {{{value}')).toBe('{{ "{{" }} query "up" }} {{ "{{" }}{{ $value }}');
    expect(literalOf("a {{ b }}")).toBe('a {{ "{{" }} b }}');
  });
});
