import { statSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { WebSocket } from "ws";
import { type Status, TestOrganism } from "../support/organism.ts";

jest.setTimeout(60_000);

const SERVICES = [
  "auto-healer",
  "bell",
  "blockchain-logger",
  "chain-witness",
  "chaos-monkey",
  "crane",
  "door",
  "health-monitor",
  "judge",
  "ledger",
  "master-orchestrator",
  "mill",
  "monitoring-service",
  "performance-optimizer",
  "phoenix-server",
  "self-test",
  "symbiotic-rules-engine",
  "v2.guard",
  "vault",
];

describe("the orchestrator's API", () => {
  let organism: TestOrganism;

  beforeAll(async () => {
    organism = await TestOrganism.create({ AZORA_EVENT_BUS_URL: "mesh" });
    await organism.up();
    await organism.untilHealthy();
    const caller = await organism.join();
    for (let i = 0; i < 20; i++) await caller.call("ledger.read");
    // Vitals are reported once a second; what a node has not reported yet dies with it.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    process.kill(await organism.pid("heart-1"), "SIGKILL");
    await organism.until("heart-1 healed", ({ healing }) => healing[0]?.success === true);
    await organism.untilHealthy();
    await new Promise((resolve) => setTimeout(resolve, 1500));
  });
  afterAll(() => organism.down());

  it("GET /orchestrator/status", async () => {
    const status = await organism.get<Status & Record<string, unknown>>("/orchestrator/status");
    expect(status).toEqual({
      status: "healthy",
      why: "all services are healthy",
      uptime: expect.any(Number),
      epoch: 1,
      launch: { phase: 6, started: SERVICES.length, total: SERVICES.length, done: true },
      services: {
        total: SERVICES.length,
        healthy: SERVICES.length,
        degraded: 0,
        unhealthy: 0,
        timeout: 0,
        quarantined: 0,
        waiting: 0,
        starting: 0,
        stopped: 0,
      },
      nodes: expect.any(Array),
      healing: expect.any(Array),
      breakers: [],
    });
    expect(status.nodes.map(({ id }) => id)).toEqual([
      "brain-1",
      "heart-1",
      "immune-1",
      "immune-2",
      "lungs-1",
      "muscles-1",
      "nervous-1",
      "nervous-2",
      "stomach-1",
    ]);
    for (const node of status.nodes) {
      expect(node).toEqual({
        id: expect.stringMatching(/^[a-z]+-\d+$/),
        organ: expect.any(String),
        pid: expect.any(Number),
        host: expect.any(String),
        status: "up",
        incarnation: node.id === "heart-1" ? 2 : 1,
        cpu: expect.any(Number),
        memory: expect.any(Number),
        loopDelayP99: expect.any(Number),
        uptime: expect.any(Number),
      });
      expect(node.memory).toBeGreaterThan(20_000_000);
    }
  });

  it("GET /orchestrator/services", async () => {
    const services = await organism.get<{ metadata: { name: string } }[]>("/orchestrator/services");
    expect(services.map(({ metadata }) => metadata.name).sort()).toEqual(SERVICES);
    expect(services.find(({ metadata }) => metadata.name === "crane")).toEqual({
      metadata: {
        name: "crane",
        version: null,
        dependencies: ["judge"],
        softDependencies: [],
        priority: "medium",
        launchPhase: 3,
        capabilities: ["lifting"],
        organ: "muscles",
        description: "lifts",
      },
      status: "healthy",
      instances: [{ node: "muscles-1", pid: expect.any(Number), incarnation: 1, status: "healthy" }],
      restartAttempts: 0,
      restarts: 0,
      metrics: { requestCount: 0, errorCount: 0, avgResponseTime: 0, p95ResponseTime: 0, uptimePercentage: 100 },
    });
  });

  it("GET /orchestrator/services/:name, by name or alias, with its history and why", async () => {
    const ledger = await organism.get<{
      why: string;
      metrics: { requestCount: number };
      healthHistory: Record<string, unknown>[];
    }>("/orchestrator/services/ledger");
    expect(ledger.why).toBe("its instance is healthy");
    expect(ledger.metrics.requestCount).toBe(20);
    expect(ledger.healthHistory.length).toBeGreaterThan(0);
    expect(ledger.healthHistory[0]).toEqual({
      at: expect.stringMatching(/^\d{4}-.*Z$/),
      status: "healthy",
      responseTime: expect.any(Number),
      uptime: expect.any(Number),
      checks: {},
    });
    expect(await organism.get("/orchestrator/services/watchman")).toMatchObject({ metadata: { name: "v2.guard" } });
  });

  it("answers an unknown name with 404 and the nearest one, as a problem document", async () => {
    const response = await fetch(`http://127.0.0.1:${organism.port}/orchestrator/services/legder`);
    expect(response.status).toBe(404);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(await response.json()).toEqual({
      type: expect.stringContaining("SERVICE_UNKNOWN"),
      title: expect.any(String),
      status: 404,
      detail: "No service is named legder; did you mean ledger?",
      code: "SERVICE_UNKNOWN",
      requestId: response.headers.get("x-request-id"),
    });
  });

  it("GET /orchestrator/health-status", async () => {
    const health = await organism.get("/orchestrator/health-status");
    expect(health).toEqual({
      counts: expect.objectContaining({ total: SERVICES.length, healthy: SERVICES.length }),
      worst: [],
      lastCheck: expect.stringMatching(/Z$/),
    });
  });

  it("GET /orchestrator/dependencies", async () => {
    const graph = await organism.get<{ nodes: string[]; edges: object[]; order: string[][]; cycles: [] }>(
      "/orchestrator/dependencies",
    );
    expect(graph.nodes.sort()).toEqual(SERVICES);
    expect(graph.edges).toContainEqual({ from: "crane", to: "judge", kind: "hard" });
    expect(graph.edges).toContainEqual({ from: "mill", to: "ledger", kind: "soft" });
    expect(graph.edges).toContainEqual({ from: "door", to: "v2.guard", kind: "hard" });
    const step = (name: string) => graph.order.findIndex((names) => names.includes(name));
    expect(step("ledger")).toBeLessThan(step("judge"));
    expect(step("judge")).toBeLessThan(step("crane"));
    expect(graph.cycles).toEqual([]);
  });

  it("GET /orchestrator/healing-history and /orchestrator/stats", async () => {
    const history = await organism.get<object[]>("/orchestrator/healing-history?limit=1");
    expect(history).toEqual([
      {
        id: expect.any(String),
        at: expect.stringMatching(/Z$/),
        target: { node: "heart-1" },
        failure: "crashed",
        action: "restart-process",
        attempt: 1,
        success: true,
        observed: { before: "down: killed by SIGKILL", after: "up, 2 services started" },
        duration: expect.any(Number),
        reason: expect.any(String),
        detection: expect.any(Number),
        by: "ladder",
        case: expect.any(String),
        evidence: ["its process has ended: killed by SIGKILL"],
        decision: { chosen: "restart-process", why: expect.any(String), alternatives: [expect.any(Object)] },
        signature: "crashed|heart-1|killed by sigkill",
      },
    ]);
    const stats = await organism.get<{ restarts: number }>("/orchestrator/stats");
    expect(stats).toEqual({
      restarts: 1,
      detectMs: { p50: expect.any(Number), p99: expect.any(Number) },
      recoverMs: { p50: expect.any(Number), p99: expect.any(Number) },
      byFailure: { crashed: { healed: 1, failed: 0 } },
    });
    const wrong = await fetch(`http://127.0.0.1:${organism.port}/orchestrator/healing-history?limit=many`);
    expect(wrong.status).toBe(422);
    expect(await wrong.json()).toMatchObject({
      code: "VALIDATION_ERROR",
      detail: 'limit is "many", but must be a whole number from 1 to 1000',
    });
  });

  it("changes nothing without the operator's token, which only its owner can read", async () => {
    for (const path of ["restart/ledger", "scale/heart", "release/ledger", "stop/ledger"]) {
      const response = await fetch(`http://127.0.0.1:${organism.port}/orchestrator/${path}`, { method: "POST" });
      expect(response.status).toBe(401);
      expect(await response.json()).toMatchObject({ code: "UNAUTHORIZED" });
      const wrong = await fetch(`http://127.0.0.1:${organism.port}/orchestrator/${path}`, {
        method: "POST",
        headers: { authorization: "Bearer nonsense" },
      });
      expect(wrong.status).toBe(401);
    }
    expect(statSync(join(organism.env["AZORA_DATA_DIR"]!, "operator.token")).mode & 0o777).toBe(0o600);
  });

  it("POST /orchestrator/restart/:service answers when the new incarnation is healthy", async () => {
    const before = await organism.get<{ instances: { incarnation: number }[] }>("/orchestrator/services/crane");
    const { status, body } = await organism.post("/orchestrator/restart/crane");
    expect(status).toBe(200);
    expect(body).toEqual({
      target: "crane",
      status: "healthy",
      why: "its instance is healthy",
      duration: expect.any(Number),
    });
    const after = await organism.get<{ instances: { incarnation: number }[] }>("/orchestrator/services/crane");
    expect(after.instances[0]!.incarnation).toBe(before.instances[0]!.incarnation + 1);
  });

  it("POST /orchestrator/scale/:organ refuses what is no number of nodes, and an unknown organ", async () => {
    for (const replicas of [-1, 1.5, "two", 1000, undefined]) {
      const { status, body } = await organism.post<{ code: string }>("/orchestrator/scale/heart", { replicas });
      expect(status).toBe(422);
      expect(body.code).toBe("VALIDATION_ERROR");
    }
    const { status, body } = await organism.post<{ detail: string }>("/orchestrator/scale/hart", { replicas: 1 });
    expect(status).toBe(404);
    expect(body.detail).toBe("No organ is named hart; did you mean heart?");
  });

  it("POST /orchestrator/release/:service refuses what is in no quarantine", async () => {
    const { status, body } = await organism.post<{ code: string }>("/orchestrator/release/crane");
    expect(status).toBe(409);
    expect(body.code).toBe("CONFLICT");
  });

  it("answers health, live and ready, and 404 for systems that do not exist yet", async () => {
    expect(await organism.get("/health/orchestrator")).toEqual({
      status: "healthy",
      checks: { journal: "ok", eventLoop: "ok", spine: "ok" },
    });
    expect(await organism.get("/health")).toMatchObject({ status: "healthy", checks: {} });
    expect(await organism.get("/live")).toEqual({ status: "healthy" });
    expect(await organism.get("/ready")).toMatchObject({ status: "healthy" });
    expect(await organism.get("/health/blockchain")).toMatchObject({ status: "healthy" });
    expect(await organism.get("/health/performance")).toMatchObject({ status: "healthy" });
    expect(await organism.get("/health/symbiotic")).toMatchObject({ status: "healthy" });
    expect((await fetch(`http://127.0.0.1:${organism.port}/health/nonsense`)).status).toBe(404);
  });

  it("knows methods and bodies: 405 with Allow, 400 for what is no JSON, 413 for too much", async () => {
    const wrongMethod = await fetch(`http://127.0.0.1:${organism.port}/orchestrator/restart/crane`);
    expect(wrongMethod.status).toBe(405);
    expect(wrongMethod.headers.get("allow")).toBe("POST");
    const headers = { authorization: `Bearer ${organism.token}` };
    const url = `http://127.0.0.1:${organism.port}/orchestrator/scale/heart`;
    expect((await fetch(url, { method: "POST", headers, body: "{nonsense" })).status).toBe(400);
    expect((await fetch(url, { method: "POST", headers, body: "[]" })).status).toBe(400);
    expect((await fetch(url, { method: "POST", headers, body: "x".repeat(100_000) })).status).toBe(413);
  });

  it("refuses browsers' requests from foreign pages and under foreign names", async () => {
    const ask = (headers: Record<string, string>) =>
      new Promise<number>((resolve, reject) => {
        request({ host: "127.0.0.1", port: organism.port, path: "/orchestrator/status", headers }, (response) => {
          response.resume();
          resolve(response.statusCode!);
        })
          .on("error", reject)
          .end();
      });
    expect(await ask({ origin: "http://evil.example" })).toBe(403);
    expect(await ask({ host: "evil.example" })).toBe(403);
    expect(await ask({ origin: `http://127.0.0.1:${organism.port}` })).toBe(200);
  });

  it("does not leave the folder of its page", async () => {
    for (const path of [
      "/../package.json",
      "/%2e%2e/package.json",
      "/..%2fpackage.json",
      "/orchestrator/services/%2e%2e",
    ]) {
      const status = await new Promise((resolve) =>
        request({ host: "127.0.0.1", port: organism.port, path }, (r) => resolve(r.statusCode)).end(),
      );
      expect(status).toBe(404);
    }
  });

  it("streams status, service and healing events in order, and refuses foreign pages", async () => {
    const messages: { type: string; at: string; seq: number; data: Record<string, unknown> }[] = [];
    const socket = new WebSocket(`ws://127.0.0.1:${organism.port}/orchestrator/stream`);
    socket.on("message", (text) => messages.push(JSON.parse(String(text))));
    await new Promise((resolve) => socket.once("open", resolve));
    process.kill(await organism.pid("stomach-1"), "SIGKILL");
    await organism.until("stomach-1 healed", ({ healing }) => healing[0]?.target.node === "stomach-1");
    await new Promise((resolve) => setTimeout(resolve, 1200));
    socket.close();
    const types = new Set(messages.map(({ type }) => type));
    for (const type of ["status_update", "service_event", "healing_event", "health_update"])
      expect(types).toContain(type);
    for (const message of messages) expect(Object.keys(message)).toEqual(["type", "at", "seq", "data"]);
    const seqs = messages.map(({ seq }) => seq);
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
    expect(messages.find(({ type, data }) => type === "service_event" && data["event"] === "started")!.data).toEqual({
      name: "mill",
      node: "stomach-1",
      incarnation: 2,
      event: "started",
    });
    expect(messages.find(({ type }) => type === "healing_event")!.data).toMatchObject({
      target: { node: "stomach-1" },
      success: true,
    });
    const foreign = new WebSocket(`ws://127.0.0.1:${organism.port}/orchestrator/stream`, {
      origin: "http://evil.example",
    });
    const refused = await new Promise<Error>((resolve) => foreign.once("error", resolve));
    expect(refused.message).toContain("403");
  });

  it("closes reads too where the settings say so", async () => {
    const closed = await TestOrganism.create({ AZORA_EVENT_BUS_URL: "mesh", AZORA_ORCHESTRATOR_AUTH: "all" });
    try {
      await closed.up();
      const url = `http://127.0.0.1:${closed.port}/orchestrator/status`;
      expect((await fetch(url)).status).toBe(401);
      expect((await fetch(url, { headers: { authorization: `Bearer ${closed.token}` } })).status).toBe(200);
      const { code: status } = await closed.cli("status");
      expect(status).toBe(0);
    } finally {
      await closed.down();
    }
  });
});
