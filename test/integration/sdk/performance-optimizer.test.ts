import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type Context, ServiceBroker } from "moleculer";
import type { OptimizationRecord } from "../../../models/performance.ts";
import { AzoraError, toProblem } from "../../../runtime/errors.ts";
import { AzoraPerformanceOptimizer, type PerformanceOptimizerOptions } from "../../../sdk/performance-optimizer.ts";

const record: OptimizationRecord = {
  id: "o-1",
  at: "2026-11-20T15:00:00.000Z",
  service: "shop",
  kind: "index",
  change: "an index on orders.customer",
  reason: "a quarter of its time goes through all orders",
  status: "measuring",
  by: "operator",
};

/** The optimizer's actions, as far as they are asked here, and their routes as the orchestrator has them. */
let broker: ServiceBroker;
let server: Server;
let url: string;
let asked: { action: string; params: unknown }[];

beforeEach(async () => {
  asked = [];
  const answering = (action: string, answer: unknown) => (ctx: Context<{ service?: string }>) => {
    asked.push({ action, params: ctx.params });
    if (ctx.params.service === "shopp")
      throw new AzoraError("SERVICE_UNKNOWN", "No service is named shopp; did you mean shop?");
    return answer;
  };
  broker = new ServiceBroker({ nodeID: "muscles-1", logger: false });
  broker.createService({
    name: "performance-optimizer",
    actions: {
      metrics: answering("metrics", { at: record.at, window: 60, services: [], organism: {} }),
      pools: answering("pools", [{ name: "database", utilisation: 0.5 }]),
      optimize: answering("optimize", [record]),
      history: answering("history", [{ ...record, status: "kept" }]),
    },
  });
  await broker.start();
  server = createServer(async (request, response) => {
    const answer = (status: number, body: unknown) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    let text = "";
    for await (const chunk of request) text += chunk;
    const { pathname, searchParams } = new URL(request.url!, url);
    if (pathname === "/live") return answer(200, { status: "healthy" });
    const [, action, service] = /^\/api\/performance\/(\w+)(?:\/([^/]+))?$/.exec(pathname) ?? [];
    if (request.method === "POST" && request.headers.authorization !== "Bearer secret")
      return answer(401, { code: "UNAUTHORIZED", detail: "no token" });
    const query = Object.fromEntries(
      [...searchParams].map(([name, value]) => [name, name === "limit" ? Number(value) : value]),
    );
    const params = {
      ...query,
      ...(text ? JSON.parse(text) : {}),
      ...(service ? { service: decodeURIComponent(service) } : {}),
    };
    try {
      return answer(200, await broker.call(`performance-optimizer.${action}`, params));
    } catch (error) {
      const problem = toProblem(error, "r1");
      return answer(problem.status, problem);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await broker.stop();
});

describe.each([
  ["HTTP", (): PerformanceOptimizerOptions => ({ url, token: "secret" })],
  ["the bus", (): PerformanceOptimizerOptions => ({ broker: broker as never })],
])("over %s", (_way, options) => {
  test("the optimizer is asked, and what it answers comes back", async () => {
    const optimizer = new AzoraPerformanceOptimizer(options());
    await optimizer.initialize();
    expect(await optimizer.getPerformanceMetrics()).toMatchObject({ window: 60 });
    expect(await optimizer.getPerformanceMetrics("shop")).toMatchObject({ window: 60 });
    expect(await optimizer.getResourcePoolStatus()).toEqual([{ name: "database", utilisation: 0.5 }]);
    expect(await optimizer.forceOptimization("v2.shop/ö")).toEqual([record]);
    expect(await optimizer.getOptimizationHistory(5)).toEqual([{ ...record, status: "kept" }]);
    expect(asked).toEqual([
      { action: "metrics", params: {} },
      { action: "metrics", params: { service: "shop" } },
      { action: "pools", params: {} },
      { action: "optimize", params: { service: "v2.shop/ö", wait: false } },
      { action: "history", params: { limit: 5 } },
    ]);
    await optimizer.shutdown();
    await expect(optimizer.getResourcePoolStatus()).rejects.toMatchObject({ code: "CONFLICT" });
  });

  test("whoever wants to wait gets the verdicts", async () => {
    const optimizer = new AzoraPerformanceOptimizer(options());
    await optimizer.initialize();
    expect(await optimizer.forceOptimization("shop", { wait: true })).toEqual([{ ...record, status: "kept" }]);
    await optimizer.shutdown();
  });

  test("what is refused comes as an error with its code", async () => {
    const optimizer = new AzoraPerformanceOptimizer(options());
    await expect(optimizer.getPerformanceMetrics()).rejects.toThrow("call initialize() first");
    await optimizer.initialize();
    await expect(optimizer.forceOptimization("shopp")).rejects.toMatchObject({
      name: "PerformanceOptimizerError",
      code: "SERVICE_UNKNOWN",
      status: 404,
      message: expect.stringContaining("did you mean shop?"),
    });
    await optimizer.shutdown();
  });

  test.each([
    ["limit", (optimizer: AzoraPerformanceOptimizer) => optimizer.getOptimizationHistory(0)],
    ["limit", (optimizer: AzoraPerformanceOptimizer) => optimizer.getOptimizationHistory(1001)],
    ["limit", (optimizer: AzoraPerformanceOptimizer) => optimizer.getOptimizationHistory(1.5)],
    ["service", (optimizer: AzoraPerformanceOptimizer) => optimizer.forceOptimization("")],
    ["service", (optimizer: AzoraPerformanceOptimizer) => optimizer.getPerformanceMetrics(7 as never)],
    ["wait", (optimizer: AzoraPerformanceOptimizer) => optimizer.forceOptimization("shop", { wait: "yes" as never })],
  ])("a wrong %s is refused before anybody is asked, with what is allowed", async (field, ask) => {
    const optimizer = new AzoraPerformanceOptimizer(options());
    await optimizer.initialize();
    await expect(ask(optimizer)).rejects.toMatchObject({
      code: "VALIDATION_ERROR",
      message: expect.stringMatching(new RegExp(`^${field} is .+, but must be `)),
      errors: [expect.objectContaining({ field, allowed: expect.any(String) })],
    });
    expect(asked).toEqual([]);
  });
});

test("a wrong token is told", async () => {
  const stranger = new AzoraPerformanceOptimizer({ url, token: "guessed" });
  await stranger.initialize();
  await expect(stranger.forceOptimization("shop")).rejects.toMatchObject({ code: "UNAUTHORIZED", status: 401 });
});
