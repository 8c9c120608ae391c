import type { Context, Service, ServiceSchema } from "moleculer";
import { systemClock } from "../../../runtime/clock.ts";
import { RUNTIME_CAPABILITY } from "../../../runtime/discovery/plan.ts";
import { LoopWatch } from "../../../runtime/loop-watch.ts";
import type { HealthAnswer } from "../../../runtime/node-host/service-health.ts";
import { readSettings } from "../../../runtime/settings.ts";
import type { VitalsReport } from "../../../runtime/vitals/node-vitals.ts";
import { FailureDetector } from "./failure-detector.ts";
import { History } from "./history.ts";
import { NodeWatch } from "./node-watch.ts";
import { ProgramProbe, type WatchedProgram } from "./program-probe.ts";
import { SecondOpinion } from "./second-opinion.ts";

/** Longest wait for one answer, ms; shorter where polls come more often. */
const ANSWER_TIMEOUT_MS = 2000;
/** A suspicion is settled by asking again after this part of the interval. */
const CONFIRM_AFTER = 0.2;
/** How often is looked which node is silent, ms. */
const LOOK_EVERY_MS = 250;

interface Watched {
  detector: FailureDetector;
  history: History;
  incarnation: number;
}

/** As event `health.check.<service>`. */
interface HealthChange {
  name: string;
  node: string;
  status: string;
  why: string;
}

interface MonitorService extends Service {
  watched: Map<string, Watched>;
  loop: LoopWatch;
  programs: ProgramProbe;
  nodes: NodeWatch;
  opinion: SecondOpinion;
  looks: NodeJS.Timeout;
  timer: NodeJS.Timeout;
  lastCheck: string | null;
  interval: number;
  lateLimit: number;
  watchNodes(): void;
  round(): Promise<void>;
  schedule(ms: number): void;
  take(node: string, answer: HealthAnswer, late: boolean): { changed: boolean; suspicious: boolean };
}

const schema: ServiceSchema<object, object, object, MonitorService> = {
  name: "health-monitor",
  metadata: {
    launchPhase: 0,
    priority: "critical",
    capabilities: [RUNTIME_CAPABILITY, "failure-detection"],
    softDependencies: ["monitoring-service"],
    singleton: true,
    description: "Asks every service how it is, keeps the answers, and tells failures from single late answers",
  },

  actions: {
    /** The last 100 answers of a service, of all its instances, oldest first. */
    history: {
      params: { name: "string|min:1" },
      handler(this: MonitorService, ctx: Context<{ name: string }>) {
        const entries = [...this.watched]
          .filter(([key]) => key.startsWith(`${ctx.params.name}@`))
          .flatMap(([, { history }]) => history.entries());
        return entries.sort((a, b) => (a.at < b.at ? -1 : 1)).slice(-100);
      },
    },

    /** How suspicious each node is: of other machines by phi, of this machine by the answers that did not come. */
    nodes: {
      handler(this: MonitorService) {
        return this.nodes.nodes();
      },
    },

    lastCheck: {
      handler(this: MonitorService) {
        return this.lastCheck;
      },
    },

    health: {
      handler(this: MonitorService) {
        const age = this.lastCheck ? Date.now() - Date.parse(this.lastCheck) : 0;
        const behind = age > 3 * this.interval + ANSWER_TIMEOUT_MS;
        return {
          status: behind ? "degraded" : "healthy",
          checks: { lastRound: behind ? `${Math.round(age / 1000)} s ago` : "ok" },
        };
      },
    },
  },

  events: {
    "node.vitals"(this: MonitorService, ctx: Context<VitalsReport>) {
      const { node, instanceId } = ctx.params;
      if (this.opinion.isRemote(node)) this.nodes.heartbeat(node, instanceId);
    },
  },

  async started(this: MonitorService) {
    const settings = readSettings();
    this.watched = new Map();
    this.lastCheck = null;
    this.interval = settings.AZORA_HEALTH_INTERVAL;
    this.lateLimit = settings.AZORA_CIRCUIT_BREAKER_THRESHOLD;
    this.loop = new LoopWatch();
    this.loop.start();
    this.programs = new ProgramProbe();
    this.watchNodes();
    this.schedule(this.interval);
  },

  async stopped(this: MonitorService) {
    clearTimeout(this.timer);
    clearInterval(this.looks);
    this.loop?.stop();
  },

  methods: {
    schedule(this: MonitorService, ms: number) {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => {
        this.round().catch((error: Error) => {
          this.logger.warn("a round of health checks failed", error);
          this.schedule(this.interval);
        });
      }, ms);
    },

    watchNodes(this: MonitorService) {
      const { broker, loop } = this;
      this.opinion = new SecondOpinion(broker);
      const { opinion } = this;
      this.nodes = new NodeWatch(systemClock, {
        witnesses: (suspected) => opinion.witnesses(suspected, (id) => this.nodes.trusts(id)),
        reach: opinion.reach,
        ping: opinion.ping,
        isLate: () => loop.isLate(),
        unreachable: (event) => {
          const seconds = (event.silentFor / 1000).toFixed(1);
          this.logger.warn(
            `${event.id} is unreachable: silent for ${seconds} s, also to ${event.confirmedBy.join(", ")}`,
          );
          void broker.emit("health.node.unreachable", event);
        },
        reachable: (event) => {
          this.logger.info(`${event.id} is reachable again`);
          void broker.emit("health.node.reachable", event);
        },
      });
      this.looks = setInterval(() => {
        this.nodes.remotes(opinion.remotes());
        this.nodes.look();
      }, LOOK_EVERY_MS);
      this.looks.unref();
    },

    /** Asks everybody once; what each answer means is judged here, what follows from it by the orchestrator. */
    async round(this: MonitorService) {
      const timeout = Math.min(ANSWER_TIMEOUT_MS, Math.max(50, this.interval));
      const { nodes, programs } = (await this.broker.call("master-orchestrator.watched")) as {
        nodes: string[];
        programs: WatchedProgram[];
      };
      let suspicious = false;
      const up = new Set(nodes);
      const asked = [...this.nodes.toAsk(nodes, (id) => this.opinion.isKnown(id))].map(async (node) => {
        const options = { nodeID: node, timeout: timeout + 1000 };
        try {
          const answers = (await this.broker.call("node-host.health", { timeout }, options)) as HealthAnswer[];
          this.nodes.answered(node);
          return { node, answers: up.has(node) ? answers : [] };
        } catch {
          this.nodes.unanswered(node);
          // Soon again, also once it is called unreachable: what is done about it waits for its answer.
          suspicious = true;
          return { node, answers: [] };
        }
      });
      const [ofNodes, ofPrograms] = await Promise.all([Promise.all(asked), this.programs.ask(programs, timeout)]);
      // Whoever was late himself cannot say that others were.
      const late = this.loop.isLate();
      const verdicts: object[] = [];
      const changes: HealthChange[] = [];
      for (const { node, answers } of [...ofNodes, ...ofPrograms]) {
        for (const answer of answers) {
          const taken = this.take(node, answer, late);
          const { status, suspicious: unsettled } = this.watched.get(`${answer.name}@${node}`)!.detector;
          const why = describe(answer.checks);
          verdicts.push({ name: answer.name, node, incarnation: answer.incarnation, status, why, settled: !unsettled });
          if (taken.changed) changes.push({ name: answer.name, node, status, why });
          suspicious ||= taken.suspicious;
        }
      }
      this.lastCheck = new Date().toISOString();
      await this.broker.emit("health.checked", { verdicts });
      for (const change of changes) void this.broker.emit(`health.check.${change.name}`, change);
      this.schedule(suspicious ? this.interval * CONFIRM_AFTER : this.interval);
    },

    take(this: MonitorService, node: string, answer: HealthAnswer, late: boolean) {
      const key = `${answer.name}@${node}`;
      let watched = this.watched.get(key);
      if (!watched || watched.incarnation !== answer.incarnation) {
        const history = watched?.history ?? new History();
        watched = {
          detector: new FailureDetector({ failures: Math.max(1, this.lateLimit - 1), late: this.lateLimit }),
          history,
          incarnation: answer.incarnation,
        };
        this.watched.set(key, watched);
      }
      const { status, responseTime, uptime, checks } = answer;
      watched.history.add({ at: new Date().toISOString(), status, responseTime, uptime, checks });
      const before = watched.detector.status;
      if (!(late && status === "unhealthy")) watched.detector.judge(answer);
      return { changed: watched.detector.status !== before, suspicious: watched.detector.suspicious };
    },
  },
};

function describe(checks: Record<string, unknown>): string {
  const parts = Object.entries(checks).map(
    ([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  return parts.join(", ").slice(0, 300) || "it says so itself";
}

export default schema;
