import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Bus } from "../../../runtime/bus.ts";
import { findNatsServer, NatsServer, newServerState } from "../../../spine/nats-server.ts";
import { describeWith } from "../../support/needs.ts";
import { NodePair } from "./node-pair.ts";

function messagesOn(prepare: (folder: string) => Promise<{ bus: Bus; end(): Promise<void> }>): void {
  let pair: NodePair;
  let end: () => Promise<void>;
  beforeEach(async () => {
    const folder = mkdtempSync(join(tmpdir(), "azora-faults-"));
    const prepared = await prepare(folder);
    end = prepared.end;
    pair = new NodePair(folder, prepared.bus);
    await pair.start();
  });
  afterEach(async () => {
    await pair.stop();
    await end();
    rmSync(pair.folder, { recursive: true });
  });

  test("can cut two nodes off from each other, and can still be undone", async () => {
    await pair.inject("a", { kind: "drop-messages", peer: "b" });
    await pair.inject("b", { kind: "drop-messages", peer: "a" });
    expect(await pair.workOn("b", 200)).toBe("REQUEST_TIMEOUT");
    expect(pair.meshes["a"]!.peer("b")).toBeDefined();
    expect(await pair.undo("b")).toEqual(["drop-messages: undone"]);
    expect(await pair.workOn("b", 200)).toBe("REQUEST_TIMEOUT");
    await pair.undo("a");
    expect(await pair.workOn("b")).toBe("done on b");
  });

  test("can lose a share of them", async () => {
    await pair.inject("b", { kind: "drop-messages", peer: "a", share: 0.25 });
    const outcomes = await Promise.all(Array.from({ length: 40 }, () => pair.workOn("b", 300)));
    const lost = outcomes.filter((outcome) => outcome === "REQUEST_TIMEOUT").length;
    expect(lost).toBeGreaterThanOrEqual(9);
    expect(lost).toBeLessThanOrEqual(11);
  });

  test("can delay what comes from a node", async () => {
    await pair.inject("b", { kind: "delay-messages", peer: "a", ms: 120 });
    const start = Date.now();
    expect(await pair.workOn("b")).toBe("done on b");
    expect(Date.now() - start).toBeGreaterThanOrEqual(119);
  });
}

describe("faults of messages on the mesh", () =>
  messagesOn(async () => ({ bus: { kind: "mesh" }, end: async () => {} })));

describeWith("nats-server", "faults of messages on NATS", () =>
  messagesOn(async (folder) => {
    const organism = {
      namespace: "faults",
      dataDir: folder,
      logDir: join(folder, "logs"),
      runFolder: join(folder, "run"),
      dev: false,
    };
    const server = new NatsServer(organism, findNatsServer()!, await newServerState(), () => {});
    await server.start();
    return { bus: { kind: "nats", url: server.url }, end: () => server.stop() };
  }),
);
