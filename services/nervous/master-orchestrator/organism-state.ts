import type { BreakerState } from "../../../models/healing.ts";
import type { Organ } from "../../../runtime/discovery/metadata.ts";
import type { Plan, PlannedService } from "../../../runtime/discovery/plan.ts";
import { combineStatus, SERVICE_STATUSES, type ServiceStatus } from "./service-status.ts";

export type NodeStatus = "starting" | "up" | "hung" | "down" | "stopping";

export interface NodeState {
  id: string;
  organ: Organ;
  status: NodeStatus;
  /** 0 while there is no process. */
  pid: number;
  host: string;
  incarnation: number;
  /** On another machine: it is used, and not started or restarted from here. */
  remote: boolean;
  /** Services that belong on it. */
  services: Set<string>;
  cpu: number;
  memory: number;
  loopDelayP99: number;
  uptime: number;
  /** Circuit breakers of its callers that are not closed. */
  breakers: BreakerState[];
  /** ms since the epoch, of its process. */
  since: number;
  why: string;
  /** Its own word that audit events are dropped or do not get to the chain. */
  trouble?: string | undefined;
}

export interface InstanceState {
  node: string;
  pid: number;
  incarnation: number;
  status: ServiceStatus;
  /** `none`: not there; `loading`: commanded; `loaded`: runs; `failed`: its start failed. */
  presence: "none" | "loading" | "loaded" | "failed";
  /** When its present start was commanded, ms since the epoch. */
  startedAt: number;
  /** Service whose recovery decides whether this one has to be restarted; empty for most. */
  awaits: string;
  why: string;
}

export interface ServiceState {
  planned: PlannedService;
  /** By the operator. */
  stopped: boolean;
  instances: Map<string, InstanceState>;
  /** When its first start was commanded, ms since the epoch; 0 before. */
  firstStart: number;
  /** What it waits for before its first start. */
  waitsFor: string;
  /** Nodes that it left in a failover, until it is released. */
  away: readonly string[];
}

/** Node id that stands for the process of a program. */
export const programKey = (name: string) => `program:${name}`;

/** The observed state of everything, without any decision. */
export class OrganismState {
  plan: Plan;
  readonly nodes = new Map<string, NodeState>();
  readonly services = new Map<string, ServiceState>();

  constructor(plan: Plan, stopped: readonly string[]) {
    this.plan = plan;
    this.adoptPlan(plan, stopped);
  }

  /** Takes the services of a plan; what is known of those that stay is kept. */
  adoptPlan(plan: Plan, stopped: readonly string[]): void {
    this.plan = plan;
    const names = new Set(plan.services.map(({ name }) => name));
    for (const name of this.services.keys()) if (!names.has(name)) this.services.delete(name);
    for (const planned of plan.services) {
      const known = this.services.get(planned.name);
      if (known) known.planned = planned;
      else {
        const service = {
          planned,
          stopped: stopped.includes(planned.name),
          instances: new Map(),
          firstStart: 0,
          waitsFor: "",
          away: [],
        };
        this.services.set(planned.name, service);
      }
    }
  }

  node(id: string, organ: Organ, remote = false): NodeState {
    let node = this.nodes.get(id);
    if (!node) {
      node = {
        id,
        organ,
        status: "down",
        pid: 0,
        host: "",
        incarnation: 0,
        remote,
        services: new Set(),
        cpu: 0,
        memory: 0,
        loopDelayP99: 0,
        uptime: 0,
        breakers: [],
        since: 0,
        why: "",
      };
      this.nodes.set(id, node);
    }
    return node;
  }

  instance(service: ServiceState, node: string): InstanceState {
    let instance = service.instances.get(node);
    if (!instance) {
      instance = {
        node,
        pid: 0,
        incarnation: 0,
        status: "waiting",
        presence: "none",
        startedAt: 0,
        awaits: "",
        why: "",
      };
      service.instances.set(node, instance);
    }
    return instance;
  }

  /** A service by its name or one of its aliases. */
  find(name: string): ServiceState | undefined {
    return this.services.get(name) ?? [...this.services.values()].find(({ planned }) => planned.aliases.includes(name));
  }

  statusOf(service: ServiceState): ServiceStatus {
    if (service.stopped) return "stopped";
    const status = ownStatus(service);
    return status === "healthy" && this.#quarantinedDependency(service) ? "degraded" : status;
  }

  /** What it needs and what was given up: it goes on without, as well as it can. */
  #quarantinedDependency({ planned }: ServiceState): string | undefined {
    return planned.dependencies.find((name) => {
      const dependency = this.services.get(name);
      return dependency && !dependency.stopped && ownStatus(dependency) === "quarantined";
    });
  }

  /** Why the service is as it is, in one sentence. */
  why(service: ServiceState): string {
    const { planned, instances } = service;
    const status = this.statusOf(service);
    if (status === "stopped") return "it was stopped by the operator";
    if (status === "waiting") return service.waitsFor || "it is waiting for its node";
    const places = [...instances.values()];
    const bad =
      places.find((one) => one.status !== "healthy" && one.why) ?? places.find((one) => one.status !== "healthy");
    const lacking = this.#quarantinedDependency(service);
    if (!bad && lacking) return `its dependency ${lacking} is in quarantine`;
    if (!bad) {
      const absent = planned.absent.length > 0 ? `; soft dependency ${planned.absent.join(", ")} is absent` : "";
      const moved =
        service.away.length > 0 ? `; it was failed over from ${service.away.join(", ")}, until it is released` : "";
      return `${places.length === 1 ? "its instance is" : `all ${places.length} instances are`} healthy${moved}${absent}`;
    }
    const rest =
      places.length > 1
        ? ` (${places.filter((one) => one.status === "healthy").length} of ${places.length} instances are healthy)`
        : "";
    return `${bad.status} on ${bad.node}${bad.why ? `: ${bad.why}` : ""}${rest}`;
  }

  counts(): Record<ServiceStatus | "total", number> {
    const counts: Record<string, number> = { total: this.services.size };
    for (const status of SERVICE_STATUSES) counts[status] = 0;
    for (const service of this.services.values()) counts[this.statusOf(service)]!++;
    return counts as Record<ServiceStatus | "total", number>;
  }
}

function ownStatus(service: ServiceState): ServiceStatus {
  return combineStatus([...service.instances.values()].map(({ status }) => status));
}
