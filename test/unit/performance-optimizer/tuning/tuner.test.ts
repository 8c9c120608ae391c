import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { workbench } from "./workbench.ts";

describe("a change that helps", () => {
  test("is on record before it is made, is kept, and says what it was worth", async () => {
    const bench = workbench();
    await bench.pass(60);
    const [begun] = await bench.tuner.optimize("shop", "operator");
    expect(begun).toMatchObject({ status: "measuring", kind: "setting", by: "operator", service: "shop" });
    expect(bench.log).toEqual(["record begun: Set it to 2", "apply 2"]);
    await bench.pass(40);
    const [kept] = bench.book.all;
    expect(kept!.status).toBe("kept");
    expect(kept!.effect!.ratio).toBeGreaterThan(0.4);
    expect(kept!.effect!.ratio).toBeLessThan(0.6);
    expect(kept!.effect!.confidence).toBeGreaterThan(0.95);
    expect(kept!.effect!.before.count).toBeGreaterThan(1000);
    expect(kept!.outcome).toMatch(/^mean [\d.]+ ms before, [\d.]+ ms after, [\d.]+ % faster \([\d.]+ % sure\)$/);
    expect(bench.setting.value).toBe(2);
    expect(bench.tuner.busy).toEqual([]);
  });

  test("with wait, the answer comes with the verdict", async () => {
    const bench = workbench();
    await bench.pass(60);
    const asked = bench.tuner.optimize("shop", "operator", true);
    await bench.pass(40);
    expect((await asked).map(({ status }) => status)).toEqual(["kept"]);
  });

  test("is followed by the next best, one at a time", async () => {
    // The second one makes calls slower than the first.
    const bench = workbench({ values: [2, 3], takes: (value) => (value === 3 ? 0.4 : value === 2 ? 2 : 1) });
    await bench.pass(60);
    const asked = bench.tuner.optimize("shop", "operator", true);
    await bench.pass(120);
    const records = await asked;
    expect(records.map(({ change, status }) => [change, status])).toEqual([
      ["Set it to 3", "kept"],
      ["Set it to 2", "taken-back"],
    ]);
    expect(bench.log.filter((line) => !line.startsWith("record"))).toEqual(["apply 3", "apply 2", "undo 2"]);
  });

  test("that lives in a node's memory is made again when the node comes back", async () => {
    const bench = workbench({ proposal: { fleeting: true, node: "heart-1" } });
    await bench.pass(60);
    await bench.tuner.optimize("shop", "operator");
    await bench.pass(40);
    bench.setting.value = 1;
    await bench.tuner.nodeCame("heart-2");
    expect(bench.setting.value).toBe(1);
    await bench.tuner.nodeCame("heart-1");
    expect(bench.setting.value).toBe(2);
    expect(bench.log.slice(-2)).toEqual(["record made-again: Set it to 2", "apply 2 again"]);
  });

  test("can be taken back later, once", async () => {
    const bench = workbench();
    await bench.pass(60);
    const { id } = (await bench.tuner.optimize("shop", "operator"))[0]!;
    await bench.pass(40);
    expect(await bench.tuner.takeBack(id, "operator")).toMatchObject({
      status: "taken-back",
      outcome: "operator took it back",
    });
    expect(bench.setting.value).toBe(1);
    await expect(bench.tuner.takeBack(id, "operator")).rejects.toMatchObject({ type: "OPTIMIZATION_REFUSED" });
    await expect(bench.tuner.takeBack("nothing", "operator")).rejects.toMatchObject({ type: "NOT_FOUND" });
  });

  test("is taken back once where two ask for that at the same time, and nothing else is tried meanwhile", async () => {
    const log: string[] = [];
    let recorded = Promise.resolve();
    const bench = workbench({
      onRecord: (step) => {
        log.push(step);
        return recorded;
      },
    });
    await bench.pass(60);
    const { id } = (await bench.tuner.optimize("shop", "operator"))[0]!;
    await bench.pass(40);
    const slow = Promise.withResolvers<void>();
    recorded = slow.promise;
    const asked = Promise.allSettled([bench.tuner.takeBack(id, "operator"), bench.tuner.takeBack(id, "operator")]);
    await bench.pass(1);
    await expect(bench.tuner.optimize("shop", "operator")).rejects.toMatchObject({ type: "OPTIMIZATION_REFUSED" });
    slow.resolve();
    const [first, second] = await asked;
    expect(first).toMatchObject({ status: "fulfilled", value: { status: "taken-back" } });
    expect(second).toMatchObject({ status: "rejected", reason: { type: "OPTIMIZATION_REFUSED" } });
    expect(bench.log).toEqual(["apply 2", "undo 2"]);
    expect(log).toEqual(["begun", "ended", "taking-back", "ended"]);
  });

  test("is not made again on its node where it is taken back just then", async () => {
    let onRecord = () => Promise.resolve();
    const bench = workbench({ proposal: { fleeting: true, node: "heart-1" }, onRecord: () => onRecord() });
    await bench.pass(60);
    const { id } = (await bench.tuner.optimize("shop", "operator"))[0]!;
    await bench.pass(40);
    const slow = Promise.withResolvers<void>();
    onRecord = () => slow.promise;
    const came = bench.tuner.nodeCame("heart-1");
    await bench.pass(1);
    onRecord = () => Promise.resolve();
    expect(await bench.tuner.takeBack(id, "operator")).toMatchObject({ status: "taken-back" });
    slow.resolve();
    await came;
    expect(bench.setting.value).toBe(1);
  });
});

describe("a change that does not help", () => {
  test.each([
    ["makes calls slower", () => 1.5, /^it made calls slower/],
    ["makes no difference", () => 1, /^it made no difference that is worth its while/],
  ])("that %s is taken back, after that is on record", async (_, takes, why) => {
    const bench = workbench({ takes: (value) => (value === 1 ? 1 : takes()) });
    bench.traffic.rate = 400;
    await bench.pass(60);
    await bench.tuner.optimize("shop", "operator");
    await bench.pass(120);
    expect(bench.book.all[0]).toMatchObject({ status: "taken-back", outcome: expect.stringMatching(why) });
    expect(bench.setting.value).toBe(1);
    expect(bench.log.slice(-3)).toEqual(["record taking-back: Set it to 2", "undo 2", "record ended: Set it to 2"]);
  });

  test("is not tried again for a day", async () => {
    const bench = workbench({ takes: (value) => (value === 1 ? 1 : 1.5) });
    await bench.pass(60);
    await bench.tuner.optimize("shop", "operator");
    await bench.pass(60);
    expect(await bench.tuner.optimize("shop", "operator")).toEqual([]);
    bench.clock.advance(25 * 3_600_000);
    await bench.pass(60);
    expect(await bench.tuner.optimize("shop", "operator")).toHaveLength(1);
  });

  test("because calls fail with it is taken back at once", async () => {
    const bench = workbench();
    await bench.pass(60);
    await bench.tuner.optimize("shop", "operator");
    bench.traffic.failing = 0.3;
    await bench.pass(2);
    expect(bench.book.all[0]).toMatchObject({
      status: "taken-back",
      outcome: expect.stringContaining("30 % of its calls fail"),
    });
  });
});

describe("where nothing can be compared", () => {
  test("nothing is changed without calls, and it says so", async () => {
    const bench = workbench();
    bench.traffic.rate = 0;
    await bench.pass(60);
    const [record] = await bench.tuner.optimize("shop", "operator");
    expect(record).toMatchObject({ status: "inconclusive", outcome: expect.stringContaining("nothing was changed") });
    expect(bench.log).toEqual([]);
  });

  test("a change is taken back in time where calls stop", async () => {
    const bench = workbench();
    await bench.pass(60);
    await bench.tuner.optimize("shop", "operator");
    bench.traffic.rate = 0;
    await bench.pass(301);
    expect(bench.book.all[0]).toMatchObject({ status: "inconclusive", outcome: "only 0 calls came in 300 s" });
    expect(bench.setting.value).toBe(1);
  });

  test("another life of the service makes it void", async () => {
    const bench = workbench();
    await bench.pass(60);
    await bench.tuner.optimize("shop", "operator");
    bench.traffic.lives = "heart-1/b";
    await bench.pass(1);
    expect(bench.book.all[0]).toMatchObject({
      status: "inconclusive",
      outcome: "shop runs in another life than before",
    });
    expect(bench.setting.value).toBe(1);
  });

  test("healing makes it void, and keeps others away for a while", async () => {
    const bench = workbench();
    await bench.pass(60);
    await bench.tuner.optimize("shop", "operator");
    bench.traffic.disturbed = { why: "shop was healed", at: bench.clock.now() };
    await bench.pass(1);
    expect(bench.book.all[0]).toMatchObject({ status: "inconclusive", outcome: "shop was healed" });
    const again = bench.tuner.optimize("shop", "operator");
    await expect(again).rejects.toMatchObject({
      type: "OPTIMIZATION_REFUSED",
      message: "shop is not as usual: shop was healed",
    });
  });

  test("two things at once are refused", async () => {
    const bench = workbench();
    await bench.pass(60);
    await bench.tuner.optimize("shop", "operator");
    await expect(bench.tuner.optimize("shop", "operator")).rejects.toMatchObject({ type: "OPTIMIZATION_REFUSED" });
  });
});

describe("what goes wrong", () => {
  test("what cannot be put on record is not made", async () => {
    const bench = workbench({
      onRecord: async () => {
        throw new Error("the outbox is full");
      },
    });
    await bench.pass(60);
    const [record] = await bench.tuner.optimize("shop", "operator");
    expect(record).toMatchObject({ status: "failed", outcome: expect.stringContaining("the outbox is full") });
    expect(bench.log).toEqual([]);
  });

  test("what cannot be stored is not made", async () => {
    const bench = workbench();
    await bench.pass(60);
    bench.book.isBroken = true;
    await expect(bench.tuner.optimize("shop", "operator")).rejects.toThrow("the disk is full");
    expect(bench.log).toEqual([]);
    expect(bench.tuner.busy).toEqual([]);
  });

  test("a change that fails half-way is undone", async () => {
    const bench = workbench({
      proposal: {
        apply: async () => {
          throw new Error("no room for the index");
        },
      },
    });
    await bench.pass(60);
    const [record] = await bench.tuner.optimize("shop", "operator");
    expect(record).toMatchObject({ status: "failed", outcome: "it could not be made: no room for the index" });
    expect(bench.log).toContain("undo 2");
  });

  test("a change that nobody waits for any longer, and that is made all the same, is undone", async () => {
    const slow = Promise.withResolvers<void>();
    const bench = workbench({
      proposal: {
        apply: async () => {
          await slow.promise;
          bench.setting.set(2);
        },
      },
    });
    await bench.pass(60);
    const asked = bench.tuner.optimize("shop", "operator");
    await bench.pass(70);
    const [record] = await asked;
    expect(record).toMatchObject({ status: "measuring", outcome: expect.stringContaining("it is still being made") });
    await expect(bench.tuner.optimize("shop", "operator")).rejects.toMatchObject({ type: "OPTIMIZATION_REFUSED" });
    slow.resolve();
    await bench.pass(11);
    expect(bench.setting.value).toBe(1);
    expect(bench.book.all[0]).toMatchObject({
      status: "failed",
      outcome: "it could not be made: no answer within 65 s",
    });
  });

  test("nothing is made any more when the optimizer has stopped, and what was begun is closed", async () => {
    const slow = Promise.withResolvers<void>();
    const bench = workbench({ onRecord: () => slow.promise });
    await bench.pass(60);
    const asked = bench.tuner.optimize("shop", "operator");
    await bench.pass(1);
    bench.tuner.stop();
    slow.resolve();
    await asked;
    expect(bench.log).not.toContain("apply 2");
    expect(bench.book.all[0]).toMatchObject({ status: "failed", outcome: expect.stringContaining("stops") });
  });

  test("what is being made while the optimizer stops is undone", async () => {
    const slow = Promise.withResolvers<void>();
    const bench = workbench({
      proposal: {
        apply: async () => {
          await slow.promise;
          bench.setting.set(2);
        },
      },
    });
    await bench.pass(60);
    const asked = bench.tuner.optimize("shop", "operator");
    await bench.pass(1);
    bench.tuner.stop();
    slow.resolve();
    await asked;
    expect(bench.setting.value).toBe(1);
    expect(bench.book.all[0]).toMatchObject({ status: "failed", outcome: expect.stringContaining("stops") });
  });

  test("what can neither be put on record nor stored as failed is closed as soon as it can be", async () => {
    const bench = workbench({
      onRecord: async () => {
        bench.book.isBroken = true;
        throw new Error("the outbox is full");
      },
    });
    await bench.pass(60);
    const [record] = await bench.tuner.optimize("shop", "operator");
    expect(record!.outcome).toContain("the outbox is full");
    expect(bench.book.all[0]).toMatchObject({ status: "measuring" });
    bench.book.isBroken = false;
    await bench.pass(11);
    expect(bench.book.all[0]).toMatchObject({ status: "failed", outcome: expect.stringContaining("was not made") });
    expect(bench.log).toEqual([]);
  });

  test("what cannot be undone is tried again, and nothing else is tried meanwhile", async () => {
    const bench = workbench({ takes: (value) => (value === 1 ? 1 : 1.5) });
    await bench.pass(60);
    await bench.tuner.optimize("shop", "operator");
    bench.setting.fails = "the node is away";
    await bench.pass(60);
    expect(bench.book.all[0]).toMatchObject({
      status: "measuring",
      outcome: expect.stringContaining("the node is away"),
    });
    expect(bench.tuner.waitingToUndo).toEqual(["Set it to 2"]);
    await expect(bench.tuner.optimize("shop", "operator")).rejects.toMatchObject({ type: "OPTIMIZATION_REFUSED" });
    bench.setting.fails = undefined;
    await bench.pass(11);
    expect(bench.book.all[0]).toMatchObject({ status: "taken-back" });
    expect(bench.setting.value).toBe(1);
  });

  test("the next best is not made on top of what cannot be undone yet", async () => {
    const bench = workbench({ values: [2, 3], takes: (value) => (value === 3 ? 1.5 : 1) });
    await bench.pass(60);
    const asked = bench.tuner.optimize("shop", "operator", true);
    await bench.pass(1);
    bench.setting.fails = "the node is away";
    await bench.pass(60);
    expect((await asked).map(({ change }) => change)).toEqual(["Set it to 3"]);
    expect(bench.log).not.toContain("apply 2");
  });

  test.each([
    ["kept", (value: number) => 1 / value, 2],
    ["taken-back", (value: number) => (value === 1 ? 1 : 1.5), 1],
  ])(
    "a verdict that cannot be stored (%s) is given as soon as it can be, and holds up nobody for ever",
    async (status, takes, value) => {
      const bench = workbench({ takes });
      await bench.pass(60);
      await bench.tuner.optimize("shop", "operator");
      bench.book.isBroken = true;
      await bench.pass(60);
      expect(bench.book.all[0]).toMatchObject({ status: "measuring" });
      bench.book.isBroken = false;
      await bench.pass(15);
      expect(bench.book.all[0]).toMatchObject({ status });
      expect(bench.setting.value).toBe(value);
      expect(bench.tuner.busy).toEqual([]);
    },
  );

  test("after a kill, what was being measured is taken back, whether it had been made or not", async () => {
    const bench = workbench();
    await bench.pass(60);
    await bench.tuner.optimize("shop", "operator");
    expect(bench.setting.value).toBe(2);
    await bench.restart();
    await bench.pass(1);
    expect(bench.setting.value).toBe(1);
    expect(bench.book.all[0]).toMatchObject({
      status: "taken-back",
      outcome: "the optimizer ended while it was being measured",
    });
    // It was not its fault, so it may be tried again.
    expect(await bench.tuner.optimize("shop", "operator")).toHaveLength(1);
  });

  test("a kill at any moment leaves nothing in force that is not kept, and nothing measuring", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 1, max: 40 }), async (step, later) => {
        let left = step;
        // Dies at the given step: whatever comes after it never happens.
        const dying = () => (left-- <= 0 ? new Promise<never>(() => {}) : Promise.resolve());
        const bench = workbench({ onRecord: dying, takes: (value) => (value === 1 ? 1 : 1.6) });
        await bench.pass(60);
        void bench.tuner.optimize("shop", "operator").catch(() => {});
        await bench.pass(later);
        left = Number.POSITIVE_INFINITY;
        await bench.restart();
        await bench.pass(2);
        expect(bench.book.all.every(({ status }) => status !== "measuring")).toBe(true);
        expect(bench.setting.value).toBe(1);
      }),
      { numRuns: 25 },
    );
  });
});
