import { beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type NodeUnreachable, NodeWatch } from "../../../services/nervous/health-monitor/node-watch.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const REMOTE = "heart-1@other";
const LIFE = "life-1";

describe("the node watch", () => {
  let clock: FakeClock;
  let watch: NodeWatch;
  let told: (NodeUnreachable | { id: string })[];
  let asked: string[];
  let opinions: Record<string, boolean | undefined>;
  let own: boolean | undefined;
  let isLate: boolean;
  beforeEach(() => {
    clock = new FakeClock();
    told = [];
    asked = [];
    opinions = { "lungs-1": false, "brain-1": false, "muscles-1": false };
    own = false;
    isLate = false;
    watch = new NodeWatch(clock, {
      witnesses: () => Object.keys(opinions),
      reach: async (witness, node) => {
        asked.push(`${witness} ${node}`);
        return opinions[witness];
      },
      ping: async (node) => {
        asked.push(`own ${node}`);
        return own;
      },
      isLate: () => isLate,
      unreachable: (event) => told.push(event),
      reachable: (event) => told.push(event),
    });
  });

  const settle = () => new Promise((resolve) => setImmediate(resolve));
  async function silence(ms: number): Promise<void> {
    for (const end = clock.now() + ms; clock.now() < end; ) {
      clock.advance(250);
      watch.look();
      await settle();
    }
  }
  async function beats(count: number, every = 1000): Promise<void> {
    for (let i = 0; i < count; i++) {
      await silence(every);
      watch.heartbeat(REMOTE, LIFE);
    }
  }
  const status = () => watch.nodes()[0]?.status;

  test("calls a silent node unreachable within 2.5 s, when two others cannot reach it either", async () => {
    await beats(20);
    await silence(2000);
    expect([told, asked]).toEqual([[], []]);
    await silence(500);
    expect(asked).toEqual([`lungs-1 ${REMOTE}`, `brain-1 ${REMOTE}`]);
    expect(told).toEqual([
      expect.objectContaining({ id: REMOTE, silentFor: 2250, confirmedBy: ["lungs-1", "brain-1"] }),
    ]);
    const { phi, at } = told[0] as NodeUnreachable;
    expect(phi).toBeGreaterThanOrEqual(8);
    expect(Date.parse(at)).toBe(clock.now() - 250);
    await silence(60_000);
    expect(told).toHaveLength(1);
  });

  test("only suspects a node that another reaches, and looks into it again every 2 s", async () => {
    await beats(20);
    opinions["brain-1"] = true;
    await silence(4000);
    expect(told).toEqual([]);
    expect(status()).toBe("suspected");
    expect(asked).toHaveLength(2);
    opinions["brain-1"] = false;
    await silence(2000);
    expect(told).toHaveLength(1);
  });

  test("believes one witness where the other gives no answer", async () => {
    await beats(20);
    opinions["lungs-1"] = undefined;
    await silence(3000);
    expect(told).toMatchObject([{ confirmedBy: ["brain-1"] }]);
  });

  test("looks itself where nobody else can", async () => {
    await beats(20);
    opinions = {};
    own = true;
    await silence(3000);
    expect([told, status()]).toEqual([[], "suspected"]);
    own = false;
    await silence(2000);
    expect(told).toMatchObject([{ id: REMOTE, confirmedBy: ["health-monitor"] }]);
  });

  test("says nothing of others while it has no bus itself", async () => {
    await beats(20);
    opinions = { "lungs-1": undefined };
    own = undefined;
    await silence(60_000);
    expect([told, status()]).toEqual([[], "suspected"]);
  });

  test("trusts again at the first heartbeat, and says so where it had called the node unreachable", async () => {
    await beats(20);
    await silence(5000);
    watch.heartbeat(REMOTE, LIFE);
    expect(told.at(-1)).toEqual({ id: REMOTE });
    expect(status()).toBe("trusted");
    await silence(3000);
    expect(told).toHaveLength(3);
  });

  test("drops a second opinion that comes after a heartbeat", async () => {
    await beats(20);
    clock.advance(3000);
    watch.look();
    watch.heartbeat(REMOTE, LIFE);
    await settle();
    expect([told, status()]).toEqual([[], "trusted"]);
  });

  test("suspects nobody while this process is late, nor for the time in which it was", async () => {
    await beats(20);
    isLate = true;
    await silence(30_000);
    expect([told, asked]).toEqual([[], []]);
    isLate = false;
    watch.heartbeat(REMOTE, LIFE);
    await beats(5);
    expect([told, asked]).toEqual([[], []]);
    await silence(2500);
    expect(told).toHaveLength(1);
  });

  test("does not wait for a node that left in peace, and goes on watching one that it called unreachable", async () => {
    const known = (available: boolean) => watch.remotes([{ id: REMOTE, instanceId: LIFE, available }]);
    await beats(5);
    known(false);
    await silence(10_000);
    expect([told, watch.nodes()]).toEqual([[], []]);
    await beats(5);
    await silence(3000);
    known(false);
    expect(status()).toBe("unreachable");
    watch.heartbeat(REMOTE, LIFE);
    expect(told).toHaveLength(2);
    watch.remotes([]);
    expect(watch.nodes()).toEqual([]);
  });

  test("waits for a node of which it knows only from the registry", async () => {
    watch.remotes([{ id: REMOTE, instanceId: LIFE, available: true }]);
    await silence(4000);
    expect(told).toHaveLength(1);
  });

  test("begins anew with a new life of the node, however long it was away", async () => {
    await beats(20);
    await silence(5000);
    watch.heartbeat(REMOTE, "life-2");
    expect(told.at(-1)).toEqual({ id: REMOTE });
    await silence(1500);
    expect(status()).toBe("trusted");
  });

  test("raises no suspicion under heartbeats that jitter", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 2, max: 6 }), { maxLength: 40 }), async (quarters) => {
        for (const count of quarters) {
          await silence(count * 250);
          watch.heartbeat(REMOTE, LIFE);
        }
        expect([told, asked]).toEqual([[], []]);
      }),
      { numRuns: 20 },
    );
  });

  describe("on a node of this machine", () => {
    const LOCAL = "stomach-1";

    test("suspects it after three rounds without an answer, and takes a second opinion", async () => {
      watch.answered(LOCAL);
      for (let i = 0; i < 3; i++) {
        await silence(1000);
        watch.unanswered(LOCAL);
        await settle();
      }
      expect(told).toMatchObject([{ id: LOCAL, silentFor: 3000, confirmedBy: ["lungs-1", "brain-1"] }]);
      expect(told[0]).not.toHaveProperty("phi");
    });

    test("forgets two rounds at the next answer", async () => {
      for (let i = 0; i < 10; i++) {
        watch.unanswered(LOCAL);
        watch.unanswered(LOCAL);
        watch.answered(LOCAL);
        await silence(500);
      }
      expect([told, asked]).toEqual([[], []]);
    });

    test("asks one that it called unreachable on, as long as it is known, and tells when it answers", async () => {
      for (let i = 0; i < 3; i++) watch.unanswered(LOCAL);
      await settle();
      expect(told).toHaveLength(1);
      expect([...watch.toAsk([], () => true)]).toEqual([LOCAL]);
      watch.answered(LOCAL);
      expect(told.at(-1)).toEqual({ id: LOCAL });
      expect([...watch.toAsk([], () => true)]).toEqual([]);
      expect(watch.nodes()).toEqual([]);
    });

    test("does not count rounds in which this process was late", async () => {
      isLate = true;
      for (let i = 0; i < 10; i++) watch.unanswered(LOCAL);
      isLate = false;
      await silence(5000);
      expect([told, asked]).toEqual([[], []]);
    });
  });
});
