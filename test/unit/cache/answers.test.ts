import { Readable } from "node:stream";
import { describe, expect, test } from "@jest/globals";
import { CachedNode, settled, typeOf } from "./cached-node.ts";

/** A load that ends when it is told to. */
function gate() {
  const gates: { resolve(value: unknown): void; reject(error: unknown): void }[] = [];
  const load = () => new Promise((resolve, reject) => gates.push({ resolve, reject }));
  return { gates, load };
}
const notFound = () => Object.assign(new Error("no such thing"), { code: 404 });

describe("one load for all", () => {
  test("who asks for what is being loaded waits for it, and each gets a copy of its own", async () => {
    const node = new CachedNode();
    const { gates, load } = gate();
    const action = node.action("a.get", true, load);
    const calls = Array.from({ length: 1000 }, () => node.call(action));
    await settled();
    expect(gates.length).toBe(1);
    gates[0]!.resolve({ list: [1] });
    const all = (await Promise.all(calls)) as { list: number[] }[];
    all[1]!.list.push(2);
    all[0]!.list.push(3);
    expect(all[2]).toEqual({ list: [1] });
    expect(await node.call(action)).toEqual({ list: [1] });
    expect(action.stats.total).toMatchObject({ misses: 1, joined: 999, hits: { near: 1, far: 0 }, entries: 1 });
  });

  test("also when it fails", async () => {
    const node = new CachedNode();
    const { gates, load } = gate();
    const action = node.action("a.get", true, load);
    const calls = Array.from({ length: 1000 }, () => typeOf(node.call(action)));
    await settled();
    gates[0]!.reject(new Error("broken"));
    expect(new Set(await Promise.all(calls))).toEqual(new Set(["Error: broken"]));
    expect([gates.length, action.stats.failures, node.near.size]).toEqual([1, 1, 0]);
  });

  test("a load whose caller has no more time does not fail the others: one of them loads anew", async () => {
    const node = new CachedNode();
    const { gates, load } = gate();
    const action = node.action("a.get", true, load);
    const first = typeOf(node.call(action, {}, { timeout: 100 }));
    const others = Array.from({ length: 10 }, () => node.call(action, {}, { timeout: 1000 }));
    await settled();
    node.clock.advance(100);
    await settled();
    expect(gates.length).toBe(2);
    gates[1]!.resolve("new");
    expect(await Promise.all(others)).toEqual(Array(10).fill("new"));
    gates[0]!.resolve("old");
    expect(await first).toBe("old");
    // What began earlier does not take the place of what began later.
    expect(await node.call(action)).toBe("new");
  });

  test("where the first load comes back after all, it is given to those who wait for the second", async () => {
    const node = new CachedNode();
    const { gates, load } = gate();
    const action = node.action("a.get", true, load);
    void node.call(action, {}, { timeout: 100 });
    const second = node.call(action, {}, { timeout: 1000 });
    const third = node.call(action, {}, { timeout: 1000 });
    await settled();
    node.clock.advance(100);
    await settled();
    gates[0]!.resolve("first");
    expect(await third).toBe("first");
    gates[1]!.resolve("second");
    expect(await second).toBe("second");
  });

  test("a refusal for want of time, in the name of its caller, is not shared either", async () => {
    const node = new CachedNode();
    const { gates, load } = gate();
    const action = node.action("a.get", true, load);
    const calls = [1, 2, 3].map(() => typeOf(node.call(action, {}, { timeout: 1000 })));
    await settled();
    gates[0]!.reject(Object.assign(new Error("skipped"), { type: "REQUEST_SKIPPED" }));
    await settled();
    gates[1]!.resolve("here");
    expect(await Promise.all(calls)).toEqual(["Error: skipped", "here", "here"]);
  });

  test("a refusal for want of room is not kept; of those who wait some try again, and no more than a few", async () => {
    const node = new CachedNode();
    let loads = 0;
    const action = node.action("a.get", { failureTtl: 60 }, async () => {
      loads++;
      await settled();
      throw Object.assign(new Error("full"), { type: "OVERLOADED", code: 503, data: { action: "a.get" } });
    });
    const said = await Promise.all(Array.from({ length: 1000 }, () => typeOf(node.call(action))));
    expect([new Set(said), node.near.size]).toEqual([new Set(["Error: full"]), 0]);
    expect(loads).toBeLessThanOrEqual(5);
  });

  test("ends for those who wait when their own time is over, however many give up before", async () => {
    const node = new CachedNode();
    const { gates, load } = gate();
    const action = node.action("a.get", true, load);
    const calls = Array.from({ length: 50 }, () => typeOf(node.call(action, {}, { timeout: 100 })));
    await settled();
    node.clock.advance(100);
    await settled();
    gates[0]!.reject(Object.assign(new Error("late"), { type: "REQUEST_TIMEOUT" }));
    const said = await Promise.all(calls);
    expect(gates.length).toBe(1);
    expect(said.slice(1).every((one) => /RequestSkipped|late/.test(String(one)))).toBe(true);
  });

  test("does not share what can be read only once", async () => {
    const node = new CachedNode();
    let loads = 0;
    const action = node.action("a.get", true, () => {
      loads++;
      return Readable.from(["x"]);
    });
    const [one, two] = await Promise.all([node.call(action), node.call(action)]);
    expect([one === two, loads, node.near.size]).toEqual([false, 2, 0]);
  });

  test("what never answers is loaded anew by those who come after its caller has given up; nothing grows for ever", async () => {
    const node = new CachedNode();
    const { gates, load } = gate();
    const action = node.action("a.get", true, load);
    for (let i = 0; i < 1200; i++) {
      void typeOf(node.call(action, {}, { timeout: 10 }));
      await Promise.resolve();
      node.clock.advance(10);
    }
    await settled();
    expect(gates.length).toBe(1200);
    expect(node.flights.size).toBeLessThanOrEqual(1000);
    // One that was forgotten is not kept.
    gates[0]!.resolve("old");
    await settled();
    expect(node.near.size).toBe(0);
  });
});

describe("the time of an answer", () => {
  test("does not slide, however often it is asked for", async () => {
    const node = new CachedNode();
    let loads = 0;
    const action = node.action("a.get", { ttl: 10 }, () => ++loads);
    for (let ms = 0; ms < 30_000; ms += 500) {
      expect(await node.call(action)).toBe(1 + Math.floor(ms / 10_000));
      node.clock.advance(500);
    }
    // Of each life the ages 0.5 s to 9.5 s, in µs.
    expect(action.stats.total.ageSum).toBe(3 * 95_000_000);
  });

  test("past it, within staleTtl, the old one is given while one new one is loaded", async () => {
    const node = new CachedNode({ random: () => 1 });
    const { gates, load } = gate();
    const action = node.action("a.get", { ttl: 10, staleTtl: 20 }, load);
    const first = node.call(action);
    await settled();
    gates[0]!.resolve("old");
    await first;
    node.clock.advance(10_000);
    expect(await Promise.all([node.call(action), node.call(action)])).toEqual(["old", "old"]);
    await settled();
    expect(gates.length).toBe(2);
    gates[1]!.resolve("new");
    await settled();
    expect(await node.call(action)).toBe("new");
    expect(action.stats).toMatchObject({ stale: 2, near: 3, misses: 1, refreshed: 1 });
  });

  test("the old one is given on where the refresh fails, for staleTtl and no longer, and it is not tried all the time", async () => {
    const node = new CachedNode({ random: () => 1 });
    let loads = 0;
    const action = node.action("a.get", { ttl: 10, staleTtl: 20 }, () => {
      if (++loads > 1) throw new Error("down");
      return "old";
    });
    await node.call(action);
    node.clock.advance(10_000);
    for (let i = 0; i < 100; i++) {
      expect(await node.call(action)).toBe("old");
      await settled();
      node.clock.advance(100);
    }
    expect(loads).toBe(11);
    node.clock.advance(10_000);
    expect(await typeOf(node.call(action))).toBe("Error: down");
  });

  test("a refresh that finds that there is none ends the old answer", async () => {
    const node = new CachedNode({ random: () => 1 });
    let loads = 0;
    const action = node.action("a.get", { ttl: 10, staleTtl: 20 }, () => {
      if (++loads > 1) throw notFound();
      return "old";
    });
    await node.call(action);
    node.clock.advance(10_000);
    expect(await node.call(action)).toBe("old");
    await settled();
    expect(await typeOf(node.call(action))).toBe("Error: no such thing");
  });

  test("an answer that takes long to load is refreshed before its time, now and then", async () => {
    let chance = 1;
    const node = new CachedNode({ random: () => chance });
    let loads = 0;
    const action = node.action("a.get", { ttl: 10, staleTtl: 1 }, async () => {
      loads++;
      node.clock.advance(500);
      return loads;
    });
    await node.call(action);
    node.clock.advance(8000);
    chance = Math.exp(-3.9);
    expect([await node.call(action), loads]).toEqual([1, 1]);
    chance = Math.exp(-4.1);
    expect([await node.call(action), loads]).toEqual([1, 2]);
    await settled();
    expect(await node.call(action)).toBe(2);
  });
});

describe("there is none", () => {
  test("null is kept as any answer where nothing is said, undefined and errors are not", async () => {
    const node = new CachedNode();
    let loads = 0;
    const count = (result: unknown) => {
      loads++;
      return result;
    };
    const [nothing, none, missing] = [
      node.action("a.get", true, () => count(null)),
      node.action("a.get", true, () => count(undefined)),
      node.action("a.get", true, () => {
        loads++;
        throw notFound();
      }),
    ];
    for (const [action, key, expected] of [
      [nothing, "a", 1],
      [none, "b", 2],
      [missing, "c", 2],
    ] as const) {
      loads = 0;
      await typeOf(node.call(action, {}, { key }));
      await typeOf(node.call(action, {}, { key }));
      expect(loads).toBe(expected);
    }
  });

  test("is kept for negativeTtl: null, undefined and errors with code 404", async () => {
    const node = new CachedNode();
    const results = [
      ["a", () => null, null],
      ["b", () => undefined, undefined],
      ["c", () => Promise.reject(notFound()), "Error: no such thing"],
    ] as const;
    for (const [key, load, expected] of results) {
      let loads = 0;
      const action = node.action("a.get", { ttl: 60, staleTtl: 60, negativeTtl: 5 }, () => {
        loads++;
        return load();
      });
      for (const ms of [0, 4999, 1]) {
        node.clock.advance(ms);
        expect(await typeOf(node.call(action, {}, { key }))).toEqual(expected);
      }
      expect(loads).toBe(2);
      expect(action.stats.negative).toBe(1);
    }
  });

  test("with negativeTtl 0 null is not kept", async () => {
    const node = new CachedNode();
    const action = node.action("a.get", { negativeTtl: 0 }, () => null);
    await node.call(action);
    expect(node.near.size).toBe(0);
  });

  test("failures are kept for failureTtl, refusals never", async () => {
    const node = new CachedNode();
    let loads = 0;
    const failing = (code: number) =>
      node.action("a.get", { failureTtl: 2 }, () => {
        loads++;
        throw Object.assign(new Error(`code ${code}`), { code });
      });
    for (const [code, expected] of [
      [500, 1],
      [403, 2],
      [404, 2],
      [429, 2],
    ] as const) {
      loads = 0;
      const [action, key] = [failing(code), `k${code}`];
      await typeOf(node.call(action, {}, { key }));
      expect(await typeOf(node.call(action, {}, { key }))).toBe(`Error: code ${code}`);
      expect(loads).toBe(expected);
    }
    node.clock.advance(2000);
    expect(node.near.get("k500", node.clock.now())).toBeUndefined();
  });
});

describe("memory", () => {
  test("a cache full of huge values stays within its budget, and what is too large is not kept and counted", async () => {
    const node = new CachedNode({ maxBytes: 100_000 });
    const action = node.action("a.get", true, ({ size }: { size: number }) => ({ text: "x".repeat(size) }));
    for (let i = 0; i < 500; i++) {
      const size = i % 5 === 0 ? 50_000 : 5000;
      await node.call(action, { size }, { key: `k${i}` });
      expect(node.near.bytes).toBeLessThanOrEqual(100_000);
    }
    expect(action.stats.unfit).toBe(100);
    expect(action.stats.evicted).toBe(400 - node.near.size);
    expect(action.stats).toMatchObject({ entries: node.near.size, bytes: node.near.bytes });
    const many = [1, 2].map(() => node.call(action, { size: 50_000 }, { key: "big" }));
    expect(((await Promise.all(many)) as { text: string }[]).map(({ text }) => text.length)).toEqual([50_000, 50_000]);
  });

  test("callers of other nodes get the kept object, since it is packed at once; clone: false gives it to all", async () => {
    const node = new CachedNode();
    const copied = node.action("a.get", true, () => ({}));
    await node.call(copied);
    expect(await node.call(copied, {}, { from: "far-1" })).toBe(await node.call(copied, {}, { from: "far-1" }));
    const shared = node.action("a.get", { clone: false }, () => ({}));
    expect(await node.call(shared, {}, { key: "b" })).toBe(await node.call(shared, {}, { key: "b" }));
    const own = node.action("a.get", { clone: (value) => ({ copy: value }) }, () => 1 as unknown);
    await node.call(own, {}, { key: "c" });
  });
});

describe("invalidation", () => {
  test("by key, pattern and tag", async () => {
    const node = new CachedNode();
    let loads = 0;
    const action = node.action(
      "a.get",
      { tags: ({ id }: { id: number }, result: unknown) => [`id:${id}`, `load:${result}`] },
      () => ++loads,
    );
    const get = () => node.call(action, { id: 1 }, { key: "a.get:1" });
    expect(await get()).toBe(1);
    for (const targets of [{ tags: ["id:1"] }, { keys: ["a.get:1"] }, { patterns: ["a.**"] }, { tags: ["load:4"] }]) {
      node.invalidate(targets);
      await get();
    }
    expect(loads).toBe(5);
    for (const targets of [{ tags: ["id:2", "load:1"] }, { keys: ["a.get:2"] }, { patterns: ["b.**", "*"] }]) {
      node.invalidate(targets);
      expect(await get()).toBe(5);
    }
  });

  test("a load that began before it is given to those who waited, and neither kept nor waited for by later ones", async () => {
    for (const targets of [{ tags: ["t"] }, { keys: ["a.get:1"] }, { patterns: ["a.*"] }, { patterns: ["a.get:1"] }]) {
      const node = new CachedNode();
      const { gates, load } = gate();
      const action = node.action("a.get", { tags: ["t"] }, load);
      const before = node.call(action);
      await settled();
      node.invalidate(targets);
      const after = node.call(action);
      await settled();
      gates[1]!.resolve("new");
      expect(await after).toBe("new");
      gates[0]!.resolve("old");
      expect(await before).toBe("old");
      expect([await node.call(action), action.stats.fenced]).toEqual(["new", 1]);
    }
  });

  test("tags that depend on the result are compared when it is there", async () => {
    const node = new CachedNode();
    const { gates, load } = gate();
    const action = node.action("a.get", { tags: (_: never, result: string) => [result] }, load);
    for (const [result, changed, kept] of [
      ["x", "x", 0],
      ["y", "x", 1],
    ] as const) {
      const call = node.call(action, {}, { key: result });
      await settled();
      node.invalidate({ tags: [changed] });
      gates.at(-1)!.resolve(result);
      await call;
      expect(node.near.size).toBe(kept);
    }
  });

  test("answers whose tags cannot be had are not kept, and that is told once", async () => {
    const node = new CachedNode();
    for (const tags of [() => "x", () => ["y".repeat(201)], () => Promise.reject(new Error("never")).catch(() => {})]) {
      const action = node.action("a.get", { tags: tags as never }, () => 1);
      expect([await node.call(action), await node.call(action)]).toEqual([1, 1]);
    }
    const failing = node.action(
      "b.get",
      {
        tags: () => {
          throw new Error("oh");
        },
      },
      () => 1,
    );
    expect(await node.call(failing)).toBe(1);
    expect(node.near.size).toBe(0);
    expect(node.warnings.length).toBe(2);
  });
});
