import { beforeEach, describe, expect, test } from "@jest/globals";
import { RestartBudget } from "../../../runtime/restart-budget.ts";
import { NODE_POLICY, type RestartPolicy } from "../../../services/nervous/master-orchestrator/healing/policy.ts";
import { Restarts } from "../../../services/nervous/master-orchestrator/healing/restarts.ts";
import { FakeClock } from "../../support/fake-clock.ts";

describe("automatic restarts", () => {
  let clock: FakeClock;
  let restarts: Restarts;
  let started: { key: string; attempt: number; at: number }[];
  let policy: RestartPolicy;
  const begin = (timeScale = 1, change: Partial<RestartPolicy> = {}) => {
    clock = new FakeClock(0);
    policy = { ...NODE_POLICY, ...change };
    restarts = new Restarts(clock, timeScale);
    started = [];
  };
  const fail = (key = "heart-1", entry?: number) =>
    restarts.failed(key, policy, (attempt) => started.push({ key, attempt, at: clock.now() }), entry);
  beforeEach(() => begin());

  test("are made at once, then after 1, 5, 15, 30, 60, 60, 60 s, each ±25 %", () => {
    const waits = [0, 1, 5, 15, 30, 60, 60, 60];
    for (const [index, seconds] of waits.entries()) {
      const since = clock.now();
      const state = fail();
      if (seconds > 0) {
        expect(state).toMatchObject({ phase: "waiting", attempts: index, for: "backoff" });
        clock.advance(seconds * 750 - 1);
        expect(started).toHaveLength(index);
        clock.advance(seconds * 500 + 2);
      }
      expect(started.at(-1)!.attempt).toBe(index + 1);
      expect(restarts.state("heart-1")).toEqual({ phase: "running", attempts: index + 1 });
      expect(Math.abs(started.at(-1)!.at - since - seconds * 1000)).toBeLessThanOrEqual(seconds * 250 + 1);
    }
  });

  test("wait in scaled time", () => {
    begin(0.1);
    fail();
    fail();
    clock.advance(125);
    expect(started.map(({ attempt }) => attempt)).toEqual([1, 2]);
  });

  test("begin anew after 60 s of stability, and not before", () => {
    fail();
    restarts.succeeded("heart-1", policy);
    clock.advance(59_999);
    expect(restarts.state("heart-1")).toEqual({ phase: "idle", attempts: 1 });
    expect(fail().phase).toBe("waiting");
    clock.advance(1250);
    restarts.succeeded("heart-1", policy);
    clock.advance(60_000);
    expect(restarts.state("heart-1")).toEqual({ phase: "idle", attempts: 0 });
    expect(fail()).toEqual({ phase: "running", attempts: 1 });
  });

  test("are not forgotten in the middle of a later attempt", () => {
    fail();
    restarts.succeeded("heart-1", policy);
    clock.advance(59_900);
    fail();
    clock.advance(500);
    expect(restarts.state("heart-1")).toMatchObject({ phase: "waiting", attempts: 1 });
  });

  test("wait once, however often the failure is told", () => {
    fail();
    fail();
    fail();
    fail();
    clock.advance(1250);
    expect(started).toHaveLength(2);
  });

  test("are given up after the most attempts, until the operator acts", () => {
    begin(1, { attempts: 2 });
    fail();
    fail();
    clock.advance(1250);
    expect(fail()).toEqual({ phase: "exhausted", attempts: 2 });
    clock.advance(1e9);
    expect(fail()).toEqual({ phase: "exhausted", attempts: 2 });
    expect(started).toHaveLength(2);
    restarts.forget("heart-1");
    expect(fail()).toEqual({ phase: "running", attempts: 1 });
  });

  test("are never given up where the limit is infinite", () => {
    for (let i = 0; i < 5; i++) {
      fail("n");
      clock.advance(80_000);
    }
    expect(restarts.state("n")).toEqual({ phase: "running", attempts: 5 });
  });

  test("that wait are void when the target comes back or is forgotten", () => {
    fail("a");
    fail("a");
    restarts.succeeded("a", policy);
    fail("b");
    fail("b");
    restarts.forget("b");
    clock.advance(59_000);
    expect(started.map(({ key }) => key)).toEqual(["a", "b"]);
  });

  test("of the whole organism are at most 20 in any minute; the rest wait for the budget", () => {
    for (let i = 0; i < 50; i++) fail(`node-${i}`);
    expect(started).toHaveLength(20);
    expect(restarts.state("node-20")).toEqual({ phase: "waiting", attempts: 0, until: 60_000, for: "budget" });
    clock.advance(59_999);
    expect(started).toHaveLength(20);
    clock.advance(1);
    expect(started).toHaveLength(40);
    clock.advance(60_000);
    expect(started).toHaveLength(50);
    expect(started.every(({ attempt }) => attempt === 1)).toBe(true);
    expect(new Set(started.map(({ key }) => key)).size).toBe(50);
  });

  test("of a former life of the orchestrator count on, and are forgotten when stable", () => {
    restarts.restore("a", 3, policy);
    expect(restarts.state("a")).toEqual({ phase: "idle", attempts: 3 });
    fail("a");
    clock.advance(37_500);
    expect(started).toEqual([{ key: "a", attempt: 4, at: expect.any(Number) }]);
    restarts.restore("b", 3, policy);
    clock.advance(60_000);
    expect(restarts.state("b").attempts).toBe(0);
  });

  test("that were given up are tried once more now and then, where the policy says so", () => {
    begin(0.5, { attempts: 1, trialEvery: 60_000, jitter: 0 });
    fail();
    expect(fail()).toEqual({ phase: "exhausted", attempts: 1, trialAt: 30_000 });
    clock.advance(29_999);
    expect(started).toHaveLength(1);
    clock.advance(1);
    expect([started.length, restarts.state("heart-1").phase]).toEqual([2, "running"]);
    expect(fail().phase).toBe("exhausted");
    clock.advance(30_000);
    expect(started).toHaveLength(3);
  });

  test("stay given up in the next life of the orchestrator, and are tried now and then there too", () => {
    begin(1, { attempts: 7, trialEvery: 60_000, jitter: 0 });
    restarts.restoreExhausted("a", 7, policy, (attempt) => started.push({ key: "a", attempt, at: clock.now() }));
    expect(fail("a").phase).toBe("exhausted");
    clock.advance(60_000);
    expect(started).toEqual([{ key: "a", attempt: 7, at: 60_000 }]);
    expect(fail("a").phase).toBe("exhausted");
  });

  test("of one that comes back each time and falls again are flapping, and given up", () => {
    begin(1, {
      attempts: 7,
      stableAfter: 10,
      intensity: { restarts: 3, period: 60_000 },
      trialEvery: 100_000,
      jitter: 0,
    });
    for (let i = 0; i < 3; i++) {
      expect(fail().phase).toBe("running");
      restarts.succeeded("heart-1", policy);
      clock.advance(1000);
      expect(restarts.state("heart-1")).toEqual({ phase: "idle", attempts: 0 });
    }
    expect(fail()).toMatchObject({
      phase: "exhausted",
      flapping: "it was restarted 3 times within 60 s and failed again",
    });
    clock.advance(100_000);
    expect(restarts.state("heart-1").phase).toBe("running");
    expect(fail().phase).toBe("exhausted");
  });

  test("that are far enough apart are no flapping, and are forgotten in the end", () => {
    begin(1, { stableAfter: 10, intensity: { restarts: 3, period: 60_000 } });
    for (let i = 0; i < 10; i++) {
      expect(fail().phase).toBe("running");
      restarts.succeeded("heart-1", policy);
      clock.advance(25_000);
    }
    clock.advance(60_000);
    expect(fail()).toEqual({ phase: "running", attempts: 1 });
  });

  test("begin at once with the attempt that experience advises, and go on from there", () => {
    expect(fail("a", 4)).toEqual({ phase: "running", attempts: 4 });
    expect(fail("a", 1)).toMatchObject({ phase: "waiting", attempts: 4 });
    clock.advance(37_500);
    expect(started.map(({ attempt }) => attempt)).toEqual([4, 5]);
  });
});

describe("a budget", () => {
  test("counts a sliding window", () => {
    const clock = new FakeClock(0);
    const budget = new RestartBudget(clock, 2, 1000);
    expect(budget.take()).toBe(0);
    clock.advance(600);
    expect(budget.take()).toBe(0);
    expect(budget.take()).toBe(400);
    clock.advance(400);
    expect(budget.take()).toBe(0);
    expect(budget.take()).toBe(600);
  });
});
