import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { BASE_EJECTION_MS, ejectOutliers } from "../../../../runtime/balancer/outliers.ts";
import { EndpointLoad } from "../../../../runtime/load/endpoint-load.ts";

interface Health {
  took: number;
  failing: number;
}

function instances(count: number, action = "ledger.add"): EndpointLoad[] {
  return Array.from(
    { length: count },
    (_, i) => new EndpointLoad({ action, service: "ledger", node: `n${i}`, local: false }, 0),
  );
}

/** A second of calls: each instance gets 20, unless it is out. */
function calls(loads: EndpointLoad[], now: number, health: (i: number) => Partial<Health>): void {
  for (const [i, load] of loads.entries()) {
    if (now < load.ejectedUntil) continue;
    const { took = 10, failing = 0 } = health(i);
    for (let call = 0; call < 20; call++) {
      load.began(now - took);
      load.ended(now - took, now, call < failing * 20 ? "failed" : "answered");
    }
  }
}

const nodes = (loads: EndpointLoad[]) => loads.map(({ node }) => node);

describe("outliers", () => {
  test("are taken out where they fail or are slow and the others are not", () => {
    for (const ill of [{ failing: 0.9 }, { took: 200 }]) {
      const loads = instances(10);
      calls(loads, 1000, (i) => (i === 3 ? ill : {}));
      expect(nodes(ejectOutliers(loads, 1000))).toEqual(["n3"]);
      expect(loads[3]!.ejectedUntil).toBe(1000 + BASE_EJECTION_MS);
      expect(ejectOutliers(loads, 1001)).toEqual([]);
    }
  });

  test("are none where all suffer the same, nor where one of fewer than ten does", () => {
    const all = instances(20);
    calls(all, 1000, () => ({ failing: 0.9, took: 900 }));
    const few = instances(9);
    calls(few, 1000, (i) => (i === 3 ? { failing: 1 } : {}));
    expect([ejectOutliers(all, 1000), ejectOutliers(few, 1000)]).toEqual([[], []]);
  });

  test("are not made by differences that are nobody's trouble, nor by a few calls", () => {
    const loads = instances(10);
    calls(loads, 1000, (i) => (i === 3 ? { took: 4 } : { took: 0.1 }));
    const rare = instances(10);
    calls(rare, 1000, (i) => (i === 3 ? { took: 0 } : {}));
    for (let i = 0; i < 4; i++) {
      rare[3]!.began(0);
      rare[3]!.ended(0, 60_000, "failed");
    }
    expect(ejectOutliers(loads, 1000)).toEqual([]);
    const few = instances(10);
    calls(few.slice(0, 9), 60_000, () => ({}));
    for (let i = 0; i < 4; i++) few[9]!.ended(0, 60_000, "failed");
    expect(ejectOutliers(few, 60_000)).toEqual([]);
  });

  test("stay out for longer each time, for five minutes at most, and are forgiven when they did well for as long", () => {
    const loads = instances(10);
    const out: number[] = [];
    let now = 0;
    const second = (ill: boolean) => {
      now += 1000;
      calls(loads, now, (i) => (i === 0 && ill ? { failing: 1 } : {}));
      for (const load of ejectOutliers(loads, now)) out.push(load.ejectedUntil - now);
    };
    while (out.length < 40) second(true);
    expect(out.slice(0, 4)).toEqual([10_000, 20_000, 30_000, 40_000]);
    expect(Math.max(...out)).toBe(300_000);
    for (let i = 0; i < 800; i++) second(false);
    out.length = 0;
    while (out.length < 1) second(true);
    expect(out).toEqual([10_000]);
  });

  test("are of one action alone", () => {
    const [one, other] = [instances(10, "ledger.add"), instances(10, "ledger.look")];
    calls(one, 1000, (i) => (i === 3 ? { failing: 1 } : {}));
    calls(other, 1000, () => ({}));
    expect(ejectOutliers([...one, ...other], 1000)).toEqual([one[3]]);
  });

  test("are never more than a tenth at once, whatever happens", () => {
    const health = fc.record({
      took: fc.constantFrom(0.1, 1, 10, 100, 10_000),
      failing: fc.constantFrom(0, 0, 0.5, 1),
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 45 }),
        fc.array(fc.tuple(fc.array(health, { minLength: 45, maxLength: 45 }), fc.nat(40_000)), { maxLength: 20 }),
        (count, steps) => {
          const loads = instances(count);
          let now = 0;
          for (const [healths, wait] of steps) {
            now += wait;
            calls(loads, now, (i) => healths[i]!);
            const ejected = ejectOutliers(loads, now);
            for (const load of ejected) expect(load.ejectedUntil).toBeGreaterThan(now);
            expect(loads.filter((load) => now < load.ejectedUntil).length).toBeLessThanOrEqual(Math.floor(count / 10));
          }
        },
      ),
    );
  });
});
