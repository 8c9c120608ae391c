import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import type { ServiceBroker } from "moleculer";
import { hasNats, TestOrganism } from "../support/organism.ts";

jest.setTimeout(60_000);

const buses: { bus: string; env: Record<string, string> }[] = [
  { bus: "the mesh", env: { AZORA_EVENT_BUS_URL: "mesh" } },
  ...(hasNats() || process.env.CI === "true" ? [{ bus: "NATS", env: {} }] : []),
];
if (buses.length === 1) describe.skip("staying alive on NATS [needs nats-server]", () => it("was not run", () => {}));

describe.each(buses)("staying alive on $bus", ({ bus, env }) => {
  let organism: TestOrganism;
  let caller: ServiceBroker;

  beforeAll(async () => {
    organism = await TestOrganism.create(env);
    await organism.up();
    caller = await organism.join();
  });
  afterAll(() => organism.down());

  it("launches a node for every organ, and every service", async () => {
    const status = await organism.untilHealthy();
    expect([...new Set(status.nodes.map(({ organ }) => organ))].sort()).toEqual([
      "brain",
      "heart",
      "immune",
      "lungs",
      "muscles",
      "nervous",
      "stomach",
    ]);
    expect(status.services["healthy"]).toBe(status.services["total"]);
    expect(status.launch).toMatchObject({ done: true });
    expect(await caller.call("door.knock")).toBe("come in");
  });

  it("brings back a node that was killed, with all its services, and says what it did", async () => {
    const { pid, incarnation } = await organism.node("heart-1");
    process.kill(pid, "SIGKILL");
    const status = await organism.until("heart-1 in a new life", ({ nodes }) =>
      nodes.some((node) => node.id === "heart-1" && node.incarnation > incarnation && node.status === "up"),
    );
    expect(status.nodes.find(({ id }) => id === "heart-1")!.pid).not.toBe(pid);
    const healed = await organism.until(
      "the healing on record",
      ({ healing }) => healing[0]?.target.node === "heart-1" && healing[0].success,
    );
    expect(healed.healing[0]).toMatchObject({
      failure: "crashed",
      action: "restart-process",
      attempt: 1,
      reason: expect.stringContaining("started again"),
    });
    await organism.untilHealthy();
  });

  it("repeats calls that may be repeated, and says of the others that their outcome is unknown", async () => {
    await organism.post("/orchestrator/scale/heart", { replicas: 2 });
    const { pid } = await organism.node("heart-2");
    let running = true;
    const outcomes: Record<string, number> = {};
    const note = (outcome: string) => {
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    };
    let next = 0;
    const reads = Array.from({ length: 8 }, async () => {
      while (running)
        await caller.call("ledger.read").then(
          () => note("read"),
          (error) => note(`read ${error.type}`),
        );
    });
    const writes = Array.from({ length: 8 }, async () => {
      while (running)
        await caller.call("ledger.write", { id: `w${next++}` }).then(
          () => note("written"),
          (error) => note(`write ${error.type}`),
        );
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    process.kill(pid, "SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, 700));
    running = false;
    await Promise.all([...reads, ...writes]);
    expect(Object.keys(outcomes).filter((outcome) => outcome.startsWith("read "))).toEqual([]);
    expect(
      Object.keys(outcomes).filter((outcome) => outcome.startsWith("write ") && outcome !== "write OUTCOME_UNKNOWN"),
    ).toEqual([]);
    const done = readFileSync(organism.env["FIXTURE_LEDGER"]!, "utf8").trim().split("\n");
    expect(new Set(done).size).toBe(done.length);
    await organism.untilHealthy();
  });

  it("scales down without one failed call, and names the singletons that stay", async () => {
    let running = true;
    const failed: string[] = [];
    let count = 0;
    const calls = Array.from({ length: 8 }, async () => {
      while (running) {
        await caller
          .call("ledger.write", { id: `s${count++}` })
          .catch((error) => failed.push(error.type ?? error.message));
      }
    });
    const { body } = await organism.post<{ nodes: string[]; singletons: string[] }>("/orchestrator/scale/heart", {
      replicas: 3,
    });
    expect(body).toMatchObject({ nodes: ["heart-1", "heart-2", "heart-3"], singletons: ["vault"] });
    const { body: less } = await organism.post<{ nodes: string[] }>("/orchestrator/scale/heart", { replicas: 1 });
    expect(less.nodes).toEqual(["heart-1"]);
    running = false;
    await Promise.all(calls);
    expect(failed).toEqual([]);
    expect(count).toBeGreaterThan(100);
  });

  it("restarts a service in its process without one failed call, with its calls in flight finished", async () => {
    let running = true;
    const failed: string[] = [];
    const calls = Array.from({ length: 8 }, async () => {
      while (running) await caller.call("ledger.read").catch((error) => failed.push(error.type ?? error.message));
    });
    const slow = caller.call("ledger.slow", { ms: 300 });
    const before = await organism.node("heart-1");
    const { status } = await organism.post("/orchestrator/restart/ledger");
    expect(status).toBe(200);
    expect(await slow).toBe("done");
    running = false;
    await Promise.all(calls);
    expect(failed).toEqual([]);
    expect((await organism.node("heart-1")).pid).toBe(before.pid);
  });

  it("kills a node that hangs, and starts it again", async () => {
    const { pid, incarnation } = await organism.node("brain-1");
    process.kill(pid, "SIGSTOP");
    await organism.until("brain-1 in a new life", ({ nodes }) =>
      nodes.some((node) => node.id === "brain-1" && node.incarnation > incarnation && node.status === "up"),
    );
    const status = await organism.until(
      "the healing on record",
      ({ healing }) => healing[0]?.target.node === "brain-1" && healing[0].success,
    );
    expect(status.healing[0]!.failure).toBe("hung");
    await organism.untilHealthy();
  });

  it("restarts in place a single service that says it is ill, and leaves its process alone", async () => {
    const { pid } = await organism.node("brain-1");
    await caller.call("judge.turn", { sick: true });
    const status = await organism.until(
      "judge healed",
      ({ healing }) => healing[0]?.target.service === "judge" && healing[0].success,
    );
    expect(status.healing[0]).toMatchObject({ failure: "unhealthy", action: "restart-in-place" });
    expect((await organism.node("brain-1")).pid).toBe(pid);
    await organism.untilHealthy();
  });

  it("loses no service when the orchestrator is killed: it comes back and takes over what runs", async () => {
    const before = await organism.untilHealthy();
    process.kill(await organism.pid("nervous-1"), "SIGKILL");
    expect(await caller.call("door.knock")).toBe("come in");
    const after = await organism.until(
      "a new epoch",
      ({ epoch, status }) => epoch > before.epoch && status === "healthy",
    );
    const pids = (status: typeof before) =>
      status.nodes.filter(({ id }) => id !== "nervous-1").map(({ id, pid }) => `${id} ${pid}`);
    expect(pids(after)).toEqual(pids(before));
  });

  it("loses no service when the orchestrator hangs: the spine replaces it", async () => {
    const before = await organism.untilHealthy();
    process.kill(await organism.pid("nervous-1"), "SIGSTOP");
    expect(await caller.call("door.knock")).toBe("come in");
    await organism.until("a new epoch", ({ epoch, status }) => epoch > before.epoch && status === "healthy");
  });

  it.each(["SIGKILL", "SIGSTOP"] as const)("brings the spine back after %s", async (name) => {
    const before = organism.spinePid();
    process.kill(before, name);
    await organism.until("another spine", () => ![0, before].includes(organism.spinePid()));
    await organism.untilHealthy();
    expect(await caller.call("door.knock")).toBe("come in");
  });

  if (bus === "NATS") {
    it("brings a killed nats-server back on the same address, and calls resume", async () => {
      const before = organism.natsPid();
      process.kill(before, "SIGKILL");
      const start = Date.now();
      let resumed = 0;
      while (!resumed && Date.now() - start < 5000) {
        await caller.call("ledger.read", {}, { timeout: 1000 }).then(
          () => {
            if (organism.natsPid() !== before) resumed = Date.now() - start;
          },
          () => {},
        );
      }
      expect(resumed).toBeGreaterThan(0);
      await organism.untilHealthy();
    });
  }

  it("brings back a spine that stops before it has introduced itself", async () => {
    const first = organism.spinePid();
    process.kill(first, "SIGKILL");
    let second = first;
    // The lock is taken first of all: at this moment it has not joined the mesh.
    while (second === first || second === 0) second = organism.spinePid();
    process.kill(second, "SIGSTOP");
    await organism.until("a third spine", () => ![0, first, second].includes(organism.spinePid()));
    await organism.untilHealthy();
  });

  it("notices a hang also where the orchestrator was late itself meanwhile", async () => {
    const { pid, incarnation } = await organism.node("stomach-1");
    const orchestrator = await organism.pid("nervous-1");
    process.kill(pid, "SIGSTOP");
    await new Promise((resolve) => setTimeout(resolve, 1700));
    process.kill(orchestrator, "SIGSTOP");
    await new Promise((resolve) => setTimeout(resolve, 900));
    process.kill(orchestrator, "SIGCONT");
    await organism.until("stomach-1 in a new life", ({ nodes }) =>
      nodes.some((node) => node.id === "stomach-1" && node.incarnation > incarnation && node.status === "up"),
    );
    await organism.untilHealthy();
  });

  it("is brought back by its nodes where spine and orchestrator die at once", async () => {
    const { epoch } = await organism.untilHealthy();
    const orchestrator = await organism.pid("nervous-1");
    process.kill(organism.spinePid(), "SIGKILL");
    process.kill(orchestrator, "SIGKILL");
    expect(await caller.call("door.knock")).toBe("come in");
    await organism.until("a new epoch", (status) => status.epoch > epoch && status.status === "healthy");
  });

  it("starts clean after everything was killed at once", async () => {
    for (const pid of organism.processes()) process.kill(pid, "SIGKILL");
    await organism.up();
    const status = await organism.untilHealthy();
    expect(status.services["healthy"]).toBe(status.services["total"]);
  });
});
