import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { seeded } from "../../../services/immune/chaos-monkey/random.ts";
import { MB, Simulation } from "./simulation.ts";

const heap = (mb: number, more: object = {}) => ({
  "heart-1": { heapUsed: mb * MB, memory: (mb + 70) * MB, heapLimit: 2048 * MB, ...more },
});

describe("a process that leaks", () => {
  test("in its heap is named with slope, and with the time left", () => {
    const simulation = new Simulation();
    simulation.seconds(120, () => heap(40));
    simulation.seconds(300, (i) => heap(40 + i));
    expect(simulation.begun).toHaveLength(1);
    const [leak] = simulation.begun;
    expect(leak).toMatchObject({ failure: "leaking", severity: "warning", target: { node: "heart-1" } });
    expect(leak!.evidence[0]).toMatch(
      /^The heap of heart-1 has grown steadily for [\d.]+ (s|min), from \d+ MB to \d+ MB \((59|60|61) MB a minute\)\.$/,
    );
    expect(leak!.evidence[1]).toMatch(/^At this slope out of memory \(2048 MB\) in about (29|3\d) min\.$/);
    expect(leak!.secondsLeft).toBeGreaterThan(1600);
    expect(leak!.secondsLeft).toBeLessThan(2000);
  });

  test("is seen through the sawtooth of garbage collection", () => {
    const simulation = new Simulation();
    simulation.seconds(600, (i) => heap(60 + i * 0.4 + (i % 20) * 2));
    expect(simulation.begun.map(({ failure }) => failure)).toEqual(["leaking"]);
  });

  test("is seen where collections are rare", () => {
    const simulation = new Simulation();
    simulation.seconds(600, (i) => heap(100 + i * 0.3 + (i % 70)));
    expect(simulation.begun.map(({ failure }) => failure)).toEqual(["leaking"]);
  });

  test("outside of the heap is named too", () => {
    const simulation = new Simulation();
    simulation.seconds(300, (i) => heap(40, { memory: (110 + i) * MB }));
    expect(simulation.begun).toHaveLength(1);
    expect(simulation.begun[0]!.evidence[0]).toMatch(/^The memory of heart-1 outside of the heap has grown steadily/);
  });

  test("is nobody's business while it would break in many hours", () => {
    const simulation = new Simulation();
    simulation.seconds(600, (i) => heap(40 + i / 6));
    expect(simulation.begun).toEqual([]);
  });

  test("is found in seconds where time is scaled down", () => {
    const simulation = new Simulation(0.1);
    simulation.seconds(20, () => heap(35));
    simulation.seconds(45, (i) => heap(35 + 5 * i));
    expect(simulation.begun.map(({ failure }) => failure)).toEqual(["leaking"]);
  });
});

describe("no process is said to leak", () => {
  test("whatever its garbage collection is like: period, height, noise", () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 20, max: 200 }),
        fc.integer({ min: 3, max: 260 }),
        fc.double({ min: 0.05, max: 2.5, noNaN: true }),
        fc.double({ min: 0, max: 4, noNaN: true }),
        (seed, alive, period, garbage, noise) => {
          const random = seeded(seed);
          // V8 collects everything before the heap is four times of what is alive.
          const turn = Math.min(period, Math.floor((2.9 * alive) / garbage));
          const simulation = new Simulation();
          simulation.seconds(900, (i) => heap(alive + (i % turn) * garbage + random() * noise));
          expect(simulation.begun).toEqual([]);
        },
      ),
      { numRuns: 60 },
    );
  });

  test("while it warms up and that levels off, in and beside the heap", () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.double({ min: 20, max: 120, noNaN: true }),
        fc.double({ min: 15, max: 90, noNaN: true }),
        (seed, grows, pace) => {
          const random = seeded(seed);
          const simulation = new Simulation();
          simulation.seconds(900, (i) => {
            const warm = grows * (1 - Math.exp(-i / pace));
            return heap(50 + warm + random() * 2, { memory: (130 + 2 * warm + random() * 3) * MB });
          });
          expect(simulation.begun).toEqual([]);
        },
      ),
      { numRuns: 60 },
    );
  });

  test("for a step to a higher level, as when a cache is filled under load", () => {
    const simulation = new Simulation();
    simulation.seconds(200, () => heap(60));
    simulation.seconds(30, (i) => heap(60 + 3 * i));
    simulation.seconds(600, () => heap(150));
    expect(simulation.begun).toEqual([]);
  });
});

describe("a resource that runs out", () => {
  test.each([
    ["heap", heap(1900), "The heap is 93 % full: 1900 MB of 2048 MB."],
    ["files", heap(40, { files: { open: 950, limit: 1024 } }), "950 of 1024 file descriptors are open."],
    [
      "disk",
      heap(40, { disk: { free: 10 * MB, total: 800 * MB } }),
      "The disk of the data folder has 10 MB left of 800 MB.",
    ],
  ])("%s is named", (resource, nodes, evidence) => {
    const simulation = new Simulation();
    simulation.seconds(5, () => nodes);
    expect(simulation.begun).toHaveLength(1);
    expect(simulation.begun[0]).toMatchObject({
      failure: "resource exhausted",
      signs: { resource },
      evidence: [evidence],
    });
  });

  test("counts neither for a moment nor for what is not known", () => {
    const simulation = new Simulation();
    simulation.seconds(100, (i) => heap(i % 10 === 0 ? 1900 : 300));
    simulation.seconds(10, () => ({ "heart-1": { heapUsed: 1900 * MB } }));
    simulation.seconds(10, () => heap(40, { disk: { free: 20_000 * MB, total: 2_000_000 * MB } }));
    expect(simulation.begun).toEqual([]);
  });
});

test("a service that recovers and fails again four times in five minutes flaps", () => {
  const simulation = new Simulation();
  const { flapping } = simulation.senses;
  for (let i = 0; i < 4; i++) {
    flapping.failed({ service: "ledger" }, simulation.now);
    simulation.seconds(20, () => ({}));
    flapping.recovered({ service: "ledger" }, simulation.now);
    simulation.seconds(20, () => ({}));
  }
  expect(simulation.begun).toEqual([]);
  flapping.failed({ service: "ledger" }, simulation.now);
  simulation.seconds(3, () => ({}));
  expect(simulation.begun[0]).toMatchObject({ failure: "flapping", target: { service: "ledger" } });
  simulation.seconds(320, () => ({}));
  expect(simulation.ended).toHaveLength(1);
});

test("a node that reports no longer is not judged by its last report", () => {
  const simulation = new Simulation();
  simulation.second(heap(1900));
  simulation.seconds(30, () => ({}));
  expect(simulation.begun).toEqual([]);
});
