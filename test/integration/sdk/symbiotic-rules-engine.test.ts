import type { Server } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type Context, ServiceBroker } from "moleculer";
import { ORGANISM_MOUNT, ORGANISM_ROUTES } from "../../../models/organism-routes.ts";
import type { ExecutionResult } from "../../../models/rule-results.ts";
import type { SymbioticRule } from "../../../models/rules.ts";
import { AzoraError } from "../../../runtime/errors.ts";
import { freePort } from "../../../runtime/free-port.ts";
import { AzoraSymbioticRulesEngine, type SymbioticRulesEngineOptions } from "../../../sdk/symbiotic-rules-engine.ts";
import { passedRoutes } from "../../../services/nervous/master-orchestrator/api/passed-routes.ts";
import { createApiServer, listen } from "../../../services/nervous/master-orchestrator/api/server.ts";

/** As it stands on the reference pages. */
const example: SymbioticRule = {
  id: "custom-brain-protection",
  name: "Custom brain protection",
  conditions: [{ system: "brain", metric: "load", operator: "greaterThan", value: 85 }],
  actions: [
    {
      type: "adjustResourceAllocation",
      target: "brain-service",
      parameters: { increaseCpu: 20, increaseMemory: 15 },
    },
  ],
  priority: "high",
  cooldown: 30_000,
  enabled: true,
};

const at = "2026-11-20T15:00:00.000Z";
const score = { score: 91.5, confidence: 0.9, health: 95, balance: 90, flow: 88 };
const why = { rule: example.id, at, result: "fired", why: "it holds", conditions: [], cooldownLeft: 0, heldFor: 0 };
const result = { id: "x-1", rule: example.id, at, mode: "on", why, actions: [] } as ExecutionResult;
const replayed = { firings: [], ended: [], conflicts: [], unknownShare: 0.25 };

/** The engine's actions, as far as they are asked here, behind the orchestrator's own server. */
let broker: ServiceBroker;
let server: Server;
let url: string;
let asked: { action: string; params: unknown }[];

beforeEach(async () => {
  asked = [];
  const answering = (action: string, answer: unknown) => (ctx: Context<{ id?: string; rule?: SymbioticRule }>) => {
    asked.push({ action, params: ctx.params });
    if (ctx.params.id === "nobody") throw new AzoraError("NOT_FOUND", "There is no rule nobody");
    if (ctx.params.rule?.conditions?.length === 0)
      throw new AzoraError("VALIDATION_ERROR", "conditions is empty", { errors: [{ field: "conditions" }] });
    return answer;
  };
  broker = new ServiceBroker({ nodeID: "brain-1", logger: false });
  broker.createService({
    name: "symbiotic-rules-engine",
    actions: {
      state: answering("state", { at, systems: [], flows: [], harmony: score }),
      harmony: answering("harmony", score),
      explain: answering("explain", { ...score, costs: [], best: null, unknown: [] }),
      execute: answering("execute", result),
      executions: answering("executions", [result]),
      rules: answering("rules", [example]),
      putRule: answering("putRule", example),
      removeRule: answering("removeRule", { removed: true }),
      why: answering("why", why),
      replay: answering("replay", replayed),
    },
  });
  await broker.start();
  const port = await freePort();
  const passing = { service: "symbiotic-rules-engine", mount: ORGANISM_MOUNT, routes: ORGANISM_ROUTES };
  const live = { method: "GET" as const, path: "/live", handle: () => ({ status: "healthy" }) };
  const routes = [...passedRoutes(broker, passing), live];
  server = createApiServer({ port, auth: "writes", token: "secret", routes, logger: console as never });
  await listen(server, port);
  url = `http://127.0.0.1:${port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await broker.stop();
});

describe.each([
  ["HTTP", (): SymbioticRulesEngineOptions => ({ url, token: "secret" })],
  ["the bus", (): SymbioticRulesEngineOptions => ({ broker: broker as never })],
])("over %s", (way, options) => {
  test("the reference's example runs as printed", async () => {
    const engine = new AzoraSymbioticRulesEngine(options());
    await engine.initialize();
    const state = await engine.getOrganismState();
    expect(state.harmony.score).toBe(91.5);
    expect(await engine.calculateHarmonyScore()).toBe(91.5);
    expect(await engine.executeRule(example)).toEqual(result);
    await engine.shutdown();
    expect(asked.at(-1)).toEqual({ action: "execute", params: { rule: example, wait: false } });
    await expect(engine.calculateHarmonyScore()).rejects.toMatchObject({ code: "CONFLICT" });
  });

  test("everything else is asked, and what is answered comes back", async () => {
    const engine = new AzoraSymbioticRulesEngine(options());
    await engine.initialize();
    const from = new Date(1_000_000);
    expect(await engine.explainHarmony()).toMatchObject({ costs: [], best: null });
    expect(await engine.executeRule("custom-brain-protection", { wait: true })).toEqual(result);
    expect(await engine.getExecutions(5)).toEqual([result]);
    expect(await engine.getRules()).toEqual([example]);
    expect(await engine.addRule(example)).toEqual(example);
    expect(await engine.whyRule("custom-brain-protection")).toEqual(why);
    expect(await engine.replay({ rules: [example], from, to: 2_000_000, step: 1000 })).toEqual(replayed);
    expect(await engine.replay()).toEqual(replayed);
    expect(await engine.removeRule("brain/ö")).toBeUndefined();
    // A query is text until the action's own parameters turn it into a number.
    const limit = way === "HTTP" ? "5" : 5;
    expect(asked).toEqual([
      { action: "explain", params: {} },
      { action: "execute", params: { rule: "custom-brain-protection", wait: true } },
      { action: "executions", params: { limit } },
      { action: "rules", params: {} },
      { action: "putRule", params: { rule: example } },
      { action: "why", params: { id: "custom-brain-protection" } },
      { action: "replay", params: { rules: [example], from: 1_000_000, to: 2_000_000, step: 1000 } },
      { action: "replay", params: {} },
      { action: "removeRule", params: { id: "brain/ö" } },
    ]);
    await engine.shutdown();
  });

  test("what is refused comes as an error with its code and its faults", async () => {
    const engine = new AzoraSymbioticRulesEngine(options());
    await expect(engine.getRules()).rejects.toThrow("call initialize() first");
    await engine.initialize();
    await expect(engine.whyRule("nobody")).rejects.toMatchObject({
      name: "SymbioticRulesEngineError",
      code: "NOT_FOUND",
      status: 404,
      message: "There is no rule nobody",
    });
    await expect(engine.addRule({ ...example, conditions: [] })).rejects.toMatchObject({
      code: "VALIDATION_ERROR",
      errors: [expect.objectContaining({ field: "conditions" })],
    });
    await engine.shutdown();
  });

  test.each([
    ["rule", (engine: AzoraSymbioticRulesEngine) => engine.executeRule(7 as never)],
    ["rule", (engine: AzoraSymbioticRulesEngine) => engine.addRule([example] as never)],
    ["id", (engine: AzoraSymbioticRulesEngine) => engine.executeRule("")],
    ["id", (engine: AzoraSymbioticRulesEngine) => engine.removeRule("x".repeat(101))],
    ["id", (engine: AzoraSymbioticRulesEngine) => engine.whyRule(undefined as never)],
    ["wait", (engine: AzoraSymbioticRulesEngine) => engine.executeRule(example, { wait: 1 as never })],
    ["limit", (engine: AzoraSymbioticRulesEngine) => engine.getExecutions(1001)],
    ["rules", (engine: AzoraSymbioticRulesEngine) => engine.replay({ rules: example as never })],
    ["from", (engine: AzoraSymbioticRulesEngine) => engine.replay({ from: new Date("never") })],
    ["to", (engine: AzoraSymbioticRulesEngine) => engine.replay({ to: -1 })],
    ["step", (engine: AzoraSymbioticRulesEngine) => engine.replay({ step: 5 as never })],
  ])("a wrong %s is refused before anybody is asked, with what is allowed", async (field, ask) => {
    const engine = new AzoraSymbioticRulesEngine(options());
    await engine.initialize();
    await expect(ask(engine)).rejects.toMatchObject({
      code: "VALIDATION_ERROR",
      message: expect.stringMatching(new RegExp(`^${field} is .+, but must be `)),
      errors: [expect.objectContaining({ field, allowed: expect.any(String) })],
    });
    expect(asked).toEqual([]);
  });
});

test("reading needs no token, executing does", async () => {
  const stranger = new AzoraSymbioticRulesEngine({ url, token: "guessed" });
  await stranger.initialize();
  expect(await stranger.calculateHarmonyScore()).toBe(91.5);
  await expect(stranger.executeRule(example)).rejects.toMatchObject({ code: "UNAUTHORIZED", status: 401 });
  await expect(stranger.addRule(example)).rejects.toMatchObject({ code: "UNAUTHORIZED" });
  await expect(stranger.removeRule("any")).rejects.toMatchObject({ code: "UNAUTHORIZED" });
});
