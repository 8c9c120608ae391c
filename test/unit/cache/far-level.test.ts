import { beforeEach, describe, expect, test } from "@jest/globals";
import type { Assurance } from "../../../runtime/cache/answers.ts";
import { FarLevel } from "../../../runtime/cache/far-level.ts";
import { RedisGuard } from "../../../runtime/cache/redis-guard.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { CachedNode, settled } from "./cached-node.ts";
import { FakeRedis, FakeServer, type Way } from "./fake-redis.ts";

const silent = { info() {}, warn() {} };

describe("the second level", () => {
  let clock: FakeClock;
  let server: FakeServer;
  beforeEach(() => {
    clock = new FakeClock(0);
    server = new FakeServer(clock);
  });
  const level = async (way?: Way, more = {}) => {
    const redis = new FakeRedis(server, way);
    const far = new FarLevel({ redis: redis.client, prefix: "", clock, logger: silent, ...more });
    await settled();
    clock.advance(100);
    await settled();
    return { far, redis, node: new CachedNode({ clock, far, random: () => 1 }) };
  };
  const loading = (value: unknown = { n: 1 }) => {
    const loads: ((value?: unknown) => void)[] = [];
    return { loads, load: () => new Promise((resolve) => loads.push((other = value) => resolve(other))) };
  };

  test("has what another node has loaded, with its age, and for the rest of its time", async () => {
    const [one, two] = [await level(), await level()];
    let loads = 0;
    const actions = [one, two].map(({ node }) =>
      node.action("a.get", { ttl: 10, staleTtl: 5 }, () => ({ n: ++loads })),
    );
    expect(await one.node.call(actions[0]!)).toEqual({ n: 1 });
    await settled();
    clock.advance(4000);
    expect(await two.node.call(actions[1]!)).toEqual({ n: 1 });
    expect(actions[1]!.stats.total).toMatchObject({ hits: { near: 0, far: 1 }, misses: 0, ageSum: 4_000_000 });
    const entry = two.node.near.peek("a.get:1", clock.now())!;
    expect([entry.freshUntil - clock.now(), entry.until - clock.now()]).toEqual([6000, 11_000]);
    clock.advance(11_000);
    expect(await two.node.call(actions[1]!)).toEqual({ n: 2 });
  });

  test("takes nothing from a load that something has changed under, on whatever node", async () => {
    const [one, two] = [await level(), await level()];
    const { loads, load } = loading("old");
    const action = one.node.action("a.get", { tags: ["t"] }, load);
    for (const targets of [{ tags: ["t"] }, { keys: ["a.get:1"] }, { patterns: ["a.**"] }, { patterns: ["**"] }]) {
      const call = one.node.call(action);
      await settled();
      expect(await two.far.invalidate(targets)).toBe(true);
      loads.at(-1)!();
      await call;
      await settled();
      expect((await two.far.read("a.get:1", 0))!.hit).toBeUndefined();
      one.node.invalidate({ patterns: ["**"] });
    }
    expect(one.far.state).toMatchObject({ written: 0, refused: 4 });
  });

  test("takes nothing from a load that began before one that it has already", async () => {
    const [one, two] = [await level(), await level()];
    const [older, newer] = [loading("older"), loading("newer")];
    const calls = [
      one.node.call(one.node.action("a.get", true, older.load)),
      two.node.call(two.node.action("a.get", true, newer.load)),
    ];
    await settled();
    newer.loads[0]!();
    await settled();
    older.loads[0]!();
    await Promise.all(calls);
    await settled();
    expect((await one.far.read("a.get:1", 0))!.hit!.value).toBe("newer");
  });

  test("forgets what is invalidated, and what was there in an earlier life of the server", async () => {
    const { far, redis, node } = await level();
    const action = node.action("a.get", { tags: ["t"] }, () => 1);
    const isThere = async () => (await far.read("a.get:1", 0))?.hit !== undefined;
    for (const forget of [
      () => far.invalidate({ tags: ["t"] }),
      () => far.invalidate({ patterns: ["a.*"] }),
      async () => void server.hashes.clear(),
      async () => {
        server.life = "2";
        redis.emit("close");
        expect(far.isUsable).toBe(false);
        redis.emit("ready");
      },
    ]) {
      node.invalidate({ patterns: ["**"] });
      await node.call(action);
      await settled();
      expect(await isThere()).toBe(true);
      await forget();
      await settled();
      expect(await isThere()).toBe(false);
    }
  });

  test("is given what JSON gives back, and nothing too long", async () => {
    const { far, node } = await level(undefined, { maxLength: 1000 });
    const values = [new Date(), new Map(), [undefined], "x".repeat(2000), undefined];
    for (const [i, value] of values.entries())
      await node.call(
        node.action("a.get", { negativeTtl: 5 }, () => value),
        {},
        { key: `a.get:${i}` },
      );
    await settled();
    expect(far.state).toMatchObject({ written: 0, tooLong: 1 });
  });

  test("with a lock one node loads, and the others take what it has loaded", async () => {
    const [one, two] = [await level(), await level()];
    const { loads, load } = loading("loaded");
    const actions = [one, two].map(({ node }) => node.action("a.get", { lock: true }, load));
    const calls = [one.node.call(actions[0]!), two.node.call(actions[1]!)];
    await settled();
    clock.advance(500);
    await settled();
    expect(loads.length).toBe(1);
    loads[0]!();
    await settled();
    clock.advance(100);
    expect(await Promise.all(calls)).toEqual(["loaded", "loaded"]);
    expect(actions.map(({ stats }) => stats.misses)).toEqual([1, 0]);
  });

  test("a lock whose load fails is given back at once; one that is kept too long is not waited for", async () => {
    const [one, two] = [await level(), await level()];
    let fails = true;
    const load = () => (fails ? Promise.reject(new Error("down")) : new Promise(() => {}));
    const action = one.node.action("a.get", { lock: { ttl: 1000 } }, load);
    await one.node.call(action).catch(() => {});
    expect((await two.far.read("a.get:1", 1000))!.token!.locked).toBeDefined();
    clock.advance(1000);
    fails = false;
    void one.node.call(action);
    await settled();
    const waiting = two.far.read("a.get:1", 300);
    for (let i = 0; i < 40; i++) {
      clock.advance(10);
      await settled();
    }
    expect((await waiting)!.token!.locked).toBeUndefined();
  });

  test("that is slow costs its time-out and then nothing; what it was not told it is told before it is used again", async () => {
    let back: number | undefined = 1;
    const { far, node } = await level(() => ({ there: 1, back }));
    const action = node.action("a.get", { tags: ["t"] }, () => 1);
    const call = async (key: string) => {
      const start = clock.now();
      const answer = node.call(action, {}, { key });
      let done = false;
      void answer.then(() => {
        done = true;
      });
      for (await settled(); !done; await settled()) clock.advance(1);
      return clock.now() - start;
    };
    expect(await call("a.get:1")).toBeLessThan(5);
    back = undefined;
    for (let i = 2; i < 5; i++) expect(await call(`a.get:${i}`)).toBe(100);
    expect(await call("a.get:5")).toBe(0);
    // It may hold an old answer: until it knows better, nobody looks.
    expect(await far.invalidate({ tags: ["t"] })).toBe(false);
    expect([far.owes, far.isUsable]).toEqual([true, false]);
    back = 1;
    for (let i = 0; i < 200; i++) {
      clock.advance(10);
      await settled();
    }
    expect([far.owes, far.isUsable]).toEqual([false, true]);
    expect(await call("a.get:1")).toBeLessThan(5);
    await far.close();
  });

  test("is not looked at while it is not sure that all nodes have told it everything", async () => {
    let others = false;
    let holds = true;
    const { far } = await level(undefined, { othersOwe: () => others });
    const assurance: Assurance = { holds: () => holds, soon: async () => {} };
    const node = new CachedNode({ clock, far, assurance });
    const action = node.action("a.get", true, () => 1);
    await node.call(action);
    await settled();
    others = true;
    expect(far.isUsable).toBe(false);
    others = false;
    holds = false;
    await node.call(action);
    expect(action.stats).toMatchObject({ misses: 2, far: 0 });
  });
});

test("without assurance a caller waits for a load that begins after it has come, and all who came meanwhile for the same", async () => {
  const gates: ((value: unknown) => void)[] = [];
  let holds = true;
  const node = new CachedNode({ assurance: { holds: () => holds, soon: async () => {} } });
  const action = node.action("a.get", true, () => new Promise((resolve) => gates.push(resolve)));
  const first = node.call(action);
  await settled();
  holds = false;
  node.clock.advance(1);
  const later = Array.from({ length: 100 }, () => node.call(action));
  await settled();
  expect(gates.length).toBe(1);
  gates[0]!("old");
  expect(await first).toBe("old");
  await settled();
  expect(gates.length).toBe(2);
  gates[1]!("new");
  expect(new Set(await Promise.all(later))).toEqual(new Set(["new"]));
});

describe("the guard before Redis", () => {
  test("never has more questions open than it may, those included that nobody waits for", async () => {
    const clock = new FakeClock();
    const guard = new RedisGuard({ clock, maxOpen: 10, threshold: 1000 });
    let asked = 0;
    const never = () => {
      asked++;
      return new Promise(() => {});
    };
    for (let i = 0; i < 50; i++) {
      void guard.ask(never);
      clock.advance(200);
      await settled();
    }
    expect([asked, guard.late, guard.skipped]).toEqual([10, 10, 40]);
  });

  test("leaves it alone longer and longer, and tries with one question at a time", async () => {
    const clock = new FakeClock();
    const guard = new RedisGuard({ clock });
    let asked = 0;
    let fails = true;
    const ask = () =>
      guard.ask(async () => {
        asked++;
        if (fails) throw new Error("down");
        return 1;
      });
    for (let i = 0; i < 10; i++) await ask();
    expect(asked).toBe(3);
    for (const pause of [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]) {
      clock.advance(pause - 1);
      await ask();
      const before = asked;
      clock.advance(1);
      await Promise.all([ask(), ask(), ask()]);
      expect(asked).toBe(before + 1);
    }
    fails = false;
    clock.advance(30_000);
    expect(await ask()).toEqual({ answer: 1 });
    await Promise.all([ask(), ask()]);
    expect(guard.isOpen).toBe(true);
  });
});
