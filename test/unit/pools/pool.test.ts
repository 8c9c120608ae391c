import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { FairQueue } from "../../../runtime/pools/fair-queue.ts";
import { type Hold, Pool, type PoolOptions } from "../../../runtime/pools/pool.ts";
import { FakeClock } from "../../support/fake-clock.ts";

function poolOf(options: Partial<PoolOptions> = {}) {
  const clock = new FakeClock();
  const pool = new Pool({
    name: "database",
    kind: "database",
    min: 1,
    max: 2,
    clock,
    now: () => clock.now(),
    ...options,
  });
  const taken: string[] = [];
  const holds = new Map<string, Hold>();
  const wait = (name: string, owner?: string) =>
    pool.wait(owner).then(
      (hold) => {
        taken.push(name);
        holds.set(name, hold);
      },
      (error) => void taken.push(`${name} ${error.type}`),
    );
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return { pool, clock, taken, holds, wait, settle };
}

describe("a pool", () => {
  test("gives its places at once, and the next one to who waits longest", async () => {
    const { pool, taken, holds, wait, settle } = poolOf();
    for (const name of ["a", "b", "c", "d"]) void wait(name);
    await settle();
    expect(taken).toEqual(["a", "b"]);
    expect(pool.enter()).toBeUndefined();
    holds.get("a")!.release();
    await settle();
    expect(taken).toEqual(["a", "b", "c"]);
  });

  test("does not give a place twice when it is released twice", async () => {
    const { pool, holds, wait, settle } = poolOf();
    for (const name of ["a", "b", "c"]) void wait(name);
    await settle();
    holds.get("a")!.release();
    holds.get("a")!.release();
    await settle();
    expect(pool.inUse).toBe(2);
  });

  test("refuses beyond its bound of waiting ones, and says when to come again", async () => {
    const { pool, holds, clock, settle, wait } = poolOf({ max: 1, maxWaiting: 2 });
    void wait("a");
    await settle();
    clock.advance(3000);
    holds.get("a")!.release();
    for (const name of ["b", "c", "d"]) void wait(name);
    await expect(pool.wait()).rejects.toMatchObject({
      type: "POOL_EXHAUSTED",
      code: 503,
      data: { pool: "database", retryAfter: 1 },
    });
    expect(pool.state()).toMatchObject({ inUse: 1, waiting: 2, refused: 1 });
  });

  test("lets nobody wait longer than its bound", async () => {
    const { clock, taken, wait, settle } = poolOf({ max: 1, maxWait: 500 });
    void wait("a");
    void wait("b");
    clock.advance(500);
    await settle();
    expect(taken).toEqual(["a", "b POOL_EXHAUSTED"]);
  });

  test("counts uses, their time and the time of waiting in µs", async () => {
    const { pool, clock, holds, wait, settle } = poolOf({ max: 1 });
    void wait("a");
    void wait("b");
    await settle();
    clock.advance(10);
    holds.get("a")!.release();
    await settle();
    clock.advance(5);
    holds.get("b")!.release();
    expect(pool.state()).toMatchObject({ uses: 2, useSum: 15_000, waitSum: 10_000, inUse: 0, waiting: 0 });
  });

  test("lets more in as soon as it grows, and keeps within its bounds", async () => {
    const { pool, taken, wait, settle } = poolOf({ min: 2, max: 4, size: 2 });
    for (const name of ["a", "b", "c", "d", "e"]) void wait(name);
    expect(pool.resize(100)).toBe(4);
    await settle();
    expect(taken).toEqual(["a", "b", "c", "d"]);
    expect(pool.resize(1)).toBe(2);
    expect(pool.inUse).toBe(4);
  });

  test("keeps places for others though one owner wants them all", async () => {
    const { pool, taken, wait, settle } = poolOf({ max: 20 });
    for (let i = 0; i < 30; i++) void wait(`ledger ${i}`, "ledger");
    void wait("vault", "vault");
    await settle();
    expect(taken.filter((name) => name.startsWith("ledger"))).toHaveLength(16);
    expect(taken).toContain("vault");
    expect(pool.waiting).toBe(14);
  });

  test("gives a released place to the owners in turn", async () => {
    const { taken, holds, wait, settle } = poolOf({ max: 1 });
    void wait("first", "ledger");
    for (const name of ["l1", "l2", "l3"]) void wait(name, "ledger");
    void wait("v1", "vault");
    await settle();
    for (let i = 0; i < 4; i++) {
      holds.get(taken.at(-1)!)!.release();
      await settle();
    }
    expect(taken).toEqual(["first", "l1", "v1", "l2", "l3"]);
  });

  test("counts long uses for at most half of its places, so that short ones go on", async () => {
    const { pool, clock, taken, wait, settle } = poolOf({ max: 4, longAfter: 1000 });
    for (const name of ["a", "b", "c", "d", "e", "f", "g"]) void wait(name);
    await settle();
    expect(taken).toEqual(["a", "b", "c", "d"]);
    clock.advance(999);
    await settle();
    expect(taken).toHaveLength(4);
    clock.advance(1);
    await settle();
    expect(taken).toEqual(["a", "b", "c", "d", "e", "f"]);
    expect(pool.inUse).toBe(6);
    expect(pool.waiting).toBe(1);
  });

  test("has at most ten times its places in use, however long they take", () => {
    const { pool, clock } = poolOf({ max: 4, longAfter: 10, maxWaiting: 0 });
    for (let i = 0; i < 100; i++) {
      while (pool.enter());
      clock.advance(10);
    }
    expect(pool.inUse).toBe(40);
  });

  test("runs work, and releases its place though the work fails", async () => {
    const { pool } = poolOf({ max: 1 });
    await expect(pool.run(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
    await expect(pool.run(() => 7)).resolves.toBe(7);
    expect(pool.inUse).toBe(0);
  });

  test("never holds more than its size, and in the end serves or refuses everybody", async () => {
    const step = fc.oneof(
      fc.record({ what: fc.constant("wait" as const), owner: fc.constantFrom("a", "b", "c", undefined) }),
      fc.record({ what: fc.constant("release" as const), which: fc.nat(50) }),
      fc.record({ what: fc.constant("resize" as const), size: fc.integer({ min: 1, max: 8 }) }),
      fc.record({ what: fc.constant("pass" as const), ms: fc.integer({ min: 0, max: 300 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
        const { pool, clock } = poolOf({ max: 8, size: 3, maxWaiting: 6, maxWait: 1000 });
        const held: Hold[] = [];
        let settled = 0;
        let asked = 0;
        let allowed = pool.size;
        for (const one of steps) {
          if (one.what === "wait") {
            asked++;
            pool
              .wait(one.owner)
              .then((hold) => held.push(hold))
              .catch(() => {})
              .finally(() => settled++);
          } else if (one.what === "release") held.splice(one.which % Math.max(1, held.length), 1)[0]?.release();
          else if (one.what === "resize") pool.resize(one.size);
          else clock.advance(one.ms);
          // Shrinking takes nobody's place away.
          allowed = Math.max(pool.size, Math.min(allowed, pool.inUse));
          expect(pool.inUse).toBeLessThanOrEqual(allowed);
          expect(pool.waiting).toBeLessThanOrEqual(6);
          await Promise.resolve();
        }
        clock.advance(2000);
        await new Promise((resolve) => setImmediate(resolve));
        expect(settled).toBe(asked);
        for (const hold of held) hold.release();
        expect(pool.inUse).toBe(0);
      }),
      { numRuns: 100 },
    );
  });
});

describe("a fair queue", () => {
  test("serves owners in turn and each of them in order, as a simple model does", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom("a", "b", "c", "-")), (steps) => {
        const queue = new FairQueue<number>();
        let model: { owner: string; items: number[] }[] = [];
        steps.forEach((owner, item) => {
          if (owner === "-") {
            const first = model.shift();
            expect(queue.shift()).toBe(first?.items.shift());
            if (first && first.items.length > 0) model = [...model, first];
            return;
          }
          queue.push(owner, item);
          const known = model.find((one) => one.owner === owner);
          if (known) known.items.push(item);
          else model.push({ owner, items: [item] });
          expect(queue.size).toBe(model.reduce((sum, { items }) => sum + items.length, 0));
        });
      }),
    );
  });
});
