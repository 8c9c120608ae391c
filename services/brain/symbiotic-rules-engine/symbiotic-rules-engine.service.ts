import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Context } from "moleculer";
import { type StoreSchema, type StoreService, store } from "../../../mixins/store/store.ts";
import { engineStateModel } from "../../../models/engine-state.model.ts";
import { ORGANISM_ROUTES } from "../../../models/organism-routes.ts";
import { ruleExecutionModel } from "../../../models/rule-execution.model.ts";
import { ruleVersionModel } from "../../../models/rule-version.model.ts";
import { symbioticRuleModel } from "../../../models/symbiotic-rule.model.ts";
import { monotonicClock } from "../../../runtime/clock.ts";
import { withRoutes } from "../../../runtime/declared-routes.ts";
import { RUNTIME_CAPABILITY } from "../../../runtime/discovery/plan.ts";
import { AzoraError } from "../../../runtime/errors.ts";
import { findNodeContext } from "../../../runtime/node-context.ts";
import { readPlan } from "../../../runtime/organism.ts";
import { readSettings } from "../../../runtime/settings.ts";
import { Engine } from "./engine.ts";
import { Operations } from "./operations.ts";
import { COMMENT, ENABLED, ID, LIMIT, MODE, RULE, RULES, STEP, TIME, VERSION, YES } from "./params.ts";

type EngineService = StoreService & { engine?: Engine; operations?: Operations };
type Times = { from?: number | string; to?: number | string };

const OPERATOR = "operator";
const BUILT_IN = fileURLToPath(new URL("../../../rules/built-in/", import.meta.url));
/** The request says itself how long it may take. */
const UNBOUNDED: object = { timeout: 0 };

/** The bus says who has sent an event, whatever stands in it. */
function senderOf(ctx: Context): string {
  return ctx.nodeID ?? "";
}

/** @throws AzoraError SERVICE_UNAVAILABLE while it starts or stops */
function engineOf(service: EngineService): Engine {
  if (service.engine) return service.engine;
  throw new AzoraError("SERVICE_UNAVAILABLE", "the symbiotic rules engine is starting");
}

/** @throws AzoraError SERVICE_UNAVAILABLE while it starts or stops */
function running(service: EngineService): Operations {
  engineOf(service);
  return service.operations!;
}

const schema: StoreSchema = {
  name: "symbiotic-rules-engine",
  metadata: {
    launchPhase: 0,
    priority: "critical",
    capabilities: [RUNTIME_CAPABILITY, "rules"],
    softDependencies: ["master-orchestrator"],
    singleton: true,
    description: "Knows how well the seven systems are and why, acts by rules, and watches what its acts were worth.",
  },
  mixins: [
    store(symbioticRuleModel, {
      collections: [ruleVersionModel, ruleExecutionModel, engineStateModel] as never,
    }),
  ],
  // Below the gateway's own mount `/api`.
  settings: { rest: "/organism" },
  actions: withRoutes(
    {
      // Rules are written by the actions below, which check them.
      create: false as never,
      insert: false as never,
      update: false as never,
      remove: false as never,
      restore: false as never,
      find: false as never,
      count: false as never,
      list: false as never,
      get: false as never,
      resolve: false as never,

      state: {
        description: "The seven systems with all that is measured of them, who calls whom, and harmony.",
        params: { $$strict: true },
        handler() {
          return running(this).state();
        },
      },
      harmony: {
        description: "How well the organism is, 0 to 100, and how much of that is known.",
        params: { $$strict: true },
        handler() {
          return running(this).state().harmony;
        },
      },
      explain: {
        description: "Which system and metric cost how many points, and what would give most back.",
        params: { $$strict: true },
        handler() {
          return running(this).explanation();
        },
      },
      history: {
        description: "Recorded values: the last hour by the second, the last day by the minute.",
        params: {
          $$strict: true,
          from: TIME,
          to: TIME,
          step: STEP,
          columns: { type: "string", max: 20_000, optional: true },
        },
        handler(ctx: Context<Times & { step: number; columns?: string }>) {
          const { columns, ...asked } = ctx.params;
          return running(this).stretch({ ...asked, ...(columns ? { columns: columns.split(",") } : {}) });
        },
      },
      rules: {
        description: "All rules, where they come from, and what is wrong with which.",
        params: { $$strict: true },
        handler() {
          return running(this).ruleViews();
        },
      },
      rule: {
        description: "One rule with its versions.",
        params: { $$strict: true, id: ID },
        handler(ctx: Context<{ id: string }>) {
          return running(this).rule(ctx.params.id);
        },
      },
      why: {
        description: "Why a rule fires, or does not.",
        params: { $$strict: true, id: ID },
        handler(ctx: Context<{ id: string }>) {
          return running(this).why(ctx.params.id);
        },
      },
      checkRules: {
        description: "What is wrong with rules, and which would fight, before any of them is there.",
        params: { $$strict: true, rules: RULES },
        handler(ctx: Context<{ rules: unknown }>) {
          return running(this).check(ctx.params.rules);
        },
      },
      replay: {
        description: "What rules would have done in a stretch of recorded values.",
        ...UNBOUNDED,
        params: {
          $$strict: true,
          rules: RULES.map((one) => ({ ...one, optional: true })),
          from: TIME,
          to: TIME,
          step: STEP,
        },
        handler(ctx: Context<Times & { rules?: unknown; step: number }>) {
          return running(this).replay(ctx.params);
        },
      },
      putRule: {
        description: "Adds a rule, or puts another text in its place.",
        params: { $$strict: true, rule: RULE },
        handler(ctx: Context<{ rule: object }>) {
          return running(this).putRule(ctx.params.rule, OPERATOR);
        },
      },
      changeRule: {
        description: "Enables or disables a rule, or has it say what it would do without doing it.",
        params: { $$strict: true, id: ID, enabled: ENABLED, mode: MODE },
        handler(ctx: Context<{ id: string; enabled?: boolean; mode?: "shadow" | "on" }>) {
          const { id, ...change } = ctx.params;
          return running(this).changeRule(id, change, OPERATOR);
        },
      },
      restoreRule: {
        description: "Makes an older version of a rule the newest.",
        params: { $$strict: true, id: ID, version: VERSION },
        handler(ctx: Context<{ id: string; version: number }>) {
          return running(this).restoreRule(ctx.params.id, ctx.params.version, OPERATOR);
        },
      },
      removeRule: {
        description: "Removes a rule that came through the API, or what the API has changed of a file's one.",
        params: { $$strict: true, id: ID },
        handler(ctx: Context<{ id: string }>) {
          return running(this).removeRule(ctx.params.id, OPERATOR);
        },
      },
      execute: {
        description: "Looks whether a rule holds now, and acts if it does; with `wait` the effect is watched first.",
        ...UNBOUNDED,
        params: { $$strict: true, rule: [RULE, ID], wait: YES },
        handler(ctx: Context<{ rule: object | string; wait: boolean }>) {
          return running(this).execute(ctx.params.rule, ctx.params.wait);
        },
      },
      executions: {
        description: "What rules did and what came of it, newest first.",
        params: { $$strict: true, limit: LIMIT, rule: { ...ID, optional: true } },
        handler(ctx: Context<{ limit: number; rule?: string }>) {
          return engineOf(this).executions.newest(ctx.params.limit, ctx.params.rule);
        },
      },
      held: {
        description: "What rules hold at another value than its own, and since when.",
        params: { $$strict: true },
        handler() {
          return engineOf(this).actor.held();
        },
      },
      flags: {
        description: "Flags that rules have set.",
        params: { $$strict: true },
        handler() {
          return engineOf(this).actor.flags();
        },
      },

      alerts: {
        description: "What is wrong now, and what was a little while ago.",
        params: { $$strict: true },
        handler() {
          return engineOf(this).alerting.manager.list();
        },
      },
      acknowledge: {
        description: "Says that somebody is at it: the alert is not sent again.",
        params: { $$strict: true, id: ID, comment: COMMENT },
        handler(ctx: Context<{ id: string; comment?: string }>) {
          return engineOf(this).alerting.manager.acknowledge(ctx.params.id, OPERATOR, ctx.params.comment ?? "");
        },
      },
      silences: {
        description: "Which alerts are kept quiet, and until when.",
        params: { $$strict: true },
        handler() {
          return engineOf(this).alerting.manager.silences();
        },
      },
      silence: {
        description: "Keeps alerts quiet for a time.",
        params: {
          $$strict: true,
          matchers: { type: "object" },
          duration: { type: "number", integer: true, min: 1000, max: 30 * 24 * 3_600_000, convert: true },
          comment: COMMENT,
        },
        handler(ctx: Context<{ matchers: Record<string, string>; duration: number; comment?: string }>) {
          return running(this).silence(ctx.params, OPERATOR);
        },
      },
      removeSilence: {
        description: "Ends a silence before its time.",
        params: { $$strict: true, id: ID },
        handler(ctx: Context<{ id: string }>) {
          return engineOf(this).alerting.manager.removeSilence(ctx.params.id);
        },
      },
      prometheusRules: {
        description: "The same alerts as rules for Prometheus, as YAML.",
        params: { $$strict: true },
        handler() {
          return running(this).prometheusRules();
        },
      },
      gauges: {
        description: "Figures of harmony and alerts, for Prometheus.",
        params: { $$strict: true },
        handler() {
          const { alerting } = engineOf(this);
          return alerting.gauges();
        },
      },
      health: {
        description: "Whether it hears of the nodes, can judge, act, store and tell.",
        params: { $$strict: true },
        handler() {
          const { operations } = this as EngineService;
          return operations?.health() ?? { status: "degraded", checks: { engine: "starting" } };
        },
      },
    } as NonNullable<StoreSchema["actions"]>,
    ORGANISM_ROUTES,
  ) as NonNullable<StoreSchema["actions"]>,
  events: {
    "node.vitals"(this: EngineService, ctx: Context) {
      this.engine?.vitals(ctx.params, senderOf(ctx));
    },
    "node.performance"(this: EngineService, ctx: Context) {
      this.engine?.performance(ctx.params, senderOf(ctx));
    },
    "organism.metric"(this: EngineService, ctx: Context) {
      // Only what the sender's own service publishes: nobody speaks for another.
      if (ctx.caller) this.engine?.own(ctx.caller, ctx.params, senderOf(ctx));
    },
    "organism.node"(this: EngineService, ctx: Context<{ id: string; status: string } | null>) {
      if (ctx.params) this.engine?.nodeChanged(ctx.params.id, ctx.params.status);
    },
    "organism.service"(
      this: EngineService,
      ctx: Context<{ name: string; node: string; incarnation: number; event: string } | null>,
    ) {
      if (ctx.params) this.engine?.serviceChanged(ctx.params);
    },
    "chain.alarm"(this: EngineService, ctx: Context) {
      this.engine?.chainAlarm(ctx.params);
    },
  },
  async started() {
    const service = this as EngineService;
    const context = findNodeContext(this.broker);
    const plan = context && readPlan(context.organism.dataDir);
    const { AZORA_DYNAMIC_BALANCE: balance, AZORA_DATA_DIR } = readSettings();
    const builtIn = { path: BUILT_IN, origin: "built-in" as const, shown: "rules/built-in" };
    const folders = [
      ...(balance === "off" ? [] : [balance === "shadow" ? { ...builtIn, mode: "shadow" as const } : builtIn]),
      ...(plan ? [{ path: join(plan.project.root, "rules"), origin: "file" as const, shown: "rules" }] : []),
    ];
    const engine = new Engine({
      broker: this.broker,
      logger: this.logger,
      store: service,
      folders,
      dataDir: context?.organism.dataDir ?? AZORA_DATA_DIR,
    });
    await engine.start();
    service.operations = new Operations(engine, this.broker, { wall: Date.now, now: monotonicClock.now });
    service.engine = engine;
  },
  async stopped() {
    const service = this as EngineService;
    const { engine } = service;
    delete service.engine;
    delete service.operations;
    await engine?.stop();
  },
};

export default schema;
