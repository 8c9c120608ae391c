import { expect, test } from "@jest/globals";
import { Measurements } from "../../../../services/muscles/performance-optimizer/measurements/measurements.ts";
import { CALM_MS, MeasuredTraffic } from "../../../../services/muscles/performance-optimizer/tuning/traffic.ts";
import { FakeClock } from "../../../support/fake-clock.ts";

function setUp() {
  const clock = new FakeClock();
  const now = () => clock.now();
  return { clock, traffic: new MeasuredTraffic(new Measurements({ now }), now, () => ["heart-1"]) };
}

test("a service is disturbed by what happened to it or to its nodes, the last thing first", () => {
  const { clock, traffic } = setUp();
  const start = clock.now();
  expect(traffic.disturbance("shop", 0)).toBeUndefined();
  traffic.disturb("shop", "it restarted");
  clock.advance(1000);
  traffic.disturb("heart-1", "heart-1 went down");
  traffic.disturb("heart-2", "heart-2 went down");
  expect(traffic.disturbance("shop", start)).toBe("heart-1 went down");
  expect(traffic.disturbance("shop", clock.now() + 1)).toBeUndefined();
  expect(traffic.calmSince("shop")).toBe(clock.now() + CALM_MS);
});

test("what happened last is forgotten last, whatever happened to it before", () => {
  const { clock, traffic } = setUp();
  traffic.disturb("shop", "it started");
  traffic.disturb("stock", "it started");
  clock.advance(60_000);
  const began = clock.now();
  traffic.disturb("shop", "it was healed");
  for (let i = 0; i < 999; i++) traffic.disturb(`service-${i}`, "it restarted");
  expect(traffic.disturbance("shop", began)).toBe("it was healed");
  // What is known needs no more room, and pushes nobody out.
  traffic.disturb("service-998", "it restarted");
  expect(traffic.disturbance("shop", began)).toBe("it was healed");
  expect(traffic.disturbance("stock", 0)).toBeUndefined();
});
