import { EventEmitter } from "node:events";
import { availableParallelism, hostname } from "node:os";
import { join } from "node:path";
import type { ServiceBroker } from "moleculer";
import { systemClock } from "../../../runtime/clock.ts";
import type { Organ } from "../../../runtime/discovery/metadata.ts";
import type { Plan } from "../../../runtime/discovery/plan.ts";
import { LoopWatch } from "../../../runtime/loop-watch.ts";
import { nodeContext } from "../../../runtime/node-context.ts";
import { writePlan } from "../../../runtime/organism.ts";
import { ownIdentity } from "../../../runtime/process-identity.ts";
import { Fleet } from "./fleet.ts";
import { HealingLog } from "./healing-log.ts";
import { Journal } from "./journal.ts";
import type { KeeperContext, ServiceEvent } from "./keeper-context.ts";
import { type Gated, LAST_PHASE, launchGate } from "./launch-gate.ts";
import { NodeCommands } from "./node-commands.ts";
import { NodeKeeper } from "./node-keeper.ts";
import type { OrchestratorConfig } from "./orchestrator.config.ts";
import { OrganismState, programKey, type ServiceState } from "./organism-state.ts";
import { ORCHESTRATOR_NODE, type PlacedNode, place } from "./placement.ts";
import { ProgramKeeper } from "./program-keeper.ts";
import { Restarts } from "./restarts.ts";
import { type HealthVerdict, ServiceKeeper } from "./service-keeper.ts";
import type { ServiceStatus } from "./service-status.ts";
import { UptimeMeter } from "./uptime-meter.ts";

export interface LaunchProgress {
  phase: number;
  started: number;
  total: number;
  done: boolean;
}

/** How often is looked whether an answer of a node got lost, ms. */
const RESYNC_MS = 1000;

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
 * missing, stops what is no longer wanted. Whatever happens, from launch to healing to scaling, ends in `reconcile`.
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
  readonly commands: NodeCommands;
  readonly nodes: NodeKeeper;
  readonly services: ServiceKeeper;
  readonly programs: ProgramKeeper;
  readonly loop = new LoopWatch();
  readonly uptimes = new UptimeMeter();
  readonly #statuses = new Map<string, ServiceStatus>();
  readonly epoch: number;
  launch: LaunchProgress = { phase: 0, started: 0, total: 0, done: false };
  #resync: NodeJS.Timeout | undefined;
  #scheduled = false;
  #stopping = false;

  constructor(broker: ServiceBroker, logger: ServiceBroker["logger"], plan: Plan, config: OrchestratorConfig) {
    super();
    this.broker = broker;
    this.logger = logger;
    this.config = config;
    this.journal = new Journal(join(this.organism.dataDir, "orchestrator", "journal.ndjson"));
    this.epoch = this.journal.state.epoch + 1;
    this.journal.append({ type: "epoch", epoch: this.epoch, at: new Date().toISOString() });
    this.state = new OrganismState(plan, this.journal.state.stopped);
    this.fleet = new Fleet(this.journal);
    this.healing = new HealingLog(this.clock, this.journal);
    this.restarts = new Restarts(this.clock, {
      maxAttempts: config.defaultMaxRestartAttempts,
      timeScale: config.healingTimeScale,
      trialAfter: config.circuitBreakerResetTimeout,
    });
    this.commands = new NodeCommands(broker, this.epoch);
    this.services = new ServiceKeeper(this);
    this.nodes = new NodeKeeper(this, this.services);
    this.programs = new ProgramKeeper(this);
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
    const own = this.state.node(ORCHESTRATOR_NODE, "nervous");
    const self = this.fleet.take(ORCHESTRATOR_NODE, ownIdentity());
    this.#place();
    this.#listen();
    const { living, dead } = this.fleet.adopt();
    for (const peer of this.mesh.peers()) if (peer.role === "node") this.fleet.take(peer.id, peer);
    for (const [key, { attempts }] of Object.entries(this.journal.state.attempts)) this.restarts.restore(key, attempts);
    Object.assign(own, {
      status: "starting",
      pid: process.pid,
      incarnation: self.incarnation,
      since: Date.now(),
      host: "local",
    });
    for (const node of this.state.nodes.values()) if (node !== own) this.nodes.adopt(node);
    for (const member of living) {
      const service = this.state.services.get(member.key.replace(/^program:/, ""));
      if (member.key.startsWith("program:") && service) this.programs.adopt(service, member);
    }
    if (this.launch.done)
      for (const id of dead)
        if (this.state.nodes.has(id) && id !== ORCHESTRATOR_NODE)
          this.nodes.gone(id, "died while the orchestrator was away");
    this.nodes.noticeArrivals();
    this.#noticeRemote();
    this.#resync = setInterval(() => void this.nodes.resync(), RESYNC_MS);
    this.#resync.unref();
    this.changed();
  }

  /** Asks for a reconciliation; several requests of one moment are one. */
  changed = (): void => {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#reconcile();
      this.#compareStatuses();
      this.emit("changed");
    });
  };

  tell = (event: ServiceEvent): void => {
    this.logger.info(`${event.name} ${event.event}`, { ...event });
    this.emit("service", event);
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
    this.services.judge(verdicts.filter(({ node }) => !node.startsWith("program:")));
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
    this.state.adoptPlan(plan, this.journal.state.stopped);
    this.changed();
  }

  /** The nodes as they should be now. */
  placement(): PlacedNode[] {
    const remote = [...this.state.nodes.values()].filter((node) => node.remote && node.status !== "down");
    return place(this.state.plan, { replicas: this.journal.state.replicas, remote, cores: availableParallelism() });
  }

  close(): void {
    clearInterval(this.#resync);
    this.loop.stop();
    this.fleet.close();
    this.journal.close();
  }

  #listen(): void {
    const { mesh, broker } = this;
    mesh.on("down", (peer, _reason, lastSeen) => {
      if (peer.role === "node") this.nodes.lost(peer, lastSeen);
    });
    mesh.on("hung", (peer, silentFor) => {
      if (peer.role === "node") this.nodes.hung(peer, silentFor);
    });
    this.fleet.on("gone", (member, how) => {
      if (member.key.startsWith("program:")) this.programs.gone(member.key, how);
      else this.nodes.gone(member.key, how);
    });
    broker.localBus.on("$services.changed", () => this.nodes.noticeArrivals());
    broker.localBus.on("$node.connected", () => this.#noticeRemote());
    broker.localBus.on("$node.updated", () => this.#noticeRemote());
    broker.localBus.on("$node.disconnected", ({ node }: { node: { id: string } }) => {
      const known = this.state.nodes.get(node.id);
      if (known?.remote) this.nodes.remoteGone(known);
    });
  }

  #noticeRemote(): void {
    const here = hostname();
    for (const node of this.broker.registry.nodes.list({ onlyAvailable: true, withServices: false })) {
      const { organ, joined, host, pid } = (node.metadata ?? {}) as {
        organ?: Organ;
        joined?: boolean;
        host?: string;
        pid?: number;
      };
      if (!joined || !organ) continue;
      const known = this.state.node(node.id, organ, true);
      this.nodes.remoteArrived(known, host ?? here, pid ?? 0);
      this.changed();
    }
  }

  /** Enters who should be where into the state. */
  #place(): void {
    const placed = this.placement();
    for (const { id, organ, services } of placed) {
      this.state.node(id, organ).services = new Set(services.filter((name) => !this.state.services.get(name)?.stopped));
    }
    const wanted = new Set(placed.map(({ id }) => id));
    for (const node of this.state.nodes.values()) if (!wanted.has(node.id)) node.services = new Set();
    for (const node of [...this.state.nodes.values()]) {
      if (wanted.has(node.id) || node.remote || node.id === ORCHESTRATOR_NODE) continue;
      if (node.status === "down") this.state.nodes.delete(node.id);
      else void this.nodes.retire(node);
    }
    for (const service of this.state.services.values()) {
      if (service.planned.kind === "program") continue;
      for (const node of this.state.nodes.values()) {
        if (node.services.has(service.planned.name)) this.state.instance(service, node.id);
      }
    }
  }

  #reconcile(): void {
    if (this.#stopping) return;
    this.#place();
    for (const node of this.state.nodes.values()) if (node.id !== ORCHESTRATOR_NODE) this.nodes.ensure(node);
    this.#stopUnwanted();
    const gated = [...this.state.services.values()]
      .filter((service) => !service.stopped)
      .map((service) => this.#gated(service));
    const starting = this.services.starting + this.#programsStarting();
    const gate = launchGate(gated, starting, this.config);
    for (const service of this.state.services.values())
      service.waitsFor = gate.waiting.get(service.planned.name) ?? this.#nodeWait(service);
    for (const name of gate.open) this.#startMissing(this.state.services.get(name)!);
    this.#measureLaunch(gate.phase);
  }

  #gated(service: ServiceState): Gated {
    const missing =
      service.planned.kind === "program"
        ? !this.fleet.get(programKey(service.planned.name)) &&
          this.restarts.state(programKey(service.planned.name)).phase === "idle" &&
          !service.instances.size
        : this.#startable(service).length > 0;
    const startingFor = service.firstStart === 0 ? 0 : Date.now() - service.firstStart;
    return { planned: service.planned, status: this.state.statusOf(service), startingFor, missing };
  }

  #startable(service: ServiceState) {
    return [...service.instances.values()].filter(
      (instance) =>
        instance.presence === "none" &&
        this.state.nodes.get(instance.node)?.status === "up" &&
        instance.status !== "quarantined",
    );
  }

  #startMissing(service: ServiceState): void {
    if (service.planned.kind === "program") void this.programs.start(service);
    else for (const instance of this.#startable(service)) void this.services.load(service, instance);
  }

  #stopUnwanted(): void {
    for (const service of this.state.services.values()) {
      for (const instance of [...service.instances.values()]) {
        if (service.planned.kind === "program") {
          if (service.stopped) void this.programs.stop(service);
          continue;
        }
        const node = this.state.nodes.get(instance.node);
        if (node?.services.has(service.planned.name) && !service.stopped) continue;
        if (node?.status === "up" && instance.presence === "loaded") void this.services.unload(service, instance);
        else if (!node || instance.presence === "none") service.instances.delete(instance.node);
      }
    }
  }

  #programsStarting(): number {
    return [...this.state.services.values()].filter(
      ({ planned, instances }) =>
        planned.kind === "program" && instances.get(programKey(planned.name))?.status === "starting",
    ).length;
  }

  #nodeWait(service: ServiceState): string {
    const waiting = [...service.instances.values()].find((one) => one.presence === "none");
    const node = waiting && this.state.nodes.get(waiting.node);
    return node && node.status !== "up"
      ? `waiting for its node ${node.id} (${node.status}${node.why ? `: ${node.why}` : ""})`
      : "";
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
    const done = this.launch.done || phase > LAST_PHASE;
    const first = done && !this.launch.done;
    this.launch = { phase: Math.min(phase, LAST_PHASE), started: up.length, total: services.length, done };
    if (!first) return;
    this.journal.append({ type: "launched", at: new Date().toISOString() });
    this.emit("launched");
  }
}
