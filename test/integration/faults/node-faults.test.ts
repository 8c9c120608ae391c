import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { ServiceBroker } from "moleculer";
import { createNodeBroker } from "../../../runtime/broker.ts";
import { type ActiveFault, Faults } from "../../../runtime/faults/faults.ts";
import { nodeFaults } from "../../../runtime/faults/node-faults.ts";
import { JsonLogger } from "../../../runtime/logger.ts";
import { Mesh } from "../../../runtime/mesh/mesh.ts";
import { nodeHost } from "../../../runtime/node-host/node-host.ts";
import { ownIdentity } from "../../../runtime/process-identity.ts";
import { readSettings } from "../../../runtime/settings.ts";

/** Two nodes on a mesh, each with faults; `a` also carries who says which runs are under way. */
describe("faults of a node", () => {
  let folder: string;
  const brokers: Record<string, ServiceBroker> = {};
  const meshes: Record<string, Mesh> = {};
  let running: string[];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "azora-faults-"));
    running = ["run-1"];
    for (const id of ["a", "b"]) {
      const mesh = new Mesh({
        folder: join(folder, "run"),
        hello: { id, role: "node", instanceId: "", ...ownIdentity() },
      });
      const faults = new Faults(folder);
      const made = createNodeBroker({
        nodeId: id,
        namespace: "faults",
        bus: { kind: "mesh" },
        settings: readSettings({}),
        logger: new JsonLogger("fatal"),
        mesh,
        metadata: {},
        innermost: [faults.middleware()],
      });
      const { broker } = made;
      const host = { vitals: made.vitals, failover: made.failover, root: folder, services: folder, shutdown: () => {} };
      broker.createService(nodeHost(broker, host as never));
      broker.createService(nodeFaults(broker, faults, folder));
      broker.createService({
        name: `worker-${id}`,
        actions: {
          work: () => `done on ${id}`,
          ask: (ctx) => ctx.call(id === "a" ? "worker-b.work" : "worker-a.work"),
          health: () => ({ status: "healthy", checks: {} }),
        },
      });
      if (id === "a")
        broker.createService({
          name: "chaos-monkey",
          actions: { confirm: (ctx: { params: { run: string } }) => running.includes(ctx.params.run) },
        });
      brokers[id] = broker;
      meshes[id] = mesh;
      await mesh.start();
      await broker.start();
    }
    await brokers["a"]!.waitForServices(["worker-b"], 3000);
    await brokers["b"]!.waitForServices(["worker-a", "chaos-monkey"], 3000);
  });
  afterEach(async () => {
    for (const id of ["a", "b"]) {
      await brokers[id]!.stop();
      await meshes[id]!.close();
    }
    rmSync(folder, { recursive: true });
  });

  const inject = (node: string, fault: object, duration = 5000, run = "run-1") =>
    brokers["a"]!.call("node-faults.inject", { run, duration, fault }, { nodeID: node }) as Promise<ActiveFault>;
  const undo = (node: string, run = "run-1") =>
    brokers["a"]!.call("node-faults.undo", { run }, { nodeID: node }) as Promise<string[]>;
  const active = (node: string) =>
    brokers["a"]!.call("node-faults.active", {}, { nodeID: node }) as Promise<ActiveFault[]>;
  const workOn = (node: string, timeout = 1000) =>
    brokers["a"]!.call(`worker-${node}.work`, {}, { timeout }).catch(
      (error: { type?: string; message: string }) => error.type ?? error.message,
    );

  test("are refused to whoever names a run that is not under way", async () => {
    await expect(inject("b", { kind: "leak", mbPerSecond: 1, limitMB: 1 }, 1000, "made-up")).rejects.toMatchObject({
      type: "CHAOS_REFUSED",
      message: expect.stringContaining("no run made-up"),
    });
    expect(await active("b")).toEqual([]);
  });

  test("that are wrong name the field, its value and what is allowed", async () => {
    await expect(inject("b", { kind: "delay-calls", service: "worker-b", ms: 0 })).rejects.toMatchObject({
      type: "VALIDATION_ERROR",
      data: { errors: [{ field: "fault.ms", value: 0, allowed: "must be greater than or equal to 1" }] },
    });
  });

  test("of calls fail them until they are undone, and leave health alone", async () => {
    await inject("b", { kind: "fail-calls", service: "worker-b", message: "on purpose" });
    await expect(brokers["a"]!.call("worker-b.work")).rejects.toThrow("on purpose");
    expect(await brokers["a"]!.call("worker-b.health")).toMatchObject({ status: "healthy" });
    expect(await workOn("a")).toBe("done on a");
    expect(await active("b")).toMatchObject([{ run: "run-1", facts: { calls: 1 } }]);
    expect(await undo("b")).toEqual(["fail-calls: undone"]);
    expect(await workOn("b")).toBe("done on b");
  });

  test("of calls delay them, and end by themselves after their time", async () => {
    await inject("b", { kind: "delay-calls", service: "worker-b", ms: 150 }, 400);
    const start = Date.now();
    expect(await workOn("b")).toBe("done on b");
    expect(Date.now() - start).toBeGreaterThanOrEqual(149);
    await sleep(400);
    expect(await active("b")).toEqual([]);
    const later = Date.now();
    await workOn("b");
    expect(Date.now() - later).toBeLessThan(100);
  });

  test("of messages cut two nodes off from each other, and can still be undone", async () => {
    await inject("a", { kind: "drop-messages", peer: "b" });
    await inject("b", { kind: "drop-messages", peer: "a" });
    expect(await workOn("b", 200)).toBe("REQUEST_TIMEOUT");
    expect(meshes["a"]!.peer("b")).toBeDefined();
    expect(await undo("b")).toEqual(["drop-messages: undone"]);
    expect(await workOn("b", 200)).toBe("REQUEST_TIMEOUT");
    await undo("a");
    expect(await workOn("b")).toBe("done on b");
  });

  test("of messages lose their share only", async () => {
    await inject("b", { kind: "drop-messages", peer: "a", share: 0.25 });
    const outcomes = await Promise.all(Array.from({ length: 40 }, () => workOn("b", 300)));
    const lost = outcomes.filter((outcome) => outcome === "REQUEST_TIMEOUT").length;
    expect(lost).toBeGreaterThanOrEqual(9);
    expect(lost).toBeLessThanOrEqual(11);
  });

  test("of messages delay what comes from a node", async () => {
    await inject("b", { kind: "delay-messages", peer: "a", ms: 120 });
    const start = Date.now();
    expect(await workOn("b")).toBe("done on b");
    expect(Date.now() - start).toBeGreaterThanOrEqual(119);
  });

  test("take a service away behind its host's back, and give it back where nobody else has", async () => {
    writeFileSync(
      join(folder, "tool.service.cjs"),
      'module.exports = { name: "tool", actions: { use: () => "used" } };',
    );
    const command = { epoch: 1, name: "tool", file: "tool.service.cjs", incarnation: 1 };
    await brokers["b"]!.call("node-host.load", command, { nodeID: "b" });
    await brokers["a"]!.waitForServices("tool", 1000);
    await inject("b", { kind: "kill-service", service: "tool" });
    await sleep(50);
    await expect(brokers["a"]!.call("tool.use")).rejects.toThrow(/not available/);
    expect(await undo("b")).toEqual(["kill-service: revived"]);
    await sleep(50);
    expect(await brokers["a"]!.call("tool.use")).toBe("used");

    await inject("b", { kind: "kill-service", service: "tool" });
    await brokers["b"]!.call("node-host.restart", { epoch: 1, name: "tool", incarnation: 2, fresh: false });
    expect(await undo("b")).toEqual(["kill-service: healed already"]);
    expect(brokers["b"]!.services.filter(({ name }) => name === "tool")).toHaveLength(1);
  });

  test("take no service away that heals, and none that is not there", async () => {
    await expect(inject("b", { kind: "kill-service", service: "node-host" })).rejects.toMatchObject({
      type: "CHAOS_REFUSED",
    });
    await expect(inject("b", { kind: "kill-service", service: "nobody" })).rejects.toMatchObject({
      type: "SERVICE_UNKNOWN",
    });
  });

  test("block the event loop for their time, after the answer to who asked", async () => {
    await inject("a", { kind: "block-loop", ms: 300 });
    const start = performance.now();
    await sleep(40);
    expect(performance.now() - start).toBeGreaterThan(290);
  });

  test("really hold memory", async () => {
    await inject("b", { kind: "leak", mbPerSecond: 100, limitMB: 30 });
    await sleep(600);
    expect(await active("b")).toMatchObject([{ facts: { heldMB: 30 } }]);
    await undo("b");
  });

  test("count who calls whom across nodes", async () => {
    await inject("a", { kind: "watch-calls" });
    await inject("b", { kind: "watch-calls" });
    await brokers["a"]!.call("worker-a.ask");
    await workOn("b");
    expect(await brokers["a"]!.call("node-faults.calls", {}, { nodeID: "b" })).toEqual({
      pairs: [
        { caller: "worker-a", callee: "worker-b", calls: 1, errors: 0 },
        { caller: "a", callee: "worker-b", calls: 1, errors: 0 },
      ],
      dropped: 0,
    });
  });

  test("end when their run is over, and when the node that asked for them is gone", async () => {
    await inject("b", { kind: "fail-calls", service: "worker-b" });
    await brokers["a"]!.broadcast("chaos.over", { run: "run-1" });
    await sleep(50);
    expect(await active("b")).toEqual([]);
    await inject("b", { kind: "fail-calls", service: "worker-b" });
    expect(await active("b")).toHaveLength(1);
    await brokers["a"]!.stop();
    await meshes["a"]!.close();
    await sleep(100);
    expect(await brokers["b"]!.call("node-faults.active")).toEqual([]);
    await brokers["a"]!.start().catch(() => {});
  });
});
