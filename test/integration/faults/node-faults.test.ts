import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { NodePair } from "./node-pair.ts";

describe("faults of a node", () => {
  let pair: NodePair;
  beforeEach(async () => {
    pair = new NodePair(mkdtempSync(join(tmpdir(), "azora-faults-")));
    await pair.start();
  });
  afterEach(async () => {
    await pair.stop();
    rmSync(pair.folder, { recursive: true });
  });

  test("are refused to whoever names a run that is not under way", async () => {
    await expect(pair.inject("b", { kind: "leak", mbPerSecond: 1, limitMB: 1 }, 1000, "made-up")).rejects.toMatchObject(
      {
        type: "CHAOS_REFUSED",
        message: expect.stringContaining("no run made-up"),
      },
    );
    expect(await pair.active("b")).toEqual([]);
  });

  test("that are wrong name the field, its value and what is allowed", async () => {
    await expect(pair.inject("b", { kind: "delay-calls", service: "worker-b", ms: 0 })).rejects.toMatchObject({
      type: "VALIDATION_ERROR",
      data: { errors: [{ field: "fault.ms", value: 0, allowed: "must be greater than or equal to 1" }] },
    });
  });

  test("of calls fail them until they are undone, and leave health alone", async () => {
    await pair.inject("b", { kind: "fail-calls", service: "worker-b", message: "on purpose" });
    await expect(pair.brokers["a"]!.call("worker-b.work")).rejects.toThrow("on purpose");
    expect(await pair.brokers["a"]!.call("worker-b.health")).toMatchObject({ status: "healthy" });
    expect(await pair.workOn("a")).toBe("done on a");
    expect(await pair.active("b")).toMatchObject([{ run: "run-1", facts: { calls: 1 } }]);
    expect(await pair.undo("b")).toEqual(["fail-calls: undone"]);
    expect(await pair.workOn("b")).toBe("done on b");
  });

  test("of calls delay them, and end by themselves after their time", async () => {
    await pair.inject("b", { kind: "delay-calls", service: "worker-b", ms: 600 }, 1500);
    const start = Date.now();
    expect(await pair.workOn("b", 5000)).toBe("done on b");
    expect(Date.now() - start).toBeGreaterThanOrEqual(599);
    while ((await pair.active("b")).length > 0) await sleep(20);
    expect(Date.now() - start).toBeLessThan(10_000);
    const later = Date.now();
    await pair.workOn("b");
    expect(Date.now() - later).toBeLessThan(500);
  });

  test("take a service away behind its host's back, and give it back where nobody else has", async () => {
    writeFileSync(
      join(pair.folder, "tool.service.cjs"),
      'module.exports = { name: "tool", actions: { use: () => "used" } };',
    );
    const command = { epoch: 1, name: "tool", file: "tool.service.cjs", incarnation: 1 };
    await pair.brokers["b"]!.call("node-host.load", command, { nodeID: "b" });
    await pair.brokers["a"]!.waitForServices("tool", 15_000);
    await pair.inject("b", { kind: "kill-service", service: "tool" });
    const { actions } = pair.brokers["a"]!.registry;
    while (actions.isAvailable("tool.use")) await sleep(5);
    await expect(pair.brokers["a"]!.call("tool.use")).rejects.toThrow(/not available/);
    expect(await pair.undo("b")).toEqual(["kill-service: revived"]);
    while (!actions.isAvailable("tool.use")) await sleep(5);
    expect(await pair.brokers["a"]!.call("tool.use")).toBe("used");

    await pair.inject("b", { kind: "kill-service", service: "tool" });
    await pair.brokers["b"]!.call("node-host.restart", { epoch: 1, name: "tool", incarnation: 2, fresh: false });
    expect(await pair.undo("b")).toEqual(["kill-service: healed already"]);
    expect(pair.brokers["b"]!.services.filter(({ name }) => name === "tool")).toHaveLength(1);
  });

  test("take no service away that heals, and none that is not there", async () => {
    await expect(pair.inject("b", { kind: "kill-service", service: "node-host" })).rejects.toMatchObject({
      type: "CHAOS_REFUSED",
    });
    await expect(pair.inject("b", { kind: "kill-service", service: "nobody" })).rejects.toMatchObject({
      type: "SERVICE_UNKNOWN",
    });
  });

  test("block the event loop for their time, after the answer to who asked", async () => {
    await pair.inject("a", { kind: "block-loop", ms: 300 });
    const start = performance.now();
    await sleep(40);
    expect(performance.now() - start).toBeGreaterThan(290);
  });

  test("really hold memory", async () => {
    await pair.inject("b", { kind: "leak", mbPerSecond: 100, limitMB: 30 });
    const held = async () => (await pair.active("b"))[0]!.facts["heldMB"] as number;
    while ((await held()) < 30) await sleep(50);
    await sleep(200);
    expect(await held()).toBe(30);
    await pair.undo("b");
  });

  test("count who calls whom across nodes", async () => {
    await pair.inject("a", { kind: "watch-calls" });
    await pair.inject("b", { kind: "watch-calls" });
    await pair.brokers["a"]!.call("worker-a.ask");
    await pair.workOn("b");
    expect(await pair.brokers["a"]!.call("node-faults.calls", {}, { nodeID: "b" })).toEqual({
      pairs: [
        { caller: "worker-a", callee: "worker-b", calls: 1, errors: 0 },
        { caller: "a", callee: "worker-b", calls: 1, errors: 0 },
      ],
      dropped: 0,
    });
  });

  test("end when their run is over, and when the node that asked for them is gone", async () => {
    await pair.inject("b", { kind: "fail-calls", service: "worker-b" });
    await pair.brokers["a"]!.broadcast("chaos.over", { run: "run-1" });
    while ((await pair.active("b")).length > 0) await sleep(5);
    await pair.inject("b", { kind: "fail-calls", service: "worker-b" });
    expect(await pair.active("b")).toHaveLength(1);
    await pair.brokers["a"]!.stop();
    await pair.meshes["a"]!.close();
    while (((await pair.brokers["b"]!.call("node-faults.active")) as unknown[]).length > 0) await sleep(5);
    await pair.brokers["a"]!.start().catch(() => {});
  });
});
