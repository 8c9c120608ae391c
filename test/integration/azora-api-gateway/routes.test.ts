import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Context, Errors, type ServiceSchema } from "moleculer";
import { AzoraError } from "../../../runtime/errors.ts";
import { ask, json, Organism } from "./organism.ts";

const things: ServiceSchema = {
  name: "things",
  metadata: { description: "Things." },
  actions: {
    get: {
      rest: "GET /:id",
      params: { id: "string|min:2", deep: "boolean|convert|optional", $$strict: true },
      handler: (ctx: Context<{ id: string }>) => ({ ...ctx.params, requestId: ctx.requestID, meta: ctx.meta }),
    },
    create: {
      rest: "POST /",
      params: { name: "string|min:3", age: "number|integer|min:18", $$strict: true },
      handler(ctx: Context<object, { $statusCode?: number; $location?: string }>) {
        ctx.meta.$statusCode = 201;
        ctx.meta.$location = "/api/things/7";
        return ctx.params;
      },
    },
    remove: { rest: "DELETE /:id", handler: () => null },
    fail: { rest: "GET /fail/:how", handler: (ctx: Context<{ how: string }>) => fail(ctx.params.how) },
    hidden: { handler: () => "never" },
    inner: { rest: "GET /inner", visibility: "public", handler: () => "never" },
    broken: { rest: "GET /broken/:id?x", handler: () => "never" },
    worse: { rest: "GET /worse/:", handler: () => "never" },
  } as unknown as ServiceSchema["actions"],
};

function fail(how: string): never {
  if (how === "bug") throw new TypeError("secret internals at /srv/app.js");
  if (how === "conflict") throw new AzoraError("VERSION_CONFLICT", "Version 3, not 2");
  if (how === "limit") throw new AzoraError("RATE_LIMITED", "Slow down", { retryAfter: 7 });
  if (how === "gone") throw new Errors.ServiceNotAvailableError({ action: "other.x" });
  throw new Errors.MoleculerClientError("Sold out", 410, "SOLD_OUT");
}

let organism: Organism;
const call = (path: string, question = {}) => ask(organism.port, path, question);

beforeAll(async () => {
  organism = await Organism.start([things]);
});
afterAll(() => organism.stop());

describe("routes", () => {
  test("an action's rest declaration is reachable below /api, its params validated and converted", async () => {
    const answer = await call("/api/things/ab?deep=true");
    expect(answer).toMatchObject({ status: 200, body: { id: "ab", deep: true } });
  });

  test("POST takes a JSON body; the service chooses status and location", async () => {
    const answer = await call("/api/things", json({ name: "abc", age: 20 }));
    expect(answer).toMatchObject({
      status: 201,
      headers: { location: "/api/things/7" },
      body: { name: "abc", age: 20 },
    });
  });

  test("nothing to say is 204", async () => {
    expect(await call("/api/things/ab", { method: "DELETE" })).toMatchObject({ status: 204, text: "" });
  });

  test("HEAD is GET without the body", async () => {
    expect(await call("/api/things/ab", { method: "HEAD" })).toMatchObject({ status: 200, text: "" });
  });

  test.each([
    "/api/things/hidden/x",
    "/api/things.hidden",
    "/things/ab",
    "/api/azora-api-gateway/list-aliases",
    "/api/~node/list",
    "/api/$node/list",
    "/api/things/inner/x",
  ])("what is not declared is not reachable: %s", async (path) => {
    const answer = await call(path);
    expect(answer).toMatchObject({ status: 404, body: { code: "NOT_FOUND" } });
    expect(answer.body.detail).toContain(path);
  });

  test("an unpublished action is no route, even where the path would fit", async () => {
    expect((await call("/api/things/inner")).body.id).toBe("inner");
  });

  test("another method is 405 with Allow", async () => {
    const answer = await call("/api/things", { method: "PATCH" });
    expect(answer).toMatchObject({
      status: 405,
      headers: { allow: "OPTIONS, POST" },
      body: { code: "METHOD_NOT_ALLOWED" },
    });
  });

  test("OPTIONS tells the methods and carries nothing out, not even a preflight", async () => {
    const headers = { origin: "http://evil.example", "access-control-request-method": "DELETE" };
    const answer = await call("/api/things/ab", { method: "OPTIONS", headers });
    expect(answer).toMatchObject({ status: 204, headers: { allow: "DELETE, GET, HEAD, OPTIONS" } });
    expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
  });

  test("declarations that cannot be served are named, and harm nobody else", async () => {
    const health = await organism.brokers[0]!.call<{ status: string; checks: { routes: { refused: object[] } } }>(
      "azora-api-gateway.health",
    );
    expect(health.status).toBe("degraded");
    expect(health.checks.routes.refused).toEqual([
      { action: "things.broken", why: expect.stringContaining("?") },
      { action: "things.worse", why: expect.any(String) },
    ]);
  });
});

describe("every response", () => {
  test("carries the caller's request id, which travels with the calls", async () => {
    const answer = await call("/api/things/ab", {
      headers: { "X-Request-Id": "trace-1", "X-Correlation-Id": "other" },
    });
    expect(answer.headers["x-request-id"]).toBe("trace-1");
    expect(answer.body.requestId).toBe("trace-1");
  });

  test.each(["a b", "x;y", "a".repeat(200), "é"])("replaces the request id %j", async (id) => {
    const answer = await call("/api/nope", { headers: { "X-Request-Id": Buffer.from(id).toString("latin1") } });
    expect(answer.headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
    expect(answer.body.requestId).toBe(answer.headers["x-request-id"]);
  });

  test("has the security headers and does not say what it is made of", async () => {
    for (const path of ["/api/things/ab", "/api/nope", "/health", "/openapi.json"]) {
      const { headers } = await call(path);
      expect(headers["x-content-type-options"]).toBe("nosniff");
      expect(headers["cache-control"]).toMatch(/no-store|no-cache/);
      expect(headers["x-powered-by"] ?? headers["server"]).toBeUndefined();
    }
  });

  test("tells services nothing that a client forged about its address", async () => {
    const answer = await call("/api/things/ab", { headers: { "X-Forwarded-For": "1.2.3.4" } });
    expect(answer.text).not.toContain("1.2.3.4");
  });
});

describe("errors", () => {
  test("each wrong field is listed", async () => {
    const answer = await call("/api/things", json({ name: "x", age: "7", extra: 1 }));
    expect(answer).toMatchObject({ status: 422, headers: { "content-type": "application/problem+json" } });
    expect(answer.body.errors).toEqual([
      { field: "name", allowed: expect.stringContaining("3 characters") },
      { field: "age", value: "7", allowed: "must be a number" },
      { field: "extra", allowed: "not known here; known are name, age" },
    ]);
  });

  test.each([
    ["bug", 500, "INTERNAL_ERROR"],
    ["conflict", 409, "VERSION_CONFLICT"],
    ["limit", 429, "RATE_LIMITED"],
    ["gone", 503, "SERVICE_UNAVAILABLE"],
    ["own", 410, "SOLD_OUT"],
  ])("%s gives %i %s without a stack", async (how, status, code) => {
    const answer = await call(`/api/things/fail/${how}`);
    expect(answer).toMatchObject({ status, body: { status, code, requestId: answer.headers["x-request-id"] } });
    expect(answer.text).not.toMatch(/secret|\.js|\.ts|stack/);
    expect(answer.headers["retry-after"]).toBe({ 503: "1", 429: "7" }[status]);
  });

  test("the table of codes is at /errors, where a problem's type points", async () => {
    const { body } = await call("/errors");
    expect(body).toContainEqual({ code: "NOT_FOUND", status: 404, title: "There is no such thing" });
  });
});

describe("health", () => {
  test("without an orchestrator the whole is degraded, and says so", async () => {
    const answer = await call("/health");
    expect(answer).toMatchObject({ status: 200, body: { status: "degraded" } });
    expect(answer.body.checks.orchestrator.why).toBe("no orchestrator answers");
  });

  test("/live and /ready are for probes", async () => {
    expect((await call("/live")).status).toBe(200);
    expect((await call("/ready")).status).toBe(200);
  });

  test("a system is 404 until it exists, then 200 or 503", async () => {
    expect((await call("/health/orchestrator")).status).toBe(404);
    let status = "healthy";
    const broker = organism.brokers[0]!;
    const service = broker.createService({
      name: "master-orchestrator",
      actions: { health: () => ({ status, checks: { a: 1 } }) },
    });
    await broker.waitForServices("master-orchestrator");
    expect(await call("/health/orchestrator")).toMatchObject({
      status: 200,
      body: { status: "healthy", checks: { a: 1 } },
    });
    status = "unhealthy";
    await new Promise((resolve) => setTimeout(resolve, 1_010)); // an answer counts for a second
    expect(await call("/health/orchestrator")).toMatchObject({ status: 503, body: { status: "unhealthy" } });
    expect(await call("/health")).toMatchObject({ status: 503, body: { status: "unhealthy" } });
    await broker.destroyService(service);
    expect((await call("/health/orchestrator")).status).toBe(404);
  });
});

describe("OpenAPI", () => {
  test("describes the routes of all services, and is not sent twice", async () => {
    const first = await call("/openapi.json");
    expect(first.body.openapi).toBe("3.1.1");
    expect(Object.keys(first.body.paths)).toEqual(
      expect.arrayContaining(["/api/things", "/api/things/{id}", "/health"]),
    );
    expect(first.body.paths["/api/things"].post.requestBody.content["application/json"].schema).toMatchObject({
      properties: { name: { type: "string", minLength: 3 }, age: { type: "integer", minimum: 18 } },
      required: ["name", "age"],
      additionalProperties: false,
    });
    const second = await call("/openapi.json", { headers: { "If-None-Match": first.headers.etag } });
    expect(second).toMatchObject({ status: 304, text: "" });
  });

  test("follows the services: a new one is in, and one that went is 503 until it is back", async () => {
    const broker = organism.brokers[0]!;
    const late = {
      name: "late",
      actions: { now: { rest: "GET /now", handler: () => "now" } },
    } as unknown as ServiceSchema;
    const service = broker.createService(late);
    await until(async () => (await call("/api/late/now")).status === 200);
    expect((await call("/openapi.json")).body.paths["/api/late/now"]).toBeDefined();
    await broker.destroyService(service);
    await until(async () => (await call("/api/late/now")).status === 503);
    const gone = await call("/api/late/now");
    expect(gone).toMatchObject({ headers: { "retry-after": "1" }, body: { code: "SERVICE_UNAVAILABLE" } });
    broker.createService(late);
    await until(async () => (await call("/api/late/now")).status === 200);
  });
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 15_000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error("did not come true within 15 s");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
