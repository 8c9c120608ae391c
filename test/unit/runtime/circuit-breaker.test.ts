import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { CircuitBreaker, type Probe } from "../../../runtime/breaker/circuit-breaker.ts";
import { FakeClock } from "../../support/fake-clock.ts";

function opened(clock: FakeClock, changes: string[] = []): CircuitBreaker {
  const breaker = new CircuitBreaker({ now: () => clock.now(), onChange: ({ state }) => changes.push(state) });
  for (let i = 0; i < 3; i++) breaker.failed(`failure ${i + 1}`);
  return breaker;
}

describe("a circuit breaker", () => {
  test("opens after three failures in a row, and says since when and why", () => {
    const clock = new FakeClock(5000);
    const changes: string[] = [];
    const breaker = opened(clock, changes);
    expect(breaker).toMatchObject({ closed: false, state: "open", failures: 3, since: 5000, reason: "failure 3" });
    expect([breaker.retryAfter, changes]).toEqual([60_000, ["open"]]);
  });

  test("counts anew after a success", () => {
    const breaker = new CircuitBreaker({ now: () => 0 });
    for (let i = 0; i < 10; i++) {
      breaker.failed("x");
      breaker.failed("x");
      breaker.succeeded();
    }
    expect(breaker).toMatchObject({ closed: true, failures: 0 });
  });

  test("lets one call probe after its time, and closes when that is answered", () => {
    const clock = new FakeClock();
    const changes: string[] = [];
    const breaker = opened(clock, changes);
    clock.advance(59_999);
    expect([breaker.state, breaker.probe()]).toEqual(["open", undefined]);
    clock.advance(1);
    expect([breaker.state, breaker.probeDue]).toEqual(["half-open", true]);
    const probe = breaker.probe()!;
    expect([breaker.probeDue, breaker.probe()]).toEqual([false, undefined]);
    probe.answered();
    expect(breaker).toMatchObject({ closed: true, failures: 0 });
    expect(changes).toEqual(["open", "closed"]);
  });

  test("stays open for another reset time after a probe that failed", () => {
    const clock = new FakeClock();
    const breaker = opened(clock);
    const since = breaker.since;
    clock.advance(60_000);
    breaker.probe()!.failed("still ill");
    expect(breaker).toMatchObject({ state: "open", failures: 4, reason: "still ill", since, retryAfter: 60_000 });
    clock.advance(60_000);
    expect(breaker.probeDue).toBe(true);
  });

  test("takes another probe where the first said nothing", () => {
    const clock = new FakeClock();
    const breaker = opened(clock);
    clock.advance(60_000);
    breaker.probe()!.dropped();
    expect(breaker.probe()).toBeDefined();
  });

  test("counts a probe as failed that is not answered within the reset time, and hears it no more", () => {
    const clock = new FakeClock();
    const breaker = opened(clock);
    clock.advance(60_000);
    const late = breaker.probe()!;
    clock.advance(60_000);
    expect(breaker).toMatchObject({ state: "open", reason: "a probe was not answered within 60000 ms" });
    clock.advance(60_000);
    const second = breaker.probe()!;
    late.answered();
    expect(breaker.closed).toBe(false);
    second.answered();
    expect(breaker.closed).toBe(true);
  });

  test("hears such a probe no more either where nobody has looked since its time was over", () => {
    const clock = new FakeClock();
    const breaker = opened(clock);
    clock.advance(60_000);
    const late = breaker.probe()!;
    clock.advance(60_000);
    late.answered();
    expect(breaker).toMatchObject({ closed: false, state: "open", retryAfter: 60_000 });
  });

  test("is not moved by calls that were under way when it opened", () => {
    const clock = new FakeClock();
    const breaker = opened(clock);
    clock.advance(30_000);
    breaker.failed("late");
    breaker.succeeded();
    expect(breaker).toMatchObject({ state: "open", failures: 3, retryAfter: 30_000 });
  });

  test("begins anew where it is reset, also while a probe is under way", () => {
    const clock = new FakeClock();
    const breaker = opened(clock);
    clock.advance(60_000);
    const probe = breaker.probe()!;
    breaker.reset();
    probe.failed("of another life");
    expect(breaker).toMatchObject({ closed: true, failures: 0 });
  });

  test("opens exactly at its threshold, and never lets more than one call probe at a time", () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ do: fc.constant("call" as const) }) },
      {
        weight: 3,
        arbitrary: fc.record({ do: fc.constantFrom("succeed" as const, "fail" as const, "drop" as const) }),
      },
      { weight: 2, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.nat(1500) }) },
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.array(step, { maxLength: 200 }), (threshold, steps) => {
        const clock = new FakeClock();
        const breaker = new CircuitBreaker({ threshold, resetTimeout: 1000, now: () => clock.now() });
        let row = 0;
        let openedAt = 0;
        let probe: { handle: Probe; at: number } | undefined;
        const flying: ("normal" | Probe)[] = [];
        for (const one of steps) {
          if (one.do === "wait") clock.advance((one as { ms: number }).ms);
          // A probe that is given up makes room for the next one.
          if (probe && clock.now() - probe.at >= 1000) probe = undefined;
          if (one.do === "call") {
            if (breaker.closed) flying.push("normal");
            else {
              const handle = breaker.probe();
              if (!handle) continue;
              expect(probe).toBeUndefined();
              expect(clock.now() - openedAt).toBeGreaterThanOrEqual(1000);
              probe = { handle, at: clock.now() };
              flying.push(handle);
            }
            continue;
          }
          if (one.do === "wait") continue;
          const call = flying.shift();
          if (call === undefined) continue;
          if (call === "normal") {
            const wasClosed = breaker.closed;
            if (one.do === "fail") breaker.failed("x");
            else if (one.do === "succeed") breaker.succeeded();
            if (!wasClosed) expect(breaker.closed).toBe(false);
            else {
              row = one.do === "fail" ? row + 1 : one.do === "succeed" ? 0 : row;
              expect(breaker.closed).toBe(row < threshold);
              if (!breaker.closed) openedAt = clock.now();
            }
            continue;
          }
          const counts = probe?.handle === call;
          if (counts) probe = undefined;
          const wasClosed = breaker.closed;
          if (one.do === "succeed") call.answered();
          else if (one.do === "fail") call.failed("x");
          else call.dropped();
          if (counts && one.do === "succeed") {
            expect(breaker.closed).toBe(true);
            row = 0;
          } else expect(breaker.closed).toBe(wasClosed);
          if (counts && one.do === "fail") openedAt = clock.now();
        }
      }),
      { numRuns: 500 },
    );
  });
});
