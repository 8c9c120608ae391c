import { randomUUID } from "node:crypto";
import type { Context, Service, ServiceSchema } from "moleculer";
import type { HealingRecord, HealingResult } from "../../../models/healing.ts";
import type { Topology } from "../../../models/topology.ts";
import { systemClock } from "../../../runtime/clock.ts";
import { RUNTIME_CAPABILITY } from "../../../runtime/discovery/plan.ts";
import { AzoraError } from "../../../runtime/errors.ts";
import { nearest } from "../../../runtime/nearest.ts";
import { RestartBudget } from "../../../runtime/restart-budget.ts";
import { readSettings } from "../../../runtime/settings.ts";
import { type RecoveryStep, recoveryPlan, restFor, type Supervised } from "./supervision.ts";

/** Restarts with one service, within a period, ms, after which its strategy is no longer followed (OTP: intensity). */
const INTENSITY = { restarts: 10, period: 600_000 };
const STEP_TIMEOUT_MS = 30_000;
const ASK_TIMEOUT_MS = 5000;

/** A step that was made, and what was seen of it. */
export type StepOutcome = RecoveryStep & Pick<HealingResult, "success" | "duration" | "reason">;

interface PhoenixService extends Service {
  budgets: Map<string, RestartBudget>;
  timeScale: number;
  problem: string;
  supervised(): Promise<Supervised[]>;
  find(name: string, services: Supervised[]): Supervised;
  follow(ctx: Context, name: string): Promise<void>;
  make(ctx: Context, steps: RecoveryStep[], patience: "stop" | "go on"): Promise<StepOutcome[]>;
}

const name = { type: "string", min: 1, max: 200 } as const;

const schema: ServiceSchema<object, object, object, PhoenixService> = {
  name: "phoenix-server",
  metadata: {
    launchPhase: 0,
    priority: "high",
    capabilities: [RUNTIME_CAPABILITY, "supervision"],
    aliases: ["auto-recovery"],
    softDependencies: ["health-monitor", "auto-healer"],
    singleton: true,
    description: "Supervised restart: who is restarted with whom, within limits of intensity",
  },

  actions: {
    /** What a recovery of the service would restart, in which order and why. */
    plan: {
      params: { service: name },
      async handler(this: PhoenixService, ctx: Context<{ service: string }>) {
        const services = await this.supervised();
        return recoveryPlan(this.find(ctx.params.service, services).name, services);
      },
    },

    /** Restarts what a service needs and what has failed, then the service, then those that go with it. */
    recover: {
      params: { service: name },
      async handler(this: PhoenixService, ctx: Context<{ service: string }>) {
        const services = await this.supervised();
        const { name: found } = this.find(ctx.params.service, services);
        const steps = await this.make(ctx, recoveryPlan(found, services), "stop");
        return { service: found, success: steps.every(({ success }) => success), steps };
      },
    },

    health: {
      handler(this: PhoenixService) {
        return { status: this.problem ? "degraded" : "healthy", checks: { supervision: this.problem || "ok" } };
      },
    },
  },

  events: {
    /** Something was brought back by the ladder: those that go with it follow. */
    async "healing.recorded"(this: PhoenixService, ctx: Context<HealingRecord>) {
      const { success, by, target, action } = ctx.params;
      if (!success || by !== "ladder" || !/start/.test(action)) return;
      if (target.service) await this.follow(ctx, target.service);
      else if (target.node) {
        const { nodes } = (await this.broker.call("master-orchestrator.topology")) as Topology;
        for (const service of nodes.find(({ id }) => id === target.node)?.services ?? [])
          await this.follow(ctx, service);
      }
    },
  },

  created(this: PhoenixService) {
    this.budgets = new Map();
    this.timeScale = readSettings().AZORA_HEALING_TIME_SCALE;
    this.problem = "";
  },

  methods: {
    async supervised(this: PhoenixService): Promise<Supervised[]> {
      const options = { timeout: ASK_TIMEOUT_MS };
      const { services } = (await this.broker.call("master-orchestrator.topology", {}, options)) as Topology;
      return services.map(({ healing, instances, ...service }) => ({
        ...service,
        strategy: healing.strategy ?? "one-for-one",
        nodes: instances.map(({ node }) => node),
      }));
    },

    find(this: PhoenixService, wanted: string, services: Supervised[]): Supervised {
      const found = services.find((one) => one.name === wanted || one.aliases.includes(wanted));
      if (found) return found;
      const meant = nearest(
        wanted,
        services.map((one) => one.name),
      );
      throw new AzoraError(
        "SERVICE_UNKNOWN",
        `No service is named ${wanted}${meant ? `; did you mean ${meant}?` : ""}`,
        {
          name: wanted,
          nearest: meant,
        },
      );
    },

    /** Restarts those that go with a service that has come back, as long as that does not happen too often. */
    async follow(this: PhoenixService, ctx: Context, failed: string): Promise<void> {
      const services = await this.supervised();
      const steps = restFor(failed, services);
      if (steps.length === 0) return;
      let budget = this.budgets.get(failed);
      if (!budget) {
        budget = new RestartBudget(systemClock, INTENSITY.restarts, INTENSITY.period * this.timeScale);
        this.budgets.set(failed, budget);
      }
      if (budget.take() > 0) {
        this.problem = `${failed} fails so often that those that go with it are left alone`;
        this.logger.warn(this.problem);
        return;
      }
      this.problem = "";
      const outcomes = await this.make(ctx, steps, "go on");
      for (const { service, success, reason } of outcomes) {
        if (success) this.logger.info(`${service} was restarted with ${failed}`);
        else this.logger.warn(`${service} could not be restarted with ${failed}: ${reason}`);
      }
    },

    /** One step after the other, each seen healthy before the next. */
    async make(
      this: PhoenixService,
      ctx: Context,
      steps: RecoveryStep[],
      patience: "stop" | "go on",
    ): Promise<StepOutcome[]> {
      const outcomes: StepOutcome[] = [];
      for (const step of steps) {
        const request = {
          id: randomUUID(),
          service: step.service,
          actionType: "restart",
          priority: "high",
          parameters: {},
          timeout: STEP_TIMEOUT_MS,
        };
        const since = Date.now();
        // By the context, so that the healer sees who asks: a supervised restart has no cooldown.
        const result = await (
          ctx.call("auto-healer.execute", request, { timeout: 2 * STEP_TIMEOUT_MS }) as Promise<HealingResult>
        ).catch((error: Error) => ({ success: false, duration: Date.now() - since, reason: error.message }));
        outcomes.push({ ...step, success: result.success, duration: result.duration, reason: result.reason });
        if (!result.success && patience === "stop") break;
      }
      return outcomes;
    },
  },
};

export default schema;
