import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { SYSTEMS } from "../../../models/metrics.ts";
import type { Comparison, SymbioticRule } from "../../../models/rules.ts";
import { type IntegrationTestResult, runAzoraIntegrationTests } from "../../../sdk/integration-tests.ts";

interface FakeNote {
  _id: string;
  run: string;
  text: string;
  version: number;
}
type Body = Record<string, unknown>;

/** Both servers of an organism in one, as far as the tests ask, with faults that they are to find. */
class FakeServers {
  readonly notes = new Map<string, FakeNote>();
  fault:
    | "none"
    | "alters"
    | "overwrites"
    | "keeps"
    | "fails"
    | "miscounts"
    | "acts"
    | "sleeps"
    | "believes"
    | "invents" = "none";
  status: Body = {
    status: "healthy",
    why: "",
    launch: { done: true, started: 1, total: 1 },
    services: { total: 1, healthy: 1 },
    nodes: [{ status: "up" }],
  };
  there = ["self-test", "azora-api-gateway", "symbiotic-rules-engine"];
  calls = 0;

  answer(method: string, { pathname, searchParams }: URL, body: Body): [number, unknown] {
    const [, service] = /^\/orchestrator\/services\/(.+)$/.exec(pathname) ?? [];
    if (service) return this.there.includes(service) ? [200, {}] : [404, { code: "SERVICE_UNKNOWN" }];
    if (pathname === "/live") return [200, {}];
    if (pathname === "/orchestrator/status") return [200, this.status];
    const [, asked] = /^(\/api\/organism\/.+|\/health\/symbiotic)$/.exec(pathname) ?? [];
    if (asked && this.there.includes("symbiotic-rules-engine")) return this.#rules(asked, body);
    const [, path = ""] = /^\/api\/self-test(\/.+)$/.exec(pathname) ?? [];
    return path
      ? this.#probe(`${method} ${path}`, searchParams, body)
      : [404, { code: "NOT_FOUND", detail: "no such system" }];
  }

  #rules(path: string, body: Body): [number, unknown] {
    if (path === "/health/symbiotic") return [200, { status: "healthy", checks: {} }];
    const score = this.fault === "invents" ? 140 : 90.5;
    const harmony = { score, confidence: 0.9, health: 95, balance: 97, flow: 98 };
    const systems = SYSTEMS.map((system) => ({ system, health: 98 }));
    if (path === "/api/organism/state") return [200, { systems, flows: [], harmony }];
    const costs = [{ cost: this.fault === "miscounts" ? 8 : 9 }, { cost: 0.5 }];
    if (path === "/api/organism/harmony/explain") return [200, { ...harmony, costs, best: null, unknown: [] }];
    if (path === "/api/organism/rules") return [200, [{ id: "a" }]];
    const rule = body["rule"] as SymbioticRule;
    const [condition] = rule.conditions as Comparison[];
    if (condition!.metric !== "harmony" && this.fault !== "believes")
      return [422, { code: "VALIDATION_ERROR", detail: "there is no metric harmoni; did you mean harmony?" }];
    const result = this.fault === "sleeps" ? "did not fire" : "would fire";
    const status = this.fault === "acts" ? "done" : "shadow";
    return [200, { why: { result, why: "it is unknown" }, actions: [{ status, what: "the flag was set" }] }];
  }

  #probe(route: string, query: URLSearchParams, body: Body): [number, unknown] {
    this.calls++;
    if (this.fault === "fails" && this.calls % 50 === 0) return [500, { code: "INTERNAL_ERROR", detail: "a fault" }];
    const id = route.split("/")[2]!;
    const note = this.notes.get(id);
    if (route === "GET /echo") return [200, { text: query.get("text") }];
    if (route === "POST /notes") {
      const text = String(body["text"]);
      const stored = { _id: String(this.notes.size), run: String(body["run"]), text, version: 1 };
      if (this.fault === "alters") stored.text = stored.text.trim();
      this.notes.set(stored._id, stored);
      return [200, stored];
    }
    if (route === "GET /notes") return [200, [...this.notes.values()]];
    if (route === "POST /clear") {
      if (this.fault !== "keeps") this.notes.clear();
      return [200, { erased: 1 }];
    }
    if (!note) return [404, { code: "NOT_FOUND", detail: `no note ${id}` }];
    if (route.startsWith("PATCH")) {
      if (body["version"] !== note.version && this.fault !== "overwrites")
        return [409, { code: "VERSION_CONFLICT", detail: "somebody was faster" }];
      Object.assign(note, { text: body["text"], version: note.version + 1 });
    }
    return [200, { ...note }];
  }
}

describe("the integration tests", () => {
  let fake: FakeServers;
  let server: Server;
  let url: string;
  beforeEach(async () => {
    fake = new FakeServers();
    server = createServer(async (request, response) => {
      let text = "";
      for await (const chunk of request) text += chunk;
      const [status, body] = fake.answer(request.method!, new URL(request.url!, url), text ? JSON.parse(text) : {});
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  async function run(only: string[], signal?: AbortSignal) {
    const told: IntegrationTestResult[] = [];
    const report = await runAzoraIntegrationTests({
      url,
      gateway: url,
      token: "t",
      only,
      onResult: (result) => told.push(result),
      ...(signal ? { signal } : {}),
    });
    expect(told).toEqual(report.results);
    return report;
  }

  test("pass where everything is as it should be", async () => {
    const { ok, results } = await run(["organism", "data", "load", "rules"]);
    expect(results.map(({ name, status }) => [name, status])).toEqual([
      ["organism", "passed"],
      ["rules", "passed"],
      ["load", "passed"],
      ["data", "passed"],
    ]);
    expect(ok).toBe(true);
    for (const { ms } of results) expect(ms).toBeGreaterThan(0);
  });

  test.each([
    ["alters", "data", 'came back as "blanks"'],
    ["overwrites", "data", "of two changes of the same version 2 were accepted"],
    ["keeps", "data", "notes are still there"],
    ["fails", "load", "calls failed: a fault"],
  ] as const)("find a service that %s what it is given", async (fault, name, why) => {
    fake.fault = fault;
    const { ok, results } = await run([name]);
    expect(results[0]).toMatchObject({ name, status: "failed", detail: expect.stringContaining(why) });
    expect(ok).toBe(false);
  });

  test.each([
    ["miscounts", "the costs of harmony are 8.5 points together, but 9.5 are missing"],
    ["invents", "harmony is 140, but must be 0 to 100"],
    ["sleeps", "a rule that always holds did not fire: it is unknown"],
    ["acts", "a rule in the shadow has acted: the flag was set"],
    ["believes", "a rule with an unknown metric was answered with none"],
  ] as const)("find an engine of rules that %s", async (fault, why) => {
    fake.fault = fault;
    const { results } = await run(["rules"]);
    expect(results[0]).toMatchObject({ status: "failed", detail: why });
  });

  test("find an organism that is critical", async () => {
    fake.status = { ...fake.status, status: "critical", why: "ledger is quarantined" };
    const { results } = await run(["organism"]);
    expect(results[0]).toMatchObject({ status: "failed", detail: "it is critical: ledger is quarantined" });
  });

  test("skip, with the reason, what is not there, and never call that passed", async () => {
    fake.there = [];
    const { ok, results } = await run(["rules", "optimizer", "load"]);
    expect(results.map(({ status, detail }) => [status, detail])).toEqual([
      ["skipped", "there is no symbiotic-rules-engine in this organism"],
      ["skipped", "there is no performance-optimizer in this organism"],
      ["skipped", "there is no service self-test in this organism"],
    ]);
    expect(ok).toBe(true);
  });

  test("erase what they have written also where they are interrupted", async () => {
    const interrupted = new AbortController();
    const running = run(["data"], interrupted.signal);
    while (fake.notes.size === 0) await new Promise((resolve) => setImmediate(resolve));
    interrupted.abort();
    const { ok, results } = await running;
    expect(fake.notes.size).toBe(0);
    expect(ok).toBe(false);
    expect(results.map(({ name, detail }) => [name, detail])).toEqual([["data", "the run was interrupted"]]);
  });

  test("say what is wrong with what they are asked for", async () => {
    await expect(run(["dta"])).rejects.toMatchObject({
      code: "VALIDATION_ERROR",
      message: expect.stringMatching(/^only is "dta", but must be of organism, .*, data$/),
    });
    await expect(run([])).rejects.toMatchObject({ code: "VALIDATION_ERROR" });
    await expect(runAzoraIntegrationTests({ url: "http://127.0.0.1:1", token: "" })).rejects.toMatchObject({
      name: "IntegrationTestError",
      code: "SERVICE_UNAVAILABLE",
      message: "http://127.0.0.1:1 does not answer",
    });
  });
});
