import { availableParallelism } from "node:os";
import type { Conductor } from "./conductor.ts";
import { instanceKey } from "./instance-outcomes.ts";
import { type Gated, launchGate } from "./launch-gate.ts";
import { programKey, type ServiceState } from "./organism-state.ts";
import { ORCHESTRATOR_NODE, type PlacedNode, place } from "./placement.ts";

/** Compares what is wanted with what is observed, and commands the difference. It may be asked any number of times. */
export class Reconciler {
  readonly #conductor: Conductor;

  constructor(conductor: Conductor) {
    this.#conductor = conductor;
  }

  /** The nodes as they should be now. */
  placement(): PlacedNode[] {
    const remote = [...this.#conductor.state.nodes.values()].filter((node) => node.remote && node.status !== "down");
    const { replicas, moved } = this.#conductor.journal.state;
    return place(this.#conductor.state.plan, {
      replicas,
      remote,
      cores: availableParallelism(),
      away: Object.fromEntries(Object.entries(moved).map(([name, { away }]) => [name, away])),
      closed: new Set(Object.keys(moved).filter((name) => moved[name]!.standby !== undefined)),
    });
  }

  /** Enters who should be where into the state. */
  place(): void {
    const placed = this.placement();
    for (const { id, organ, services } of placed) {
      this.#conductor.state.node(id, organ).services = new Set(
        services.filter((name) => !this.#conductor.state.services.get(name)?.stopped),
      );
    }
    const wanted = new Set(placed.map(({ id }) => id));
    for (const node of this.#conductor.state.nodes.values()) if (!wanted.has(node.id)) node.services = new Set();
    for (const node of [...this.#conductor.state.nodes.values()]) {
      if (wanted.has(node.id) || node.remote || node.id === ORCHESTRATOR_NODE) continue;
      if (node.status === "down") this.#conductor.nodes.forget(node);
      else void this.#conductor.nodes.retire(node);
    }
    for (const service of this.#conductor.state.services.values()) {
      if (service.planned.kind === "program") continue;
      for (const node of this.#conductor.state.nodes.values()) {
        if (node.services.has(service.planned.name)) this.#conductor.state.instance(service, node.id);
      }
    }
  }

  /** Starts what is missing and may start now, stops what is not wanted. Returns the phase that is launched. */
  reconcile(): number {
    const { state, nodes, services, config } = this.#conductor;
    this.place();
    for (const node of state.nodes.values()) if (node.id !== ORCHESTRATOR_NODE) nodes.ensure(node);
    this.#stopUnwanted();
    const starting = services.starting + this.#programsStarting();
    const gate = launchGate(
      [...state.services.values()].map((service) => this.#gated(service)),
      starting,
      config,
    );
    for (const service of state.services.values()) {
      const { standby, away = [] } = this.#conductor.journal.state.moved[service.planned.name] ?? {};
      service.away = away;
      service.waitsFor = standby
        ? `it was failed over: ${standby} takes its calls until it is released`
        : (gate.waiting.get(service.planned.name) ?? this.#nodeWait(service));
    }
    const open = gate.open.map((name) => state.services.get(name)!);
    // Those of whom nothing bad is known come first.
    for (const service of open.toSorted((a, b) => this.#crashes(a) - this.#crashes(b))) this.#startMissing(service);
    return gate.phase;
  }

  #gated(service: ServiceState): Gated {
    const missing = !service.stopped && this.#isMissing(service);
    const startingFor = service.firstStart === 0 ? 0 : Date.now() - service.firstStart;
    return { planned: service.planned, status: this.#conductor.state.statusOf(service), startingFor, missing };
  }

  #isMissing(service: ServiceState): boolean {
    if (service.planned.kind !== "program") return this.#startable(service).length > 0;
    const key = programKey(service.planned.name);
    const { fleet, restarts } = this.#conductor;
    return !fleet.get(key) && restarts.state(key).phase === "idle" && service.instances.size === 0;
  }

  #startable(service: ServiceState) {
    return [...service.instances.values()].filter(
      (instance) =>
        instance.presence === "none" &&
        this.#conductor.state.nodes.get(instance.node)?.status === "up" &&
        instance.status !== "quarantined",
    );
  }

  #startMissing(service: ServiceState): void {
    if (service.planned.kind === "program") void this.#conductor.programs.start(service);
    else
      for (const instance of this.#startable(service))
        if (!this.#mustWaitForOthers(service, instance.node)) void this.#conductor.services.load(service, instance);
  }

  /** One that may take its process along is started alone, so that nobody else is taken for the cause. */
  #mustWaitForOthers(service: ServiceState, node: string): boolean {
    const { state, restarts } = this.#conductor;
    const isSuspect = (name: string) => restarts.state(instanceKey(name, node)).attempts > 0;
    const starting = [...state.services.values()].filter(
      ({ instances }) => instances.get(node)?.presence === "loading",
    );
    return starting.length > 0 && [service, ...starting].some(({ planned }) => isSuspect(planned.name));
  }

  #stopUnwanted(): void {
    for (const service of this.#conductor.state.services.values()) {
      for (const instance of [...service.instances.values()]) {
        if (service.planned.kind === "program") {
          if (service.stopped) void this.#conductor.programs.stop(service);
          continue;
        }
        const node = this.#conductor.state.nodes.get(instance.node);
        if (node?.services.has(service.planned.name) && !service.stopped) continue;
        if (node?.status === "up" && ["loaded", "failed"].includes(instance.presence))
          void this.#conductor.services.unload(service, instance);
        else if (!node || instance.presence === "none") service.instances.delete(instance.node);
      }
    }
  }

  /** Attempts at its instances that are to be started now: they have not come up so far. */
  #crashes(service: ServiceState): number {
    const { restarts } = this.#conductor;
    return this.#startable(service).reduce(
      (sum, { node }) => sum + restarts.state(instanceKey(service.planned.name, node)).attempts,
      0,
    );
  }

  #programsStarting(): number {
    return [...this.#conductor.state.services.values()].filter(
      ({ planned, instances }) =>
        planned.kind === "program" && instances.get(programKey(planned.name))?.status === "starting",
    ).length;
  }

  #nodeWait(service: ServiceState): string {
    const waiting = [...service.instances.values()].find((one) => one.presence === "none");
    const node = waiting && this.#conductor.state.nodes.get(waiting.node);
    return node && node.status !== "up"
      ? `waiting for its node ${node.id} (${node.status}${node.why ? `: ${node.why}` : ""})`
      : "";
  }
}
