import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ConcurrencyLimit } from "../../../runtime/concurrency/concurrency-limit.ts";

const refuse = (why: string) => new Error(why);
/** Work that ends when it is told to. */
function works() {
  const begun: number[] = [];
  const end: (() => void)[] = [];
  const work = (id: number, more: object = {}) => ({
    run: () =>
      new Promise<number>((resolve) => {
        begun.push(id);
        end[id] = () => resolve(id);
      }),
    refuse,
    ...more,
  });
  return { begun, end, work };
}
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("a limit of concurrency", () => {
  test("lets the first ones run and the rest wait in their order", async () => {
    const limit = new ConcurrencyLimit(2);
    const { begun, end, work } = works();
    const results = [0, 1, 2, 3].map((id) => limit.run(work(id)));
    expect([begun, limit.running, limit.waiting]).toEqual([[0, 1], 2, 2]);
    end[1]!();
    await turn();
    expect(begun).toEqual([0, 1, 2]);
    end[0]!();
    end[2]!();
    await turn();
    end[3]!();
    expect(await Promise.all(results)).toEqual([0, 1, 2, 3]);
    expect([limit.running, limit.waiting]).toEqual([0, 0]);
  });

  test("refuses what finds the queue full, and counts it", async () => {
    const limit = new ConcurrencyLimit(1, 1);
    const { work } = works();
    void limit.run(work(0));
    void limit.run(work(1));
    await expect(limit.run(work(2))).rejects.toThrow("full");
    expect(limit.refused).toBe(1);
  });

  test("never begins what nobody waits for any longer, and gives its place to the next", async () => {
    const limit = new ConcurrencyLimit(1);
    const { begun, end, work } = works();
    void limit.run(work(0));
    const late = limit.run(work(1, { isLate: () => true }));
    void limit.run(work(2));
    end[0]!();
    await expect(late).rejects.toThrow("late");
    expect(begun).toEqual([0, 2]);
  });

  test("frees the place of work that fails, also before it gives a promise", async () => {
    const limit = new ConcurrencyLimit(1);
    await expect(limit.run({ run: () => Promise.reject(new Error("failed")), refuse })).rejects.toThrow("failed");
    await expect(
      limit.run({
        run: () => {
          throw new Error("thrown");
        },
        refuse,
      }),
    ).rejects.toThrow("thrown");
    expect(limit.running).toBe(0);
  });

  test("may be changed while work runs and waits", async () => {
    const limit = new ConcurrencyLimit(1);
    const { begun, end, work } = works();
    for (let id = 0; id < 5; id++) void limit.run(work(id));
    limit.change(3);
    expect(begun).toEqual([0, 1, 2]);
    limit.change(1);
    for (const id of [0, 1]) end[id]!();
    await turn();
    expect([begun, limit.running]).toEqual([[0, 1, 2], 1]);
    limit.change(Number.POSITIVE_INFINITY);
    expect(begun).toEqual([0, 1, 2, 3, 4]);
  });

  test("is never exceeded, and nothing is forgotten", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.constantFrom("call", "end"), { maxLength: 60 }),
        async (most, steps) => {
          const limit = new ConcurrencyLimit(most);
          const { begun, end, work } = works();
          const results: Promise<number>[] = [];
          let ended = 0;
          for (const step of steps) {
            if (step === "call") results.push(limit.run(work(results.length)));
            else if (ended < begun.length) end[begun[ended++]!]!();
            await turn();
            expect(limit.running).toBeLessThanOrEqual(most);
            expect(limit.running).toBe(Math.min(most, results.length - ended));
          }
          while (ended < results.length) {
            end[begun[ended++]!]!();
            await turn();
          }
          expect(await Promise.all(results)).toEqual(results.map((_, id) => id));
        },
      ),
      { numRuns: 50 },
    );
  });
});
