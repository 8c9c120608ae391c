import { SYSTEMS, type System } from "../../../models/metrics.ts";
import type { Topology } from "../../../models/topology.ts";
import { organOfNode } from "../../../runtime/rules/targets.ts";

/** A service as the organism model counts it. */
export interface RosterService {
  name: string;
  system: System;
  status: string;
  /** By the instance's node, as far as they were seen. */
  restarts: Readonly<Record<string, number>>;
}

/** Who reads this is there, whatever the orchestrator has seen of it yet. */
const SELF = "symbiotic-rules-engine";

/** Who is there and to which system it belongs, as the orchestrator tells it. */
export class Roster {
  #topology: Topology | undefined;
  #systems = new Map<string, System>();
  /** Newest incarnation that was seen, by `service@node`. */
  readonly #incarnations = new Map<string, number>();
  /** By `service@node`. */
  readonly #restarts = new Map<string, number>();

  get topology(): Topology | undefined {
    return this.#topology;
  }

  /** True from when the organism was first seen to be launched. */
  get launched(): boolean {
    return this.#topology?.launched ?? false;
  }

  take(topology: Topology): void {
    this.#systems = new Map();
    for (const { name, aliases, organ, instances } of topology.services) {
      if (!isSystem(organ)) continue;
      for (const each of [name, ...aliases]) this.#systems.set(each, organ);
      for (const { node, incarnation } of instances) this.started(name, node, incarnation);
    }
    this.#topology = topology;
    const living = new Set(topology.services.flatMap((one) => one.instances.map(({ node }) => `${one.name}@${node}`)));
    for (const seen of [this.#incarnations, this.#restarts]) {
      for (const key of seen.keys()) if (!living.has(key)) seen.delete(key);
    }
  }

  /** An instance runs, for the `incarnation`-th time. */
  started(service: string, node: string, incarnation: number): void {
    const key = `${service}@${node}`;
    const before = this.#incarnations.get(key);
    // What a launch starts, and starts again, is no restart yet; nor is the first start of what was added.
    if (this.launched && before !== undefined && before > 0 && incarnation > before) {
      this.#restarts.set(key, (this.#restarts.get(key) ?? 0) + incarnation - before);
    }
    if (before === undefined || incarnation > before) this.#incarnations.set(key, incarnation);
  }

  /** The system of a service; of the node that it was measured on, where nobody knows the service. */
  systemOf = (service: string, node: string): System | undefined => {
    const known = this.#systems.get(service);
    return known ?? organOfNode(node);
  };

  services(): RosterService[] {
    return (this.#topology?.services ?? []).flatMap(({ name, organ, status, instances }) => {
      if (!isSystem(organ)) return [];
      const restarts = instances.map(({ node }) => [node, this.#restarts.get(`${name}@${node}`) ?? 0]);
      return [
        {
          name,
          system: organ,
          status: name === SELF ? "healthy" : status,
          restarts: Object.fromEntries(restarts) as Record<string, number>,
        },
      ];
    });
  }

  /** Whether a service should answer. */
  runs(service: string): boolean {
    const known = this.#topology?.services.find(({ name }) => name === service);
    return known?.status === "healthy" || known?.status === "degraded";
  }

  /** Whether a service has an instance on a node, as far as the orchestrator has told. */
  carries(node: string, service: string): boolean {
    const known = this.#topology?.services.find(({ name, aliases }) => name === service || aliases.includes(service));
    return known?.instances.some((one) => one.node === node) ?? false;
  }

  /** Systems that are to have nodes of their own. */
  placed(): ReadonlySet<System> {
    return new Set((this.#topology?.nodes ?? []).map(({ organ }) => organ).filter(isSystem));
  }

  /** All that an action may name: systems are known without it. */
  targets(): string[] {
    const { services = [], nodes = [] } = this.#topology ?? {};
    return [...services.flatMap(({ name, aliases }) => [name, ...aliases]), ...nodes.map(({ id }) => id)];
  }
}

function isSystem(organ: string): organ is System {
  return (SYSTEMS as readonly string[]).includes(organ);
}
