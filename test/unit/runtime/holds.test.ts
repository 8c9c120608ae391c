import { beforeEach, describe, expect, test } from "@jest/globals";
import { Holds } from "../../../runtime/failover/holds.ts";
import { FakeClock } from "../../support/fake-clock.ts";

describe("calls that are held while a service restarts", () => {
  let clock: FakeClock;
  let holds: Holds;
  let available: boolean;
  beforeEach(() => {
    clock = new FakeClock();
    holds = new Holds(clock, { maxHeld: 3, restartTimeout: 5000 });
    available = false;
  });
  const wait = (ms = 1000, action = "a.x") => holds.wait(action, clock.now() + ms, () => available);

  test("go on as soon as the action can be called", async () => {
    const held = wait();
    holds.check();
    expect(holds.held).toBe(1);
    available = true;
    holds.check();
    expect(await held).toBe(true);
    expect(holds.held).toBe(0);
  });

  test("fail at their deadline and not before", async () => {
    let outcome: boolean | undefined;
    const held = wait(1000).then((available) => {
      outcome = available;
      return available;
    });
    clock.advance(999);
    await Promise.resolve();
    expect([outcome, holds.held]).toEqual([undefined, 1]);
    clock.advance(1);
    expect(await held).toBe(false);
    expect(holds.held).toBe(0);
  });

  test("look once more at their deadline", async () => {
    const held = wait(1000);
    available = true;
    clock.advance(1000);
    expect(await held).toBe(true);
  });

  test("are bounded in number; what is refused is counted and fails at once", async () => {
    const held = [wait(), wait(), wait()];
    expect(await wait()).toBe(false);
    expect([holds.held, holds.refused]).toEqual([3, 1]);
    clock.advance(1000);
    expect(await Promise.all(held)).toEqual([false, false, false]);
    const next = wait();
    expect(holds.held).toBe(1);
    clock.advance(1000);
    await next;
  });

  test("are not held after their deadline", async () => {
    expect(await wait(0)).toBe(false);
    expect([holds.held, holds.refused]).toEqual([0, 0]);
  });

  test("fail when the restart ends badly, those of other actions wait on", async () => {
    holds.begin(["a.x", "b.y"]);
    const [mine, other] = [wait(1000, "a.x"), wait(1000, "b.y")];
    holds.end(["a.x"]);
    expect(await mine).toBe(false);
    expect(holds.held).toBe(1);
    expect([holds.isRestarting("a.x"), holds.isRestarting("b.y")]).toEqual([false, true]);
    clock.advance(1000);
    await other;
  });

  test("leave no timer behind when they go on", async () => {
    const held = wait(1000);
    available = true;
    holds.check();
    await held;
    available = false;
    const next = wait(2000);
    clock.advance(1000);
    expect(holds.held).toBe(1);
    clock.advance(1000);
    expect(await next).toBe(false);
  });

  test("are no longer held for a restart that nobody reported as ended", () => {
    holds.begin(["a.x"]);
    clock.advance(4999);
    expect(holds.isRestarting("a.x")).toBe(true);
    clock.advance(1);
    expect(holds.isRestarting("a.x")).toBe(false);
  });

  test("are held longer when the restart begins anew", () => {
    holds.begin(["a.x"]);
    clock.advance(4000);
    holds.begin(["a.x"]);
    clock.advance(4000);
    expect(holds.isRestarting("a.x")).toBe(true);
    expect(holds.isRestarting("never.begun")).toBe(false);
  });
});
