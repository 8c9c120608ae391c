import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Context } from "moleculer";
import { type StoreSchema, store } from "../../../mixins/store/store.ts";
import { engineStateModel } from "../../../models/engine-state.model.ts";
import { ORGANISM_ROUTES } from "../../../models/organism-routes.ts";
import { ruleExecutionModel } from "../../../models/rule-execution.model.ts";
import { ruleVersionModel } from "../../../models/rule-version.model.ts";
import { symbioticRuleModel } from "../../../models/symbiotic-rule.model.ts";
import { monotonicClock } from "../../../runtime/clock.ts";
import { withRoutes } from "../../../runtime/declared-routes.ts";
import { RUNTIME_CAPABILITY } from "../../../runtime/discovery/plan.ts";
import { findNodeContext } from "../../../runtime/node-context.ts";
import { readPlan } from "../../../runtime/organism.ts";
import { readSettings } from "../../../runtime/settings.ts";
import { alertActions } from "./alert-actions.ts";
import { Engine } from "./engine.ts";
import { Operations } from "./operations.ts";
import { organismActions } from "./organism-actions.ts";
import { ruleActions } from "./rule-actions.ts";
import { type Actions, type EngineService, engineOf } from "./served-engine.ts";

const BUILT_IN = fileURLToPath(new URL("../../../rules/built-in/", import.meta.url));

/** The bus says who has sent an event, whatever stands in it. */
function senderOf(ctx: Context): string {
  return ctx.nodeID ?? "";
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

      ...organismActions,
      ...ruleActions,
      ...alertActions,

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
    } as Actions,
    ORGANISM_ROUTES,
  ) as Actions,
  events: {
    "node.vitals"(this: EngineService, ctx: Context) {
      this.engine?.senses.vitals(ctx.params, senderOf(ctx));
    },
    "node.performance"(this: EngineService, ctx: Context) {
      this.engine?.senses.performance(ctx.params, senderOf(ctx));
    },
    "organism.metric"(this: EngineService, ctx: Context) {
      // Only what the sender's own service publishes: nobody speaks for another.
      if (ctx.caller) this.engine?.senses.own(ctx.caller, ctx.params, senderOf(ctx));
    },
    "organism.node"(this: EngineService, ctx: Context<{ id: string; status: string } | null>) {
      if (ctx.params) this.engine?.senses.nodeChanged(ctx.params.id, ctx.params.status);
    },
    "organism.service"(
      this: EngineService,
      ctx: Context<{ name: string; node: string; incarnation: number; event: string } | null>,
    ) {
      if (ctx.params) this.engine?.senses.serviceChanged(ctx.params);
    },
    "chain.alarm"(this: EngineService, ctx: Context) {
      this.engine?.senses.chainAlarm(ctx.params);
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
      ...(plan ? { alertFolder: join(plan.project.root, "alerts") } : {}),
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
