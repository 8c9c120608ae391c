import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { AdmissionQueue, type Waiting } from "../../../../runtime/concurrency/admission-queue.ts";
import { PRIORITIES, type Priority } from "../../../../runtime/concurrency/priority.ts";

/** A queue, and what became of each call. */
function queueOf(maxLength?: number) {
  const queue = new AdmissionQueue(maxLength);
  const fates: string[][] = [];
  const times = { now: 0 };
  const call = (priority: Priority = "medium", timeout = Number.POSITIVE_INFINITY): Waiting & { id: number } => {
    const id = fates.push([]) - 1;
    const since = times.now;
    return {
      id,
      priority,
      isPart: id % 2 === 1,
      since,
      begin: () => void fates[id]!.push("begun"),
      refuse: (why) => void fates[id]!.push(why),
      isLate: () => times.now - since >= timeout,
      timeLeft: () => timeout - (times.now - since),
    };
  };
  const push = (priority?: Priority, timeout?: number, rate = 0, work = 1) => {
    const one = call(priority, timeout);
    queue.push(one, times.now, rate, work);
    return one.id;
  };
  const fate = (id: number) => fates[id]!.join(" ");
  return { queue, fates, times, push, fate };
}

describe("a queue of calls that wait for their turn", () => {
  test("begins each or refuses it, once, the first by priority and then by arrival, and never holds more than it may", () => {
    const step = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({ do: fc.constant("push" as const), priority: fc.constantFrom(...PRIORITIES) }),
      },
      { weight: 3, arbitrary: fc.record({ do: fc.constant("next" as const), priority: fc.constant("low" as const) }) },
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.array(step, { maxLength: 120 }), (most, steps) => {
        const { queue, fates, push, fate } = queueOf(most);
        const model: { id: number; priority: Priority }[] = [];
        for (const { do: what, priority } of steps) {
          if (what === "push") {
            const id = fates.length;
            model.push({ id, priority });
            let refused: number | undefined;
            if (model.length > most) {
              // The newest one of the least priority has to go; it may be the new one.
              const least = model.reduce((a, b) =>
                PRIORITIES.indexOf(b.priority) >= PRIORITIES.indexOf(a.priority) ? b : a,
              );
              refused = least.id;
              model.splice(model.indexOf(least), 1);
            }
            push(priority);
            if (refused !== undefined) expect(fate(refused)).toBe("full");
            if (refused !== id) expect(fate(id)).toBe("");
          } else {
            const first = model.toSorted(
              (a, b) => PRIORITIES.indexOf(a.priority) - PRIORITIES.indexOf(b.priority) || a.id - b.id,
            )[0];
            expect(queue.next(0, 1)).toBe(first !== undefined);
            if (!first) continue;
            model.splice(model.indexOf(first), 1);
            expect(fate(first.id)).toBe("begun");
          }
          expect(queue.length).toBe(model.length);
          expect(fates.filter((one) => one.length === 0)).toHaveLength(model.length);
          expect(fates.every((one) => one.length <= 1)).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });

  test("forgets none, whatever the time, the rate and the patience of callers", () => {
    const step = fc.record({
      wait: fc.nat(300),
      do: fc.constantFrom("push" as const, "push" as const, "next" as const),
      priority: fc.constantFrom(...PRIORITIES),
      timeout: fc.oneof(fc.integer({ min: 1, max: 2000 }), fc.constant(Number.POSITIVE_INFINITY)),
      rate: fc.constantFrom(0, 0.001, 0.1, 10),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const { queue, fates, times, push, fate } = queueOf(20);
        const critical: number[] = [];
        for (const { wait, do: what, priority, timeout, rate } of steps) {
          times.now += wait;
          if (what === "next") queue.next(times.now, 5);
          else {
            const id = push(priority, timeout, rate, 5);
            if (priority === "critical" && timeout === Number.POSITIVE_INFINITY) critical.push(id);
          }
          expect(queue.length).toBeLessThanOrEqual(20);
          expect(fates.filter((one) => one.length === 0)).toHaveLength(queue.length);
        }
        while (queue.next(times.now, 5));
        for (const [id, one] of fates.entries()) expect([id, one.length]).toEqual([id, 1]);
        // The critical ones are refused for want of room only.
        for (const id of critical) expect(["begun", "full"]).toContain(fate(id));
      }),
      { numRuns: 300 },
    );
  });

  test("begins parts of other calls before their turn where it is asked to, the first by priority and then by arrival", () => {
    const { queue, times, push, fate } = queueOf();
    const ids = [push("low"), push("low"), push("low"), push("medium", 50), push("medium"), push("medium")];
    times.now = 60;
    expect([queue.nextPart(), queue.nextPart(), queue.nextPart(), queue.length]).toEqual([true, true, false, 3]);
    expect(ids.map(fate)).toEqual(["", "begun", "", "late", "", "begun"]);
    while (queue.next(60, 1));
    expect([ids.map(fate), queue.length]).toEqual([["begun", "begun", "begun", "late", "begun", "begun"], 0]);
  });

  test("never begins a call whose caller has given up", () => {
    const { queue, times, push, fate } = queueOf();
    const [late, patient] = [push("high", 50), push("low")];
    times.now = 60;
    expect(queue.next(60, 1)).toBe(true);
    expect([fate(late), fate(patient)]).toEqual(["late", "begun"]);
  });

  test("refuses at once what would have its turn too late", () => {
    const { queue, push, fate } = queueOf();
    for (let i = 0; i < 100; i++) push("medium", 1000, 0.1);
    expect(queue.length).toBe(100);
    // A hundred come before it, ten in 100 ms.
    const [hopeless, urgent, patient] = [push("medium", 900, 0.1), push("high", 900, 0.1), push("medium", 1100, 0.1)];
    expect([fate(hopeless), fate(urgent), fate(patient)]).toEqual(["standing", "", ""]);
  });

  test("works a burst off without a refusal, however long that takes", () => {
    for (const perSecond of [100, 1000, 5000]) {
      const { queue, fates, times, push } = queueOf();
      for (let i = 0; i < 9000; i++) push();
      while (queue.length > 0) {
        times.now += 1000 / perSecond;
        queue.next(times.now, 10);
      }
      expect(fates.every(([fate]) => fate === "begun")).toBe(true);
    }
  });

  test("refuses early, and the least important first, while more comes than gets its turn", () => {
    const { queue, fates, times, push } = queueOf();
    const waited: Record<Priority, number[]> = { critical: [], high: [], medium: [], low: [] };
    const ids: Record<Priority, number[]> = { critical: [], high: [], medium: [], low: [] };
    const since: number[] = [];
    // One in a millisecond gets its turn; three come, one of them of each of the lower priorities.
    for (let ms = 0; ms < 10_000; ms++) {
      times.now = ms;
      for (const priority of ["high", "medium", "low"] as const) {
        if (priority === "high" && ms % 2 === 0) continue;
        const id = push(priority, 5000, 1, 20);
        ids[priority].push(id);
        since[id] = ms;
      }
      if (ms % 100 === 0) {
        const id = push("critical", 5000, 1, 20);
        ids.critical.push(id);
        since[id] = ms;
      }
      const before = fates.filter((fate) => fate.length === 0).length;
      queue.next(ms, 20);
      expect(before).toBeLessThan(2000);
      if (ms < 3000) continue;
      for (const priority of PRIORITIES)
        for (const id of ids[priority].slice(-200))
          if (fates[id]![0] === "begun" && since[id]! > 2000) waited[priority].push(ms - since[id]!);
    }
    const share = (priority: Priority) => {
      const late = ids[priority].filter((id) => since[id]! > 2000 && since[id]! < 9500);
      return late.filter((id) => fates[id]![0] === "begun").length / late.length;
    };
    expect([share("critical"), share("high")]).toEqual([1, 1]);
    expect(share("medium")).toBeGreaterThan(0.4);
    expect(share("low")).toBeLessThan(0.05);
    expect(queue.length).toBeLessThan(100);
    expect(queue.isStanding(10_000)).toBe(true);
  });

  test("trusts again ten seconds after it had to refuse the last time", () => {
    const { queue, times, push, fate } = queueOf();
    for (times.now = 0; times.now < 2000; times.now++) {
      push("medium", 5000, 0.5, 1);
      if (times.now % 2 === 0) queue.next(times.now, 1);
    }
    expect(queue.isStanding(times.now)).toBe(true);
    while (queue.next(times.now, 1));
    times.now += 10_001;
    const ids = Array.from({ length: 500 }, () => push("low", 5000, 0.5, 1));
    expect(ids.map(fate).filter((one) => one !== "")).toEqual([]);
  });
});
