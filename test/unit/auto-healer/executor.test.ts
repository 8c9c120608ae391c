import { describe, expect, test } from "@jest/globals";
import type { HealingPriority, HealingResult } from "../../../models/healing.ts";
import { AzoraError } from "../../../runtime/errors.ts";
import { Executor, type ExecutorOptions } from "../../../services/immune/auto-healer/actions/executor.ts";
import type { HealingAction, Order, Outcome } from "../../../services/immune/auto-healer/actions/healing-action.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const done: Outcome = { success: true, observed: { before: "ill", after: "well" }, reason: "it was seen" };

function order(id: string, more: Partial<Order> = {}): Order {
  const target = { service: id };
  return {
    id,
    action: "restart",
    target,
    priority: "medium",
    parameters: {},
    timeout: 1000,
    by: "operator",
    reason: "",
    ...more,
  };
}

function action(
  carryOut: HealingAction["carryOut"] = async () => done,
  more: Partial<HealingAction> = {},
): HealingAction {
  return {
    type: "restart",
    origin: "plug-in",
    description: "",
    timeout: 1000,
    cooldown: 60_000,
    failures: [],
    cost: 1,
    journaled: false,
    carryOut,
    ...more,
  };
}

function start(options: Partial<ExecutorOptions> = {}) {
  const clock = new FakeClock();
  const ended: HealingResult[] = [];
  const executor = new Executor({ clock, ended: (_order, _action, result) => void ended.push(result), ...options });
  return { clock, executor, ended };
}

/** An action whose ends the test decides, in the order of the beginnings. */
function gated() {
  const begun: string[] = [];
  const open = new Map<string, () => void>();
  const carryOut = (one: Order) => {
    begun.push(one.id);
    return new Promise<Outcome>((resolve) => open.set(one.id, () => resolve(done)));
  };
  const finish = async (id: string) => {
    open.get(id)!();
    for (let i = 0; i < 10; i++) await Promise.resolve();
  };
  return { begun, carryOut: action(carryOut), finish };
}

describe("orders", () => {
  test("are carried out, and answered with what was seen", async () => {
    const { executor, ended } = start();
    const result = { id: "a", ...done, duration: 0 };
    await expect(executor.execute(order("a"), action())).resolves.toEqual(result);
    expect(ended).toEqual([result]);
  });

  test("run four at once, the most urgent first", async () => {
    const { executor } = start();
    const { begun, carryOut, finish } = gated();
    const ids: [string, HealingPriority][] = [
      ["1", "low"],
      ["2", "low"],
      ["3", "low"],
      ["4", "low"],
      ["low", "low"],
      ["medium", "medium"],
      ["critical", "critical"],
      ["high", "high"],
    ];
    for (const [id, priority] of ids) void executor.execute(order(id, { priority }), carryOut);
    expect([begun, executor.running, executor.waiting]).toEqual([["1", "2", "3", "4"], 4, 4]);
    for (const id of ["1", "2", "3", "4"]) await finish(id);
    expect(begun.slice(4)).toEqual(["critical", "high", "medium", "low"]);
  });

  test("on one target run one after the other", async () => {
    const { executor } = start();
    const { begun, carryOut, finish } = gated();
    const target = { service: "ledger" };
    void executor.execute(order("a", { target }), carryOut);
    void executor.execute(
      order("b", { target: { service: "ledger", node: "heart-1" }, action: "reconnect" }),
      carryOut,
    );
    expect(begun).toEqual(["a"]);
    await finish("a");
    expect(begun).toEqual(["a", "b"]);
  });

  test("beyond a hundred that wait are refused and counted", async () => {
    const { executor } = start({ queue: 2, concurrency: 1 });
    const { carryOut } = gated();
    for (const id of ["a", "b", "c"]) void executor.execute(order(id), carryOut);
    await expect(executor.execute(order("d"), carryOut)).rejects.toMatchObject({ type: "RATE_LIMITED" });
    expect(executor.refused).toBe(1);
  });

  test("with one id are carried out once and answered alike, at the same time and later", async () => {
    const { executor, ended } = start();
    const both = [executor.execute(order("a"), action()), executor.execute(order("a"), action())];
    const [first, second] = await Promise.all(both);
    expect(second).toEqual(first);
    await expect(executor.execute(order("a"), action())).resolves.toEqual(first);
    expect(ended).toHaveLength(1);
  });

  test("with the id of another one are refused", async () => {
    const { executor } = start();
    await executor.execute(order("a"), action());
    await expect(executor.execute(order("a", { action: "failover" }), action())).rejects.toMatchObject({
      type: "CONFLICT",
      message: 'id is "a", which was used already for restart of a; give another',
    });
  });

  test("of a former life are remembered", async () => {
    const { executor, ended } = start();
    const before = { id: "a", ...done, duration: 12 };
    executor.remember(before, { action: "restart", target: { service: "a" } });
    await expect(executor.execute(order("a", { parameters: { force: true } }), action())).resolves.toEqual(before);
    expect(ended).toEqual([]);
  });
});

describe("the cooldown", () => {
  test("refuses the same on the same target for a minute, unless it is forced", async () => {
    const { executor, clock } = start();
    const target = { service: "ledger" };
    await executor.execute(order("a", { target }), action());
    clock.advance(20_000);
    await expect(executor.execute(order("b", { target }), action())).rejects.toMatchObject({
      type: "HEALING_COOLDOWN",
      message: "restart of ledger was carried out just now; it may be again in 40 s, or at once with force",
      data: { retryAfter: 40 },
    });
    await executor.execute(order("c", { target, action: "reconnect" }), action());
    await executor.execute(order("d", { target, parameters: { force: true } }), action());
    clock.advance(60_000);
    await executor.execute(order("b", { target }), action());
  });

  test("is scaled, and does not follow a refusal, whose id stays free", async () => {
    const { executor, clock } = start({ scale: 0.1 });
    const target = { service: "ledger" };
    const refusing = action(() => Promise.reject(new AzoraError("HEALING_REFUSED", "it is a singleton")), {
      origin: "built-in",
    });
    await expect(executor.execute(order("a", { target }), refusing)).rejects.toMatchObject({ type: "HEALING_REFUSED" });
    await executor.execute(order("a", { target }), action());
    clock.advance(6000);
    await executor.execute(order("b", { target }), action());
  });
});

describe("an action that does not end well", () => {
  test("by never ending is a failure when its time is over, and holds up nobody", async () => {
    const { executor, clock, ended } = start({ concurrency: 1 });
    let aborted = false;
    const endless = action((_order, signal) => {
      signal.addEventListener("abort", () => {
        aborted = true;
      });
      return new Promise(() => {});
    });
    const first = executor.execute(order("a", { timeout: 2000 }), endless);
    const second = executor.execute(order("b", { timeout: 60_000 }), action());
    clock.advance(2000);
    await expect(first).resolves.toMatchObject({ success: false, reason: "it did not end within 2 s", duration: 2000 });
    await expect(second).resolves.toMatchObject({ success: true });
    expect([executor.abandoned, executor.running, aborted, ended.length]).toEqual([1, 0, true, 2]);
  });

  test("by throwing is a recorded failure with its message", async () => {
    const { executor, ended } = start();
    const throwing = action(() => {
      throw new Error("no paper");
    });
    await expect(executor.execute(order("a"), throwing)).resolves.toMatchObject({ success: false, reason: "no paper" });
    expect(ended).toHaveLength(1);
  });

  test("by its turn not coming in time says so", async () => {
    const { executor, clock } = start({ concurrency: 1 });
    const { carryOut, finish } = gated();
    void executor.execute(order("a", { timeout: 600_000 }), carryOut);
    const second = executor.execute(order("b", { timeout: 1000 }), carryOut);
    clock.advance(2000);
    void finish("a");
    await expect(second).rejects.toMatchObject({ type: "NOT_WITHIN_TIME" });
  });

  test("that waited while the same was done is not done again", async () => {
    const { executor } = start();
    const { begun, carryOut, finish } = gated();
    const target = { service: "press" };
    const first = executor.execute(order("other", { target, action: "reconnect" }), carryOut);
    const restarts = Array.from({ length: 50 }, (_, n) => executor.execute(order(`r${n}`, { target }), carryOut));
    const outcomes = Promise.allSettled(restarts);
    await finish("other");
    await first;
    await finish("r0");
    const settled = await outcomes;
    expect(begun).toEqual(["other", "r0"]);
    expect(settled.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(settled[49]).toMatchObject({ reason: { type: "HEALING_COOLDOWN" } });
  });

  test.each([
    ["an object", { a: 1n }, "{ a: 1n }"],
    ["nothing", undefined, "undefined"],
    ["a novel", "y".repeat(1_000_000), `${"y".repeat(2000)}…`],
  ])("that gives %s as its reason is told in words", async (_what, reason, told) => {
    const { executor, ended } = start();
    const outcome = { success: true, observed: { before: reason, after: reason }, reason } as unknown as Outcome;
    await executor.execute(
      order("press"),
      action(async () => outcome),
    );
    expect(ended[0]).toMatchObject({ reason: told, observed: { before: told, after: told } });
  });
});
