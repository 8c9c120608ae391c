import { getPriority } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import type { ServiceBroker } from "moleculer";
import type { HealingRecord, HealingResult } from "../../models/healing.ts";
import { TestOrganism } from "../support/organism.ts";
import { writeFiles } from "../support/write-files.ts";

jest.setTimeout(60_000);

interface ServiceView {
  status: string;
  why: string;
  instances: { node: string; incarnation: number; status: string }[];
}

describe("the hands of the healer", () => {
  let organism: TestOrganism;
  let broker: ServiceBroker;
  let epoch: number;
  let next = 0;
  const act = (action: string, target: object, parameters: object = {}, more: object = {}) =>
    broker.call(
      "master-orchestrator.act",
      { epoch, id: `act-${next++}`, action, target, parameters, reason: "a test asks for it", ...more },
      { timeout: 30_000 },
    ) as Promise<HealingResult>;
  const service = (name: string) => organism.get<ServiceView>(`/orchestrator/services/${name}`);
  const failure = (promise: Promise<unknown>) =>
    promise.then(
      () => undefined,
      (error: unknown) => error,
    );

  const until = async (condition: () => Promise<boolean>) => {
    for (const end = Date.now() + 20_000; !(await condition().catch(() => false)); ) {
      if (Date.now() > end) throw new Error(`not within 20 s\n${organism.logTail()}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };

  beforeAll(async () => {
    organism = await TestOrganism.create({ AZORA_EVENT_BUS_URL: "mesh" });
    await organism.up(
      writeFiles(join(organism.folder, "project"), {
        "services/heart/ledger.service.mjs": `export default { name: "ledger", metadata: { singleton: true },
          actions: { where() { return this.broker.nodeID; }, slow: ({ params }) => new Promise((resolve) => setTimeout(resolve, params.ms ?? 1500, "done")) } };`,
        "services/brain/judge.service.mjs": `export default { name: "judge", metadata: { healing: { standby: "deputy" } },
          actions: { rule: () => "judge" } };`,
        "services/stomach/deputy.service.mjs": `import { getHeapStatistics } from "node:v8";
          export default { name: "deputy", actions: { rule: () => "deputy", heap: () => getHeapStatistics().heap_size_limit } };`,
        "services/lungs/asks.service.mjs": `export default { name: "asks", actions: { judge: (ctx) => ctx.call("judge.rule"), ledger: (ctx) => ctx.call("ledger.where") } };`,
      }),
    );
    broker = await organism.join();
    // It would sign on again, and this test is the healer here.
    await organism.post("/orchestrator/stop/auto-healer");
    ({ epoch } = (await broker.call("master-orchestrator.enlist", { instance: "test" })) as { epoch: number });
  });
  afterAll(() => organism.down());

  it("restart a service and see it healthy, with everything that was seen in the history", async () => {
    const result = await act("restart", { service: "ledger" }, {}, { failure: "erroring", evidence: ["it said so"] });
    expect(result).toEqual({
      id: expect.any(String),
      success: true,
      observed: { before: "healthy on heart-1 (life 1)", after: "healthy on heart-1 (life 2)" },
      duration: expect.any(Number),
      reason: "it was restarted and is healthy",
    });
    const [record] = await organism.get<HealingRecord[]>("/orchestrator/healing-history?limit=1");
    expect(record).toMatchObject({
      id: result.id,
      by: "healer",
      action: "restart",
      failure: "erroring",
      evidence: ["it said so"],
      reason: "a test asks for it; it was restarted and is healthy",
    });
  });

  it("wait for the calls in flight, or not where it is forced", async () => {
    const gentle = broker.call("ledger.slow", {}, { timeout: 10_000 });
    expect(await act("restart", { service: "ledger" })).toMatchObject({ success: true });
    expect(await gentle).toBe("done");
    const rough = failure(broker.call("ledger.slow", { ms: 4000 }, { timeout: 10_000 }));
    const since = Date.now();
    expect(await act("restart", { service: "ledger" }, { force: true })).toMatchObject({
      success: true,
      reason: "it was restarted without draining and is healthy",
    });
    expect(Date.now() - since).toBeLessThan(3500);
    await rough;
  });

  it("fail a singleton over to a node that is started for it, until it is released", async () => {
    const result = await act("failover", { service: "ledger" });
    expect(result).toMatchObject({ success: true, reason: "heart-2 took it over" });
    expect(await broker.call("asks.ledger")).toBe("heart-2");
    expect((await service("ledger")).instances.map(({ node }) => node)).toEqual(["heart-2"]);
    expect(await organism.post("/orchestrator/release/ledger")).toMatchObject({ body: { status: "healthy" } });
    await organism.until("heart-2 gone", ({ nodes }) => nodes.every(({ id }) => id !== "heart-2"));
    expect(await broker.call("asks.ledger")).toBe("heart-1");
  });

  it("fail a service over to its standby, which takes its calls until it is released", async () => {
    expect(await act("failover", { service: "judge" })).toMatchObject({
      success: true,
      observed: { after: "deputy takes its calls" },
    });
    expect(await broker.call("asks.judge")).toBe("deputy");
    expect((await service("judge")).why).toContain("deputy takes its calls until it is released");
    await organism.post("/orchestrator/release/judge");
    await until(async () => (await broker.call("asks.judge")) === "judge");
  });

  it("start more nodes of an organ, and refuse that for a singleton", async () => {
    expect(await act("scale-up", { service: "judge" }, { by: 1 })).toMatchObject({
      success: true,
      observed: { before: expect.stringContaining("brain-1"), after: expect.stringContaining("brain-2") },
    });
    expect(await act("scale-down", { service: "judge" }, { by: 1 })).toMatchObject({
      success: true,
      observed: { before: "brain has 2 nodes", after: "brain has 1 node" },
    });
    expect(await failure(act("scale-down", { service: "judge" }))).toMatchObject({
      type: "HEALING_REFUSED",
      message: "brain has 1 node, and 1 of them must stay",
    });
    expect(await failure(act("scale-up", { service: "ledger" }))).toMatchObject({
      type: "HEALING_REFUSED",
      message: "ledger is a singleton; more nodes would not carry it",
    });
  });

  it("limit a node's memory and its priority, and see both", async () => {
    const result = await act("resource-adjust", { node: "stomach-1" }, { memoryLimitMB: 300, niceness: 5 });
    expect(result).toMatchObject({
      success: true,
      observed: { after: "stomach-1: heap limit 300 MB, niceness 5" },
    });
    const { pid } = await organism.node("stomach-1");
    expect(((await broker.call("deputy.heap")) as number) / 1024 ** 2).toBeLessThan(500);
    expect(getPriority(pid)).toBe(5);
  });

  it("limit a node's memory from its next start on, and take the limit away again", async () => {
    const { pid } = await organism.node("brain-1");
    expect(await act("resource-adjust", { node: "brain-1" }, { memoryLimitMB: 900, atNextStart: true })).toMatchObject({
      success: true,
      observed: { after: "brain-1: heap limit 900 MB, niceness 0" },
      reason: expect.stringContaining("its process starts with it the next time"),
    });
    expect((await organism.node("brain-1")).pid).toBe(pid);
    expect(await act("resource-adjust", { node: "brain-1" }, { memoryLimitMB: null, atNextStart: true })).toMatchObject(
      {
        observed: {
          before: "brain-1: heap limit 900 MB, niceness 0",
          after: "brain-1: heap limit Node's own, niceness 0",
        },
      },
    );
  });

  it.each([
    [
      "restrat",
      { service: "ledger" },
      {},
      "HEALING_ACTION_UNKNOWN",
      "No healing action is named restrat; did you mean restart?",
    ],
    ["restart", { service: "leger" }, {}, "SERVICE_UNKNOWN", "No service or node is named leger; did you mean ledger?"],
    ["restart", {}, {}, "SERVICE_UNKNOWN", "Name a service or a node"],
    ["restart", { service: "master-orchestrator" }, {}, "HEALING_REFUSED", "gives the orders"],
    ["restart", { node: "nervous-1" }, {}, "HEALING_REFUSED", "carries the orchestrator itself"],
    ["failover", { service: "health-monitor" }, {}, "HEALING_REFUSED", "runs the organism itself"],
    ["resource-adjust", { service: "ledger" }, {}, "HEALING_REFUSED", "name what is to be adjusted"],
    ["resource-adjust", { service: "ledger" }, { concurrency: -1 }, "VALIDATION_ERROR", ""],
    ["restart", { service: "ledger" }, { forse: true }, "VALIDATION_ERROR", ""],
  ])("refuse %s of %j with %j as %s", async (action, target, parameters, type, said) => {
    const error = await failure(act(action, target, parameters));
    expect(error).toMatchObject({ type });
    expect((error as Error).message).toContain(said);
  });

  it("record an action that never ends as failed, in its time", async () => {
    const slow = failure(broker.call("ledger.slow", { ms: 4000 }, { timeout: 10_000 }));
    const since = Date.now();
    const result = await act("restart", { service: "ledger" }, {}, { timeout: 300 });
    expect(result).toMatchObject({ success: false, reason: "it did not end within 300 ms" });
    expect(Date.now() - since).toBeLessThan(3500);
    await slow;
    await until(async () => (await service("ledger")).status === "healthy");
  });

  it("obey the healer that signed on last, and fence off the others", async () => {
    const old = epoch;
    ({ epoch } = (await broker.call("master-orchestrator.enlist", { instance: "another" })) as { epoch: number });
    expect(epoch).toBe(old + 1);
    const error = await failure(
      broker.call("master-orchestrator.act", {
        epoch: old,
        id: "late",
        action: "restart",
        target: { service: "ledger" },
      }),
    );
    expect(error).toMatchObject({ type: "STALE_EPOCH", message: expect.stringContaining("another") });
  });
});
