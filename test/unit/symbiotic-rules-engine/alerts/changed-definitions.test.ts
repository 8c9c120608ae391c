import { describe, expect, test } from "@jest/globals";
import { BUILT_IN_ALERTS } from "../../../../runtime/alerts/built-in/definitions.ts";
import { checkAlerts } from "../../../../runtime/alerts/check-alerts.ts";
import type { AlertDefinition } from "../../../../runtime/alerts/definition.ts";
import { effectiveAlerts } from "../../../../runtime/alerts/effective-alerts.ts";
import { AlertWorld, service, situation, stateOf } from "./situations.ts";

/** What is an alert where a file says this. */
function by(...alerts: object[]): AlertDefinition[] {
  const checked = checkAlerts(alerts);
  expect(checked.faults).toEqual([]);
  const { alerts: all } = effectiveAlerts(checked.alerts.map((one) => ({ one, file: "alerts/a.json" })));
  return all.filter(({ enabled }) => enabled).map(({ definition }) => definition);
}

function harmonyIs(score: number) {
  return situation({ state: stateOf(score) });
}

function signups(value: number | null, more: object = {}) {
  const state = stateOf();
  if (value !== null) state.systems[1]!.own["shop.signups"] = { value, age: 500 };
  return situation({ state, ...more });
}

const harmonyLow = (...levels: object[]) => ({ id: "harmony-low", levels });
const signupsLow = {
  id: "signups-low",
  metric: "heart.shop.signups",
  bad: "below",
  levels: [{ severity: "warning", bound: 5, clear: 8, for: 10_000 }],
};

describe("an alert whose definition changes", () => {
  test("goes on firing where it is bad by the new bounds too, without a word", () => {
    const world = new AlertWorld();
    world.pass(31, harmonyIs(50));
    expect(world.told()).toEqual(["firing harmony-low harmony"]);
    world.manager.define(by(harmonyLow({ severity: "critical", bound: 55, for: 120_000 })));
    world.pass(600, harmonyIs(50));
    expect(world.list()).toEqual(["firing harmony-low harmony"]);
    expect(world.told()).toEqual(["firing harmony-low harmony"]);
  });

  test("ends after its time where it is well by the new bounds", () => {
    const world = new AlertWorld();
    world.pass(31, harmonyIs(75));
    world.manager.define(by(harmonyLow({ severity: "warning", bound: 70, clear: 72, for: 30_000 })));
    world.pass(29, harmonyIs(75));
    expect(world.list()).toEqual(["firing harmony-low harmony"]);
    world.pass(1, harmonyIs(75));
    expect(world.manager.list()[0]).toMatchObject({ state: "resolved", end: "cleared" });
  });

  test("becomes as severe as the new bounds say, milder ones after their time", () => {
    const world = new AlertWorld();
    world.pass(31, harmonyIs(50));
    expect(world.manager.list()[0]).toMatchObject({ severity: "critical" });
    world.manager.define(by(harmonyLow({ severity: "info", bound: 60, for: 0 })));
    world.pass(29, harmonyIs(50));
    expect(world.manager.list()[0]).toMatchObject({ severity: "critical" });
    world.pass(2, harmonyIs(50));
    expect(world.manager.list()[0]).toMatchObject({ severity: "info", state: "firing" });
    world.manager.define(BUILT_IN_ALERTS);
    world.pass(32, harmonyIs(50));
    expect(world.manager.list()[0]).toMatchObject({ severity: "critical", state: "firing" });
    expect(world.told()).toEqual(["firing", "severity", "severity"].map((what) => `${what} harmony-low harmony`));
  });

  test("that has only begun begins anew: what was seen by other bounds says nothing", () => {
    const world = new AlertWorld();
    world.pass(25, harmonyIs(75));
    world.manager.define(by(harmonyLow({ severity: "warning", bound: 76, for: 30_000 })));
    world.pass(30, harmonyIs(75));
    expect(world.list()).toEqual(["pending harmony-low harmony"]);
    world.pass(1, harmonyIs(75));
    expect(world.list()).toEqual(["firing harmony-low harmony"]);
  });

  test("goes on counting where only others have changed", () => {
    const world = new AlertWorld();
    world.pass(25, harmonyIs(75));
    world.manager.define(by({ id: "node-down", enabled: false }));
    world.pass(6, harmonyIs(75));
    expect(world.list()).toEqual(["firing harmony-low harmony"]);
  });

  test("counts what it has seen where only its times change", () => {
    const world = new AlertWorld();
    world.pass(25, harmonyIs(75));
    world.manager.define(by(harmonyLow({ severity: "warning", bound: 79, clear: 82, for: 20_000 })));
    world.pass(1, harmonyIs(75));
    expect(world.list()).toEqual(["pending harmony-low harmony"]);
    const builtIn = BUILT_IN_ALERTS.find(({ id }) => id === "harmony-low")!.levels;
    world.manager.define(by(harmonyLow({ ...builtIn[0], for: 26_000 }, { ...builtIn[1], for: 26_000 })));
    world.pass(25, harmonyIs(75));
    world.manager.define(by(harmonyLow({ ...builtIn[0], for: 10_000 }, { ...builtIn[1], for: 10_000 })));
    world.pass(1, harmonyIs(75));
    expect(world.list()).toEqual(["firing harmony-low harmony"]);
  });

  test("ends at once where it is switched off, and is told why", () => {
    const world = new AlertWorld();
    world.pass(31, situation({ services: [service("shop", "unhealthy"), service("cart", "degraded")] }));
    expect(world.list()).toEqual(["firing service-failed shop", "pending service-degraded cart"]);
    world.manager.define(by({ id: "service-failed", enabled: false }, { id: "service-degraded", enabled: false }));
    expect(world.list()).toEqual(["resolved service-failed shop"]);
    expect(world.manager.list()[0]).toMatchObject({ end: "disabled" });
    expect(world.told()).toEqual(["firing service-failed shop", "resolved service-failed shop"]);
    world.pass(60, situation({ services: [service("shop", "unhealthy")] }));
    expect(world.manager.counts()).toMatchObject({ warning: 0, critical: 0 });
    world.manager.define(BUILT_IN_ALERTS);
    world.pass(31, situation({ services: [service("shop", "unhealthy")] }));
    expect(world.manager.list()[0]).toMatchObject({ state: "firing", times: 2 });
  });

  test("while the engine was away is judged like one that changes while it runs", () => {
    const world = new AlertWorld();
    world.manager.define(by(signupsLow));
    world.pass(25, situation({ state: stateOf(75), services: [service("shop", "unhealthy"), service("till")] }));
    world.pass(10, situation({ ...signups(3), services: [service("shop", "unhealthy"), service("till")] }));
    world.pass(1, signups(3));
    expect(world.list()).toEqual(
      expect.arrayContaining(["firing signups-low heart.shop.signups", "firing service-failed shop"]),
    );
    const saved = JSON.parse(JSON.stringify(world.manager.snapshot()));
    world.manager = world.newManager();
    world.manager.define(by({ id: "service-failed", levels: [{ severity: "critical", bound: 0, for: 60_000 }] }));
    world.manager.restore(saved);
    expect(world.list()).toEqual(["firing service-failed shop", "resolved signups-low heart.shop.signups"]);
    world.pass(61, situation({ services: [service("shop", "unhealthy")] }));
    expect(world.manager.list()[0]).toMatchObject({ alert: "service-failed", state: "firing", severity: "critical" });
  });
});

describe("an own alert", () => {
  test("fires by a metric that a service publishes, says what its author wrote, and ends", () => {
    const world = new AlertWorld();
    world.manager.define(by({ ...signupsLow, summary: "only {value} sign-ups", advice: "ask the shop" }));
    world.pass(20, signups(6));
    expect(world.list()).toEqual([]);
    world.pass(11, signups(3.14659));
    expect(world.manager.list()[0]).toMatchObject({
      alert: "signups-low",
      subject: "heart.shop.signups",
      group: "heart",
      state: "firing",
      severity: "warning",
      summary: "only 3.147 sign-ups",
      advice: "ask the shop",
      value: 3.14659,
    });
    world.pass(60, signups(6));
    expect(world.list()).toEqual(["firing signups-low heart.shop.signups"]);
    world.pass(30, signups(9));
    expect(world.list()).toEqual(["resolved signups-low heart.shop.signups"]);
  });

  test("may be about what Azora measures of a system, and about harmony", () => {
    const world = new AlertWorld();
    const above = (id: string, metric: string, bad: string, bound: number) => ({
      id,
      metric,
      bad,
      levels: [{ severity: "info", bound }],
    });
    const state = stateOf(90, 0.8);
    state.systems[1]!.metrics.queueDepth = { value: 70, age: 500 };
    world.manager.define(
      by(
        above("queue", "heart.queueDepth", "above", 50),
        above("not-so-well", "organism.harmony", "below", 95),
        above("guessing", "organism.confidence", "below", 0.9),
      ),
    );
    world.pass(1, situation({ state }));
    expect(world.manager.list().map(({ alert, group, summary }) => `${group} ${alert}: ${summary}`)).toEqual([
      "heart queue: heart.queueDepth is 70",
      "organism not-so-well: organism.harmony is 90",
      "organism guessing: organism.confidence is 0.8",
    ]);
  });

  test("neither fires nor ends by what is not known", () => {
    const world = new AlertWorld();
    world.manager.define(by(signupsLow));
    world.pass(60, signups(null));
    expect(world.list()).toEqual([]);
    world.pass(11, signups(3));
    world.pass(600, signups(null));
    expect(world.manager.list()[0]).toMatchObject({ state: "firing", unknownSince: expect.any(String) });
  });

  test("ends as gone where its service is no part of the organism any more", () => {
    const world = new AlertWorld();
    world.manager.define(by(signupsLow));
    world.pass(11, signups(3));
    world.pass(60, signups(null, { services: [service("till")] }));
    expect(world.manager.list()[0]).toMatchObject({ state: "resolved", end: "gone" });
  });

  test("ends at once where it is taken away, or is about something else from now on", () => {
    for (const after of [
      by(),
      by({ ...signupsLow, metric: "heart.shop.orders" }),
      by({ ...signupsLow, enabled: false }),
    ]) {
      const world = new AlertWorld();
      world.manager.define(by(signupsLow));
      world.pass(11, signups(3));
      world.manager.define(after);
      expect(world.manager.list()).toMatchObject([{ state: "resolved", end: "disabled" }]);
    }
  });

  test("waits for the launch like others", () => {
    const world = new AlertWorld();
    world.manager.define(by(signupsLow));
    world.pass(60, signups(3, { launching: true }));
    expect(world.list()).toEqual([]);
  });

  test("can be tried before it is there", () => {
    const world = new AlertWorld();
    world.pass(1, signups(3));
    const trial = (value: number | null) => world.manager.trial(by(signupsLow).at(-1)!, signups(value));
    expect(trial(3)).toMatchObject({
      seen: 1,
      unknown: 0,
      bad: [{ subject: "heart.shop.signups", value: 3, level: { severity: "warning" } }],
    });
    expect(trial(7)).toEqual({ seen: 1, unknown: 0, bad: [] });
    expect(trial(null)).toEqual({ seen: 1, unknown: 1, bad: [] });
    expect(world.list()).toEqual([]);
  });
});
