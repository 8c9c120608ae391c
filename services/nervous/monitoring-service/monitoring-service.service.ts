import type { Context, Service, ServiceSchema } from "moleculer";
import type { OrganismGauges } from "../../../models/alerts.ts";
import type { PerformanceReport } from "../../../models/performance.ts";
import { RUNTIME_CAPABILITY } from "../../../runtime/discovery/plan.ts";
import type { VitalsReport } from "../../../runtime/vitals/node-vitals.ts";
import { organismText } from "./organism-text.ts";
import { PerformanceStore } from "./performance-store.ts";
import { performanceText } from "./performance-text.ts";
import { prometheusText } from "./prometheus-text.ts";
import { VitalsStore } from "./vitals-store.ts";

interface MonitoringService extends Service {
  store: VitalsStore;
  performance: PerformanceStore;
  lastReport: number;
  organism(): Promise<string>;
}

/** Nodes report once a second; no report for so long means that none arrive, ms. */
const SILENCE_MS = 5000;
/** A scrape waits no longer for the rules engine, ms. */
const ENGINE_ANSWERS_MS = 1000;

const schema: ServiceSchema<object, object, object, MonitoringService> = {
  name: "monitoring-service",
  metadata: {
    launchPhase: 0,
    priority: "high",
    capabilities: [RUNTIME_CAPABILITY, "metrics"],
    singleton: true,
    description: "Collects the vitals of all nodes and shows them, also to Prometheus",
  },

  actions: {
    /** Counts and latency per service, over all of its instances. Times in ms. */
    services: {
      params: { names: { type: "array", items: "string", max: 10_000 } },
      handler(this: MonitoringService, ctx: Context<{ names: string[] }>) {
        return Object.fromEntries(
          ctx.params.names.map((name) => {
            const { count, errors, latency } = this.store.ofService(name);
            const ms = (microseconds: number) => Math.round(microseconds / 10) / 100;
            return [
              name,
              {
                requestCount: count,
                errorCount: errors,
                avgResponseTime: ms(latency.mean()),
                p95ResponseTime: ms(latency.quantile(0.95)),
              },
            ];
          }),
        );
      },
    },

    /** The newest vitals of every node. */
    nodes: {
      handler(this: MonitoringService) {
        return this.store.nodes().map(({ report }) => report);
      },
    },

    /** Circuit breakers that are not closed, and the node (`on`) whose callers they hold back. */
    breakers: {
      handler(this: MonitoringService) {
        return this.store.breakers();
      },
    },

    /** Calls per service that ended without its answer, counted where they were made. */
    lost: {
      params: { names: { type: "array", items: "string", max: 10_000 } },
      handler(this: MonitoringService, ctx: Context<{ names: string[] }>) {
        return Object.fromEntries(ctx.params.names.map((name) => [name, this.store.lostOf(name)]));
      },
    },

    /** Everything, in Prometheus' text format. */
    prometheus: {
      async handler(this: MonitoringService) {
        return prometheusText(this.store) + performanceText(this.performance) + (await this.organism());
      },
    },

    health: {
      handler(this: MonitoringService) {
        const silent = Date.now() - this.lastReport > SILENCE_MS;
        return { status: silent ? "degraded" : "healthy", checks: { reports: silent ? "none arrive" : "ok" } };
      },
    },
  },

  events: {
    "node.vitals"(this: MonitoringService, ctx: Context<VitalsReport>) {
      this.store.take(ctx.params);
      this.lastReport = Date.now();
    },

    "node.performance"(this: MonitoringService, ctx: Context<PerformanceReport>) {
      this.performance.take(ctx.params);
    },
  },

  methods: {
    /** What the rules engine knows. Without it Prometheus is to see that nothing is known, so nothing is kept. */
    async organism(this: MonitoringService): Promise<string> {
      try {
        const call = this.broker.call("symbiotic-rules-engine.gauges", {}, { timeout: ENGINE_ANSWERS_MS });
        return organismText((await call) as OrganismGauges);
      } catch {
        return "";
      }
    },
  },

  created(this: MonitoringService) {
    this.store = new VitalsStore();
    this.performance = new PerformanceStore();
    this.lastReport = Date.now();
  },
};

export default schema;
