import { describe, expect, test } from "@jest/globals";
import type { Context } from "moleculer";
import { ActionGate } from "../../../../runtime/concurrency/action-gate.ts";
import { AdaptiveLimit } from "../../../../runtime/concurrency/adaptive-limit.ts";
import { declaredLimit } from "../../../../runtime/concurrency/declared-limit.ts";
import { priorityOf, priorityOfAction } from "../../../../runtime/concurrency/priority.ts";
import { refusalOf } from "../../../../runtime/concurrency/refusal.ts";

describe("what an action declares of its concurrency", () => {
  const declared = (concurrency: unknown, timeout?: number) =>
    declaredLimit({ name: "ledger.add", concurrency, ...(timeout === undefined ? {} : { timeout }) });

  test("is its floor and its ceiling, or that it wants no limit", () => {
    expect([declared(undefined), declared({}), declared(false)]).toEqual([{}, {}, false]);
    expect(declared({ floor: 3, ceiling: 9 })).toEqual({ floor: 3, ceiling: 9 });
    expect(declared({ ceiling: 100_000 })).toEqual({ ceiling: 100_000 });
  });

  test("may be left out by one without a time-out, which is meant to take long", () => {
    expect([declared(undefined, 0), declared({ ceiling: 5 }, 0)]).toEqual([false, { ceiling: 5 }]);
  });

  test.each([
    [true, "action ledger.add: concurrency is true, but must be false or { floor, ceiling }"],
    [5, "action ledger.add: concurrency is 5, but must be false or { floor, ceiling }"],
    [null, "action ledger.add: concurrency is null, but must be false or { floor, ceiling }"],
    [[1, 2], "action ledger.add: concurrency is [1,2], but must be false or { floor, ceiling }"],
    ["10", 'action ledger.add: concurrency is "10", but must be false or { floor, ceiling }'],
    [{ floor: 0 }, "action ledger.add: concurrency.floor is 0, but must be a whole number from 1 to 100000"],
    [{ floor: -1 }, "action ledger.add: concurrency.floor is -1, but must be a whole number from 1 to 100000"],
    [{ ceiling: 2.5 }, "action ledger.add: concurrency.ceiling is 2.5, but must be a whole number from 1 to 100000"],
    [{ ceiling: "9" }, 'action ledger.add: concurrency.ceiling is "9", but must be a whole number from 1 to 100000'],
    [
      { ceiling: 100_001 },
      "action ledger.add: concurrency.ceiling is 100001, but must be a whole number from 1 to 100000",
    ],
    [
      { ceiling: Number.NaN },
      "action ledger.add: concurrency.ceiling is NaN, but must be a whole number from 1 to 100000",
    ],
    [{ most: 5 }, "action ledger.add: concurrency.most is 5, but must be left out; there are floor and ceiling"],
    [{ floor: 9, ceiling: 3 }, "action ledger.add: concurrency.floor is 9, but must be at most the ceiling, 3"],
  ])("of %j is refused, naming field, value and what is allowed", (concurrency, message) => {
    expect(() => declared(concurrency)).toThrow(message);
  });

  test.each([
    [{ ceiling: 1 }, { floor: 1, ceiling: 1 }],
    [{ floor: 20_000 }, { floor: 20_000, ceiling: 20_000 }],
    [{ floor: 5 }, { floor: 5, ceiling: 10_000 }],
    [{}, { floor: 2, ceiling: 10_000 }],
  ])("of %j leaves no floor above its ceiling", (options, bounds) => {
    expect(new AdaptiveLimit(options).bounds).toEqual(bounds);
  });
});

describe("the priority of a call", () => {
  test("is that of its action, else that of its service; what runs the organism is critical", () => {
    const of = (action: unknown, metadata?: object) =>
      priorityOfAction({ priority: action, service: metadata ? { metadata } : {} });
    expect([of("low", { priority: "high" }), of(undefined, { priority: "high" }), of(undefined)]).toEqual([
      "low",
      "high",
      "medium",
    ]);
    expect([of(undefined, { priority: "low", launchPhase: 0 }), of("low", { launchPhase: 0 })]).toEqual([
      "critical",
      "low",
    ]);
    expect([of("highest"), of(7, { priority: {} }), of(null, { priority: null })]).toEqual(Array(3).fill("medium"));
  });

  test("is what its request says, if that is one", () => {
    const of = ($priority: unknown) => priorityOf({ meta: { $priority } } as unknown as Context, "medium");
    expect([of("critical"), of("low"), of(undefined)]).toEqual(["critical", "low", "medium"]);
    const garbage = ["CRITICAL", "__proto__", "constructor", 0, 1, null, {}, [], ["high"], Number.NaN, "x".repeat(1e6)];
    expect(garbage.map(of)).toEqual(garbage.map(() => "medium"));
  });
});

describe("the refusal of a call", () => {
  const gate = new ActionGate({ action: "ledger.add", service: "ledger", priority: "medium" }, () => 0, {});
  const ctx = { broker: { nodeID: "heart-1" } } as Context;

  test("says what was not begun, where, why, and when to come again, and keeps no stack", () => {
    const [limit, overload] = [refusalOf(ctx, gate, "limit", 3), refusalOf(ctx, gate, "overload", 1)];
    expect(limit).toMatchObject({
      type: "OVERLOADED",
      code: 503,
      message: "ledger.add was not begun: 0 calls of it run on heart-1 and 0 wait, more than it can answer in time",
      data: { action: "ledger.add", service: "ledger", nodeID: "heart-1", retryAfter: 3 },
    });
    expect(overload.message).toBe("ledger.add was not begun: node heart-1 is behind with its work");
    for (const error of [limit, overload, refusalOf(ctx, gate, "late", 1)])
      expect(error.stack ?? "").not.toMatch(/\n\s+at /);
    expect(new Error("after").stack).toMatch(/\n\s+at /);
  });

  test("of one whose caller has given up is Moleculer's", () => {
    expect(refusalOf(ctx, gate, "late", 1)).toMatchObject({ type: "REQUEST_SKIPPED", data: { action: "ledger.add" } });
  });
});
