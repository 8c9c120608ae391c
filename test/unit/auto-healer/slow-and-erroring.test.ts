import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { seeded } from "../../../services/immune/chaos-monkey/random.ts";
import { normal, Simulation } from "./simulation.ts";

const steady = (ms: number, calls = 5) => ({ calls, duration: () => ms });
const failures = (simulation: Simulation) =>
  simulation.begun.map(({ failure, severity }) => `${failure} (${severity})`);

describe("a service that becomes slow", () => {
  test("is found within half a minute, with figures", () => {
    const simulation = new Simulation();
    simulation.seconds(300, () => ({ "heart-1": { services: { ledger: steady(20), other: steady(10) } } }));
    let seconds = 0;
    while (simulation.begun.length === 0 && seconds < 60) {
      simulation.second({ "heart-1": { services: { ledger: steady(600), other: steady(10) } } });
      seconds++;
    }
    expect(seconds).toBeLessThanOrEqual(30);
    expect(simulation.begun[0]).toMatchObject({
      failure: "slow",
      severity: "failure",
      target: { service: "ledger", node: "heart-1" },
    });
    expect(simulation.begun[0]!.evidence[0]).toMatch(
      /^p95 of 150 calls in the last 30 s is 6\d\d ms, and usually 20 ms\.$/,
    );
  });

  test("is over when calls are quick again", () => {
    const simulation = new Simulation();
    simulation.seconds(300, () => ({ "heart-1": { services: { ledger: steady(20) } } }));
    simulation.seconds(60, () => ({ "heart-1": { services: { ledger: steady(600) } } }));
    simulation.seconds(40, () => ({ "heart-1": { services: { ledger: steady(20) } } }));
    expect(simulation.begun).toHaveLength(1);
    expect(simulation.ended).toHaveLength(1);
  });

  test("is over at once for the senses after it was treated", () => {
    const simulation = new Simulation();
    simulation.seconds(300, () => ({ "heart-1": { services: { ledger: steady(20) } } }));
    simulation.seconds(60, () => ({ "heart-1": { services: { ledger: steady(600) } } }));
    simulation.senses.treated({ service: "ledger" }, simulation.now);
    simulation.seconds(6, () => ({ "heart-1": { services: { ledger: steady(20) } } }));
    expect(simulation.ended).toHaveLength(1);
  });

  test("is named before, by its trend, with the time left", () => {
    const simulation = new Simulation();
    simulation.seconds(300, () => ({ "heart-1": { services: { ledger: steady(20) } } }));
    simulation.seconds(240, (i) => ({ "heart-1": { services: { ledger: steady(20 + i * 0.7) } } }));
    expect(failures(simulation)).toEqual(["slow (warning)"]);
    const [warning] = simulation.begun;
    expect(warning!.secondsLeft).toBeGreaterThan(20);
    expect(warning!.evidence[1]).toMatch(/^At this slope it is slower than \d+ ms in about [\d.]+ (s|min)\.$/);
  });

  test("is held against its node where the event loop is busy, and not against those beside it", () => {
    const simulation = new Simulation();
    const services = (ms: number) => ({ a: steady(ms), b: steady(ms) });
    simulation.seconds(300, () => ({ "heart-1": { services: services(5) } }));
    simulation.seconds(60, () => ({
      "heart-1": { services: services(700), utilisation: 0.99, loopDelay: 300 },
    }));
    expect(simulation.begun).toHaveLength(1);
    expect(simulation.begun[0]).toMatchObject({ target: { node: "heart-1" }, severity: "failure" });
    expect(simulation.begun[0]!.target.service).toBeUndefined();
  });

  test("under more load than usual is a warning only", () => {
    const simulation = new Simulation();
    simulation.seconds(300, () => ({ "heart-1": { services: { a: steady(5, 10) } } }));
    simulation.seconds(60, () => ({
      "heart-1": { services: { a: steady(700, 40) }, utilisation: 0.99, loopDelay: 300 },
    }));
    expect(failures(simulation)).toEqual(["slow (warning)"]);
  });
});

describe("no service is called slow", () => {
  test("while the whole machine is busy, nor for what is left in the windows then; it is said instead", () => {
    const simulation = new Simulation();
    simulation.seconds(300, () => ({ "heart-1": { services: { ledger: steady(20) } } }));
    simulation.machine = 0.98;
    simulation.seconds(600, () => ({ "heart-1": { services: { ledger: steady(900) }, loopDelay: 400 } }));
    simulation.machine = 0.3;
    simulation.seconds(60, () => ({ "heart-1": { services: { ledger: steady(20) } } }));
    expect(simulation.begun).toEqual([]);
    expect(simulation.remarks[0]).toBe(
      "the machine is or was busy (98 % now): slow calls are not held against services; late for that reason: heart-1",
    );
  });

  test("for being slow by nature, also where every tenth call is", () => {
    const simulation = new Simulation();
    let n = 0;
    simulation.seconds(600, () => ({
      "heart-1": { services: { a: { calls: 5, duration: () => (n++ % 10 === 0 ? 900 : 2) }, b: steady(2000) } },
    }));
    expect(simulation.begun).toEqual([]);
  });

  test("for a stall of one second", () => {
    const simulation = new Simulation();
    simulation.seconds(300, () => ({ "heart-1": { services: { a: steady(5) } } }));
    simulation.second({ "heart-1": { services: { a: steady(900, 30) } } });
    simulation.seconds(60, () => ({ "heart-1": { services: { a: steady(5) } } }));
    expect(simulation.begun).toEqual([]);
  });

  test("alone, where most services of several nodes become slow at once", () => {
    const simulation = new Simulation();
    const all = (ms: number) => ({
      "heart-1": { services: { a: steady(ms), b: steady(ms) } },
      "brain-1": { services: { c: steady(ms), d: steady(ms) } },
    });
    simulation.seconds(300, () => all(5));
    simulation.seconds(60, () => all(900));
    expect(simulation.begun).toEqual([]);
    expect(simulation.remarks[0]).toMatch(/of 4 services are slow at once/);
  });

  test("whatever the noise, with loads that come and go", () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.double({ min: 0.5, max: 60, noNaN: true }),
        fc.double({ min: 0.1, max: 0.9, noNaN: true }),
        fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 8, maxLength: 8 }),
        (seed, typical, spread, loads) => {
          const random = seeded(seed);
          const simulation = new Simulation();
          simulation.seconds(480, (i) => ({
            "heart-1": {
              services: {
                a: { calls: loads[Math.floor(i / 60)]!, duration: () => typical * Math.exp(spread * normal(random)) },
              },
            },
          }));
          expect(simulation.begun).toEqual([]);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe("a service whose calls fail", () => {
  const failing = (calls: number, errors: number) => ({
    "heart-1": { services: { ledger: { ...steady(5, calls), errors, error: "connect ECONNREFUSED 127.0.0.1:5432" } } },
  });

  test("is found within seconds, with the error", () => {
    const simulation = new Simulation();
    simulation.seconds(60, () => failing(2, 0));
    simulation.seconds(12, () => failing(2, 2));
    expect(simulation.begun[0]).toMatchObject({ failure: "erroring", error: "connect ECONNREFUSED 127.0.0.1:5432" });
    expect(simulation.begun[0]!.evidence[0]).toMatch(/^\d+ of 20 calls failed in 10 s \(`connect ECONNREFUSED/);
  });

  test("is left alone where the failing was over before it was found out", () => {
    const simulation = new Simulation();
    simulation.seconds(60, () => failing(10, 0));
    simulation.seconds(1, () => failing(40, 40));
    simulation.seconds(60, () => failing(10, 0));
    expect(simulation.begun).toEqual([]);
  });

  test("is found when every fourth of many fails", () => {
    const simulation = new Simulation();
    simulation.seconds(40, (i) => failing(4, i % 1 === 0 ? 1 : 0));
    expect(failures(simulation)).toEqual(["erroring (failure)"]);
  });

  test("is left alone for a few failures, and for failures among few calls", () => {
    const simulation = new Simulation();
    simulation.seconds(120, (i) => failing(10, i % 6 === 0 ? 5 : 0));
    simulation.seconds(60, () => ({}));
    simulation.seconds(60, (i) => (i % 3 === 0 ? failing(1, i % 9 === 0 ? 0 : 1) : {}));
    expect(simulation.begun).toEqual([]);
  });

  test("is found by its few calls too, where callers spare it after a few failures", () => {
    const simulation = new Simulation();
    simulation.seconds(30, () => failing(4, 0));
    simulation.seconds(60, () => ({}));
    simulation.seconds(24, (i) => (i % 5 === 0 ? failing(1, 1) : {}));
    expect(failures(simulation)).toEqual(["erroring (failure)"]);
    expect(simulation.begun[0]!.evidence[0]).toMatch(
      /^All 5 calls of ledger\.work in the last \d+ s failed \(`connect/,
    );
  });

  test("is found by the breakers of its callers, and no longer once it was treated", () => {
    const simulation = new Simulation();
    const since = simulation.now + 62_000;
    const breaker = {
      caller: "shop",
      callee: "ledger.work",
      node: "heart-1",
      state: "open",
      failures: 3,
      since,
      reason: "",
    } as const;
    const spared = { "lungs-1": { breakers: [breaker] }, "heart-1": {} };
    simulation.seconds(60, () => failing(4, 0));
    simulation.seconds(1, () => failing(3, 3));
    simulation.seconds(12, () => spared);
    expect(failures(simulation)).toEqual(["erroring (failure)"]);
    expect(simulation.begun[0]!.evidence[1]).toMatch(
      /^1 caller spares ledger\.work for \d+ s: its circuit breaker is open\.$/,
    );
    simulation.senses.treated({ service: "ledger" }, simulation.now);
    simulation.seconds(6, () => spared);
    expect(simulation.ended).toHaveLength(1);
  });

  test("is over when calls succeed again", () => {
    const simulation = new Simulation();
    simulation.seconds(20, () => failing(3, 3));
    simulation.seconds(40, () => failing(3, 0));
    expect(simulation.ended).toHaveLength(1);
  });
});
