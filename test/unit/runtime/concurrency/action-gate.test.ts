import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Context } from "moleculer";
import { ActionGate, type Refusal } from "../../../../runtime/concurrency/action-gate.ts";
import type { AdaptiveLimitOptions } from "../../../../runtime/concurrency/adaptive-limit.ts";
import { LoopTurns } from "../../../../runtime/concurrency/loop-turns.ts";
import { PRIORITIES, type Priority } from "../../../../runtime/concurrency/priority.ts";

const turn = () => new Promise((resolve) => setImmediate(resolve));
const of = { action: "ledger.add", service: "ledger", priority: "medium" as const };

/** A gate with calls that end when they are told to. */
function gateOf(limit: AdaptiveLimitOptions | false = { floor: 2, ceiling: 2, initial: 2 }) {
  const clock = { now: 1000, watch: undefined as (() => void) | undefined, pause: 0 };
  const gate = new ActionGate(
    of,
    () => clock.now,
    limit,
    (ms, run) => {
      clock.pause = ms;
      clock.watch = run;
    },
    // Each call has a turn of the loop to itself.
    new LoopTurns((run) => run()),
  );
  const running = new Map<number, { end: () => void; fail: () => void }>();
  const fates: string[] = [];
  const contexts: Context[] = [];
  const call = (more: { priority?: Priority; timeout?: number; requestID?: string; level?: number } = {}) => {
    const {
      priority = "medium",
      timeout = Number.POSITIVE_INFINITY,
      requestID = `own-${contexts.length}`,
      level = 1,
    } = more;
    const ctx = { requestID, level } as Context;
    const id = contexts.push(ctx) - 1;
    const since = clock.now;
    fates[id] = "waits";
    const next = () => {
      fates[id] = "runs";
      return new Promise<string>((resolve, reject) => {
        running.set(id, { end: () => resolve("answer"), fail: () => reject(new Error("failed")) });
      });
    };
    const done = gate.isOpen(priority)
      ? gate.run(ctx, next)
      : gate.wait({
          priority,
          isPart: level > 1,
          run: () => gate.run(ctx, next),
          timeLeft: () => timeout - (clock.now - since),
          refusal: (why: Refusal, retryAfter) => Object.assign(new Error(why), { retryAfter }),
        });
    done.then(
      () => {
        fates[id] = "answered";
      },
      (error: Error) => {
        fates[id] = error.message;
      },
    );
    return id;
  };
  const end = async (id: number, how: "end" | "fail" = "end") => {
    running.get(id)?.[how]();
    running.delete(id);
    await turn();
  };
  return { gate, clock, call, end, fates, running, contexts };
}

describe("the gate of an action", () => {
  test("lets as many in as may run, and the next one when one of them has ended, well or badly", async () => {
    const { gate, call, end, fates } = gateOf();
    for (let i = 0; i < 4; i++) call();
    expect([fates, gate.running, gate.waiting]).toEqual([["runs", "runs", "waits", "waits"], 2, 2]);
    await end(1, "fail");
    await end(0);
    expect([fates, gate.running, gate.waiting]).toEqual([["answered", "failed", "runs", "runs"], 2, 0]);
    await end(2);
    await end(3);
    expect(gate.running).toBe(0);
  });

  test("lets critical calls in beyond the limit, up to twice as many", () => {
    const { gate, call, fates } = gateOf();
    call();
    call();
    for (let i = 0; i < 3; i++) call({ priority: "critical" });
    expect([fates, gate.running]).toEqual([["runs", "runs", "runs", "runs", "waits"], 4]);
  });

  test("has no limit where the action wants none", () => {
    const { gate, call, fates } = gateOf(false);
    for (let i = 0; i < 1000; i++) call();
    expect([fates.every((fate) => fate === "runs"), gate.running]).toEqual([true, 1000]);
  });

  test("frees the place of a call that is given up, once, and may be told of any other", async () => {
    const { gate, call, end, fates, contexts } = gateOf();
    for (let i = 0; i < 3; i++) call();
    gate.abandon({} as Context);
    gate.abandon(contexts[2]!);
    expect(fates[2]).toBe("waits");
    gate.abandon(contexts[0]!);
    gate.abandon(contexts[0]!);
    expect([fates[2], gate.running]).toEqual(["runs", 2]);
    await end(0);
    expect(gate.running).toBe(2);
    expect(gate.report()).toMatchObject({ calls: 1, failures: 1, running: 2 });
  });

  test("never begins a call whose caller has given up while it waited", async () => {
    const { gate, clock, call, end, fates } = gateOf();
    call();
    call();
    call({ timeout: 50 });
    call();
    clock.now += 60;
    await end(0);
    expect(fates.slice(1)).toEqual(["runs", "late", "runs"]);
    expect(gate.report()!.refused).toEqual({ limit: 0, overload: 0, late: 1 });
  });

  test("knows a call that is made on behalf of one that runs here, and none beside it", () => {
    const { gate, call } = gateOf();
    call({ requestID: "one", level: 2 });
    const holds = (requestID: string, level: number) => gate.holdsCallerOf({ requestID, level } as Context);
    expect([holds("one", 3), holds("one", 9), holds("one", 2), holds("one", 1), holds("two", 3)]).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  test("goes on where a call throws before it gives a promise", async () => {
    const { gate, call, fates, end } = gateOf({ floor: 1, ceiling: 1, initial: 1 });
    const thrown = gate.run({} as Context, () => {
      throw new Error("thrown");
    });
    await expect(thrown).rejects.toThrow("thrown");
    expect(gate.running).toBe(0);
    call();
    const bad = gate.wait({
      priority: "medium",
      isPart: false,
      run: () =>
        gate.run({} as Context, () => {
          throw new Error("thrown");
        }),
      timeLeft: () => Number.POSITIVE_INFINITY,
      refusal: () => new Error("refused"),
    });
    call();
    await Promise.all([expect(bad).rejects.toThrow("thrown"), end(0)]);
    await turn();
    expect(fates).toEqual(["answered", "runs"]);
  });

  test("lets parts of other calls in, up to twice as many, where nothing has ended for a while", async () => {
    const { clock, call, end, fates } = gateOf();
    for (let i = 0; i < 2; i++) call();
    for (let i = 0; i < 6; i++) call({ level: 1 + (i % 2) });
    expect(clock.pause).toBe(1000);
    const look = () => {
      const { watch } = clock;
      clock.watch = undefined;
      watch!();
    };
    clock.now += 80;
    await end(0);
    look();
    expect(fates.filter((fate) => fate === "runs")).toHaveLength(2);
    expect(clock.pause).toBe(240);
    look();
    expect(fates).toEqual(["answered", "runs", "runs", "runs", "waits", "runs", "waits", "waits"]);
    look();
    expect(fates.filter((fate) => fate === "runs")).toHaveLength(4);
    for (let i = 1; i < 8; i++) await end(i);
    look();
    expect([fates.every((fate) => fate === "answered"), clock.watch]).toEqual([true, undefined]);
  });

  test("counts each call once, over all reports", async () => {
    const step = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({ do: fc.constant("call" as const), priority: fc.constantFrom(...PRIORITIES) }),
      },
      {
        weight: 5,
        arbitrary: fc.record({
          do: fc.constantFrom("end" as const, "fail" as const, "abandon" as const),
          at: fc.nat(),
        }),
      },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("report" as const) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 60 }), async (most, steps) => {
        const { gate, clock, call, end, running, fates, contexts } = gateOf({
          floor: most,
          ceiling: most,
          initial: most,
        });
        const told = { calls: 0, failures: 0, queued: 0, sum: 0, buckets: 0 };
        const report = () => {
          const one = gate.report();
          if (!one) return;
          told.calls += one.calls;
          told.failures += one.failures;
          told.queued += one.queued;
          told.sum += one.sum;
          told.buckets += one.buckets.filter((_, i) => i % 2 === 1).reduce((a, b) => a + b, 0);
          expect([one.running, one.waiting]).toEqual([gate.running, gate.waiting]);
        };
        const ended = { calls: 0, failures: 0, sum: 0 };
        const begun = new Map<number, number>();
        const note = (id: number, failures: number) => {
          ended.calls++;
          ended.failures += failures;
          ended.sum += (clock.now - begun.get(id)!) * 1000;
        };
        for (const one of steps) {
          clock.now += 7;
          if (one.do === "call") call({ priority: one.priority });
          else if (one.do === "report") report();
          else {
            const ids = [...running.keys()];
            const id = ids[one.at % Math.max(1, ids.length)];
            if (id === undefined) continue;
            note(id, one.do === "end" ? 0 : 1);
            if (one.do === "abandon") {
              running.delete(id);
              gate.abandon(contexts[id]!);
            } else await end(id, one.do);
          }
          for (const id of running.keys()) if (!begun.has(id)) begun.set(id, clock.now);
          expect(gate.running).toBe(running.size);
          expect(gate.running).toBeLessThanOrEqual(most * 2);
          expect(gate.waiting).toBe(fates.filter((fate) => fate === "waits").length);
          if (gate.waiting > 0) expect(gate.running).toBeGreaterThanOrEqual(most);
        }
        while (running.size > 0) {
          const [id] = running.keys();
          note(id!, 0);
          await end(id!);
          for (const more of running.keys()) if (!begun.has(more)) begun.set(more, clock.now);
        }
        report();
        expect(told).toEqual({ ...told, ...ended, buckets: ended.calls });
        expect(ended.calls).toBe(contexts.length);
        expect(gate.totals).toEqual({ calls: ended.calls, sum: ended.sum, queueSum: expect.any(Number), refused: 0 });
        expect(gate.report()).toBeUndefined();
      }),
      { numRuns: 200 },
    );
  });
});
