import type { Context } from "moleculer";
import { type StoreSchema, type StoreService, store } from "../../../mixins/store/store.ts";
import { cacheEntryModel } from "../../../models/cache-entry.model.ts";
import { performanceMetricsModel } from "../../../models/performance-metrics.model.ts";
import { PERFORMANCE_ROUTES } from "../../../models/performance-routes.ts";
import { queryOptimizationModel } from "../../../models/query-optimization.model.ts";
import { resourcePoolModel } from "../../../models/resource-pool.model.ts";
import { withRoutes } from "../../../runtime/declared-routes.ts";
import { RUNTIME_CAPABILITY } from "../../../runtime/discovery/plan.ts";
import { AzoraError } from "../../../runtime/errors.ts";
import type { VitalsReport } from "../../../runtime/vitals/node-vitals.ts";
import { Optimizer } from "./optimizer.ts";
import { ID, LIMIT, NAME, NODE, SECONDS, SERVICE, YES } from "./params.ts";

type OptimizerService = StoreService & { optimizer?: Optimizer };

/** The request says itself how long it may take. */
const UNBOUNDED: object = { timeout: 0 };
/** What a node needs beside the time that is asked for, ms. */
const PROFILE_MS = 20_000;
const HEAP_MS = 60_000;

/** @throws AzoraError SERVICE_UNAVAILABLE while it starts or stops */
function running(service: OptimizerService): Optimizer {
  if (service.optimizer) return service.optimizer;
  throw new AzoraError("SERVICE_UNAVAILABLE", "the performance optimizer is starting");
}

const schema: StoreSchema = {
  name: "performance-optimizer",
  metadata: {
    launchPhase: 0,
    priority: "high",
    capabilities: [RUNTIME_CAPABILITY, "optimization"],
    softDependencies: ["master-orchestrator"],
    singleton: true,
    description: "Says where time goes, tries what could make services faster, and keeps what is seen to help.",
  },
  mixins: [
    store(performanceMetricsModel, {
      collections: [queryOptimizationModel, cacheEntryModel, resourcePoolModel] as never,
      expendable: true,
    }),
  ],
  // Below the gateway's own mount `/api`.
  settings: { rest: "/performance" },
  actions: withRoutes(
    {
      // Written by what happens, not by hand.
      create: false as never,
      insert: false as never,
      update: false as never,
      remove: false as never,
      restore: false as never,

      metrics: {
        description: "Throughput, latency and errors of the last minute, and where the time goes.",
        params: { $$strict: true, service: SERVICE },
        handler(ctx: Context<{ service?: string }>) {
          return running(this).metrics(ctx.params.service);
        },
      },
      analyze: {
        description: "What a service spends its time on, how that changes, and the one best next step.",
        ...UNBOUNDED,
        params: { $$strict: true, service: SERVICE },
        handler(ctx: Context<{ service?: string }>) {
          return running(this).analyze(ctx.params.service);
        },
      },
      pools: {
        description: "Connections, threads, concurrency and memory of every node: bounds, use, waiting.",
        params: { $$strict: true },
        handler() {
          return running(this).pools();
        },
      },
      queries: {
        description: "Measured queries of the stores by their shape.",
        ...UNBOUNDED,
        params: { $$strict: true, service: SERVICE },
        handler(ctx: Context<{ service?: string }>) {
          return running(this).queries(ctx.params.service);
        },
      },
      advice: {
        description: "What would make queries faster, with evidence and expected gain.",
        ...UNBOUNDED,
        params: { $$strict: true, service: SERVICE },
        handler(ctx: Context<{ service?: string }>) {
          return running(this).advice(ctx.params.service);
        },
      },
      cache: {
        description: "Hit ratio, age and saved time of every cached action.",
        params: { $$strict: true, service: SERVICE },
        handler(ctx: Context<{ service?: string }>) {
          return running(this).caches(ctx.params.service);
        },
      },
      memory: {
        description: "How the memory of each node grows, and when its limit is reached.",
        params: { $$strict: true },
        handler() {
          return running(this).memoryStatus();
        },
      },
      history: {
        description: "What was changed, newest first, with before, after and how sure that is.",
        params: { $$strict: true, limit: LIMIT },
        handler(ctx: Context<{ limit: number }>) {
          return running(this).history(ctx.params.limit);
        },
      },

      optimize: {
        description: "Tries on live traffic what could make a service faster, and keeps what helps.",
        ...UNBOUNDED,
        params: { $$strict: true, service: NAME, wait: YES },
        handler(ctx: Context<{ service: string; wait: boolean }>) {
          return running(this).optimize(ctx.params.service, "operator", ctx.params.wait);
        },
      },
      applyAdvice: {
        description: "Carries one advice out, compares before and after, and takes it back if it did not help.",
        ...UNBOUNDED,
        params: { $$strict: true, id: ID },
        handler(ctx: Context<{ id: string }>) {
          return running(this).applyAdvice(ctx.params.id, "operator");
        },
      },
      takeBack: {
        description: "Undoes a change that was kept, or that is being measured.",
        ...UNBOUNDED,
        params: { $$strict: true, id: ID },
        handler(ctx: Context<{ id: string }>) {
          return running(this).takeBack(ctx.params.id, "operator");
        },
      },
      profile: {
        description:
          "Records what a node spends its processor time on, or what it allocates, into a file that Chrome's tools open.",
        ...UNBOUNDED,
        params: {
          $$strict: true,
          node: NODE,
          seconds: SECONDS,
          kind: { type: "enum", values: ["cpu", "allocations"], default: "cpu" },
        },
        handler(ctx: Context<{ node: string; seconds: number; kind: string }>) {
          const { node, seconds, kind } = ctx.params;
          return running(this).onNode(node, "profile", { seconds, kind }, seconds * 1000 + PROFILE_MS);
        },
      },
      heapSnapshot: {
        description: "Writes down everything that a node keeps in memory; the node stands still meanwhile.",
        ...UNBOUNDED,
        params: { $$strict: true, node: NODE },
        handler(ctx: Context<{ node: string }>) {
          return running(this).onNode(ctx.params.node, "heapSnapshot", {}, HEAP_MS);
        },
      },
      health: {
        description: "Whether it hears of the nodes, can analyse and can store.",
        params: { $$strict: true },
        handler() {
          const { optimizer } = this as OptimizerService;
          return optimizer?.health() ?? { status: "degraded", checks: { optimizer: "starting" } };
        },
      },
    } as NonNullable<StoreSchema["actions"]>,
    PERFORMANCE_ROUTES,
  ) as NonNullable<StoreSchema["actions"]>,
  events: {
    "node.performance"(this: OptimizerService, ctx: Context) {
      this.optimizer?.report(ctx.params);
    },
    "node.vitals"(this: OptimizerService, ctx: Context<VitalsReport>) {
      this.optimizer?.vitals(ctx.params);
    },
    "organism.node"(this: OptimizerService, ctx: Context<{ id: string; status: string }>) {
      if (ctx.params.status === "down") this.optimizer?.nodeDown(ctx.params.id);
    },
    "organism.service"(this: OptimizerService, ctx: Context<{ name: string; event: string }>) {
      const { name, event } = ctx.params;
      this.optimizer?.disturb(name, `it ${event}`);
    },
    /** Rules have changed something: what is measured meanwhile is not as usual. */
    "organism.acted"(this: OptimizerService, ctx: Context<{ target?: string; services?: string[] }>) {
      const { target = "the organism", services = [] } = ctx.params;
      if (Array.isArray(services))
        for (const name of services) this.optimizer?.disturb(`${name}`, `rules acted on ${target}`);
    },
    "healing.recorded"(this: OptimizerService, ctx: Context<{ target?: { service?: string; node?: string } }>) {
      const { service, node } = ctx.params.target ?? {};
      const name = service ?? node;
      if (name !== undefined) this.optimizer?.disturb(name, `${name} was healed`);
    },
  },
  async started() {
    const service = this as OptimizerService;
    const optimizer = new Optimizer({ broker: this.broker, logger: this.logger, store: service });
    await optimizer.start();
    service.optimizer = optimizer;
  },
  async stopped() {
    const service = this as OptimizerService;
    const { optimizer } = service;
    delete service.optimizer;
    await optimizer?.stop();
  },
};

export default schema;
