import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { costOf, penaltyOf, SLOW_START_MS, weightOf } from "../../../../runtime/balancer/cost.ts";
import { EndpointLoad } from "../../../../runtime/load/endpoint-load.ts";

const load = (since = 0) => new EndpointLoad({ action: "a.b", service: "a", node: "one", local: false }, since);
/** One that has answered calls, each after `took` ms, until `now`. */
function busy(took: number, now: number, failing = false): EndpointLoad {
  const made = load();
  for (let i = 0; i < 50; i++) {
    made.began(now - took);
    made.ended(now - took, now, failing ? "failed" : "answered");
  }
  return made;
}

describe("the cost of an instance", () => {
  test("is its latency, times the calls that one more would share it with", () => {
    const now = SLOW_START_MS;
    const one = busy(10, now);
    expect(costOf(one, now, 1)).toBeCloseTo(10_000);
    one.began(now);
    one.began(now);
    expect(costOf(one, now, 1)).toBeCloseTo(30_000);
  });

  test("is that of another where nothing is known of it", () => {
    expect(costOf(load(), SLOW_START_MS, 777)).toBe(777);
  });

  test("is eight times as much where half of its calls fail", () => {
    const one = load();
    for (let i = 0; i < 10_000; i++) {
      one.began(0);
      one.ended(0, 1, i % 2 === 0 ? "failed" : "answered");
    }
    expect(penaltyOf(one, 1)).toBeCloseTo(8, 1);
    expect(penaltyOf(busy(1, 0), 0)).toBe(1);
    expect(penaltyOf(busy(1, 0, true), 0)).toBe(1000);
  });

  test("is out of reach while it is taken out; its weight then grows from a tenth, as that of a new one", () => {
    const one = load(5000);
    expect([weightOf(one, 5000), weightOf(one, 10_000), weightOf(one, 15_000), weightOf(one, 1e9)]).toEqual([
      0.1, 0.55, 1, 1,
    ]);
    one.ejectedUntil = 60_000;
    expect([weightOf(one, 59_999), weightOf(one, 60_000), weightOf(one, 70_000)]).toEqual([0, 0.1, 1]);
    expect(costOf(one, 59_999, 1)).toBe(Number.POSITIVE_INFINITY);
  });

  test("is never made less by a failure or a call under way", () => {
    const endings = fc.array(fc.constantFrom("answered" as const, "failed" as const, "refused" as const), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(endings, fc.nat(500), fc.integer({ min: 0, max: 20_000 }), (all, took, now) => {
        const make = (since: number) => {
          const made = load(since);
          for (const ending of all) {
            made.began(now);
            made.ended(now, now + took, ending);
          }
          return made;
        };
        const later = now + took;
        const [one, failed, crowded] = [make(0), make(0), make(0)];
        failed.began(later);
        failed.ended(later, later, "failed");
        crowded.began(later);
        const cost = costOf(one, later, 100);
        for (const dearer of [failed, crowded])
          expect(costOf(dearer, later, 100)).toBeGreaterThanOrEqual(cost * 0.999999);
        expect(cost).toBeGreaterThan(0);
      }),
    );
  });
});
