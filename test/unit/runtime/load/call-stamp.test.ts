import { describe, expect, test } from "@jest/globals";
import { CallStamp } from "../../../../runtime/load/call-stamp.ts";
import { FakeClock } from "../../../support/fake-clock.ts";

describe("the stamp of a call", () => {
  const clock = new FakeClock(0);
  const stamp = new CallStamp(() => clock.now());

  test("is the same for all who ask in the moment in which it begins, and for both who hear of its end", () => {
    const ctx = {};
    const start = stamp.begin(ctx);
    clock.advance(1);
    expect(stamp.startOf(ctx)).toBe(start);
    const end = stamp.endOf(ctx);
    clock.advance(1);
    expect(stamp.endOf(ctx)).toBe(end);
  });

  test("is another one for a call that has waited", () => {
    const ctx = {};
    stamp.begin(ctx);
    stamp.forget();
    clock.advance(5);
    expect(stamp.startOf(ctx)).toBe(clock.now());
  });

  test("does not end a call before it has begun, where one who alone hears of it uses its context again", () => {
    const ctx = {};
    stamp.startOf(ctx);
    stamp.endOf(ctx);
    clock.advance(1000);
    const start = stamp.startOf(ctx);
    clock.advance(7);
    expect(stamp.endOf(ctx) - start).toBe(7);
  });
});
