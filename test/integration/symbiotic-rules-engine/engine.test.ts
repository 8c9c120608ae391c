import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type Service, ServiceBroker } from "moleculer";
import { type StoreMethods, store } from "../../../mixins/store/store.ts";
import { engineStateModel } from "../../../models/engine-state.model.ts";
import type { HarmonyUpdate } from "../../../models/harmony-update.ts";
import { ruleExecutionModel } from "../../../models/rule-execution.model.ts";
import type { RuleWhy } from "../../../models/rule-results.ts";
import { ruleVersionModel } from "../../../models/rule-version.model.ts";
import { symbioticRuleModel } from "../../../models/symbiotic-rule.model.ts";
import type { VitalsReport } from "../../../runtime/vitals/node-vitals.ts";
import { Engine } from "../../../services/brain/symbiotic-rules-engine/engine.ts";
import { Operations } from "../../../services/brain/symbiotic-rules-engine/operations.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { knownNode, knownService, topologyOf } from "../../support/topology.ts";
import { writeFiles } from "../../support/write-files.ts";

const AT = Date.parse("2027-01-01T00:00:00Z");
const busy = (id: string, more: object = {}) => ({
  id,
  conditions: [{ system: "heart", metric: "cpu", operator: "greaterThan", value: 80 }],
  actions: [{ type: "setFlag", target: "heart", parameters: { flag: "calm", value: true } }],
  ...more,
});

const ACTION = { type: "heal" as const, target: "shop", status: "done" as const, what: "restarted shop" };
const WHY: RuleWhy = {
  rule: "one",
  at: "2027-01-01T00:00:00.000Z",
  result: "fired",
  why: "heart.errorRate is 7 %",
  conditions: [],
  cooldownLeft: 0,
  heldFor: 0,
};

/** Lets promises and files come to their end. */
const settled = async (done: () => boolean | Promise<boolean>) => {
  for (let tries = 0; tries < 500 && !(await done()); tries++) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(await done()).toBe(true);
};

describe("the engine", () => {
  let folder: string;
  let clock: FakeClock;
  let broker: ServiceBroker;
  let service: Service & StoreMethods;
  let engine: Engine;
  let operations: Operations;
  let launched: boolean;
  let told: HarmonyUpdate[];
  let logged: string[];
  let seq: number;

  const wall = () => AT + clock.now();
  const vitals = (cpu: number, more: Partial<VitalsReport> = {}): VitalsReport => ({
    node: "heart-1",
    at: wall(),
    seq: seq++,
    instanceId: "one",
    cpu,
    memory: 1e8,
    heapUsed: 5e7,
    heapLimit: 4e9,
    loopDelay: { p50: 0, p99: 1, max: 2 },
    utilisation: cpu / 100,
    uptime: 100,
    actions: [],
    breakers: [],
    lost: [],
    calls: { retries: 0, refusedHolds: 0 },
    logLinesLost: 0,
    ...more,
  });
  /** Seconds with one report each. */
  const seconds = async (many: number, cpu: number) => {
    for (let second = 0; second < many; second++) {
      engine.senses.vitals(vitals(cpu));
      for (let part = 0; part < 4; part++) {
        clock.advance(250);
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  };
  const begin = async () => {
    const logger = { info: () => {}, warn: (text: string) => logged.push(text), error: () => {}, debug: () => {} };
    engine = new Engine({
      broker,
      logger: logger as never,
      store: service,
      folders: [{ path: join(folder, "rules"), origin: "file", shown: "rules" }],
      dataDir: folder,
      clock,
      wall,
      uptime: () => clock.now(),
    });
    await engine.start();
    operations = new Operations(engine, broker, { wall, now: () => clock.now() });
  };

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "engine-"));
    mkdirSync(join(folder, "rules"));
    process.env["AZORA_DATA_DIR"] = folder;
    [clock, launched, told, logged, seq] = [new FakeClock(), true, [], [], 0];
    broker = new ServiceBroker({ nodeID: "brain-1", logger: false });
    broker.createService({
      name: "master-orchestrator",
      actions: {
        topology: () => ({
          ...topologyOf([knownService("shop")], [knownNode("heart-1", ["shop"])]),
          launched,
        }),
      },
    });
    broker.createService({
      name: "listener",
      events: { "organism.harmony": (ctx: { params: HarmonyUpdate }) => void told.push(ctx.params) },
    } as never);
    service = broker.createService({
      name: "keeper",
      mixins: [
        store(symbioticRuleModel, {
          collections: [ruleVersionModel, ruleExecutionModel, engineStateModel] as never,
        }),
      ],
    } as never) as never;
    await broker.start();
    await begin();
  });
  afterEach(async () => {
    await engine.stop();
    await broker.stop();
    delete process.env["AZORA_DATA_DIR"];
    rmSync(folder, { recursive: true });
  });

  test("a rule of the API fires within a second and a quarter of the report that makes it hold, and is kept with its why", async () => {
    await operations.putRule(busy("calm"), "operator");
    await seconds(8, 10);
    expect(engine.actor.flags()).toEqual([]);
    engine.senses.vitals(vitals(95));
    clock.advance(250);
    await settled(() => engine.actor.flags().length === 1);
    await settled(async () => (await engine.executions.newest(10)).length === 1);
    const [execution] = await engine.executions.newest(10);
    expect(execution).toMatchObject({
      rule: "calm",
      mode: "on",
      why: { result: "fired" },
      actions: [{ status: "done" }],
    });
    expect(JSON.stringify(execution!.why)).toContain("95");
    expect(operations.ruleViews()).toMatchObject([
      { id: "calm", origin: "api", active: true, lastFired: execution!.at },
    ]);
  });

  test("nothing fires before the launch is over and has settled", async () => {
    launched = false;
    await engine.stop();
    await begin();
    await operations.putRule(busy("calm"), "operator");
    await seconds(10, 95);
    expect(operations.why("calm").why).toMatch(/^no rule is judged before the launch is over/);
    launched = true;
    await seconds(4, 95);
    expect(engine.actor.flags()).toEqual([]);
    await seconds(12, 95);
    await settled(() => engine.actor.flags().length === 1);
  });

  test("a file of rules is taken in while the engine runs, and its faults are shown beside those that work", async () => {
    await seconds(7, 10);
    writeFiles(folder, { "rules/a.json": JSON.stringify([busy("one"), { ...busy("two"), cooldown: "soon" }]) });
    await seconds(6, 10);
    await settled(() => operations.ruleViews().length === 1);
    expect(operations.health().checks["faults"]).toBe("1: rules/a.json");
    expect(operations.why("two")).toMatchObject({ result: "did not fire", why: expect.stringContaining("cooldown") });
    writeFiles(folder, { "rules/b.json": '{"id": "three",}' });
    await seconds(6, 10);
    await settled(() => operations.ruleFaults().length === 2);
    expect(operations.ruleFaults()).toMatchObject([
      { file: "rules/a.json", rule: "two", path: "cooldown" },
      { file: "rules/b.json", rule: "", detail: expect.stringContaining("cannot be read") },
    ]);
  });

  test("rules of a file that fight are found, told of in the log, and no more when one of them is gone", async () => {
    const push = (id: string, increaseCpu: number) => ({
      ...busy(id),
      actions: [{ type: "adjustResourceAllocation", target: "heart", parameters: { increaseCpu } }],
    });
    await seconds(7, 10);
    writeFiles(folder, { "rules/a.json": JSON.stringify([push("more", 20), push("less", -20)]) });
    await seconds(6, 10);
    await settled(() => operations.ruleViews().length === 2);
    await seconds(3, 10);
    await settled(() => operations.conflicts().conflicts.length === 1);
    expect(operations.conflicts()).toMatchObject({ conflicts: [{ rules: ["more", "less"] }], complete: true });
    expect(operations.health().checks["conflicts"]).toBe("1");
    expect(logged).toContainEqual(expect.stringContaining("rules that fight, more, less: "));
    writeFiles(folder, { "rules/a.json": JSON.stringify([push("more", 20)]) });
    await seconds(6, 10);
    await settled(() => operations.ruleViews().length === 1);
    await seconds(3, 10);
    await settled(() => operations.conflicts().conflicts.length === 0);
  });

  test("changes of one rule at the same moment are all in force afterwards", async () => {
    await operations.putRule(busy("calm"), "operator");
    await Promise.all([
      operations.changeRule("calm", { enabled: false }, "operator"),
      operations.changeRule("calm", { mode: "shadow" }, "operator"),
    ]);
    expect(operations.ruleViews()).toMatchObject([{ id: "calm", enabled: false, mode: "shadow", version: 3 }]);
  });

  test("a shadow rule says what it would do and does nothing", async () => {
    await operations.putRule(busy("calm", { mode: "shadow" }), "operator");
    await seconds(10, 95);
    await settled(async () => (await engine.executions.newest(10)).length === 1);
    const [execution] = await engine.executions.newest(10);
    expect(execution).toMatchObject({ mode: "shadow", actions: [{ status: "shadow" }] });
    expect(engine.actor.flags()).toEqual([]);
  });

  test("a rule that is executed by hand acts only where its conditions hold", async () => {
    await seconds(7, 10);
    const idle = await operations.execute(busy("by-hand"), false);
    expect(idle).toMatchObject({ why: { result: "did not fire" }, actions: [] });
    await seconds(2, 95);
    expect(await operations.execute(busy("by-hand", { mode: "shadow" }), false)).toMatchObject({
      why: { result: "would fire" },
      actions: [{ status: "shadow" }],
    });
    expect(await operations.execute(busy("by-hand"), false)).toMatchObject({
      why: { result: "fired" },
      actions: [{ status: "done" }],
    });
  });

  test("an absurd report costs no other node its values, and stops nothing", async () => {
    await operations.putRule(busy("calm"), "operator");
    await seconds(7, 10);
    const absurd = [
      null,
      7,
      {},
      { node: "heart-2" },
      vitals(Number.NaN, { node: "heart-2" }),
      vitals(-4, { node: "heart-3" }),
    ];
    for (const report of [...absurd, vitals(1e300, { node: "heart-4", heapUsed: -1, actions: "none" as never })]) {
      engine.senses.vitals(report);
      engine.senses.performance(report);
    }
    engine.senses.own("shop", { "": 1, deep: { a: 1 }, many: Number.NaN });
    await seconds(3, 95);
    await settled(() => engine.actor.flags().length === 1);
    const { score } = operations.state().harmony;
    expect(score >= 0 && score <= 100).toBe(true);
  });

  test("nobody speaks for another: a report of another node, and metrics of a service that runs elsewhere, are not taken", async () => {
    await seconds(3, 10);
    const before = operations.state().systems.find(({ system }) => system === "heart")!.metrics.cpu.value;
    engine.senses.vitals(vitals(99, { seq: 1e9 }), "lungs-1");
    engine.senses.own("shop", { lie: 1 }, "lungs-1");
    await seconds(1, 10);
    expect(operations.state().systems.find(({ system }) => system === "heart")!.metrics.cpu.value).toBe(before);
    expect(engine.senses.model.faults().map(({ node, what }) => `${node} ${what}`)).toEqual([
      "lungs-1 vitals: of another node",
      "lungs-1 own metrics of a service that does not run there",
    ]);
  });

  test("harmony is told once a second, with the systems and what costs it", async () => {
    await seconds(5, 10);
    expect(told.length).toBeGreaterThanOrEqual(4);
    expect(told.at(-1)).toMatchObject({
      systems: expect.arrayContaining([expect.objectContaining({ system: "heart" })]),
    });
    expect(told.at(-1)!.systems).toHaveLength(7);
    expect(told.at(-1)!.score).toBeGreaterThan(90);
  });

  test("after a restart it is known when rules last fired, by themselves or by hand, though they are active no more", async () => {
    const at = (minute: number) => new Date(AT - minute * 60_000).toISOString();
    const stored = (id: string, rule: string, minute: number, result: RuleWhy["result"]) =>
      engine.executions.keep({
        id,
        rule,
        at: at(minute),
        mode: "on",
        why: { ...WHY, rule, at: at(minute), result },
        actions: [],
      });
    for (const rule of ["calm", "quiet", "never"]) await operations.putRule(busy(rule), "operator");
    await stored("1", "calm", 50, "fired");
    await stored("2", "calm", 40, "fired");
    await stored("3", "calm", 30, "did not fire");
    await stored("4", "quiet", 20, "would fire");
    await stored("5", "never", 10, "did not fire");
    // Enough others that the rules' own are not among the newest.
    for (let i = 0; i < 450; i++) void stored(`other-${i}`, "other", 5, "fired");
    await stored("last", "other", 5, "fired");
    await engine.stop();
    await begin();
    const lastFired = () => Object.fromEntries(operations.ruleViews().map((one) => [one.id, one.lastFired]));
    await settled(() => lastFired()["calm"] !== null);
    expect(lastFired()).toMatchObject({ calm: at(40), quiet: at(20), never: null });
  });

  test("after a restart a rule that is active and in its cooldown does not fire anew", async () => {
    await operations.putRule(busy("calm", { cooldown: 600_000 }), "operator");
    await seconds(10, 95);
    await settled(async () => (await engine.executions.newest(10)).length === 1);
    await engine.stop();
    await begin();
    await seconds(12, 95);
    expect(operations.why("calm").cooldownLeft).toBeGreaterThan(500_000);
    expect(await engine.executions.newest(10)).toHaveLength(1);
  });

  test("an engine that is killed goes on with how long rules have held, and waits for no launch", async () => {
    await operations.putRule(busy("calm", { for: 20_000 }), "operator");
    await seconds(6, 10);
    await seconds(10, 95);
    // What a killed one leaves behind, and not what it would have put down at its end.
    const path = join(folder, "organism", "rule-times.json");
    clock.advance(100);
    await engine.times.keep();
    const left = readFileSync(path);
    await engine.stop();
    writeFileSync(path, left);
    clock.advance(3000);
    await begin();
    await seconds(1, 95);
    expect(operations.why("calm").heldFor).toBeGreaterThan(4000);
    expect(engine.actor.flags()).toEqual([]);
    await seconds(17, 95);
    await settled(() => engine.actor.flags().length === 1);
  });

  test("an effect that was watched when the engine ended is unknown, not watched for ever", async () => {
    const effect = {
      metric: "heart.errorRate",
      before: 7,
      after: null,
      verdict: "watching" as const,
      rolledBack: false,
    };
    await engine.executions.keep({
      id: "a",
      rule: "one",
      at: "2027-01-01T00:00:00.000Z",
      mode: "on",
      why: WHY,
      actions: [{ ...ACTION, effect }],
    });
    await engine.stop();
    await begin();
    const [execution] = await engine.executions.newest(1);
    expect(execution!.actions[0]!.effect).toMatchObject({
      verdict: "unknown",
      why: "the engine ended while it watched",
    });
  });

  test("recorded values are replayed against a rule that is not there yet", async () => {
    await seconds(20, 10);
    await seconds(20, 95);
    const report = await operations.replay({ rules: [busy("candidate")], step: 1000 });
    expect(report.firings).toMatchObject([{ rule: "candidate" }]);
    expect(engine.actor.flags()).toEqual([]);
  });

  test("of the record only what rules read is asked for, however much services publish", async () => {
    await operations.putRule(busy("calm"), "operator");
    await seconds(7, 10);
    const asked: unknown[] = [];
    const read = engine.history.read.bind(engine.history);
    engine.history.read = (range) => {
      asked.push(range.columns);
      return read(range);
    };
    const own = {
      system: "brain",
      metric: "shop.orders",
      operator: "greaterThan",
      value: { system: "heart", metric: "load" },
    };
    const candidate = busy("candidate", { conditions: [own] });
    await operations.check([candidate]);
    await operations.replay({ rules: [candidate], step: 1000 });
    expect(asked).toEqual([
      ["brain.shop.orders", "heart.load", "heart.cpu"],
      ["brain.shop.orders", "heart.load", "heart.cpu"],
    ]);
  });

  test("what goes wrong in one round is told, and there is a next one", async () => {
    await operations.putRule(busy("calm"), "operator");
    await seconds(10, 95);
    await settled(() => engine.actor.flags().length === 1);
    const ended = engine.actor.ended.bind(engine.actor);
    engine.actor.ended = () => {
      throw new Error("it is broken");
    };
    await seconds(2, 10);
    expect(logged).toContain("judging: it is broken");
    engine.actor.ended = ended;
    await seconds(2, 95);
    expect(engine.evaluator.active()).toEqual(["calm"]);
  });

  test("a broken orchestrator is told in the health, and judging goes on", async () => {
    await operations.putRule(busy("calm"), "operator");
    await seconds(7, 10);
    await broker.destroyService("master-orchestrator");
    await seconds(7, 95);
    await settled(() => operations.health().checks["orchestrator"] !== "ok");
    expect(operations.health().status).toBe("degraded");
    expect(engine.evaluator.active()).toEqual(["calm"]);
  });
});
