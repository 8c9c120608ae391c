import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { CallPath, type Ending, EndpointLoad } from "../../../../runtime/load/endpoint-load.ts";

const endpoint = () => new EndpointLoad({ action: "ledger.add", service: "ledger", node: "one", local: false }, 0);

describe("what is known of an instance", () => {
  test("a failure or a refusal never makes it look faster", () => {
    const step = fc.record({
      wait: fc.nat(1000),
      took: fc.nat(500),
      ending: fc.constantFrom<Ending>("failed", "refused"),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), fc.array(step), (first, steps) => {
        const load = endpoint();
        load.began(0);
        load.ended(0, first, "answered");
        let now = first;
        for (const { wait, took, ending } of steps) {
          now += wait;
          const before = load.latency.at(now);
          load.began(now);
          load.ended(now, now + took, ending);
          now += took;
          expect(load.latency.at(now)).toBeGreaterThanOrEqual(before);
        }
      }),
    );
  });

  test("calls that are under way for longer than answers took tell of trouble before any has ended", () => {
    const load = endpoint();
    load.began(0);
    load.ended(0, 2, "answered");
    for (let i = 0; i < 4; i++) load.began(100);
    expect(load.expected(101)).toBeLessThan(2001);
    expect(load.expected(600)).toBeCloseTo(500_000);
    load.began(600);
    expect(load.expected(600)).toBeCloseTo(400_000);
  });

  test("the age of what is under way is the mean of each call's, in whatever order they end", () => {
    const step = fc.record({ wait: fc.nat(200), end: fc.option(fc.nat()) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), fc.integer({ min: 0, max: 1e9 }), (steps, start) => {
        const load = endpoint();
        const flying: number[] = [];
        let now = start;
        for (const { wait, end } of steps) {
          now += wait;
          if (end === null || flying.length === 0) {
            flying.push(now);
            load.began(now);
          } else load.ended(flying.splice(end % flying.length, 1)[0]!, now, "nothing");
          const ages = flying.map((begun) => now - begun);
          const mean = flying.length === 0 ? 0 : (ages.reduce((a, b) => a + b, 0) / flying.length) * 1000;
          expect(load.inFlight).toBe(flying.length);
          expect(Math.abs(load.expected(now) - mean)).toBeLessThan(1);
        }
      }),
    );
  });

  test("a call that says nothing of it leaves no trace", () => {
    const load = endpoint();
    load.began(0);
    load.ended(0, 900, "nothing");
    expect([load.inFlight, load.latency.value, load.failures.calls(900), load.best]).toEqual([0, 0, 0, 0]);
  });

  test("its best answer is forgotten slowly", () => {
    const load = endpoint();
    const call = (took: number, now: number) => {
      load.began(now);
      load.ended(now, now + took, "answered");
    };
    call(1, 0);
    call(10, 10);
    expect(load.best).toBeLessThan(1003);
    for (let i = 0; i < 20_000; i++) call(10, 100 + i * 10);
    expect(load.best).toBeGreaterThan(9900);
  });

  test("a refusal weighs half a failure", () => {
    const load = endpoint();
    for (const ending of ["failed", "refused", "answered", "answered"] as const) {
      load.began(0);
      load.ended(0, 0, ending);
    }
    expect(load.failures.rate(0)).toBeCloseTo(1.5 / 6);
  });

  test("a caller's path counts calls, failures and refusals of its own", () => {
    const load = endpoint();
    const [teller, clerk] = [new CallPath("teller", load, true), new CallPath("clerk", load, false)];
    teller.began(0);
    clerk.began(0);
    teller.ended(0, 5, "failed");
    clerk.ended(0, 5, "refused");
    teller.began(5);
    teller.ended(5, 6, "nothing");
    expect([teller.calls, teller.failures, teller.refusals, teller.latency!.count]).toEqual([1, 1, 0, 1]);
    expect([clerk.calls, clerk.failures, clerk.refusals, clerk.latency]).toEqual([1, 0, 1, undefined]);
    expect([load.inFlight, teller.inFlight, clerk.inFlight]).toEqual([0, 0, 0]);
  });
});
