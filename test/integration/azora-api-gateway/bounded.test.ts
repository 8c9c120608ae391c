import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Context, ServiceSchema } from "moleculer";
import { nodePool } from "../../../runtime/pools/node-pools.ts";
import { ask, json, Organism } from "./organism.ts";

/** Calls that end when the test says so. */
class Slow {
  readonly waiting = new Map<string, () => void>();
  readonly service = {
    name: "slow",
    actions: {
      get: {
        rest: "GET /:id",
        timeout: 0,
        params: { id: "string" },
        handler: (ctx: Context<{ id: string }>) =>
          new Promise((done) => this.waiting.set(ctx.params.id, () => done({ id: ctx.params.id }))),
      },
      quick: { rest: "POST /quick", handler: () => ({ quick: true }) },
    },
  } as unknown as ServiceSchema;

  async begun(...ids: string[]): Promise<void> {
    while (!ids.every((id) => this.waiting.has(id))) await sleep(2);
  }

  endAll(): void {
    for (const end of this.waiting.values()) end();
  }
}

describe("a gateway with bounded requests", () => {
  let slow: Slow;
  let organism: Organism;
  beforeEach(async () => {
    process.env.AZORA_API_MAX_CONNECTIONS = "2";
    slow = new Slow();
    organism = await Organism.start([slow.service]);
  });
  afterEach(async () => {
    delete process.env.AZORA_API_MAX_CONNECTIONS;
    slow.endAll();
    await organism.stop();
  });

  const get = (path: string, question = {}) => ask(organism.port, path, question);

  test("lets a request wait for a moment, and carries it out when a place is free", async () => {
    const first = [get("/api/slow/a"), get("/api/slow/b")];
    await slow.begun("a", "b");
    const third = get("/api/slow/c");
    await sleep(50);
    expect(slow.waiting.has("c")).toBe(false);
    slow.waiting.get("a")!();
    await slow.begun("c");
    slow.endAll();
    expect((await Promise.all([...first, third])).map(({ status }) => status)).toEqual([200, 200, 200]);
  });

  test("refuses after a second with the time to come again, and always answers for its own health", async () => {
    const first = [get("/api/slow/a"), get("/api/slow/b")];
    await slow.begun("a", "b");
    // Two others become long at the same moment as the wait is over, so the second of them is what is refused.
    const answers = await Promise.all([get("/api/slow/c"), get("/api/slow/d"), get("/api/slow/e")].map(race));
    const refused = answers.filter((answer) => answer !== undefined);
    expect(refused.length).toBeGreaterThan(0);
    for (const answer of refused) {
      expect(answer).toMatchObject({ status: 503, body: { code: "POOL_EXHAUSTED" } });
      expect(Number(answer.headers["retry-after"])).toBeGreaterThanOrEqual(1);
    }
    expect(await get("/live")).toMatchObject({ status: 200 });
    expect(await get("/ready")).toMatchObject({ status: 200 });
    slow.endAll();
    await Promise.all(first);
  });

  test("keeps half of its places for short requests, however many long ones there are", async () => {
    const long = [get("/api/slow/a"), get("/api/slow/b")];
    await slow.begun("a", "b");
    await sleep(1050);
    const answers = await Promise.all([1, 2, 3, 4].map(() => get("/api/slow/quick", json({}))));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    slow.endAll();
    await Promise.all(long);
  });

  test("begins nothing for a client that went while it waited", async () => {
    const first = [get("/api/slow/a"), get("/api/slow/b")];
    await slow.begun("a", "b");
    const aborted = new AbortController();
    const third = fetch(`http://127.0.0.1:${organism.port}/api/slow/c`, { signal: aborted.signal }).catch(() => "gone");
    await sleep(50);
    aborted.abort();
    expect(await third).toBe("gone");
    await sleep(20);
    slow.endAll();
    await Promise.all(first);
    await sleep(20);
    expect(slow.waiting.has("c")).toBe(false);
    expect(nodePool(organism.brokers[0]!, "api").inUse).toBe(0);
  });

  /** What was answered within a little more than the longest wait. */
  const race = <T>(answer: Promise<T>) => Promise.race([answer, sleep(1300, undefined)]);
});
