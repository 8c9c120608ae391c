import type { Server } from "node:http";
import type { Context, Service, ServiceSchema } from "moleculer";
import type { AlertChange } from "../../../models/alerts.ts";
import type { HarmonyUpdate } from "../../../models/harmony-update.ts";
import { RUNTIME_CAPABILITY } from "../../../runtime/discovery/plan.ts";
import { nodeContext } from "../../../runtime/node-context.ts";
import type { SlotState } from "../../../runtime/node-host/slots.ts";
import { operatorToken } from "../../../runtime/operator-token.ts";
import { readPlan } from "../../../runtime/organism.ts";
import type { VitalsReport } from "../../../runtime/vitals/node-vitals.ts";
import { apiRoutes } from "./api/routes.ts";
import { createApiServer, listen } from "./api/server.ts";
import { EventStream } from "./api/stream.ts";
import { Conductor } from "./conductor.ts";
import { DevWatch } from "./dev-watch.ts";
import { handActions } from "./hands/hand-actions.ts";
import { Hands } from "./hands/hands.ts";
import { HealerLease } from "./hands/healer-lease.ts";
import { LogRotation } from "./log-rotation.ts";
import { Operator } from "./operator.ts";
import { orchestratorConfig } from "./orchestrator.config.ts";
import { programKey } from "./organism-state.ts";
import type { HealthVerdict } from "./service-reports.ts";
import { stopOrganism } from "./shutdown.ts";
import { SpineKeeper } from "./spine-keeper.ts";
import { noticeRemote } from "./takeover.ts";
import { serviceViews, statusView } from "./views.ts";

interface OrchestratorService extends Service {
  conductor: Conductor;
  operator: Operator;
  hands: Hands;
  healers: HealerLease;
  spine: SpineKeeper;
  rotation: LogRotation;
  dev?: DevWatch;
  server: Server;
  stream: EventStream;
  /** The newest, and when it came. */
  harmony?: { update: HarmonyUpdate; at: number };
  ticker: NodeJS.Timeout;
  soon: NodeJS.Timeout | undefined;
  tellSoon(): void;
  stopAll(): Promise<void>;
}

const STATUS_EVERY_MS = 1000;
/** It is told once a second; an older one says nothing of how the organism is now. */
const HARMONY_FRESH_MS = 3500;
/** Changes of one moment are told together. */
const GATHER_MS = 50;

const schema: ServiceSchema<object, object, object, OrchestratorService> = {
  name: "master-orchestrator",
  metadata: {
    launchPhase: 0,
    priority: "critical",
    capabilities: [RUNTIME_CAPABILITY, "orchestrator"],
    singleton: true,
    description: "Discovers, launches in phases, monitors and heals all services",
  },

  actions: {
    ...handActions,

    /** What the health monitor has to ask: each node with services, and each program with its port. */
    watched: {
      visibility: "public",
      handler(this: OrchestratorService) {
        const { state } = this.conductor;
        const nodes = [...state.nodes.values()].filter(({ status }) => status === "up").map(({ id }) => id);
        const programs = [...state.services.values()].flatMap(({ planned, instances }) => {
          const instance = instances.get(programKey(planned.name));
          if (!planned.program || instance?.presence !== "loaded") return [];
          const { port, health } = planned.program;
          return [
            {
              name: planned.name,
              node: instance.node,
              incarnation: instance.incarnation,
              port,
              path: health,
              since: instance.startedAt,
            },
          ];
        });
        return { nodes, programs };
      },
    },

    status: {
      visibility: "public",
      handler(this: OrchestratorService) {
        return statusView(this.conductor);
      },
    },

    health: {
      visibility: "public",
      handler(this: OrchestratorService) {
        const { journal, loop } = this.conductor;
        const checks = {
          journal: journal.failure ?? "ok",
          eventLoop: loop.isLate() ? `late by ${loop.lateness?.by ?? 0} ms` : "ok",
          spine: this.spine.spine ? "ok" : "being started",
        };
        return { status: Object.values(checks).every((check) => check === "ok") ? "healthy" : "degraded", checks };
      },
    },
  },

  events: {
    "node-host.service"(this: OrchestratorService, ctx: Context<SlotState & { event: string }>) {
      this.conductor.reports.reported(ctx.params);
    },

    "node.vitals"(this: OrchestratorService, ctx: Context<VitalsReport>) {
      const node = this.conductor.state.nodes.get(ctx.params.node);
      if (!node) return;
      const { cpu, memory, loopDelay, uptime, breakers, record } = ctx.params;
      Object.assign(node, { cpu, memory, loopDelayP99: loopDelay.p99, uptime, breakers, trouble: record?.trouble });
    },

    "health.node.unreachable"(
      this: OrchestratorService,
      ctx: Context<{ id: string; silentFor: number; why?: string; confirmedBy: string[] }>,
    ) {
      const { id, silentFor, confirmedBy } = ctx.params;
      const seconds = (silentFor / 1000).toFixed(1);
      const by = confirmedBy.length > 0 ? `, and ${confirmedBy.join(" and ")} cannot reach it either` : "";
      this.conductor.nodes.failures.unreachable(
        id,
        silentFor,
        `it has not answered over the bus for ${seconds} s${by}`,
      );
    },

    "health.node.reachable"(this: OrchestratorService, ctx: Context<{ id: string }>) {
      this.conductor.nodes.failures.reachable(ctx.params.id);
      noticeRemote(this.conductor);
    },

    "chain.block"(this: OrchestratorService, ctx: Context<object>) {
      this.stream?.send("chain_block", ctx.params);
    },

    "organism.harmony"(this: OrchestratorService, ctx: Context<HarmonyUpdate>) {
      this.harmony = { update: ctx.params, at: performance.now() };
      this.stream?.send("harmony_update", ctx.params);
    },

    "organism.alert"(this: OrchestratorService, ctx: Context<AlertChange>) {
      this.stream?.send("alert", ctx.params);
    },

    "health.checked"(this: OrchestratorService, ctx: Context<{ verdicts: HealthVerdict[] }>) {
      this.conductor.judge(ctx.params.verdicts);
    },
  },

  async started(this: OrchestratorService) {
    const { organism, mesh } = nodeContext(this.broker);
    const config = orchestratorConfig();
    const token = operatorToken(organism.dataDir);
    this.conductor = new Conductor(this.broker, this.logger, readPlan(organism.dataDir), config);
    this.operator = new Operator(this.conductor);
    this.hands = new Hands(this.conductor, this.operator);
    this.healers = new HealerLease(this.conductor.journal);
    const { conductor } = this;
    const { port, auth } = config;
    this.server = createApiServer({
      port,
      auth,
      token,
      routes: apiRoutes(conductor, this.operator),
      logger: this.logger,
    });
    await listen(this.server, port);
    this.stream = new EventStream(this.server, {
      port,
      auth,
      token,
      welcome: () => [
        { type: "status_update", data: statusView(conductor) },
        ...(this.harmony && performance.now() - this.harmony.at < HARMONY_FRESH_MS
          ? [{ type: "harmony_update" as const, data: this.harmony.update }]
          : []),
      ],
    });
    conductor.healing.on("healing", (record) => {
      this.stream.send("healing_event", record);
      void this.broker.emit("healing.recorded", record);
    });
    conductor.healing.on("detected", (detection) => void this.broker.emit("healing.detected", detection));
    conductor.on("service", (event) => this.stream.send("service_event", event));
    conductor.on("statuses", (changed) => {
      if (this.stream.listeners === 0) return;
      void serviceViews(conductor, changed).then((records) => {
        for (const record of records) this.stream.send("health_update", record);
      });
    });
    conductor.on("changed", () => this.tellSoon());
    conductor.on("launched", () => this.logger.info("all services are launched"));
    this.ticker = setInterval(() => {
      if (this.stream.listeners > 0) this.stream.send("status_update", statusView(conductor));
    }, STATUS_EVERY_MS);
    this.ticker.unref();
    this.spine = new SpineKeeper(conductor);
    this.spine.start();
    this.rotation = new LogRotation(organism.logDir);
    this.rotation.start();
    if (organism.dev) {
      this.dev = new DevWatch(conductor, this.operator);
      this.dev.start();
    }
    mesh.on("message", (peer, message) => {
      if (message.type === "stop-organism" && peer.role === "spine") void this.stopAll();
    });
    conductor.begin();
  },

  async stopped(this: OrchestratorService) {
    clearInterval(this.ticker);
    clearTimeout(this.soon);
    this.spine?.stop();
    this.rotation?.stop();
    this.dev?.stop();
    this.stream?.close();
    this.server?.close();
    this.server?.closeAllConnections();
    this.conductor?.close();
  },

  methods: {
    tellSoon(this: OrchestratorService) {
      if (this.soon || this.stream.listeners === 0) return;
      this.soon = setTimeout(() => {
        this.soon = undefined;
        const { conductor } = this;
        this.stream.send("status_update", statusView(conductor));
        if (!conductor.launch.done)
          this.stream.send("launch_progress", { ...conductor.launch, services: waitingOf(conductor) });
      }, GATHER_MS);
    },

    /** The spine was told to end everything: services first, then nodes, then this process. */
    async stopAll(this: OrchestratorService) {
      if (this.conductor.isStopping()) return;
      this.logger.info("the organism is being stopped");
      this.spine.stop();
      await stopOrganism(this.conductor);
      process.kill(process.pid, "SIGTERM");
    },
  },
};

/** What is not up yet, and why: for those who watch the launch. */
function waitingOf(conductor: Conductor) {
  return [...conductor.state.services.values()]
    .map((service) => ({
      name: service.planned.name,
      status: conductor.state.statusOf(service),
      why: conductor.state.why(service),
      startedAt: service.firstStart,
    }))
    .filter(({ status }) => status !== "healthy" && status !== "stopped");
}

export default schema;
