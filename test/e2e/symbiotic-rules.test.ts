import { join } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import type { ServiceBroker } from "moleculer";
import type { HarmonyExplanation, OrganismState } from "../../models/organism-state.ts";
import type { ExecutionResult, RuleWhy } from "../../models/rule-results.ts";
import type { RuleView } from "../../models/rule-view.ts";
import { TestOrganism } from "../support/organism.ts";
import { writeFiles } from "../support/write-files.ts";

jest.setTimeout(60_000);

const flagRule = (id: string, metric: string, flag: string) => ({
  id,
  conditions: [{ system: "stomach", metric, operator: "greaterThan", value: 10, clearValue: 5 }],
  actions: [{ type: "setFlag", target: "stomach", parameters: { flag, value: true } }],
  cooldown: 1000,
});
const PROJECT = {
  "services/stomach/shop/shop.service.js": `export default {
  name: "shop",
  metadata: { organ: "stomach" },
  actions: {
    /** Publishes how many orders wait. */
    async report(ctx) {
      await ctx.broadcast("organism.metric", { waiting: ctx.params.waiting });
    },
    async flags(ctx) {
      return ctx.call("node-performance.flags", {}, { nodeID: this.broker.nodeID });
    },
  },
};
`,
  "package.json": JSON.stringify({ name: "shopping", private: true, type: "module" }),
  "rules/orders.json": JSON.stringify([flagRule("orders", "shop.waiting", "few-offers"), { id: "half" }]),
};

let organism: TestOrganism;
let guest: ServiceBroker;
beforeAll(async () => {
  organism = await TestOrganism.create();
  writeFiles(organism.folder, PROJECT);
  await organism.up(join(organism.folder, "services"));
  await organism.untilHealthy();
  guest = await organism.join();
  await guest.waitForServices(["shop", "symbiotic-rules-engine"], 20_000, 50);
  // Rules are judged when the launch has settled.
  await until("rules are judged", async () => !(await why("orders")).why.startsWith("no rule is judged"));
}, 90_000);
afterAll(() => organism.down(), 60_000);

const why = (id: string) => organism.get<RuleWhy>(`/api/organism/rules/${id}/why`);
const flags = () => guest.call("shop.flags") as Promise<Record<string, unknown>>;
const report = (waiting: number) => guest.call("shop.report", { waiting });

async function until(what: string, fits: () => Promise<boolean>, ms = 20_000): Promise<number> {
  const begin = Date.now();
  while (Date.now() - begin < ms) {
    if (await fits().catch(() => false)) return Date.now() - begin;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`not within ${ms} ms: ${what}\n${organism.logTail()}`);
}

test("all seven systems are there, and what costs harmony adds up", async () => {
  const state = await organism.get<OrganismState>("/api/organism/state");
  expect(state.systems.map(({ system }) => system)).toHaveLength(7);
  expect(state.systems.find(({ system }) => system === "stomach")!.nodes).toEqual(["stomach-1"]);
  const { score, costs } = await organism.get<HarmonyExplanation>("/api/organism/harmony/explain");
  expect(costs.reduce((sum, { cost }) => sum + cost, score)).toBeCloseTo(100, 6);
  expect(await organism.get("/health/symbiotic")).toMatchObject({ status: "healthy" });
});

test("a rule of the project's folder is there, one with faults beside it is named, and both say why they do not fire", async () => {
  const rules = await organism.get<RuleView[]>("/api/organism/rules");
  expect(rules.find(({ id }) => id === "orders")).toMatchObject({ origin: "file", file: "rules/orders.json" });
  expect((await why("orders")).why).toContain("never");
  expect((await why("half")).why).toContain("conditions is missing");
  const { out } = await organism.cli("rules", "why", "orders");
  expect(out).toContain("shop.waiting");
});

test("what a service publishes makes a rule act, on record, and what it did is given back after", async () => {
  await report(20);
  await until("the flag is set", async () => (await flags())["few-offers"] === true);
  const [execution] = await organism.get<ExecutionResult[]>("/api/organism/executions?rule=orders");
  expect(execution).toMatchObject({ rule: "orders", why: { result: "fired" }, actions: [{ status: "done" }] });
  await until("it is on record", async () => {
    const query = { eventType: "rule.fired", limit: 10 };
    const { entries } = (await guest.call("blockchain-logger.query", query)) as { entries: { data: object }[] };
    return entries.some((entry) => JSON.stringify(entry).includes("stomach.shop.waiting is 20"));
  });
  await report(1);
  await until("the flag is gone", async () => (await flags())["few-offers"] === undefined);
});

test("killed while a rule holds something, the engine holds it again when it is back", async () => {
  await report(20);
  await until("the flag is set", async () => (await flags())["few-offers"] === true);
  const { instances } = await organism.get<{ instances: { node: string }[] }>(
    "/orchestrator/services/symbiotic-rules-engine",
  );
  process.kill(await organism.pid(instances[0]!.node), "SIGKILL");
  await organism.untilHealthy();
  await until("rules are judged again", async () => {
    await report(20);
    return (await organism.get<RuleView[]>("/api/organism/rules")).some(({ id, active }) => id === "orders" && active);
  });
  expect((await flags())["few-offers"]).toBe(true);
  await report(1);
  await until("the flag is gone", async () => (await flags())["few-offers"] === undefined);
});

test("a rule is added, weighed and removed over HTTP and the command line; bad ones are refused with all faults", async () => {
  const rule = flagRule("more", "cpu", "calm");
  const bad = await organism.post<{ code: string; detail: string }>("/api/organism/rules", {
    rule: { ...rule, conditions: [{ ...rule.conditions[0], system: "stomac", metric: "cpus" }], cooldown: 1 },
  });
  expect(bad.status).toBe(422);
  for (const word of ["did you mean stomach?", "did you mean cpu?", "cooldown is 1"])
    expect(bad.body.detail).toContain(word);
  expect((await organism.post<RuleView>("/api/organism/rules", { rule })).body).toMatchObject({
    origin: "api",
    version: 1,
  });
  expect((await organism.cli("rules", "list")).out).toContain("more");
  const { body } = await organism.post<ExecutionResult>("/api/organism/rules/execute", { rule: "more" });
  expect(body).toMatchObject({ why: { result: "did not fire" }, actions: [] });
  expect((await organism.post("/api/organism/rules/more/remove")).status).toBe(200);
  expect((await organism.post("/api/organism/rules/more/remove")).status).toBe(404);
});
