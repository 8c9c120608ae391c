import { EventEmitter } from "node:events";
import { join } from "node:path";
import type { ServiceBroker } from "moleculer";
import { systemClock } from "../../../runtime/clock.ts";
import type { Organ } from "../../../runtime/discovery/metadata.ts";
import type { Plan, PlannedService } from "../../../runtime/discovery/plan.ts";
import { LoopWatch } from "../../../runtime/loop-watch.ts";
import { nodeContext } from "../../../runtime/node-context.ts";
import { writePlan } from "../../../runtime/organism.ts";
import { recordDecision } from "../../../runtime/record/decision.ts";
import { Fleet } from "./fleet.ts";
import { Advice } from "./healing/advice.ts";
import { Closures } from "./healing/closures.ts";
import { HealingLog } from "./healing/healing-log.ts";
import { type RestartPolicy, servicePolicy } from "./healing/policy.ts";
import { Restarts } from "./healing/restarts.ts";
import { Journal } from "./journal.ts";
import type { KeeperContext, ServiceEvent } from "./keeper-context.ts";
import { LAST_PHASE } from "./launch-gate.ts";
import { NodeCommands } from "./node-commands.ts";
import { NodeKeeper } from "./node-keeper.ts";
import type { OrchestratorConfig } from "./orchestrator.config.ts";
import { OrganismState, type ServiceState } from "./organism-state.ts";
import type { PlacedNode } from "./placement.ts";
import { ProgramKeeper } from "./program-keeper.ts";
import { Reconciler } from "./reconciler.ts";
import { ServiceKeeper } from "./service-keeper.ts";
import { type HealthVerdict, ServiceReports } from "./service-reports.ts";
import type { ServiceStatus } from "./service-status.ts";
import { listen, noticeRemote, takeOver } from "./takeover.ts";
import { UptimeMeter } from "./uptime-meter.ts";

export interface LaunchProgress {
  phase: number;
  started: number;
  total: number;
  done: boolean;
}

/** How often is looked whether an answer of a node got lost, ms. */
const RESYNC_MS = 1000;
const UNLIMITED = { restarts: Number.POSITIVE_INFINITY, period: 1 };

interface ConductorEvents {
  /** Something that `status` shows has changed. */
  changed: [];
  /** These services have another status than before. */
  statuses: [ServiceState[]];
  service: [ServiceEvent];
  launched: [];
}

/**
 * Brings the organism from the state that is observed to the one that is wanted, again and again: starts what is
 * missing, stops what is no longer wanted. Whatever happens, from launch to healing to scaling, ends in `changed`.
 */
export class Conductor extends EventEmitter<ConductorEvents> implements KeeperContext {
  readonly broker: ServiceBroker;
  readonly logger: ServiceBroker["logger"];
  readonly config: OrchestratorConfig;
  readonly clock = systemClock;
  readonly journal: Journal;
  readonly state: OrganismState;
  readonly fleet: Fleet;
  readonly healing: HealingLog;
  readonly restarts: Restarts;
  readonly advice = new Advice();
  readonly closures: Closures;
  readonly commands: NodeCommands;
  readonly nodes: NodeKeeper;
  readonly services: ServiceKeeper;
  readonly reports: ServiceReports;
  readonly programs: ProgramKeeper;
  readonly loop = new LoopWatch();
  readonly uptimes = new UptimeMeter();
  readonly #statuses = new Map<string, ServiceStatus>();
  launch: LaunchProgress = { phase: 0, started: 0, total: 0, done: false };
  #resync: NodeJS.Timeout | undefined;
  readonly #reconciler: Reconciler;
  #scheduled = false;
  #stopping = false;

  constructor(broker: ServiceBroker, logger: ServiceBroker["logger"], plan: Plan, config: OrchestratorConfig) {
    super();
    this.broker = broker;
    this.logger = logger;
    this.config = config;
    this.journal = new Journal(join(this.organism.dataDir, "orchestrator", "journal.ndjson"));
    this.state = new OrganismState(plan, this.journal.state.stopped);
    this.fleet = new Fleet(this.journal);
    this.healing = new HealingLog(this.clock, this.journal, (decided) => recordDecision(broker, decided));
    this.restarts = new Restarts(this.clock, config.healingTimeScale);
    this.commands = new NodeCommands(broker, 0);
    this.#enterEpoch(this.journal.state.epoch + 1);
    this.services = new ServiceKeeper(this);
    this.reports = new ServiceReports(this, this.services, (node, why) => this.nodes.failures.sick(node, why));
    this.closures = new Closures(this, () => this.epoch);
    this.nodes = new NodeKeeper(this, this.reports, this.services.outcomes);
    this.programs = new ProgramKeeper(this);
    this.#reconciler = new Reconciler(this);
  }

  get epoch(): number {
    return this.commands.epoch;
  }

  /** A node has obeyed a later epoch than the journal knows, which was lost then: ours must be later still. */
  outdo = (seen: number): void => {
    if (seen >= this.epoch) this.#enterEpoch(seen + 1);
  };

  #enterEpoch(epoch: number): void {
    this.commands.epoch = epoch;
    this.journal.append({ type: "epoch", epoch, at: new Date().toISOString() });
  }

  get organism() {
    return nodeContext(this.broker).organism;
  }

  get mesh() {
    return nodeContext(this.broker).mesh;
  }

  /** Takes over what runs, and begins to start what does not. */
  begin(): void {
    this.loop.start();
    this.launch.done = this.journal.state.launched;
    this.#reconciler.place();
    takeOver(this);
    listen(this);
    this.nodes.noticeArrivals();
    noticeRemote(this);
    this.#resync = setInterval(() => void this.nodes.resync(), RESYNC_MS);
    this.#resync.unref();
    this.closures.start();
    this.changed();
  }

  /** The nodes as they should be now. */
  placement(): PlacedNode[] {
    return this.#reconciler.placement();
  }

  /** Asks for a reconciliation; several requests of one moment are one. */
  changed = (): void => {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (!this.#stopping) this.#measureLaunch(this.#reconciler.reconcile());
      this.services.resumeAwaiting();
      this.#compareStatuses();
      this.closures.check();
      this.emit("changed");
    });
  };

  tell = (event: ServiceEvent): void => {
    this.logger.info(`${event.name} ${event.event}`, { ...event });
    this.emit("service", event);
    void this.broker.emit("organism.service", { ...event, at: new Date().toISOString() });
  };

  /** How a service wants to be restarted. What runs the organism itself is never given up. */
  policyOf = ({ healing, runtimeSystem }: PlannedService): RestartPolicy => {
    const policy = servicePolicy(healing, this.config);
    return runtimeSystem ? { ...policy, attempts: Number.POSITIVE_INFINITY, intensity: UNLIMITED } : policy;
  };

  isLate = (): boolean => this.loop.isLate();
  isStopping = (): boolean => this.#stopping;

  /** From now on nothing is started or healed. */
  beginStop(): void {
    this.#stopping = true;
  }

  /** Verdicts of the health monitor, on services and programs alike. */
  judge(verdicts: readonly HealthVerdict[]): void {
    if (this.#stopping || this.isLate()) return;
    this.reports.judge(verdicts.filter(({ node }) => !node.startsWith("program:")));
    this.programs.judge(verdicts.filter(({ node }) => node.startsWith("program:")));
  }

  /** Wants another number of nodes of an organ. */
  setReplicas(organ: Organ, replicas: number): void {
    this.journal.append({ type: "scale", organ, replicas, at: new Date().toISOString() });
    this.changed();
  }

  setStopped(service: ServiceState, stopped: boolean): void {
    service.stopped = stopped;
    this.journal.append({ type: "stop", service: service.planned.name, stopped, at: new Date().toISOString() });
    this.changed();
  }

  /** Takes a new plan, of changed files for example. */
  replan(plan: Plan): void {
    writePlan(this.organism.dataDir, plan);
    const stay = new Set(plan.services.map(({ name }) => name));
    for (const service of this.state.services.values()) {
      if (stay.has(service.planned.name)) continue;
      if (service.planned.kind === "program") void this.programs.stop(service);
      else for (const instance of service.instances.values()) void this.services.unload(service, instance);
    }
    this.state.adoptPlan(plan, this.journal.state.stopped);
    this.changed();
  }

  close(): void {
    clearInterval(this.#resync);
    this.closures.stop();
    this.loop.stop();
    this.fleet.close();
    this.journal.close();
  }

  #compareStatuses(): void {
    const now = Date.now();
    const changed: ServiceState[] = [];
    for (const [name, service] of this.state.services) {
      const status = this.state.statusOf(service);
      if (this.#statuses.get(name) === status) continue;
      this.#statuses.set(name, status);
      changed.push(service);
      if (status === "stopped") this.uptimes.forget(name);
      else this.uptimes.note(name, status === "healthy" || status === "degraded", now);
    }
    if (changed.length > 0) this.emit("statuses", changed);
  }

  #measureLaunch(phase: number): void {
    const services = [...this.state.services.values()].filter((service) => !service.stopped);
    const up = services.filter((service) => ["healthy", "degraded"].includes(this.state.statusOf(service)));
    const nodesThere = [...this.state.nodes.values()].every(({ status }) => status !== "starting");
    const done = this.launch.done || (phase > LAST_PHASE && nodesThere);
    const first = done && !this.launch.done;
    this.launch = { phase: Math.min(phase, LAST_PHASE), started: up.length, total: services.length, done };
    if (!first) return;
    this.journal.append({ type: "launched", at: new Date().toISOString() });
    this.emit("launched");
  }
}
